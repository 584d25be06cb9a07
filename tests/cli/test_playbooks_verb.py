"""`tocsin playbooks remove` removes a shipped playbook completely, and a minimal configuration is valid."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.cli.main import cli
from tocsin.cli.minimal import FILES
from tocsin.conf.removal import without_items
from tocsin.conf.source import Findings, parse_yaml

REPOSITORY = Path(__file__).parents[2]
OTHERS = ("erlmcp", "mgmt-vibe", "service-quick-reference", "ultimate-marketing")
DEFAULT = "emergency-response"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of its own with what is shipped, as `tocsin init` writes it."""
    for part in ("config", "rules"):
        shutil.copytree(REPOSITORY / part, tmp_path / part)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, env={"TOCSIN_CONFIG": None, "TOCSIN_RULES": None}, catch_exceptions=False)


def content(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def is_clean() -> None:
    checked = run("check", "--strict")
    assert checked.exit_code == 0, checked.output
    tested = run("test")
    assert tested.exit_code == 0, tested.output


@pytest.mark.parametrize("name", OTHERS)
def test_each_is_removed_whole(here: Path, name: str) -> None:
    removed = run("playbooks", "remove", name)
    assert removed.exit_code == 0, removed.output
    assert f"config/playbooks/{name}.yaml deleted" in removed.output.splitlines()
    assert "rules/07-playbooks.yaml changed" in removed.output.splitlines()
    left = [path for path in content(here) if name in path and not path.endswith(".messages.md")]
    assert left == []
    assert f'playbook="{name}"' not in (here / "rules/07-playbooks.yaml").read_text()
    is_clean()


def test_all_but_one_are_removed_and_what_stays_keeps_its_comments(here: Path) -> None:
    for name in OTHERS:
        assert run("playbooks", "remove", name).exit_code == 0
    is_clean()
    listed = json.loads(run("playbooks", "list", "--json").output)["playbooks"]
    assert [(playbook["name"], playbook["default"]) for playbook in listed] == [(DEFAULT, True)]
    left = (here / "rules/07-playbooks.yaml").read_text()
    assert '# "Should I declare an incident?", answered by an alert that has no severity' in left
    assert "Automation first" not in left


def test_a_dry_run_says_the_same_and_changes_nothing(here: Path) -> None:
    before = content(here)
    rehearsed = run("playbooks", "remove", "erlmcp", "--dry-run")
    assert rehearsed.exit_code == 0
    assert "config/playbooks/erlmcp.yaml would be deleted" in rehearsed.output
    assert content(here) == before


@pytest.mark.parametrize(
    ("name", "told"),
    [(DEFAULT, "is the default playbook"), ("erlmpc", "there is no playbook 'erlmpc'; did you mean erlmcp?")],
)
def test_the_default_and_what_there_is_not_are_refused(here: Path, name: str, told: str) -> None:
    before = content(here)
    refused = run("playbooks", "remove", name)
    assert refused.exit_code == 2
    assert told in " ".join(refused.output.split())
    assert content(here) == before


def test_where_a_rule_of_ones_own_needs_it_nothing_is_changed(here: Path) -> None:
    (here / "rules/90-mine.yaml").write_text(
        'rules:\n  - name: mine\n    match: service="shop"\n    set: {severity: P4}\n'
    )
    before = content(here)
    refused = run("playbooks", "remove", "ultimate-marketing")
    assert refused.exit_code == 1
    assert "Nothing was changed" in refused.output
    assert "rules/90-mine.yaml:4:" in refused.output
    assert content(here) == before


def test_the_least_configuration_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = run("init", "--minimal", str(tmp_path))
    assert written.exit_code == 0, written.output
    monkeypatch.chdir(tmp_path)
    assert set(content(tmp_path)) == set(FILES)
    (playbook,) = (tmp_path / "config/playbooks").iterdir()
    assert len(playbook.read_text().splitlines()) == 15
    is_clean()


ITEM = st.tuples(st.integers(0, 9), st.sampled_from(["block", "flow", "words"]), st.integers(0, 2))


@settings(deadline=None)
@given(items=st.lists(ITEM, min_size=1, max_size=8), unwanted=st.sets(st.integers(0, 9)), ends=st.booleans())
def test_only_the_unwanted_items_of_a_list_are_removed(
    items: list[tuple[int, str, int]], unwanted: set[int], ends: bool
) -> None:
    lines = ["# the file", "other: 1", "rules:"]
    for place, (number, form, above) in enumerate(items):
        lines += [*["", "  # --- a header ---", ""][: above + (above > 0)], f"  # about {place}"]
        body = {
            "block": [f"  - number: {number}", "    # inside", "    more: [1,", "      2]", f"    place: {place}"],
            "flow": [f"  - {{number: {number}, place: {place}}}"],
            "words": [
                f"  - number: {number}",
                f"    place: {place}",
                "    text: |",
                "      # no comment",
                "",
                "      x",
            ],
        }
        lines += body[form]
    lines += ["", "tables: {}"] if ends else []
    text = "\n".join(lines) + "\n"

    shorter, left = without_items(text, "rules", lambda item: item["number"] in unwanted)

    kept = [place for place, (number, _, _) in enumerate(items) if number not in unwanted]
    assert left == len(kept)
    assert [place for place in range(len(items)) if f"  # about {place}\n" in shorter] == kept
    assert shorter.startswith("# the file\nother: 1\nrules:\n")
    if kept:
        findings = Findings()
        node = parse_yaml(shorter, "x.yaml", findings)
        assert node is not None
        assert findings.problems == []
        assert [rule["place"] for rule in node.plain()["rules"]] == kept


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The least configuration, with a second playbook that has the same severities."""
    assert run("init", "--minimal", str(tmp_path)).exit_code == 0
    playbooks = tmp_path / "config" / "playbooks"
    (playbooks / "nights.yaml").write_text((playbooks / "on-call.yaml").read_text().replace("On call", "Nights"))
    rules = tmp_path / "rules" / "00-rules.yaml"
    rules.write_text(rules.read_text().replace("set: {severity: high}", "set: {playbook: on-call, severity: high}"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", ["playbook: on-call", 'playbook: "on-call"   # ours'])
def test_the_default_is_removed_where_another_takes_its_place(two: Path, line: str) -> None:
    settings = two / "config" / "tocsin.yaml"
    settings.write_text(settings.read_text().replace("playbook: on-call", line))
    removed = run("playbooks", "remove", "on-call", "--default", "nights")
    assert removed.exit_code == 0, removed.output
    assert "playbook: nights" in settings.read_text()
    assert "# tocsin's own settings" in settings.read_text()
    assert "set: {playbook: nights, severity: high}" in (two / "rules" / "00-rules.yaml").read_text()
    assert [path.name for path in (two / "config" / "playbooks").iterdir()] == ["nights.yaml"]
    is_clean()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "name a new default: --default nights"),
        (("--default", "night"), "there is no other playbook 'night'; did you mean nights?"),
        (("--default", "on-call"), "there is no other playbook 'on-call'"),
    ],
)
def test_the_default_is_kept_where_no_other_is_named(two: Path, options: tuple[str, ...], told: str) -> None:
    before = content(two)
    refused = run("playbooks", "remove", "on-call", *options)
    assert (refused.exit_code, told in " ".join(refused.output.split())) == (2, True), refused.output
    assert content(two) == before


def test_a_successor_must_have_the_severities_of_the_rules(here: Path) -> None:
    before = content(here)
    refused = run("playbooks", "remove", DEFAULT, "--default", "erlmcp")
    told = " ".join(refused.output.split())
    assert refused.exit_code == 2
    assert "erlmcp does not have the severities that rules give: SEV-4 (rules/00-base.yaml:" in told
    assert "change these rules to one of P0, P1, P2, P3 first" in told
    assert content(here) == before

"""The whole configuration: valid, or refused with a list of all problems."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conf.workbench import CHANNELS, SHIPPED, RadioContact, RadioSettings, Workbench
from tocsin.app import kinds as shipped_kinds
from tocsin.conf.bundle import load
from tocsin.conf.channels import ChannelKind, Kinds
from tocsin.core.duration import HOUR, MINUTE
from tocsin.core.oncall.people import Contact
from tocsin.core.playbook.playbook import Kind, Playbook, Until
from tocsin.trackers.registry import KINDS as TRACKERS


def test_the_shipped_configuration_and_rules_hold_together() -> None:
    loaded = load(SHIPPED, SHIPPED.parent / "rules", shipped_kinds.KINDS, {})
    assert loaded.warnings == ()
    assert loaded.default_playbook.name == "emergency-response"


def test_problems_of_all_files_are_reported_at_once_in_order(bench: Workbench) -> None:
    settings_line, _ = bench.edit("tocsin.yaml", "level: info", "level: infos")
    people_line, _ = bench.edit("people.yaml", "legal: [jordan]", "legal: [jordon]")
    playbook_line, _ = bench.edit(bench.playbook, "unrouted: SEV-2", "unrouted: SEV-9")
    (bench.rules / "rules.yaml").write_text("rules:\n  - {name: everything, match: {}, stopp: true}\n")
    problems = bench.problems()
    assert [line.split(": ")[0] for line in problems] == [
        f"people.yaml:{people_line}:11",
        f"{bench.playbook}:{playbook_line}:11",
        f"tocsin.yaml:{settings_line}:10",
        f"{bench.rules}/rules.yaml:2:35",
    ]


def test_an_unknown_target_is_reported_even_in_an_invalid_playbook(bench: Workbench) -> None:
    bench.edit(bench.playbook, "respond_within: 15m", "respond_within: 15")
    bench.edit(bench.playbook, "engineer, targets: [on-call-engineer]", "engineer, targets: [on-call-enginer]")
    told = "\n".join(bench.problems())
    assert "a duration needs its unit" in told
    assert "'on-call-enginer' is neither a person" in told


def test_an_empty_folder_is_reported_and_not_half_loaded(bench: Workbench) -> None:
    shutil.rmtree(bench.config)
    bench.config.mkdir()
    told = [line.split("; ")[0] for line in bench.problems()]
    assert "tocsin.yaml:1:1: cannot be read: No such file or directory" in told
    assert "people.yaml:1:1: cannot be read: No such file or directory" in told
    assert "playbooks:1:1: holds no playbook" in told


def test_the_playbook_about_tocsin_itself_pages_its_people_at_once(bench: Workbench) -> None:
    playbook = bench.load({"TOCSIN_SELF_TARGETS": "[alex, console]"}).self_playbook
    level, notice = playbook.levels
    (cell,) = level.cells
    assert [(each.kind, each.targets) for each in notice.cells] == [(Kind.UPDATE, ("alex", "console"))]
    assert (playbook.name, level.name, playbook.unrouted, level.respond_within) == ("tocsin", "self", "self", HOUR)
    assert (cell.kind, cell.after, cell.until, cell.targets) == (Kind.PAGE, 0, Until.ACKNOWLEDGED, ("alex", "console"))
    assert playbook.tier(1).targets == ("alex", "console")
    assert (playbook.resolve_after, playbook.fallback_at_least) == (2 * MINUTE, 15 * MINUTE)
    assert Playbook.from_json(playbook.to_json()) == playbook


def test_the_console_exists_also_where_no_channel_is_configured(bench: Workbench) -> None:
    bench.edit("tocsin.yaml", "channels:\n  console: {kind: console}\n", "")
    loaded = bench.load()
    assert [(channel.name, channel.kind) for channel in loaded.channels] == [("console", "console")]
    assert loaded.console == Contact("console", "console")
    assert loaded.people.knows("console")


def test_the_name_of_the_console_is_its_own(bench: Workbench) -> None:
    environ = {"TOCSIN_CHANNELS": "{console: {kind: radio, frequency: '1'}}"}
    told = "TOCSIN_CHANNELS:1:2: the channel console must be of the kind console; give this one another name"
    assert told in bench.problems(environ)


def test_channels_have_the_settings_of_their_kind_with_their_secrets(bench: Workbench) -> None:
    environ = {"TOCSIN_CHANNELS": "{r: {kind: radio, frequency: '1', stations: {north: {key_env: KEY}}}}", "KEY": "k"}
    radio = next(channel for channel in bench.load(environ).channels if channel.name == "r")
    assert radio.kind == "radio"
    assert radio.settings.stations["north"].key.reveal() == "k"


def test_a_provider_that_is_paged_but_whose_callbacks_are_refused_is_a_warning(bench: Workbench) -> None:
    kinds = Kinds({**CHANNELS, "slack": ChannelKind("slack", RadioSettings, RadioContact)}, TRACKERS)
    environ = {"TOCSIN_CHANNELS": "{chat: {kind: slack, frequency: '1'}}"}
    told = "acknowledgments made in slack are not taken: inbound.slack.secrets is empty"
    warned = load(bench.config, bench.rules, kinds, environ).warnings
    assert [warning.message for warning in warned] == [told]
    environ |= {"TOCSIN_INBOUND_SLACK_SECRETS": "[{secret_env: S}]", "S": "s"}
    assert load(bench.config, bench.rules, kinds, environ).warnings == ()


def test_a_phone_channel_that_asks_for_responses_without_callbacks_is_a_warning(bench: Workbench) -> None:
    account = "account: AC0123456789abcdef0123456789abcdef, token_env: T, from: '+15005550006'"
    environ = {"TOCSIN_CHANNELS": f"{{phone: {{kind: twilio, mode: call, {account}}}}}", "T": "t"}
    outside = environ | {"TOCSIN_EXTERNAL_URL": "https://tocsin.example.com"}
    told = "acknowledgments made in twilio are not taken: inbound.twilio.secrets is empty"

    def warned(environ: dict[str, str]) -> list[str]:
        return [warning.message for warning in load(bench.config, bench.rules, shipped_kinds.KINDS, environ).warnings]

    assert warned(environ) == [], "without an address nobody is asked"
    assert warned(outside) == [told]
    assert warned(outside | {"TOCSIN_INBOUND_TWILIO_SECRETS": "[{secret_env: T}]"}) == []
    silent = outside["TOCSIN_CHANNELS"].replace("mode: call", "mode: call, acknowledge: false")
    assert warned(outside | {"TOCSIN_CHANNELS": silent}) == []


def test_what_a_channel_doubts_about_its_settings_is_a_warning(bench: Workbench) -> None:
    class Doubtful(RadioSettings):
        def doubts(self) -> tuple[str, ...]:
            return (f"{self.frequency} is a strange frequency",)

    kinds = Kinds({**CHANNELS, "doubtful": ChannelKind("doubtful", Doubtful, RadioContact)}, TRACKERS)
    environ = {"TOCSIN_CHANNELS": "{r: {kind: doubtful, frequency: '0'}}"}
    [warning] = load(bench.config, bench.rules, kinds, environ).warnings
    assert str(warning) == "TOCSIN_CHANNELS:1:2: 0 is a strange frequency"


def test_the_fingerprint_is_that_of_the_content(bench: Workbench, tmp_path: Path) -> None:
    first = bench.load().fingerprint
    other = tmp_path / "other"
    other.mkdir()
    elsewhere = Workbench(other)
    assert elsewhere.load().fingerprint == first
    elsewhere.edit("people.yaml", "Sam Example", "Sam Sample")
    assert elsewhere.load().fingerprint != first
    assert bench.load({"TOCSIN_LOG_LEVEL": "debug"}).fingerprint != first
    (bench.rules / "rules.yaml").write_text((bench.rules / "rules.yaml").read_text() + "# a comment\n")
    assert bench.load().fingerprint != first


def test_the_fingerprint_holds_no_secret(bench: Workbench) -> None:
    tokens = "[{name: am, token_env: T, scopes: [ingest]}]"
    prints = {bench.load({"TOCSIN_TOKENS": tokens, "T": secret * 20}).fingerprint for secret in "ab"}
    assert len(prints) == 1


def test_the_files_that_were_read_are_known(bench: Workbench) -> None:
    assert {path.name for path in bench.load().files if not path.name.endswith(".md.j2")} == {
        "tocsin.yaml", "people.yaml", "windows.yaml", "emergency-response.yaml", "rules.yaml",
    }  # fmt: skip


FILES = ("tocsin.yaml", "people.yaml", "playbooks/emergency-response.yaml")
SPLICES = (
    "",
    ":",
    "- ",
    "  ",
    "\n",
    "[",
    "]",
    "{",
    "}",
    "null",
    "no",
    "012",
    "&a ",
    "*a",
    "'",
    '"',
    "{}",
    "[]",
    "-1",
    "\t",
    "0s",
    "é",
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    file=st.sampled_from(FILES),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(SPLICES)), min_size=1, max_size=3),
)
def test_no_mutation_of_a_file_makes_the_loader_fail(
    tmp_path_factory: pytest.TempPathFactory, file: str, cuts: list[tuple[float, int, str]]
) -> None:
    bench = Workbench(Path(tmp_path_factory.mktemp("mutant")))
    text = bench.text(file)
    for place, length, splice in cuts:
        at = int(place * len(text))
        text = text[:at] + splice + text[at + length :]
    bench.write(file, text)
    assert isinstance(bench.problems(), list)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    file=st.sampled_from(FILES),
    line=st.floats(0, 0.999),
    value=st.sampled_from(["", "7", "text", "[a]", "{a: b}", "true", "null", "1.5", "'012'", "[{a: [b]}]", "15m"]),
)
def test_no_value_of_the_wrong_form_makes_the_loader_fail(
    tmp_path_factory: pytest.TempPathFactory, file: str, line: float, value: str
) -> None:
    bench = Workbench(Path(tmp_path_factory.mktemp("mutant")))
    lines = bench.text(file).splitlines()
    keyed = [index for index, text in enumerate(lines) if ":" in text and not text.lstrip().startswith("#")]
    index = keyed[int(line * len(keyed))]
    lines[index] = f"{lines[index].partition(':')[0]}: {value}"
    bench.write(file, "\n".join(lines))
    assert isinstance(bench.problems(), list)

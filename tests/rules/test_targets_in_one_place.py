"""Each target of a shipped playbook is defined once; steps and tests derive from it."""

import re
import shutil
from fractions import Fraction
from pathlib import Path

import pytest

from tocsin.app.kinds import KINDS
from tocsin.conf.bundle import Bundle, load
from tocsin.core.duration import format_duration, parse_duration
from tocsin.testing.case_runner import run_case
from tocsin.testing.cases import read_tests

REPOSITORY = Path(__file__).parents[2]
PLAYBOOKS = sorted(path.stem for path in (REPOSITORY / "config/playbooks").glob("*.yaml"))

TIMELINES = {
    "erlmcp": {
        "P0": "1 at 0s, 2 at 5m, 3 at 10m, 4 at 15m",
        "P1": "1 at 0s, 2 at 30m, 3 at 1h",
        "P2": "1 at 0s, 2 at 2h",
        "P3": "1 at 0s, 1 at 1d informed",
    },
    "ultimate-marketing": {
        "P1": "1 at 0s, 2 at 15m, 2 at 15m flagged, 3 at 30m, 3 at 4h resolved",
        "P2": "1 at 0s, 2 at 30m, 2 at 30m flagged, 3 at 1h, 3 at 8h resolved",
        "P3": "1 at 0s, 2 at 2h, 3 at 1d resolved",
        "P4": "1 at 0s, 2 at 8h, 3 at 3d resolved",
    },
    "service-quick-reference": {
        "P0": "1 at 0s, 2 at 5m, 2 at 5m flagged, 2 at 5m flagged",
        "P1": "1 at 0s, 2 at 15m, 2 at 15m flagged, 2 at 15m flagged",
        "P2": "1 at 0s, 2 at 1h, 2 at 1h flagged, 2 at 1h flagged",
        "P3": "1 at 0s informed, 1 at 4h informed",
    },
    "emergency-response": {
        "SEV-1": "1 at 0s, 1 at 15m, 2 at 30m resolved, 3 at 30m resolved",
        "SEV-2": "1 at 0s, 2 at 30m resolved, 1 at 1h, 3 at 1h resolved",
        "SEV-3": "1 at 0s informed, 1 at 4h informed",
        "SEV-4": "1 at 0s informed, 1 at 1d informed",
    },
    "mgmt-vibe": {
        "SEV-0": "1 at 0s, 2 at 5m, 3 at 15m, 4 at 30m",
        "SEV-1": "1 at 0s, 2 at 30m, 3 at 2h",
        "SEV-2": "1 at 0s, 2 at 1h",
        "SEV-3": "1 at 0s, 2 at 4h",
    },
}
"""(tier, when) of every timed step, as the written playbooks have them."""


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load(REPOSITORY / "config", REPOSITORY / "rules", KINDS, {})


def timelines(bundle: Bundle, playbook: str) -> dict[str, str]:
    return {
        level.name: ", ".join(
            " ".join(
                filter(
                    None,
                    (
                        f"{cell.tier} at {format_duration(cell.after or 0)}",
                        "flagged" if cell.when else "",
                        "informed" if cell.kind == "update" else "",
                        "resolved" if cell.until == "resolved" else "",
                    ),
                )
            )
            for cell in sorted(
                (cell for cell in level.cells if cell.after is not None), key=lambda one: (one.after or 0, one.tier)
            )
        )
        for level in bundle.playbooks[playbook].levels
    }


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_the_times_are_those_of_the_written_playbook(bundle: Bundle, playbook: str) -> None:
    assert timelines(bundle, playbook) == TIMELINES[playbook]


def test_no_step_of_a_shipped_playbook_or_of_an_example_repeats_a_response_time() -> None:
    shipped = [REPOSITORY / f"config/playbooks/{playbook}.yaml" for playbook in PLAYBOOKS]
    examples = [*(REPOSITORY / "config").glob("*.md"), REPOSITORY / "daemon/tocsin/cli/minimal.py"]
    for path in (*shipped, *examples):
        for level in re.split(r"\n(?=  \S+:\n    respond_within)", path.read_text())[1:]:
            targets = set(re.findall(r"(?:respond|acknowledge|resolve)_within: (\d\w*)", level))
            steps = re.findall(r"tier: .*after: (\d\w*)", level)
            assert targets.isdisjoint(steps), f"{path.name}: {level.splitlines()[0]}"


def _scaled(text: str, key: str, factor: Fraction) -> str:
    def scale(match: re.Match[str]) -> str:
        return f"{key}: {format_duration(round(parse_duration(match[1]) * factor))}"

    return re.sub(rf"\b{key}: (\d\w*)", scale, text)


@pytest.mark.parametrize("playbook", PLAYBOOKS)
async def test_other_targets_move_every_step_and_no_test_fails(tmp_path: Path, bundle: Bundle, playbook: str) -> None:
    for folder in ("config", "rules"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    path = tmp_path / f"config/playbooks/{playbook}.yaml"
    text = _scaled(path.read_text(), "respond_within", Fraction(4, 5))
    for key in ("acknowledge_within", "resolve_within"):
        text = _scaled(text, key, Fraction(5, 4))
    path.write_text(text)

    changed = load(tmp_path / "config", tmp_path / "rules", KINDS, {})

    after = timelines(changed, playbook)
    assert [name for name, line in timelines(bundle, playbook).items() if after[name] == line] == []
    for case in read_tests([tmp_path / f"rules/tests/playbooks/{playbook}.yaml"], changed):
        outcome = await run_case(case, changed)
        assert outcome.failures == (), case.name

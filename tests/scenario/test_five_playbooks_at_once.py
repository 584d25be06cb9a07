"""Five playbooks in one daemon: rules route alerts to theirs, and incidents do not affect each other."""

import re
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.app.kinds import KINDS
from tocsin.conf.bundle import Bundle, load
from tocsin.core.duration import MINUTE
from tocsin.core.errors import IllegalTransition
from tocsin.core.incident.outbox import Job
from tocsin.core.oncall.rotation import OnCallInput
from tocsin.core.playbook.playbook import Playbook
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

ROOT = Path(__file__).resolve().parents[2]
TOLD = frozenset({Job.PAGE, Job.UPDATE})
MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
UNTIL = 300
"""Minutes that are looked at."""
PLAYBOOKS = ("emergency-response", "erlmcp", "mgmt-vibe", "service-quick-reference", "ultimate-marketing")

Page = tuple[float, str, str, str, str]
"""(minute, target, page or update, severity, because)"""


@cache
def shipped() -> Bundle:
    return load(ROOT / "config", ROOT / "rules", KINDS, {})


@dataclass(frozen=True)
class Trouble:
    """The events of one playbook's incident, in minutes since the start; -1: an event does not happen."""

    playbook: str
    nth: int
    """The number of its severity, the highest first."""
    begins: int
    acknowledged: int = -1
    flagged: int = -1
    resolves: int = -1

    @property
    def plan(self) -> Playbook:
        return shipped().playbooks[self.playbook]

    @property
    def labels(self) -> dict[str, str]:
        severity = self.plan.levels[self.nth].name
        return {"alertname": "Down", "service": self.playbook, "playbook": self.playbook, "severity": severity}

    @property
    def happens(self) -> list[tuple[int, str]]:
        words = (("begins", self.begins), ("acknowledged", self.acknowledged), ("flagged", self.flagged))
        return [(at, word) for word, at in (*words, ("resolves", self.resolves)) if at >= self.begins]


async def carry_out(tocsin: Harness, trouble: Trouble, what: str, number: str) -> None:
    if what == "begins":
        await tocsin.fire(**trouble.labels)
    elif what == "resolves":
        await tocsin.resolve(**trouble.labels)
    elif what == "acknowledged":
        await tocsin.acknowledge("somebody", number)
    elif trouble.plan.flags:
        with suppress(IllegalTransition):  # it may be over by then
            await tocsin.flag(trouble.plan.flags[0], incident=number)


async def run(*troubles: Trouble) -> dict[str, list[Page]]:
    """Return the recipients of all messages, by playbook, when the incidents happen together."""
    told: dict[str, list[Page]] = defaultdict(list)
    story = sorted(
        ((at, nth, what) for nth, one in enumerate(troubles) for at, what in one.happens), key=lambda s: s[0]
    )
    numbers: dict[int, str] = {}
    async with Harness.of(shipped(), clock=VirtualClock(MONDAY), jobs=TOLD) as tocsin:
        start = tocsin.clock.now()
        for at, nth, what in story:
            await tocsin.advance_to(start + at * MINUTE)
            numbers.setdefault(nth, str(len(numbers) + 1))
            await carry_out(tocsin, troubles[nth], what, numbers[nth])
        await tocsin.advance_to(start + UNTIL * MINUTE)
        for content in tocsin.sent(*TOLD):
            at = (content.now - start) / MINUTE
            because = re.sub(r"confirm \d+", "confirm ...", content.because)  # its number is another one alone
            told[content.playbook].append((at, content.target, content.job.value, content.severity, because))
            assert content.service == content.playbook
    return {name: sorted(pages) for name, pages in told.items()}


def trouble(playbook: str) -> st.SearchStrategy[Trouble]:
    levels = len(shipped().playbooks[playbook].levels)
    later = st.just(-1) | st.integers(1, 200)
    return st.builds(Trouble, st.just(playbook), st.integers(0, levels - 1), st.integers(0, 40), later, later, later)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(troubles=st.tuples(*map(trouble, PLAYBOOKS)).flatmap(st.permutations))
async def test_each_incident_is_treated_as_if_it_were_alone(troubles: list[Trouble]) -> None:
    together = await run(*troubles)
    alone: dict[str, list[Page]] = {}
    for one in troubles:
        alone |= await run(one)
    assert together == alone


async def test_each_playbook_notifies_only_its_own_tiers() -> None:
    troubles = [Trouble(name, 0, begins=5 * nth) for nth, name in enumerate(PLAYBOOKS)]
    together = await run(*troubles)
    assert set(together) == set(PLAYBOOKS)
    for name, pages in together.items():
        plan = shipped().playbooks[name]
        at = (VirtualClock(MONDAY).now(),)
        targets = {target for cell in plan.levels[0].cells for target in cell.targets}
        targets |= {target for tier in plan.tiers for target in tier.targets}
        targets |= {*plan.announce, *(target for role in plan.roles for target in role.targets)}
        targets |= {target for action in plan.actions for target in action.targets}
        inputs = OnCallInput(*at)
        targets |= set(shipped().people.secondaries(tuple(targets), inputs))
        people = {person for target in targets for person in shipped().people.members(target, inputs)}
        assert {target for _, target, *_ in pages} <= people
        assert {severity for *_, severity, _ in pages} == {plan.levels[0].name}

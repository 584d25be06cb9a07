"""Judges decide without writing; all effects of a change are carried out."""

from scenario import emergency
from tocsin.core.alerts.subject import Subject
from tocsin.core.incident.effect import Automate, Effect, InRoom, Record, Track
from tocsin.core.incident.escalation import step, unopened
from tocsin.core.incident.event import Opened
from tocsin.core.incident.incident import Incident
from tocsin.engine.change.effects import HANDLERS
from tocsin.engine.change.storm_judge import Count, JoinStorm, OpenStorm
from tocsin.engine.change.unit_of_work import UnitOfWork
from tocsin.engine.change.waiting import Decision, decided
from tocsin.ports.store import IncidentFilter, Reader
from tocsin.testing.harness import Harness


async def judged(tocsin: Harness, count: int = 1) -> list[Decision]:
    """Return the judges' decision about one more incident than ``count``, where nothing can be written."""
    for number in range(count):
        await tocsin.fire(alertname="Down", namespace=f"n{number}", severity="SEV-2")

    def judge(tx: Reader) -> list[Decision]:
        before = unopened(
            incident_id="x",
            number=99,
            dedup_key="x",
            plan=emergency.shipped(),
            subject=Subject(title="x", service="x"),
            now=tx.now,
        )
        after, _ = step(before, Opened(fired=("SEV-2",)), tx.now)
        return decided(UnitOfWork(tx, tocsin.live.policy), before, after)  # type: ignore[arg-type]

    before = await everything(tocsin)
    found = await tocsin.store.read(judge)
    assert await everything(tocsin) == before
    return found


async def everything(tocsin: Harness) -> list[Incident]:
    return await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter(limit=100)))


async def test_what_is_not_too_much_is_only_counted() -> None:
    async with emergency.tocsin() as tocsin:
        [decision] = await judged(tocsin)
        assert isinstance(decision, Count)
        assert [len(surge.recent) for surge in decision.surges] == [2]


async def test_one_too_many_opens_a_storm_with_those_before_it() -> None:
    async with emergency.tocsin() as tocsin:
        [decision] = await judged(tocsin, count=10)
        assert isinstance(decision, OpenStorm)
        assert [member.number for member in decision.members] == [*range(1, 11), 99]


async def test_one_more_joins_the_storm_alone() -> None:
    async with emergency.tocsin() as tocsin:
        [decision] = await judged(tocsin, count=11)
        assert isinstance(decision, JoinStorm)
        assert (decision.storm.number, [member.number for member in decision.members]) == (12, [99])


def test_every_effect_is_carried_out() -> None:
    followed = {InRoom, Track, Automate}  # by rooms and tickets
    assert {*Effect.__subclasses__()} == {*HANDLERS, Record, *followed}

"""The end of a shift informs the next person of what somebody has acknowledged; the acknowledgment stands."""

from datetime import datetime, timedelta

import msgspec
import pytest

from scenario import crew, emergency
from scenario.conftest import NewStore
from scenario.crew import BERLIN, micros, reached, utc, weekly
from tocsin.core.calendar import Calendar, CalendarEvent
from tocsin.core.event import Acknowledge, Actor, Opened
from tocsin.core.incident import State
from tocsin.core.outbox import Job
from tocsin.core.people import Contact, People
from tocsin.core.playbook import HOUR, MINUTE, Kind, Playbook
from tocsin.core.roster import answered
from tocsin.core.rotation import Listed, Rotation
from tocsin.engine.overrides import Wish
from tocsin.ports.channel import Outcome, Receipt
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.simulate import Walk, Ways

PEOPLE = People(
    persons={
        name: msgspec.structs.replace(reached(name, ("pager", 0)), slack_user=f"U-{name}")
        for name in ("ann", "ben", "cas", "boss")
    },
    rotations={
        "desk": weekly("desk", ("ann", "ben"), BERLIN),
        "other": weekly("other", ("cas", "boss"), BERLIN),
    },
)
GROUP = "slack:chat:S1"
PLAN = crew.playbook(one=("desk",))
HANDED_OVER = "2026-03-30T07:00"
BECAUSE = "you are now on call (desk); ben has the incident"


def running(new_store: NewStore, at: int = micros(HANDED_OVER) - HOUR) -> Harness:
    clock = VirtualClock()
    clock.set(at)
    clock.start = at
    return crew.tocsin(PEOPLE, PLAN, store=new_store(clock), clock=clock)


def informed(tocsin: Harness) -> list[tuple[float, str, str]]:
    """(minutes since the start, who, why) of each update."""
    return [
        ((content.now - tocsin.clock.start) / MINUTE, content.target, content.because)
        for content in tocsin.sent(Job.UPDATE)
    ]


async def listing(tocsin: Harness, *members: str) -> None:
    """The user group has these members now."""
    users = tuple(f"U-{member}" for member in members)
    await tocsin.store.write(lambda tx: tx.put_roster(answered(tx.rosters().get(GROUP), GROUP, users, tx.now)))


def later(plan: Playbook, by: int) -> Playbook:
    """The same, but nobody is told before."""
    first, *others = plan.levels
    cells = tuple(msgspec.structs.replace(cell, after=(cell.after or 0) + by) for cell in first.cells)
    return msgspec.structs.replace(plan, levels=(msgspec.structs.replace(first, cells=cells), *others))


async def test_whoever_comes_on_call_hears_of_what_is_acknowledged(new_store: NewStore) -> None:
    async with running(new_store) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.acknowledge("ben")
        await tocsin.advance(minutes=59)
        assert informed(tocsin) == []
        await tocsin.advance(minutes=10)
        assert informed(tocsin) == [(60, "ann", BECAUSE)]
        incident = await tocsin.incident()
        assert (incident.state, incident.acknowledged_by) == (State.ACKNOWLEDGED, "ben")
        assert await emergency.wrong(tocsin) == []


async def test_each_later_shift_hears_of_it_once(new_store: NewStore) -> None:
    async with running(new_store) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.acknowledge("ben")
        await tocsin.advance(hours=24 * 15)
        assert [who for _, who, _ in informed(tocsin)] == ["ann", "ann"]


async def test_a_hand_over_during_a_restart_is_told_after_it_and_only_once(new_store: NewStore) -> None:
    async with running(new_store) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.acknowledge("ben")
        tocsin.clock.advance(hours=3)
        for _ in range(3):
            await tocsin.handovers.run_once()
        await tocsin.settle()
        assert informed(tocsin) == [(180, "ann", BECAUSE)]


async def test_whoever_has_acknowledged_it_is_not_told_and_what_nobody_has_is_paged_as_ever(
    new_store: NewStore,
) -> None:
    async with running(new_store) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.acknowledge("ann")
        await tocsin.fire(alertname="Open", severity="P1")
        await tocsin.advance(minutes=70)
        assert informed(tocsin) == []


async def test_an_override_is_a_shift_as_well(new_store: NewStore) -> None:
    async with running(new_store, micros("2026-07-01T12:00")) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.acknowledge("ben")
        wish = Wish(rotation="desk", person="cas", starts_at=tocsin.clock.now() + 10 * MINUTE, duration=HOUR)
        await tocsin.rotas.create(wish, Actor("cas", "cli"))
        await tocsin.advance(hours=2)
        assert informed(tocsin) == [(10, "cas", BECAUSE)]


async def test_who_is_new_in_a_user_group_hears_of_it_and_who_was_in_it_before_does_not(new_store: NewStore) -> None:
    clock = VirtualClock()
    listed = Rotation("desk", (Listed(GROUP),))
    people = msgspec.structs.replace(PEOPLE, rotations={"desk": listed})
    async with crew.tocsin(people, PLAN, store=new_store(clock), clock=clock) as tocsin:
        await listing(tocsin, "ann", "ben")
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.acknowledge("ben")
        await tocsin.advance(minutes=10)
        await listing(tocsin, "ben", "ann")
        await tocsin.advance(minutes=10)
        assert informed(tocsin) == []
        await listing(tocsin, "cas", "ben")
        await tocsin.advance(minutes=10)
        assert informed(tocsin) == [(20, "cas", BECAUSE)]
        await listing(tocsin, "boss", "cas")
        await tocsin.advance(minutes=10)
        assert [who for _, who, _ in informed(tocsin)] == ["cas", "boss"]
        assert await emergency.wrong(tocsin) == []


async def test_nobody_new_is_forgotten_where_a_group_changes_twice_before_anybody_looks(new_store: NewStore) -> None:
    clock = VirtualClock()
    people = msgspec.structs.replace(PEOPLE, rotations={"desk": Rotation("desk", (Listed(GROUP),))})
    async with crew.tocsin(people, PLAN, store=new_store(clock), clock=clock) as tocsin:
        await listing(tocsin, "ann", "ben")
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.acknowledge("ben")
        await tocsin.advance(minutes=10)
        await listing(tocsin, "ann", "ben", "cas")
        await listing(tocsin, "ann", "ben", "cas", "boss")
        await tocsin.advance(minutes=10)
        assert sorted(who for _, who, _ in informed(tocsin)) == ["boss", "cas"]


@pytest.mark.parametrize("paged", [False, True])
async def test_who_stays_on_call_is_told_unless_they_have_been_before(new_store: NewStore, paged: bool) -> None:
    """Of overlapping events of a calendar: where somebody has taken it before anybody was paged, nobody knows of it."""
    at = micros("2026-11-20T12:00")
    clock = VirtualClock(utc("2026-11-20T12:00"))
    calendar = Calendar(
        (
            CalendarEvent("ann", crew.UTC, datetime.fromisoformat("2026-11-20T00:00"), timedelta(days=3)),
            CalendarEvent("cas", crew.UTC, datetime.fromisoformat("2026-11-20T13:00"), timedelta(days=1)),
        )
    )
    people = msgspec.structs.replace(PEOPLE, rotations={"desk": Rotation("desk", (calendar,))})
    plan = PLAN if paged else later(PLAN, 15 * MINUTE)
    async with crew.tocsin(people, plan, store=new_store(clock), clock=clock) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.advance(minutes=2)
        await tocsin.acknowledge("boss")
        await tocsin.advance(minutes=90)
        assert [who for _, who, _ in informed(tocsin)] == (["cas"] if paged else ["ann", "cas"])
    ways = Ways(people, dict.fromkeys(Kind, frozenset({"pager", "phone"})), Contact("console", ""))
    script = [(0, Opened(fired=("P1",))), (2 * MINUTE, Acknowledge(by=Actor("boss", "api")))]
    steps = Walk(plan, ways).run(script, start=at, until=2 * HOUR)
    simulated = [each for each in steps if each.kind == "update"]
    assert [name for each in simulated for name in each.targets] == (["cas"] if paged else ["ann", "cas"])


async def test_a_page_that_never_arrived_has_told_nobody(new_store: NewStore) -> None:
    clock = VirtualClock()
    people = msgspec.structs.replace(PEOPLE, rotations={"desk": Rotation("desk", (Listed(GROUP),))})
    through = crew.channels()
    through[0].answer = lambda content: Receipt(Outcome.PERMANENT if content.job is Job.PAGE else Outcome.SENT)
    async with crew.tocsin(people, PLAN, store=new_store(clock), clock=clock, through=through) as tocsin:
        await listing(tocsin, "ann", "ben")
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.acknowledge("ben")
        await tocsin.advance(minutes=1)
        await listing(tocsin, "ann", "ben", "cas")
        await tocsin.advance(minutes=10)
        assert sorted(who for _, who, _ in informed(tocsin)) == ["ann", "cas"]


async def test_what_is_resolved_is_nobodys_news(new_store: NewStore) -> None:
    async with running(new_store) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.acknowledge("ben")
        await tocsin.resolve(alertname="Down", severity="P1")
        await tocsin.advance(minutes=70)
        assert informed(tocsin) == []


async def test_what_is_snoozed_is_handed_over_and_breaks_no_invariant(new_store: NewStore) -> None:
    async with running(new_store) as tocsin:
        await tocsin.fire(alertname="Down", severity="SEV-1")
        await tocsin.snooze(240, by="ben")
        await tocsin.advance(hours=2)
        assert [name for _, name, _ in informed(tocsin)] == ["ann"]
        assert await emergency.wrong(tocsin) == []

"""A playbook's reminders: each time once, also after a restart, until somebody says that it was done."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from scenario import emergency
from tocsin.core.incident import State
from tocsin.core.outbox import Job
from tocsin.core.reminder import Reminder
from tocsin.ports.store import IncidentFilter, Store
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

REVIEW = Reminder(
    name="Monthly review",
    rrule="FREQ=MONTHLY;BYDAY=1MO",
    starts="2026-01-05T10:00:00",
    time_zone="Europe/Berlin",
    to=("engineering-manager",),
    text="Review all incidents, and update the playbook.",
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def tocsin(*reminders: Reminder, clock: VirtualClock, store: Store | None = None, first_id: int = 1) -> Harness:
    playbook = msgspec.structs.replace(emergency.shipped(), reminders=reminders)
    return emergency.tocsin(playbook=playbook, clock=clock, store=store, first_id=first_id)


async def told(harness: Harness) -> list[tuple[str, str, str]]:
    """(when, whom, what)."""
    sent = [one for one in harness.sent(Job.UPDATE) if one.severity == "reminder"]
    moments = [datetime.fromtimestamp(one.now / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M") for one in sent]
    return [(moment, one.target, one.title) for moment, one in zip(moments, sent, strict=True)]


async def test_it_comes_at_its_hour_on_the_wall_clock_in_winter_and_in_summer() -> None:
    clock = VirtualClock(at("2026-02-20T00:00"))
    async with tocsin(REVIEW, clock=clock) as harness:
        await harness.advance(hours=24 * 60)
        assert await told(harness) == [
            ("2026-03-02 09:00", "engineering-manager", "Monthly review"),
            ("2026-04-06 08:00", "engineering-manager", "Monthly review"),
        ]
        assert harness.sent(Job.PAGE) == []
        assert await emergency.wrong(harness) == []


async def test_whoever_has_done_it_says_so_and_the_next_one_comes_all_the_same() -> None:
    clock = VirtualClock(at("2026-03-01T00:00"))
    async with tocsin(REVIEW, clock=clock) as harness:
        await harness.advance(hours=48)
        await harness.close("morgan", "1")
        await harness.advance(hours=24 * 40)
        first, second = await harness.incident("1"), await harness.incident("2")
        assert (first.state, first.resolved_by) == (State.RESOLVED, "morgan")
        assert (second.state, second.linked_to) == (State.TRIGGERED, first.id)


async def test_one_that_nobody_has_done_gives_way_to_the_next() -> None:
    clock = VirtualClock(at("2026-03-01T00:00"))
    async with tocsin(REVIEW, clock=clock) as harness:
        await harness.advance(hours=24 * 40)
        open_ = await harness.store.read(lambda tx: tx.incidents(IncidentFilter(states=("triggered",), limit=9)))
        assert [incident.number for incident in open_] == [2]
        [entry] = [entry for entry in await harness.timeline("1") if entry.kind == "resolved"]
        assert entry.actor == "tocsin"


@pytest.mark.parametrize(("hours", "count"), [(1, 1), (11, 1), (13, 0)])
async def test_down_at_its_hour_it_is_caught_up_for_half_a_day(new_store, hours: int, count: int) -> None:
    clock = VirtualClock(at("2026-02-02T08:59"))
    store = new_store(clock)
    async with tocsin(REVIEW, clock=clock, store=store) as harness:
        await harness.advance(minutes=5)
        assert len(await told(harness)) == 1
    clock.set(round((at("2026-03-02T09:00") + timedelta(hours=hours)).timestamp() * 1_000_000))
    async with tocsin(REVIEW, clock=clock, store=store, first_id=100) as harness:
        await harness.settle()
        assert len(await told(harness)) == count


async def test_whoever_starts_tocsin_after_the_hour_is_told_nothing_of_it() -> None:
    async with tocsin(REVIEW, clock=VirtualClock(at("2026-03-02T10:00"))) as harness:
        await harness.advance(hours=12)
        assert await told(harness) == []


async def test_a_restart_sends_none_twice(new_store) -> None:
    clock = VirtualClock(at("2026-03-02T08:59"))
    store = new_store(clock)
    async with tocsin(REVIEW, clock=clock, store=store) as harness:
        await harness.advance(minutes=5)
        assert len(await told(harness)) == 1
    async with tocsin(REVIEW, clock=clock, store=store, first_id=100) as harness:
        await harness.advance(hours=10)
        assert await told(harness) == []


async def test_it_counts_in_no_measure_of_incidents() -> None:
    clock = VirtualClock(at("2026-03-01T00:00"))
    async with tocsin(REVIEW, clock=clock) as harness:
        await harness.advance(hours=48)
        await harness.acknowledge("morgan", "1")
        await harness.close("morgan", "1")
        assert harness.observer.observed("incident_time_to_acknowledge_seconds") == []
        assert harness.observer.observed("incident_time_to_resolve_seconds") == []

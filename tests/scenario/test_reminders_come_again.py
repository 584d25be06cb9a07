"""A playbook's reminders are sent once per time, also across a restart, until a person marks the task as done."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from scenario import emergency
from store.test_store_damage import damage
from tocsin.core.incident.incident import State
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.reminder import Reminder
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


async def test_marking_a_task_as_done_keeps_the_next_reminder() -> None:
    clock = VirtualClock(at("2026-03-01T00:00"))
    async with tocsin(REVIEW, clock=clock) as harness:
        await harness.advance(hours=48)
        await harness.close("morgan", "1")
        await harness.advance(hours=24 * 40)
        first, second = await harness.incident("1"), await harness.incident("2")
        assert (first.state, first.resolved_by) == (State.RESOLVED, "morgan")
        assert (second.state, second.linked_to) == (State.TRIGGERED, first.id)


async def test_an_open_reminder_is_replaced_by_the_next() -> None:
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


async def test_a_first_start_after_a_reminders_time_sends_nothing() -> None:
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


async def test_each_of_several_times_in_a_day_has_its_own_reminder() -> None:
    twice = msgspec.structs.replace(REVIEW, rrule="FREQ=DAILY;BYHOUR=8,16", time_zone="UTC")
    async with tocsin(twice, clock=VirtualClock(at("2026-03-03T07:00"))) as harness:
        await harness.advance(hours=24)
        assert [moment for moment, _, _ in await told(harness)] == ["2026-03-03 08:00", "2026-03-03 16:00"]


async def test_a_damaged_reminder_blocks_no_other_and_does_not_end_the_worker() -> None:
    other = msgspec.structs.replace(REVIEW, name="Audit", rrule="FREQ=DAILY", starts="2026-01-05T12:00:00")
    async with tocsin(REVIEW, other, clock=VirtualClock(at("2026-03-02T08:30"))) as harness:
        await harness.advance(hours=1)
        await damage(harness.store, "UPDATE incidents SET body = '{'")
        await harness.advance(hours=2)
        assert [title for _, _, title in await told(harness)] == ["Monthly review", "Audit"]

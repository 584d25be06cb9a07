"""At the end of a shift, the next person is informed of acknowledged incidents; the acknowledgment stays valid."""

from datetime import datetime, timedelta

import msgspec
import pytest

from scenario import crew, emergency
from scenario.conftest import NewStore
from scenario.crew import BERLIN, micros, reached, utc, weekly
from tocsin.channels.timeline import phrase
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.duration import HOUR, MINUTE
from tocsin.core.incident.event import Acknowledge, Actor, Opened
from tocsin.core.incident.incident import State
from tocsin.core.incident.outbox import Job
from tocsin.core.oncall.calendar import Calendar, CalendarEvent
from tocsin.core.oncall.people import Contact, People
from tocsin.core.oncall.roster import answered
from tocsin.core.oncall.rotation import RosterLayer, Rotation
from tocsin.core.playbook.playbook import Kind, Playbook
from tocsin.engine.responses.overrides import OverrideRequest
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.ports.store import IncidentFilter
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingChannel
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
BECAUSE = "you are now on call (One); ben has the incident"


def running(
    new_store: NewStore, at: int = micros(HANDED_OVER) - HOUR, through: tuple[RecordingChannel, ...] | None = None
) -> Harness:
    clock = VirtualClock()
    clock.set(at)
    clock.start = at
    return crew.tocsin(PEOPLE, PLAN, store=new_store(clock), clock=clock, through=through)


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


async def test_the_next_shift_is_informed_of_acknowledged_incidents(new_store: NewStore) -> None:
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


async def test_each_later_shift_is_informed_once(new_store: NewStore) -> None:
    async with running(new_store) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.acknowledge("ben")
        await tocsin.advance(hours=24 * 15)
        assert [who for _, who, _ in informed(tocsin)] == ["ann", "ann"]


async def test_a_hand_over_during_a_restart_is_notified_once_after_it(new_store: NewStore) -> None:
    async with running(new_store) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.acknowledge("ben")
        tocsin.clock.advance(hours=3)
        for _ in range(3):
            await tocsin.handoffs.run_once()
        await tocsin.settle()
        assert informed(tocsin) == [(180, "ann", BECAUSE)]


async def test_the_acknowledger_is_not_notified_and_unacknowledged_incidents_page_as_usual(
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
        wish = OverrideRequest(rotation="desk", person="cas", starts_at=tocsin.clock.now() + 10 * MINUTE, duration=HOUR)
        await tocsin.oncall_schedule.create(wish, Actor("cas", "cli"))
        await tocsin.advance(hours=2)
        assert informed(tocsin) == [(10, "cas", BECAUSE)]


async def test_new_members_of_a_user_group_are_informed_and_earlier_ones_are_not(new_store: NewStore) -> None:
    clock = VirtualClock()
    listed = Rotation("desk", (RosterLayer(GROUP),))
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


async def test_every_new_member_is_informed_if_a_group_changes_twice_between_polls(new_store: NewStore) -> None:
    clock = VirtualClock()
    people = msgspec.structs.replace(PEOPLE, rotations={"desk": Rotation("desk", (RosterLayer(GROUP),))})
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
async def test_a_person_who_stays_on_call_is_informed_once(new_store: NewStore, paged: bool) -> None:
    """Overlapping events of a calendar; no one on the shift knows of what was acknowledged before its first page."""
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


async def test_an_undelivered_page_informed_no_one(new_store: NewStore) -> None:
    clock = VirtualClock()
    people = msgspec.structs.replace(PEOPLE, rotations={"desk": Rotation("desk", (RosterLayer(GROUP),))})
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


async def test_a_resolved_incident_is_not_handed_over(new_store: NewStore) -> None:
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


async def fire_many(tocsin: Harness, count: int, first_by: str = "ben") -> None:
    """Open incidents that are no storm together, acknowledged by ben, and the first one by another person."""
    for number in range(1, count + 1):
        await tocsin.fire(alertname="Down", namespace=f"n{number}", severity="P2")
        await tocsin.acknowledge(first_by if number == 1 else "ben", str(number))


async def test_several_incidents_are_handed_over_in_one_message_about_the_most_severe(new_store: NewStore) -> None:
    async with running(new_store) as tocsin:
        await fire_many(tocsin, 8, first_by="cas")
        await tocsin.set_severity("P1", "ben", "3")
        await tocsin.acknowledge("ben", "3")
        await tocsin.advance(minutes=70)
        [update] = tocsin.sent(Job.UPDATE)
        assert (update.number, update.target, update.step.partition(":")[0]) == (3, "ann", "shifts")
        assert update.because == (
            f"{BECAUSE}; 7 more incidents (#1, #2, #4, #5, #6, #7, #8) are open from the last shift: "
            "#1 n1: Down (P2, cas has it), #2 n2: Down (P2), "
            "#4 n4: Down (P2), #5 n5: Down (P2), #6 n6: Down (P2) and 2 more"
        )
        assert await emergency.wrong(tocsin) == []


async def test_the_timeline_of_each_incident_says_who_was_informed_of_its_hand_off(new_store: NewStore) -> None:
    async with running(new_store) as tocsin:
        await fire_many(tocsin, 2)
        await tocsin.advance(minutes=70)
        [informed_of] = [entry for entry in await tocsin.timeline("1") if entry.kind == "informed"]
        assert informed_of.data["targets"] == ["ann"]
        assert (
            informed_of.data["because"] == f"{BECAUSE}; 1 more incident is open from the last shift: #2 n2: Down (P2)"
        )
        [listed] = [entry for entry in await tocsin.timeline("2") if entry.kind == "handed_over"]
        assert phrase(listed) == f"informing ann in the message about #1 ({BECAUSE.removeprefix('you are ')})"


async def test_a_storm_of_three_hundred_incidents_is_one_message_to_the_next_shift(new_store: NewStore) -> None:
    async with running(new_store) as tocsin:
        await tocsin.advance(minutes=55)
        alerts = [{"alertname": "Down", "namespace": f"n{number}", "severity": "P2"} for number in range(300)]
        await tocsin.take(*(tocsin.alert(AlertStatus.FIRING, labels) for labels in alerts))
        await tocsin.advance(minutes=1)
        [storm] = [one for one in await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter())) if one.storm]
        await tocsin.acknowledge("ben", str(storm.number))
        await tocsin.advance(minutes=9)
        [update] = tocsin.sent(Job.UPDATE)
        assert (update.number, update.target) == (storm.number, "ann")
        assert update.because.startswith(f"{BECAUSE}; 300 more incidents (#1 to #300) are open from the last shift: ")
        incidents = await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter(limit=1000)))
        assert not any(incident.waits for incident in incidents)
        assert await emergency.wrong(tocsin) == []


async def test_a_hand_off_of_several_is_sent_although_the_first_of_them_is_resolved_before(new_store: NewStore) -> None:
    through = crew.channels()
    works, down = through[0].answer, Receipt(Outcome.RETRY, Reason.CONNECTION, "no answer")
    async with running(new_store, through=through) as tocsin:
        await fire_many(tocsin, 2)
        await tocsin.advance(minutes=59)
        through[0].answer = lambda _: down
        await tocsin.advance(minutes=2)
        await tocsin.close("ben", "1")
        through[0].answer = works
        await tocsin.advance(minutes=10)
        assert [who for _, who, _ in informed(tocsin)] == ["ann"]


async def test_a_damaged_incident_does_not_block_the_hand_off_of_the_others(new_store: NewStore) -> None:
    async with running(new_store) as tocsin:
        await fire_many(tocsin, 3)
        incident = await tocsin.incident("2")
        damaged = msgspec.structs.replace(incident, severity="GONE")
        await tocsin.store.write(lambda tx: tx.update_incidents([damaged]))
        await tocsin.advance(minutes=70)
        [update] = tocsin.sent(Job.UPDATE)
        assert (update.number, update.target) == (1, "ann")
        assert update.because.endswith("1 more incident is open from the last shift: #3 n3: Down (P2)")


async def told_of_two(new_store: NewStore, answer: Receipt) -> list[str]:
    """Return whom the channel was asked to inform: ann joins a user group, and then cas does."""
    clock = VirtualClock()
    people = msgspec.structs.replace(PEOPLE, rotations={"desk": Rotation("desk", (RosterLayer(GROUP),))})
    pager, *others = crew.channels()
    pager.answer = lambda content: answer if content.target == "ann" else Receipt(Outcome.SENT)
    async with crew.tocsin(people, PLAN, store=new_store(clock), clock=clock, through=(pager, *others)) as tocsin:
        await listing(tocsin, "ben")
        await fire_many(tocsin, 2)
        await tocsin.advance(minutes=10)
        await listing(tocsin, "ann", "ben")
        await tocsin.advance(minutes=10)
        await listing(tocsin, "ann", "ben", "cas")
        await tocsin.advance(minutes=10)
        assert await emergency.wrong(tocsin) == []
    return sorted(content.target for content in pager.tried if content.job is Job.UPDATE)


async def test_who_stays_on_call_is_not_informed_twice_of_what_a_message_has_listed(new_store: NewStore) -> None:
    assert await told_of_two(new_store, Receipt(Outcome.SENT)) == ["ann", "cas"]


async def test_who_stays_on_call_is_informed_again_where_that_message_did_not_arrive(new_store: NewStore) -> None:
    assert await told_of_two(new_store, Receipt(Outcome.PERMANENT)) == ["ann", "ann", "cas"]

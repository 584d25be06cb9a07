"""Too many incidents at once for one target: one page for all of them, and none is lost."""

import asyncio
from typing import Any

from scenario import emergency
from scenario.conftest import NewStore
from scenario.emergency import CTO, MANAGER, ON_CALL, VP, kinds
from scenario.maintenance import use, window
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.duration import MINUTE
from tocsin.core.incident.event import Actor, TakeOver
from tocsin.core.incident.incident import Incident, State, WaitReason
from tocsin.core.incident.outbox import Job
from tocsin.ports.store import IncidentFilter
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

FIRST_STORM = 12
"""The eleventh incident is one too many: the storm has the next number."""


def labels(number: int, severity: str = "SEV-2") -> dict[str, str]:
    """Each number is an incident of its own."""
    return {"alertname": "Down", "namespace": f"n{number}", "severity": severity}


async def burst(tocsin: Harness, count: int, *, first: int = 1, severity: str = "SEV-2") -> None:
    for number in range(first, first + count):
        await tocsin.fire(**labels(number, severity))


async def found(tocsin: Harness, **wanted: Any) -> list[Incident]:
    return await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter(limit=10_000, **wanted)))


async def storms(tocsin: Harness) -> list[Incident]:
    return [incident for incident in reversed(await found(tocsin)) if incident.storm is not None]


def paged(tocsin: Harness, since: int = 0) -> list[tuple[float, str, str]]:
    """(minutes, target, title) of each page but the first ``since``."""
    pages = tocsin.sent(Job.PAGE)[since:]
    return [((page.now - tocsin.clock.start) / MINUTE, page.target, page.title) for page in pages]


def named(count: int) -> str:
    return f"Storm for {ON_CALL}: {count} incidents"


async def test_ten_incidents_are_ten_pages_and_no_storm(tocsin: Harness) -> None:
    await burst(tocsin, 10)
    assert await storms(tocsin) == []
    assert [target for _, target, _ in paged(tocsin)] == [ON_CALL] * 10


async def test_one_too_many_is_paged_as_a_storm_and_all_that_follow_wait(tocsin: Harness) -> None:
    await burst(tocsin, 30)
    [storm] = await storms(tocsin)
    assert (storm.number, storm.title, storm.severity, storm.state) == (FIRST_STORM, named(30), "SEV-2", "triggered")
    assert paged(tocsin, 10) == [(0, ON_CALL, named(11))]
    members = await found(tocsin, storm=storm.number)
    assert len(members) == 30
    assert {wait.reason for member in members for wait in member.waits} == {WaitReason.STORM}
    assert {member.member_of for member in members} == {FIRST_STORM}
    assert tocsin.observer.counted("storms_total") == 1


async def test_ten_slow_ones_and_one_later_are_no_storm(tocsin: Harness) -> None:
    await burst(tocsin, 10)
    await tocsin.advance(minutes=5)
    await burst(tocsin, 1, first=11)
    assert await storms(tocsin) == []
    assert len(tocsin.sent(Job.PAGE)) == 11


async def test_its_page_shows_members_and_says_how_to_see_all(tocsin: Harness) -> None:
    await burst(tocsin, 14)
    page = tocsin.sent(Job.PAGE)[-1]
    assert page.members == 11
    assert [alert.labels["incident"] for alert in page.alerts[:2]] == ["#11 n11", "#10 n10"]
    assert page.alerts[0].labels["alertname"] == "Down (n11)"
    assert {alert.labels["state"] for alert in page.alerts} == {"triggered"}


async def test_the_top_severity_is_exempt(tocsin: Harness) -> None:
    await burst(tocsin, 20)
    before = len(tocsin.sent(Job.PAGE))
    await burst(tocsin, 12, first=100, severity="SEV-1")
    assert [title for _, _, title in paged(tocsin, before)] == [f"Down (n{number})" for number in range(100, 112)]
    assert len(await storms(tocsin)) == 1


async def test_a_member_that_rises_to_the_top_is_paged_at_once(tocsin: Harness) -> None:
    await burst(tocsin, 20)
    before = len(tocsin.sent(Job.PAGE))
    await tocsin.fire(**labels(20, "SEV-1"))
    assert paged(tocsin, before) == [(0, ON_CALL, "Down (n20)")]
    [member] = [each for each in await found(tocsin) if each.service == "n20"]
    assert (member.waits, member.member_of) == ((), None)


async def test_the_storm_climbs_its_own_ladder_and_its_members_climb_none(tocsin: Harness) -> None:
    await burst(tocsin, 20)
    await tocsin.advance(minutes=60)
    assert paged(tocsin, 11) == [
        (10, ON_CALL, named(20)),
        (30, MANAGER, named(20)),
        (60, ON_CALL, named(20)),
        (60, VP, named(20)),
        (60, CTO, named(20)),
    ]


async def test_it_follows_its_highest_member(tocsin: Harness) -> None:
    await burst(tocsin, 11, severity="SEV-3")
    [storm] = await storms(tocsin)
    assert storm.severity == "SEV-3"
    assert tocsin.sent(Job.PAGE) == []
    assert [update.title for update in tocsin.sent(Job.UPDATE)[-1:]] == [named(11)]
    await burst(tocsin, 1, first=12)
    [storm] = await storms(tocsin)
    assert storm.severity == "SEV-2"
    assert paged(tocsin) == [(0, ON_CALL, named(12))]


async def test_acknowledging_it_acknowledges_the_members_it_had_then(tocsin: Harness) -> None:
    await burst(tocsin, 20)
    await tocsin.advance(minutes=1)
    await tocsin.acknowledge("alice", str(FIRST_STORM))
    members = await found(tocsin, storm=FIRST_STORM)
    assert {(member.state, member.acknowledged_by) for member in members} == {(State.ACKNOWLEDGED, "alice")}
    await burst(tocsin, 3, first=21)
    states = {member.service: member.state for member in await found(tocsin, storm=FIRST_STORM)}
    assert [states[f"n{number}"] for number in (20, 21, 22, 23)] == ["acknowledged", *["triggered"] * 3]


async def test_a_takeover_of_a_storm_acknowledges_its_new_members(tocsin: Harness) -> None:
    await burst(tocsin, 20)
    await tocsin.advance(minutes=1)
    await tocsin.acknowledge("alice", str(FIRST_STORM))
    await burst(tocsin, 3, first=21)
    await tocsin.say(TakeOver(by=Actor("bob", "api")), str(FIRST_STORM))
    members = {member.service: member for member in await found(tocsin, storm=FIRST_STORM)}
    assert {members[f"n{number}"].acknowledged_by for number in (21, 22, 23)} == {"bob"}


async def test_hundreds_of_members_are_acknowledged_some_at_a_time(tocsin: Harness) -> None:
    await tocsin.take(*(tocsin.alert(AlertStatus.FIRING, labels(number)) for number in range(450)))
    [storm] = await storms(tocsin)
    await tocsin.advance(seconds=1)
    await tocsin.acknowledge("alice", str(storm.number))
    members = await found(tocsin, storm=storm.number)
    assert len(members) == 450
    assert {member.state for member in members} == {State.ACKNOWLEDGED}


async def test_new_members_after_the_acknowledgment_are_paged_at_most_every_ten_minutes(
    tocsin: Harness,
) -> None:
    await burst(tocsin, 20)
    await tocsin.advance(minutes=1)
    await tocsin.acknowledge("alice", str(FIRST_STORM))
    before = len(tocsin.sent(Job.PAGE))
    for number in range(100, 108):
        await tocsin.advance(minutes=0.4)
        await tocsin.fire(**labels(number))
    await tocsin.advance(minutes=5)
    assert paged(tocsin, before) == []
    await tocsin.advance(minutes=1)
    assert paged(tocsin, before) == [(10, "alice", named(28)), (10, ON_CALL, named(28))]
    assert tocsin.sent(Job.PAGE)[-1].because == "28 incidents by now, 17 more than you were told of"
    assert (await tocsin.incident(str(FIRST_STORM))).state is State.TRIGGERED


async def test_it_ends_when_no_more_come_and_few_are_left_which_then_go_on(tocsin: Harness) -> None:
    await burst(tocsin, 16)
    for number in range(1, 14):
        await tocsin.resolve(**labels(number))
    await tocsin.advance(minutes=4)
    assert (await tocsin.incident(str(FIRST_STORM))).resolve_at is None
    before = len(tocsin.sent(Job.PAGE))
    await tocsin.advance(minutes=1)
    assert sorted(paged(tocsin, before)) == [(5, ON_CALL, f"Down (n{number})") for number in (14, 15, 16)]
    assert {page.because for page in tocsin.sent(Job.PAGE)[before:]} == {
        f"new incident; it waited: one of many in storm #{FIRST_STORM}"
    }
    await tocsin.advance(minutes=3)
    storm = await tocsin.incident(str(FIRST_STORM))
    assert storm.state is State.RESOLVED
    assert (await kinds(tocsin, str(FIRST_STORM))).count("storm_over") == 1
    assert len(await storms(tocsin)) == 1


async def test_what_comes_singly_while_a_storm_is_left_is_paged_on_its_own(tocsin: Harness) -> None:
    await burst(tocsin, 20)
    await tocsin.advance(minutes=20)
    before = len(tocsin.sent(Job.PAGE))
    await burst(tocsin, 10, first=100)
    assert [title for _, _, title in paged(tocsin, before)] == [f"Down (n{number})" for number in range(100, 110)]
    await burst(tocsin, 1, first=110)
    assert paged(tocsin, before + 10) == [(20, ON_CALL, named(31))], "again too many: they join the storm that is left"
    assert len(await found(tocsin, storm=FIRST_STORM, waiting=True)) == 31
    assert len(await storms(tocsin)) == 1


async def test_steps_until_resolved_of_acknowledged_members_wait_for_the_storm(
    tocsin: Harness,
) -> None:
    await burst(tocsin, 20)
    await tocsin.advance(minutes=1)
    await tocsin.acknowledge("alice", str(FIRST_STORM))
    await tocsin.advance(minutes=40)
    assert [target for _, target, title in paged(tocsin, 11) if title != named(20)] == []
    for number in range(1, 13):
        await tocsin.resolve(**labels(number))
    before = len(tocsin.sent(Job.PAGE))
    await tocsin.advance(minutes=3)
    assert {(target, title) for _, target, title in paged(tocsin, before)} == {
        (MANAGER, f"Down (n{number})") for number in range(13, 21)
    }


async def test_acknowledged_members_that_have_no_step_left_keep_no_storm_alive(tocsin: Harness) -> None:
    await burst(tocsin, 20, severity="SEV-3")
    await tocsin.advance(minutes=1)
    await tocsin.acknowledge("alice", str(FIRST_STORM))
    await tocsin.advance(minutes=8)
    assert (await tocsin.incident(str(FIRST_STORM))).state is State.RESOLVED
    assert {member.state for member in await found(tocsin, storm=FIRST_STORM)} == {State.ACKNOWLEDGED}


async def test_a_severity_that_a_person_has_pinned_changes_nothing_of_its_end(tocsin: Harness) -> None:
    await burst(tocsin, 20)
    await tocsin.set_severity("SEV-3", incident=str(FIRST_STORM))
    for number in range(1, 21):
        await tocsin.resolve(**labels(number))
    await tocsin.advance(minutes=10)
    assert (await tocsin.incident(str(FIRST_STORM))).state is State.RESOLVED


async def test_an_unacknowledged_storm_continues_without_a_second_one(tocsin: Harness) -> None:
    await burst(tocsin, 40)
    await tocsin.advance(hours=3)
    [storm] = await storms(tocsin)
    assert storm.state is State.TRIGGERED
    titles = [title for _, _, title in paged(tocsin, 10)]
    assert set(titles) == {named(11), named(40)}


async def test_a_storm_whose_members_have_all_resolved_is_over(tocsin: Harness) -> None:
    await burst(tocsin, 20)
    for number in range(1, 21):
        await tocsin.resolve(**labels(number))
    await tocsin.advance(minutes=10)
    assert {incident.state for incident in await found(tocsin)} == {State.RESOLVED}
    resolves = tocsin.sent(Job.RESOLVE)
    assert len(resolves) == 11, "the first ten, and the storm: whoever was paged is told"
    await tocsin.advance(hours=1)
    assert len(tocsin.sent(Job.PAGE)) == 11


async def test_closing_it_acknowledges_its_members(tocsin: Harness) -> None:
    await burst(tocsin, 20)
    await tocsin.advance(minutes=1)
    before = len(tocsin.sent(Job.PAGE))
    await tocsin.close("alice", str(FIRST_STORM))
    assert {member.state for member in await found(tocsin, storm=FIRST_STORM)} == {State.ACKNOWLEDGED}
    await tocsin.advance(minutes=50)
    assert paged(tocsin, before) == []


async def test_after_a_manually_resolved_storm_ten_more_incidents_are_paged_individually(tocsin: Harness) -> None:
    await burst(tocsin, 20)
    await tocsin.advance(minutes=1)
    await tocsin.close("alice", str(FIRST_STORM))
    before = len(tocsin.sent(Job.PAGE))
    await burst(tocsin, 11, first=100)
    assert [title for _, _, title in paged(tocsin, before)] == [
        *(f"Down (n{number})" for number in range(100, 110)),
        named(11),
    ]


async def test_who_has_no_page_of_their_own_has_no_message_of_their_own(tocsin: Harness) -> None:
    await burst(tocsin, 20)
    await tocsin.advance(minutes=1)
    await tocsin.acknowledge("alice", str(FIRST_STORM))
    for number in range(1, 21):
        await tocsin.resolve(**labels(number))
    await tocsin.advance(minutes=10)
    shown = {content.number for content in tocsin.sent(Job.ANNOUNCE)}
    assert shown == {*range(1, 11), FIRST_STORM}


async def test_two_webhooks_that_race_at_the_threshold_make_one_storm(tocsin: Harness) -> None:
    await burst(tocsin, 9)
    alerts = [tocsin.alert(AlertStatus.FIRING, labels(number)) for number in range(10, 30)]
    await asyncio.gather(*(tocsin.ingest.take([alert]) for alert in alerts))
    await tocsin.settle()
    [storm] = await storms(tocsin)
    assert storm.title == named(29)
    assert len([title for _, _, title in paged(tocsin) if title.startswith("Down")]) == 10


async def test_a_restart_in_the_middle_changes_nothing(new_store: NewStore) -> None:
    clock = VirtualClock()
    store = new_store(clock)
    async with emergency.tocsin(store=store, clock=clock) as before:
        await burst(before, 20)
    async with emergency.tocsin(store=store, clock=clock, first_id=1000) as after:
        await burst(after, 5, first=21)
        [storm] = await storms(after)
        assert storm.title == named(25)
        assert after.sent(Job.PAGE) == []
        await after.advance(minutes=1)
        await after.acknowledge("alice", str(storm.number))
        assert {member.state for member in await found(after, storm=storm.number)} == {State.ACKNOWLEDGED}
        assert await emergency.wrong(after) == []


async def test_the_end_of_a_maintenance_window_that_hid_many_is_one_page_too(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60, match='alertname="Down"'))
    await burst(tocsin, 30)
    assert (tocsin.sent(Job.PAGE), await storms(tocsin)) == ([], [])
    await tocsin.advance(minutes=60)
    [storm] = await storms(tocsin)
    assert storm.title == named(30)
    assert len(paged(tocsin)) == 11
    assert paged(tocsin)[-1] == (60, ON_CALL, named(30))

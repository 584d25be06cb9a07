"""Unreadable calendar events are counted and reported to tocsin's operators until they can be read."""

from dataclasses import replace

import pytest

from tocsin.core.incident.incident import State
from tocsin.core.incident.outbox import Job
from tocsin.core.oncall.calendar import Calendar
from tocsin.core.oncall.people import People
from tocsin.core.oncall.rotation import Override, Rotation
from tocsin.engine.workers.housekeeper import FAULTS_REPORTED
from tocsin.testing.harness import Harness, self_playbook

ALEX = "desk.ics:10: the event 'alex' cannot be read: it has no DTSTART"
TAYLOR = "desk.ics:20: the event 'taylor' cannot be read: it has no DTSTART"
CUT_OFF = "night.ics:1: the calendar has no end"
MAY_BE_MISSING = "has events that cannot be read, so a shift may be missing"
NO_ONE = "No one is on call for desk, and its calendar cannot be read in full"


def desk(*faults: str) -> Calendar:
    return Calendar((), faults, "desk.ics")


def night(*faults: str) -> Calendar:
    return Calendar((), faults, "night.ics")


def people(*calendars: Calendar, covered: bool = True) -> People:
    """One rotation of these calendars, beside which someone is on call if it is ``covered``."""
    always = Override(rotation="desk", person="alice", starts_at=0, ends_at=2**60)
    rotation = Rotation("desk", calendars, overrides=(always,) if covered else ())
    return People(persons={}, groups={}, places={}, spares={}, rotations={"desk": rotation})


async def look(tocsin: Harness, *, minutes: int = 1) -> None:
    """Let the housekeeper look once a minute."""
    for _ in range(minutes):
        await tocsin.advance(minutes=1)
        await tocsin.housekeeper.run_once()
        await tocsin.settle()


async def reload(tocsin: Harness, *calendars: Calendar, covered: bool = True, minutes: int = 1) -> None:
    tocsin.live.policy = replace(tocsin.live.policy, people=people(*calendars, covered=covered))
    await look(tocsin, minutes=minutes)


def pages(tocsin: Harness) -> list[str]:
    return [content.title for content in tocsin.sent(Job.PAGE)]


@pytest.mark.parametrize("faults", [(), (ALEX,)])
async def test_a_fault_is_counted_and_pages_once(faults: tuple[str, ...]) -> None:
    async with Harness(self_playbook(), people(desk(*faults))) as tocsin:
        await look(tocsin, minutes=3)
        assert tocsin.observer.gauges["oncall_calendar_faults", (("rotation", "desk"),)] == len(faults)
        assert pages(tocsin) == [f"The on-call calendar of desk/desk.ics {MAY_BE_MISSING}"] * len(faults)


async def test_it_is_over_as_soon_as_the_calendar_is_good_again() -> None:
    async with Harness(self_playbook(), people(desk(ALEX))) as tocsin:
        await look(tocsin)
        await reload(tocsin, desk())
        assert (await tocsin.incident()).alerts_firing == 0
        await look(tocsin, minutes=3)
        assert (await tocsin.incident()).state is State.RESOLVED


async def test_a_fault_that_goes_leaves_the_others_standing_and_the_text_says_which() -> None:
    async with Harness(self_playbook(), people(desk(ALEX, TAYLOR))) as tocsin:
        await look(tocsin)
        await reload(tocsin, desk(TAYLOR), minutes=5)
        incident = await tocsin.incident()
        assert (incident.state, incident.alerts_firing) == (State.TRIGGERED, 1)
        episodes = await tocsin.store.read(lambda tx: tx.episodes_of(incident.id))
        assert [one.annotations["description"] for one in episodes if one.ends_at is None] == [TAYLOR]


async def test_another_calendar_of_the_rotation_pages_by_itself_and_ends_by_itself() -> None:
    async with Harness(self_playbook(), people(desk(ALEX), night())) as tocsin:
        await look(tocsin)
        await tocsin.acknowledge("alice")
        await reload(tocsin, desk(ALEX), night(CUT_OFF))
        assert pages(tocsin)[1:] == [f"The on-call calendar of desk/night.ics {MAY_BE_MISSING}"]
        await reload(tocsin, desk(), night(CUT_OFF), minutes=5)
        assert [(await tocsin.incident(ref)).state for ref in "12"] == [State.RESOLVED, State.TRIGGERED]


async def test_a_rotation_that_is_left_without_anyone_pages_although_its_fault_is_acknowledged() -> None:
    async with Harness(self_playbook(), people(desk(ALEX))) as tocsin:
        await look(tocsin)
        await tocsin.acknowledge("alice")
        await reload(tocsin, desk(ALEX), covered=False)
        (page,) = tocsin.sent(Job.PAGE)[1:]
        assert page.title == NO_ONE
        (line,) = page.alerts
        assert line.annotations["description"] == (
            "No one is on call for desk, and no shift comes; "
            "it has no backup: pages go to the playbook's announce targets, else to the console"
        )
        await reload(tocsin, desk(ALEX), covered=True, minutes=5)
        assert [(await tocsin.incident(ref)).state for ref in "12"] == [State.ACKNOWLEDGED, State.RESOLVED]


async def test_a_rotation_without_anyone_whose_calendars_are_good_is_no_trouble() -> None:
    async with Harness(self_playbook(), people(desk(), covered=False)) as tocsin:
        await look(tocsin, minutes=2)
        assert pages(tocsin) == []


async def test_of_many_faults_the_first_are_listed_with_the_number_of_the_rest() -> None:
    many = [f"desk.ics:{line}: the event cannot be read" for line in range(FAULTS_REPORTED + 5)]
    async with Harness(self_playbook(), people(desk(*many))) as tocsin:
        await look(tocsin, minutes=5)
        incident = await tocsin.incident()
        assert (incident.alerts_firing, incident.alerts_total) == (FAULTS_REPORTED + 1, FAULTS_REPORTED + 1)
        episodes = await tocsin.store.read(lambda tx: tx.episodes_of(incident.id))
        assert "And 5 more: run tocsin check" in [one.annotations["description"] for one in episodes]
        await reload(tocsin, desk(), minutes=4)
        assert (await tocsin.incident()).state is State.RESOLVED

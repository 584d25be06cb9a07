"""Events of a calendar that cannot be read are counted, and tocsin's own people hear that a shift may be missing."""

import pytest

from tocsin.core.calendar import Calendar
from tocsin.core.outbox import Job
from tocsin.core.people import People
from tocsin.core.rotation import Rotation
from tocsin.engine.housekeeper import told_of
from tocsin.testing.harness import Harness, self_playbook


def people(*faults: str) -> People:
    desk = Rotation("desk", (Calendar((), faults=faults),))
    return People(persons={}, groups={}, places={}, spares={}, rotations={"desk": desk})


@pytest.mark.parametrize("faults", [(), ("desk.ics:10: the event 'alex' cannot be read: it has no DTSTART",)])
async def test_a_fault_is_counted_and_told(faults: tuple[str, ...]) -> None:
    async with Harness(self_playbook(), people(*faults)) as tocsin:
        await tocsin.housekeeper.run_once()
        await tocsin.settle()
        assert tocsin.observer.gauges["oncall_calendar_faults", (("rotation", "desk"),)] == len(faults)
        pages = tocsin.sent(Job.PAGE)
        assert len(pages) == len(faults)
        for page in pages:
            assert page.title == "events of an on-call calendar cannot be read: a shift may be missing (desk)"
        await tocsin.advance(minutes=1)
        await tocsin.housekeeper.run_once()
        await tocsin.settle()
        assert len(tocsin.sent(Job.PAGE)) == len(faults)


def test_only_the_first_faults_are_told() -> None:
    assert told_of(["a", "b", "c", "d", "e"]) == "a; b; c; and 2 more: run tocsin check"
    assert told_of(["a"]) == "a"

"""Duties of many incidents: those that are not due cost nothing, and those due at once delay no page."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scenario import emergency
from scenario.emergency import ON_CALL
from scenario.owing import STATUS_PAGE, playbook
from scenario.test_a_long_incident_costs_no_more import counted
from tocsin.core.duration import DAY
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.duties import PlaybookDuty
from tocsin.store.sqlite.sqlite_store import SqliteStore
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

TIDY = PlaybookDuty(name="tidy", text="Tidy up", since="resolved", within=DAY, by="bob")
CAUSE = PlaybookDuty(name="cause", text="Find the cause", since="resolved", within=DAY, by="bob", fact="root_cause")


@pytest.fixture
async def tocsin(tmp_path: Path) -> AsyncIterator[Harness]:
    clock = VirtualClock()
    store = SqliteStore(tmp_path / "tocsin.db", clock)
    async with emergency.tocsin(playbook=playbook(TIDY, CAUSE, STATUS_PAGE), store=store, clock=clock) as harness:
        yield harness


async def resolved(tocsin: Harness, numbers: range) -> None:
    """Open one incident each at the severity that joins no storm, and resolve them at the same moment."""
    for number in numbers:
        await tocsin.fire(alertname="Down", severity="SEV-1", service=f"s{number}")
    for number in numbers:
        await tocsin.resolve(alertname="Down", severity="SEV-1", service=f"s{number}")
    await tocsin.advance(minutes=2)


async def cost_of_an_alert(tocsin: Harness, number: int) -> int:
    assert isinstance(tocsin.store, SqliteStore)
    with counted(tocsin.store) as steps:
        await tocsin.fire(alertname="Up", severity="SEV-1", service=f"other-{number}")
        await tocsin.advance(seconds=1)
    return steps[0]


async def test_duties_that_are_not_due_cost_no_alert_and_no_tick_anything(tocsin: Harness) -> None:
    await resolved(tocsin, range(10))
    await cost_of_an_alert(tocsin, 0)
    few = await cost_of_an_alert(tocsin, 1)
    await resolved(tocsin, range(10, 110))
    many = await cost_of_an_alert(tocsin, 2)
    assert many <= 1.2 * few, (few, many)


async def test_the_duties_of_many_incidents_that_are_due_at_once_delay_no_page(tocsin: Harness) -> None:
    await resolved(tocsin, range(60))
    await tocsin.advance(minutes=12 * 60 - 20)
    await tocsin.fire(alertname="Up", severity="SEV-1", service="other")
    begun = len(tocsin.sent())
    await tocsin.advance(minutes=30)
    late = tocsin.sent()[begun:]
    reminders = [content for content in late if content.step.startswith("reminder.duty-")]
    assert len(reminders) == 120
    pages = [content for content in late if content.job is Job.PAGE and content.target == ON_CALL]
    assert [content.late for content in pages] == [0]

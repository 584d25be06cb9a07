"""An incident that opens again and is held begins anew: what its earlier occurrence reached no longer counts."""

import msgspec

from scenario import emergency
from scenario.conftest import NewStore
from scenario.emergency import CTO, MANAGER, ON_CALL, VP, kinds, shipped
from scenario.maintenance import use, window
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.actions import PlaybookAction, Verb
from tocsin.ports.store import IncidentFilter
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingTracker

DOWN = {"alertname": "Down", "severity": "SEV-1"}
HELD = {**DOWN, "heal": "first"}


async def over(tocsin: Harness, **labels: str) -> None:
    """Let the alert end, and its incident after the hold-down."""
    await tocsin.resolve(**labels)
    await tocsin.advance(minutes=5)
    assert (await tocsin.incident()).state == "resolved"


async def test_an_incident_held_again_has_reached_and_fired_nothing(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=31)
    assert (await tocsin.incident()).reached == (1, 2, 3)
    await over(tocsin, **DOWN)
    await tocsin.fire(**HELD)
    incident = await tocsin.incident()
    assert (incident.state, incident.occurrence, incident.reached, incident.fired) == ("pending", 2, (), ())


async def test_an_incident_held_again_and_released_pages_from_tier_1(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=31)
    await over(tocsin, **DOWN)
    before, begun = len(tocsin.pages()), tocsin.clock.now()
    await tocsin.fire(**HELD)
    await tocsin.advance(minutes=33)
    since = (begun - tocsin.clock.start) / 60_000_000
    pages = [(at - since, target) for at, target in tocsin.pages()[before:]]
    assert pages == [(2, ON_CALL), (17, ON_CALL), (32, MANAGER), (32, VP), (32, CTO)]


async def test_an_incident_held_again_that_then_waits_for_a_window_pages_from_tier_1_after_it(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN, service="shop")
    await over(tocsin, **DOWN, service="shop")
    before = len(tocsin.pages())
    use(tocsin, window(tocsin, 5, 60))
    await tocsin.fire(**HELD, service="shop")
    await tocsin.advance(minutes=10)
    assert [wait.reason for wait in (await tocsin.incident()).waits] == ["window"]
    await tocsin.advance(minutes=46)
    assert tocsin.pages()[before:] == [(60, ON_CALL)]


async def test_incidents_held_again_and_released_together_are_one_storm(tocsin: Harness) -> None:
    several = [{"alertname": "Down", "namespace": f"n{number}", "severity": "SEV-2"} for number in range(20)]
    for one in several:
        await tocsin.fire(**one)
        await tocsin.advance(minutes=2)
    for one in several:
        await tocsin.resolve(**one)
    await tocsin.advance(minutes=6)
    before = len(tocsin.pages())
    await tocsin.take(*(tocsin.alert(AlertStatus.FIRING, {**one, "heal": "first"}) for one in several))
    await tocsin.advance(minutes=2, seconds=5)
    assert len(tocsin.pages()) - before == 11, "ten incidents, and the storm in place of the others"
    members = await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter(limit=100)))
    assert sum(incident.member_of is not None for incident in members) == 20


async def test_a_ticket_stays_closed_while_its_incident_is_held_again(new_store: NewStore) -> None:
    jira, clock = RecordingTracker("jira"), VirtualClock()
    action = PlaybookAction(at=("opened", "resolved"), verb=Verb.TRACKER, what="jira")
    playbook = msgspec.structs.replace(shipped(), actions=(action,))
    async with emergency.tocsin(store=new_store(clock), clock=clock, playbook=playbook, trackers=(jira,)) as tocsin:
        await tocsin.fire(**DOWN)
        await tocsin.advance(minutes=1)
        await over(tocsin, **DOWN)
        assert [content.job for content in jira.sent] == [Job.TICKET_OPEN, Job.TICKET_CLOSE]
        await tocsin.fire(**HELD)
        await tocsin.advance(minutes=1)
        await tocsin.resolve(**HELD)
        await tocsin.advance(minutes=1)
        assert (await kinds(tocsin))[-1] == "resolved"
        assert [content.job for content in jira.sent[2:]] == [], "it healed, and no one was notified"
        await tocsin.fire(**HELD)
        await tocsin.advance(minutes=3)
        assert [content.job for content in jira.sent[2:]] == [Job.TICKET_UPDATE]
        assert await emergency.wrong(tocsin) == []

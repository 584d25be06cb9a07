"""Resolved by a person while firing: repeats do not reopen it; after an hour, what still fires does."""

import pytest
from msgspec import structs

from scenario.emergency import CTO, MANAGER, ON_CALL, VP, kinds
from tocsin.core.alerts.alert import AlertStatus, fingerprint
from tocsin.core.errors import IllegalTransition
from tocsin.core.incident.outbox import Job
from tocsin.testing.harness import Harness

DOWN = {"alertname": "Down", "severity": "SEV-1"}


async def test_repeats_of_the_same_alerts_do_not_reopen_it(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.close("alice")
    for _ in range(5):
        await tocsin.advance(minutes=10)
        await tocsin.fire(**DOWN, starts_at=tocsin.clock.start)
    incident = await tocsin.incident()
    assert (incident.state, incident.resolved_by, incident.occurrence) == ("resolved", "alice", 1)
    assert tocsin.pages() == [(0, ON_CALL)]
    assert tocsin.pages(Job.RESOLVE) == [(0, ON_CALL)]


async def test_still_firing_after_an_hour_is_the_next_occurrence_and_the_resolver_is_notified(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=5)
    await tocsin.close("alice")
    await tocsin.advance(minutes=59)
    assert (await tocsin.incident()).state == "resolved"
    await tocsin.advance(minutes=1)
    incident = await tocsin.incident()
    assert (incident.state, incident.occurrence, incident.alerts_firing) == ("triggered", 2, 1)
    assert tocsin.pages() == [(0, ON_CALL), (65, ON_CALL)]
    assert tocsin.pages(Job.UPDATE) == [(65, "alice")]
    assert tocsin.sent(Job.UPDATE)[0].because == "you resolved it, and 1 of its alerts still fires"


async def test_what_ends_within_the_hour_stays_closed(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.close("alice")
    await tocsin.advance(minutes=30)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(hours=5)
    incident = await tocsin.incident()
    assert (incident.state, incident.occurrence, incident.grace_until) == ("resolved", 1, None)
    assert tocsin.pages(Job.UPDATE) == []


async def test_a_new_alert_reopens_it_at_once(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN, instance="a")
    await tocsin.close("alice")
    await tocsin.advance(minutes=30)
    await tocsin.fire(**DOWN, instance="b")
    incident = await tocsin.incident()
    assert (incident.state, incident.occurrence, incident.alerts_firing) == ("triggered", 2, 2)
    assert tocsin.pages() == [(0, ON_CALL), (30, ON_CALL)]


async def test_an_alert_that_becomes_worse_reopens_it_at_once(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-3")
    await tocsin.close("alice")
    await tocsin.advance(minutes=10)
    known = fingerprint({"alertname": "Down", "severity": "SEV-3"})
    await tocsin.take(structs.replace(tocsin.alert(AlertStatus.FIRING, DOWN), fingerprint=known))
    incident = await tocsin.incident()
    assert (incident.state, incident.severity, incident.occurrence, incident.alerts_firing) == (
        *("triggered", "SEV-1", 2, 1),
    )
    assert tocsin.pages() == [(10, ON_CALL)]
    assert tocsin.sent(Job.UPDATE)[-1].because == "you resolved it, and one of its alerts has become SEV-1"


async def test_an_alert_that_becomes_less_bad_does_not_reopen_it(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.close("alice")
    known = fingerprint(DOWN)
    better = tocsin.alert(AlertStatus.FIRING, {"alertname": "Down", "severity": "SEV-2"})
    await tocsin.take(structs.replace(better, fingerprint=known))
    assert (await tocsin.incident()).state == "resolved"


async def test_flags_hold_over_the_hour(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.flag("data_breach")
    await tocsin.close("alice")
    await tocsin.advance(minutes=60)
    assert sorted(name for at, name in tocsin.pages() if at == 60) == sorted([ON_CALL, "ceo", "legal", "security"])


async def test_resolving_twice_changes_nothing(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.close("alice")
    before = await tocsin.incident()
    again = await tocsin.close("alice")
    assert (again.changed, again.note) == (False, "it had been resolved before")
    assert await tocsin.incident() == before


async def test_resolving_an_earlier_occurrence_does_not_close_this_one(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=3)
    await tocsin.fire(**DOWN)
    await tocsin.close("alice", occurrence=1)
    assert (await tocsin.incident()).state == "triggered"
    assert (await kinds(tocsin)).count("late_resolve") == 1


async def test_a_manual_escalation_pages_the_next_tier_now_and_not_again_later(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=5)
    await tocsin.escalate("alice")
    await tocsin.advance(minutes=1)
    await tocsin.escalate("alice")
    await tocsin.advance(minutes=29)
    assert tocsin.pages() == [
        (0, ON_CALL),
        (5, MANAGER),
        (6, VP),
        (6, CTO),
        (15, ON_CALL),
        (30, VP),
        (30, CTO),
        (30, ON_CALL),
    ]
    assert tocsin.sent(Job.PAGE)[1].because.startswith("alice asks for your help (you are paged as ")


async def test_a_manual_escalation_at_the_top_pages_the_last_tier_and_tier_1_again(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    for _ in range(3):
        await tocsin.escalate("alice")
    assert [name for _, name in tocsin.pages()] == [ON_CALL, MANAGER, VP, CTO, "ceo", "legal"]
    await tocsin.advance(minutes=1)
    await tocsin.escalate("alice")
    assert tocsin.pages()[6:] == [(1, "ceo"), (1, "legal"), (1, ON_CALL)]
    assert {content.late for content in tocsin.sent(Job.PAGE)} == {0}


async def test_escalated_although_acknowledged_it_pages_all_the_same(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.acknowledge("alice")
    for _ in range(4):
        await tocsin.advance(minutes=1)
        await tocsin.escalate("alice")
    assert tocsin.pages() == [
        (0, ON_CALL),
        (1, MANAGER),
        (2, VP),
        (2, CTO),
        (3, "ceo"),
        (3, "legal"),
        (4, "ceo"),
        (4, "legal"),
        (4, ON_CALL),
    ]
    assert (await tocsin.incident()).state == "acknowledged"
    assert (await tocsin.incident()).fallback_at is None


async def test_escalating_what_is_resolved_is_refused_and_changes_nothing(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.close("alice")
    before = await tocsin.incident()
    with pytest.raises(IllegalTransition, match="incident 1 is resolved: cannot escalate"):
        await tocsin.escalate("alice")
    assert await tocsin.incident() == before

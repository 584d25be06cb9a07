"""Fail open: unrouted alerts use the playbook's unrouted level, marked and counted."""

from scenario.emergency import MANAGER, ON_CALL
from tocsin.channels import timeline, wording
from tocsin.core.incident.outbox import Job
from tocsin.testing.harness import Harness


async def test_an_alert_without_a_severity_pages_at_the_unrouted_level(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Odd")
    await tocsin.advance(minutes=30)
    incident = await tocsin.incident()
    assert (incident.severity, incident.unrouted) == ("SEV-2", True)
    assert tocsin.pages() == [(0, ON_CALL), (30, MANAGER)]
    assert tocsin.sent(Job.PAGE)[0].unrouted
    assert tocsin.observer.counted("alerts_unrouted_total") == 1


async def test_a_severity_that_the_playbook_does_not_have_pages_at_the_unrouted_level(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Odd", severity="purple")
    assert tocsin.pages() == [(0, ON_CALL)]


async def test_the_page_and_the_timeline_say_which_label_no_rule_knows(tocsin: Harness) -> None:
    why = "severity=purple is not known to the rules; treated as SEV-2"
    await tocsin.fire(alertname="Odd", severity="purple")
    assert wording.remarks(tocsin.sent(Job.PAGE)[0]) == [f"The rules could not classify this alert: {why}."]
    opened = (await tocsin.timeline())[0]
    assert timeline.phrase(opened) == f"opened at SEV-2 ({why})"


async def test_it_reopens_like_any_other(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Odd")
    await tocsin.resolve(alertname="Odd")
    await tocsin.advance(minutes=5)
    await tocsin.fire(alertname="Odd")
    incident = await tocsin.incident()
    assert (incident.occurrence, incident.severity, incident.unrouted) == (2, "SEV-2", True)

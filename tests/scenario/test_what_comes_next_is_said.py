"""Each message about an open incident announces the next step, or what prevents it; then that step happens."""

import pytest

from scenario.emergency import CTO, MANAGER, ON_CALL, VP
from tocsin.channels import next_pages, outcomes
from tocsin.core.content.page import Content
from tocsin.core.incident.next_step import next_step
from tocsin.core.incident.outbox import Job
from tocsin.testing.harness import Harness

DOWN = {"alertname": "Down", "severity": "SEV-2"}


def last(tocsin: Harness, job: Job) -> Content:
    return tocsin.sent(job)[-1]


async def test_a_step_until_resolved_is_announced_and_fires_despite_an_acknowledgment(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    said = next_pages.following(last(tocsin, Job.PAGE))
    assert "will be paged" in said
    await tocsin.acknowledge("alice")
    taken = last(tocsin, Job.ACKNOWLEDGE)
    assert next_pages.unless_resolved(taken) == said.replace(", even if it is acknowledged", "")
    assert said.replace(", even if it is acknowledged", "") in outcomes.taken(taken)
    assert next_pages.unless_resolved(last(tocsin, Job.ANNOUNCE)) == said.replace(", even if it is acknowledged", "")
    step = next_step(await tocsin.incident())
    assert step is not None
    assert (step.tier, step.until) == (2, "resolved")
    await tocsin.advance(minutes=30)
    assert tocsin.pages() == [(0, ON_CALL), (30, MANAGER)]


async def test_a_step_until_acknowledged_is_announced_and_an_acknowledgment_prevents_it(
    tocsin: Harness,
) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    said = next_pages.following(last(tocsin, Job.PAGE))
    assert said.startswith("If no one acknowledges it by ")
    await tocsin.acknowledge("alice")
    assert "If no one" not in outcomes.taken(last(tocsin, Job.ACKNOWLEDGE))
    await tocsin.advance(minutes=20)
    assert tocsin.pages() == [(0, ON_CALL)]


async def test_simultaneous_steps_with_different_end_conditions_are_distinguished(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=30)
    first, second = next_pages.following(last(tocsin, Job.PAGE)).split(". ")
    assert first.startswith("If no one acknowledges it by ")
    assert first.endswith("will be paged again")
    assert second.startswith("If it is not resolved by then, ")
    assert second.endswith("will be paged.")
    await tocsin.advance(minutes=30)
    assert {target for at, target in tocsin.pages() if at == 60} == {ON_CALL, VP, CTO}


async def test_a_later_page_names_who_was_paged_before(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    assert last(tocsin, Job.PAGE).paged_before == ()
    await tocsin.advance(minutes=60)
    pages = {page.target: [each.who for each in page.paged_before] for page in tocsin.sent(Job.PAGE)}
    assert pages == {ON_CALL: [MANAGER], MANAGER: [ON_CALL], VP: [ON_CALL, MANAGER], CTO: [ON_CALL, MANAGER]}


@pytest.mark.parametrize("state", ["snoozed", "resolved"])
async def test_nothing_is_announced_that_does_not_come(tocsin: Harness, state: str) -> None:
    await tocsin.fire(**DOWN)
    await (tocsin.snooze(120) if state == "snoozed" else tocsin.close())
    assert next_pages.unless_resolved(last(tocsin, Job.ANNOUNCE)) == ""

"""The message about a review has the figures of the months before it, beside those of the months before them."""

from datetime import UTC, datetime

import msgspec
import pytest

from scenario import emergency
from tocsin.core.incident.event import Actor, SetFacts
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.reminder import Reminder
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

DOWN = {"alertname": "Down", "severity": "SEV-1", "service": "checkout"}


def review(name: str, months: int) -> Reminder:
    return Reminder(
        name=name,
        rrule="FREQ=MONTHLY;BYMONTHDAY=1",
        starts="2026-01-01T10:00:00",
        to=("engineering-manager",),
        text="Review all incidents.",
        report_months=months,
    )


def tocsin(*reminders: Reminder) -> Harness:
    playbook = msgspec.structs.replace(emergency.shipped(), reminders=reminders)
    return emergency.tocsin(playbook=playbook, clock=VirtualClock(datetime(2026, 3, 10, tzinfo=UTC)))


async def one_incident(harness: Harness) -> None:
    await harness.fire(**DOWN)
    await harness.advance(minutes=4)
    await harness.acknowledge("morgan")
    await harness.say(SetFacts(by=Actor("morgan", "api"), facts={"users_affected": "250"}))
    await harness.advance(minutes=26)
    await harness.resolve(**DOWN)
    await harness.advance(hours=1)


async def summaries(harness: Harness) -> list[str]:
    return [sent.summary for sent in harness.sent(Job.UPDATE) if sent.severity == "reminder"]


async def test_a_monthly_review_carries_the_month_before() -> None:
    async with tocsin(review("Monthly review", 1)) as harness:
        await one_incident(harness)
        await harness.advance(hours=24 * 23)
        [text] = await summaries(harness)
        assert text.startswith(
            "Review all incidents. March 2026 (UTC), in parentheses February 2026: 1 incident (0),"
            " MTTA 4 min (no data), MTTR 30 min (no data). 250 affected users. Action items:"
        )
        assert text.endswith("Full report: tocsin report --month 2026-03 --playbook emergency-response")


@pytest.mark.parametrize(
    ("months", "named", "days"),
    [(3, "January to March 2026 (UTC)", "--from 2026-01-01 --to 2026-03-31"),
     (12, "April 2025 to March 2026 (UTC)", "--from 2025-04-01 --to 2026-03-31")],
)  # fmt: skip
async def test_a_quarterly_and_an_annual_one_carry_theirs(months: int, named: str, days: str) -> None:
    async with tocsin(review("Audit", months)) as harness:
        await one_incident(harness)
        await harness.advance(hours=24 * 23)
        [text] = await summaries(harness)
        assert named in text
        assert f"tocsin report {days}" in text


async def test_a_quiet_month_says_so_and_a_task_without_a_report_has_none() -> None:
    async with tocsin(review("Monthly review", 1), review("Rollback test", 0)) as harness:
        await harness.advance(hours=24 * 23)
        told = sorted(await summaries(harness))
        assert told[0] == "Review all incidents."
        assert told[1].startswith("Review all incidents. No incidents in March 2026 (UTC). 0 in February 2026.")


def test_the_shipped_reviews_carry_theirs() -> None:
    from scenario.test_five_playbooks_at_once import shipped  # noqa: PLC0415 - loads the whole configuration

    months = {
        (name, reminder.name): reminder.report_months
        for name, plan in shipped().playbooks.items()
        for reminder in plan.reminders
        if reminder.report_months
    }
    assert months == {
        ("erlmcp", "Monthly review"): 1,
        ("erlmcp", "Quarterly audit"): 3,
        ("erlmcp", "Annual exercise"): 12,
        ("emergency-response", "Alert review"): 1,
        ("emergency-response", "Game day"): 3,
        ("mgmt-vibe", "Runbook review"): 12,
    }

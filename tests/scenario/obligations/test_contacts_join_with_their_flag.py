"""People who join because of a flag are paged with it, and the page says why."""

from collections.abc import Sequence

import pytest

from scenario.obligations.shipped import ALEX, persons, story, tocsin
from tocsin.core.incident.event import Declare
from tocsin.core.incident.outbox import Job

QUICK = "service-quick-reference"


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (["declaration", "flag"], "flagged customer_facing"),
        (["flag", "declaration"], "it was declared"),
        (["flag"], "no one has acknowledged it for 15 min"),
    ],
)
async def test_the_product_representative_of_ultimate_marketing_is_told_what_has_brought_them_in(
    order: Sequence[str], reason: str
) -> None:
    async with tocsin() as harness:
        await story(harness, "ultimate-marketing").fire("P1", automated_recovery="no")
        for what in order:
            await harness.advance(minutes=1)
            await (harness.flag("customer_facing") if what == "flag" else harness.say(Declare(by=ALEX)))
        await harness.advance(minutes=14)
        [page, *_] = [page for page in harness.sent(Job.PAGE) if page.target in persons("product")]
        assert page.because == reason


# Service quick reference: "Emergency contacts".


@pytest.mark.parametrize(("severity", "minutes"), [("P0", 5), ("P1", 15), ("P2", 60)])
async def test_the_contact_for_the_infrastructure_is_paged_at_once_and_the_backup_at_the_response_time(
    severity: str, minutes: int
) -> None:
    async with tocsin() as harness:
        quick = story(harness, QUICK)
        await quick.fire(severity, scenario="infrastructure")
        await harness.advance(minutes=minutes)
        assert {quick.first()[who] for who in persons("infrastructure")} == {0}
        assert {quick.first()[who] for who in persons("infrastructure-backup")} == {minutes}


async def test_an_issue_of_the_normal_process_that_is_flagged_pages_the_contact_for_the_infrastructure() -> None:
    async with tocsin() as harness:
        quick = story(harness, QUICK)
        await quick.fire("P3")
        assert quick.first() == {}
        await harness.advance(minutes=3)
        await harness.flag("infrastructure")
        assert quick.first() == dict.fromkeys(persons("infrastructure"), 3)

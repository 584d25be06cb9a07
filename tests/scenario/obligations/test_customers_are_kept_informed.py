"""Customers who were told of the beginning get the updates that the first message promises, once a person confirms."""

import pytest

from scenario.obligations.shipped import ALEX, expect_in_order, story, tocsin
from tocsin.core.incident.event import Declare, UpdatePosted

MARKETING = "ultimate-marketing"

# Ultimate Marketing: "Time of next update", and then the update.


@pytest.mark.parametrize(("severity", "is_written_to"), [("P1", True), ("P2", True), ("P3", False), ("P4", False)])
async def test_each_update_of_ultimate_marketing_is_prepared_for_customers(
    severity: str, *, is_written_to: bool
) -> None:
    what = "ultimate-marketing-customer"
    async with tocsin() as harness:
        marketing = story(harness, MARKETING)
        await marketing.fire(severity, automated_recovery="no")
        await marketing.facts(customer_impact="campaigns cannot be sent")
        await harness.say(Declare(by=ALEX))
        if is_written_to:
            first = await marketing.draft(what)
            assert "Next update: 2026-01-05" in first
            await marketing.confirm(what, first)
        for text in ("we have found the cause", "half of it works"):
            await harness.say(UpdatePosted(by=ALEX, text=text))
        assert (what in await marketing.drafts()) is is_written_to
        if is_written_to:
            await marketing.confirm(what, await marketing.draft(what))
            _, second = marketing.texts("customers")
            expect_in_order(second, ["half of it works", "campaigns cannot be sent", "Next update: 2026-01-05"])

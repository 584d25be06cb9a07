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


# Service quick reference: "Communications: external updates", and "prepare public communication".

QUICK = "service-quick-reference"


async def test_communications_of_the_quick_reference_gets_each_external_update_to_confirm() -> None:
    first, last = "service-quick-reference-customer", "service-quick-reference-customer-resolution"
    async with tocsin() as harness:
        quick = story(harness, QUICK)
        await quick.fire("P1")
        assert first not in await quick.drafts()
        await harness.acknowledge("alex")
        await quick.facts(customer_impact="orders fail")
        await quick.confirm(first, await quick.draft(first))
        await harness.say(UpdatePosted(by=ALEX, text="half of it works"))
        await quick.confirm(first, await quick.draft(first))
        await quick.resolve()
        await quick.confirm(last, await quick.draft(last))
        opened, updated, ended = quick.texts("customers")
        assert "Impact: orders fail" in opened
        expect_in_order(updated, ["half of it works", "Impact: orders fail"])
        expect_in_order(ended, ["is resolved", "Impact: orders fail", "Duration:"])


async def test_customers_of_the_quick_reference_who_were_told_nothing_hear_nothing_of_the_end() -> None:
    async with tocsin() as harness:
        quick = story(harness, QUICK)
        await quick.fire("P1")
        await quick.resolve()
        assert await quick.drafts() == {}


@pytest.mark.parametrize(("scenario", "is_prepared"), [("security-breach", True), ("service-down", False)])
async def test_a_security_incident_has_its_public_communication_prepared(scenario: str, *, is_prepared: bool) -> None:
    async with tocsin() as harness:
        quick = story(harness, QUICK)
        await quick.fire("P0", scenario=scenario)
        assert ("service-quick-reference-public" in await quick.drafts()) is is_prepared
        if is_prepared:
            assert "[to fill in: what happened" in await quick.draft("service-quick-reference-public")
        assert quick.texts("customers") == []


# MgmtVibe: "Provide regular updates during extended incidents".

VIBE = "mgmt-vibe"


@pytest.mark.parametrize(("severity", "minutes"), [("SEV-0", 30), ("SEV-1", 60)])
async def test_mgmt_vibe_asks_for_regular_updates_and_prepares_them_for_customers(severity: str, minutes: int) -> None:
    what = "mgmt-vibe-customer-update"
    async with tocsin() as harness:
        vibe = story(harness, VIBE)
        await vibe.fire(severity)
        await harness.acknowledge("alex")
        await harness.advance(minutes=minutes)
        assert [at for at, _, why in harness.reminders() if "a status update is due" in why] == [minutes]
        await harness.say(UpdatePosted(by=ALEX, text="half of it works"))
        await vibe.confirm(what, await vibe.draft(what))
        [sent] = vibe.texts("customers")
        expect_in_order(sent, ["half of it works", "Current status:", "Incident reference: INC-1"])


async def test_the_first_notice_of_mgmt_vibe_names_no_service_that_no_person_has_written() -> None:
    what = "mgmt-vibe-customer-notification"
    async with tocsin() as harness:
        vibe = story(harness, VIBE)
        await vibe.fire("SEV-0", service="pg-shard-7.internal", customer_impact="true")
        for draft in (what, "status"):
            text = await vibe.draft(draft)
            assert "pg-shard-7" not in text
            assert "[to fill in: describe impact" in text
        await vibe.facts(customer_impact="the login")
        assert "affecting the login." in await vibe.draft(what)


async def test_mgmt_vibe_can_tell_customers_of_the_end_before_the_root_cause_is_known() -> None:
    what = "mgmt-vibe-customer-resolution"
    async with tocsin() as harness:
        vibe = story(harness, VIBE)
        await vibe.fire("SEV-0")
        await vibe.resolve()
        prepared = await vibe.draft(what)
        assert "[to fill in" not in prepared
        expect_in_order(prepared, ["Root cause: under investigation", "Prevention measures: to follow"])

"""Obligations of the text of Ultimate Marketing, with the shipped configuration: durations, recipients and words."""

import pytest

from scenario.obligations.shipped import ALEX, Story, expect_in_order, persons, quotes, shipped, story, tier, tocsin
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.incident.event import Declare, ItemAdded, ItemDone, NoteAdded, RoleTaken, UpdatePosted
from tocsin.core.incident.outbox import Job
from tocsin.testing.harness import Harness

MARKETING = "ultimate-marketing"
PAGE = "status"
"""The tracker that is the status page, as drafts name it."""


def words(of: str) -> list[str]:
    return quotes(MARKETING, of)


async def fires(harness: Harness, severity: str, **labels: str) -> Story:
    """Fire an alert that automation cannot heal."""
    marketing = story(harness, MARKETING)
    await marketing.fire(severity, automated_recovery="no", **labels)
    return marketing


@pytest.mark.parametrize(
    ("severity", "respond", "resolve"), [("P1", 15, 4), ("P2", 30, 8), ("P3", 120, 24), ("P4", 480, 72)]
)
async def test_response_and_resolution_targets_are_held_against_the_incident(
    severity: str, respond: int, resolve: int
) -> None:
    async with tocsin() as harness:
        marketing = await fires(harness, severity)
        assert set(marketing.first()) == tier(MARKETING, 1)
        await harness.advance(minutes=respond - 1)
        assert harness.observer.counted("slo_breaches_total", target="respond") == 0
        await harness.advance(minutes=1)
        assert harness.observer.counted("slo_breaches_total", target="respond") == 1
        await harness.acknowledge("alex")
        await harness.advance(minutes=resolve * 60 - respond - 1)
        assert harness.observer.counted("slo_breaches_total", target="resolve") == 0
        await harness.advance(minutes=1)
        assert harness.observer.counted("slo_breaches_total", target="resolve") == 1
        assert {marketing.first().get(who) for who in persons("senior-engineering-lead")} == {resolve * 60}


@pytest.mark.parametrize(("severity", "minute"), [("P1", 15), ("P2", 30), ("P3", 120)])
async def test_the_next_tier_is_paged_at_the_response_time(severity: str, minute: int) -> None:
    async with tocsin() as harness:
        marketing = await fires(harness, severity)
        await harness.advance(minutes=minute)
        assert {marketing.first().get(who) for who in persons("service-owner")} == {minute}


async def test_incident_response_hears_of_it_at_once_and_gets_the_document_with_the_declaration() -> None:
    async with tocsin() as harness:
        marketing = await fires(harness, "P1")
        [notified] = marketing.texts("incident-response")
        expect_in_order(notified, ["P1", "Service: shop", "Detected:"])
        await harness.acknowledge("alex")
        await harness.say(NoteAdded(by=ALEX, text="nothing was deployed today"))
        await harness.say(Declare(by=ALEX))
        document = marketing.texts("incident-response")[-1]
        expect_in_order(
            document, ["Severity: P1", "Roles", *words("roles"), "Timeline", "acknowledged", "nothing was deployed"]
        )


@pytest.mark.parametrize("severity", ["P1", "P2"])
async def test_the_declaration_pages_the_response_team_and_names_the_war_room(severity: str) -> None:
    async with tocsin() as harness:
        marketing = await fires(harness, severity)
        await harness.advance(minutes=2)
        await harness.acknowledge("alex")
        await harness.say(Declare(by=ALEX))
        for target in ("service-owner", "sre-on-call", "senior-engineering-lead"):
            assert {marketing.first().get(who) for who in persons(target)} == {2}
        assert not persons("product") & set(marketing.first())
        assert "War room: https://zoom.us/" in marketing.texts("incident-response")[-1]
        assert {page.bridge[:16] for page in harness.sent(Job.PAGE)} == {"https://zoom.us/"}


@pytest.mark.parametrize("severity", ["P3", "P4"])
async def test_p3_and_p4_have_no_war_room(severity: str) -> None:
    async with tocsin() as harness:
        marketing = await fires(harness, severity)
        await harness.advance(minutes=2)
        await harness.acknowledge("alex")
        await harness.say(Declare(by=ALEX))
        assert marketing.texts("incident-response")
        assert not [text for text in marketing.texts("incident-response") if "zoom.us" in text]
        assert {content.bridge for content in harness.sent()} == {""}


@pytest.mark.parametrize("severity", ["P1", "P2"])
@pytest.mark.parametrize(("customer_facing", "minute"), [("true", 3), ("false", None)])
async def test_the_product_representative_is_paged_for_what_customers_see(
    severity: str, customer_facing: str, minute: int | None
) -> None:
    async with tocsin() as harness:
        marketing = await fires(harness, severity, customer_facing=customer_facing)
        await harness.acknowledge("alex")
        await harness.advance(minutes=3)
        await harness.say(Declare(by=ALEX))
        assert {marketing.first().get(who) for who in persons("product")} == {minute}


async def test_each_role_of_the_text_is_taken_by_a_person_and_kept() -> None:
    roles = shipped().playbooks[MARKETING].roles
    assert [role.name for role in roles] == words("roles")
    async with tocsin() as harness:
        await fires(harness, "P1")
        for role in roles:
            await harness.say(RoleTaken(by=ALEX, role=role.key, person="taylor"))
        assert [entry.kind for entry in await harness.timeline()].count("role") == len(roles)


async def test_service_status_hears_of_the_declaration() -> None:
    async with tocsin() as harness:
        marketing = await fires(harness, "P2")
        assert marketing.texts("service-status") == []
        await harness.say(Declare(by=ALEX))
        assert [text.startswith("**P2 incident") for text in marketing.texts("service-status")] == [True]
    announced = shipped().playbooks[MARKETING].announce
    assert announced == ("incident-response", "service-status"), "both have the incident's own message and its history"


@pytest.mark.parametrize(("severity", "is_prepared"), [("P1", True), ("P2", True), ("P3", False), ("P4", False)])
async def test_the_first_customer_communication_is_prepared_at_p1_and_p2(severity: str, *, is_prepared: bool) -> None:
    async with tocsin() as harness:
        marketing = await fires(harness, severity)
        await harness.say(Declare(by=ALEX))
        assert ("ultimate-marketing-customer" in await marketing.drafts()) is is_prepared
        assert marketing.texts("customers") == []


@pytest.mark.parametrize("severity", ["P1", "P2"])
async def test_the_first_customer_communication_reaches_customers_once_it_is_confirmed(severity: str) -> None:
    async with tocsin() as harness:
        marketing = await fires(harness, severity)
        await marketing.facts(customer_impact="Texts take longer.", expected_resolution="noon")
        await harness.say(Declare(by=ALEX))
        prepared = await marketing.draft("ultimate-marketing-customer")
        expect_in_order(prepared, ["shop", "Texts take longer.", "noon"])
        await marketing.confirm("ultimate-marketing-customer", prepared)
        assert [text for text in marketing.texts("customers") if "Texts take longer." in text]


async def test_it_is_resolved_after_15_quiet_minutes() -> None:
    async with tocsin() as harness:
        marketing = await fires(harness, "P1")
        await harness.acknowledge("alex")
        await harness.resolve(**marketing.labels)
        await harness.advance(minutes=14, seconds=59)
        assert (await harness.incident()).state == "acknowledged"
        await harness.advance(seconds=1)
        assert (await harness.incident()).state == "resolved"


async def test_the_status_page_waits_for_confirmation_from_the_declaration_to_the_end() -> None:
    async with tocsin() as harness:
        marketing = await fires(harness, "P1")
        await harness.say(Declare(by=ALEX))
        await marketing.confirm(PAGE, "The shop is slow. We are working on it.")
        await harness.say(UpdatePosted(by=ALEX, text="half of it works"))
        await marketing.confirm(PAGE, "Half of it works.")
        await marketing.resolve()
        await marketing.confirm(PAGE, "It is over.")
        shown = [(one.job, one.text.plain) for one in marketing.tracker(PAGE).sent if one.text]
        assert shown == [
            (Job.TICKET_OPEN, "The shop is slow. We are working on it."),
            (Job.TICKET_COMMENT, "Half of it works."),
            (Job.TICKET_CLOSE, "It is over."),
        ]


async def test_stakeholders_and_customers_hear_of_the_resolution_with_what_must_still_be_fixed() -> None:
    async with tocsin() as harness:
        marketing = await fires(harness, "P1", customer_facing="true")
        await harness.say(Declare(by=ALEX))
        await marketing.facts(
            resolution="rolled back", temporary_measures="a second replica", customer_impact="slow pages"
        )
        await marketing.confirm("ultimate-marketing-customer", await marketing.draft("ultimate-marketing-customer"))
        await marketing.resolve()
        for channel in ("incident-response", "service-status"):
            said = marketing.texts(channel)[-1]
            expect_in_order(said, ["is resolved", "Duration:", "Resolution: rolled back", "a second replica"])
        prepared = await marketing.draft("ultimate-marketing-customer-resolution")
        expect_in_order(prepared, ["has been resolved", "slow pages"])
        await marketing.confirm("ultimate-marketing-customer-resolution", prepared)
        assert marketing.texts("customers")[-1] in prepared


async def test_customers_who_saw_nothing_are_told_nothing() -> None:
    async with tocsin() as harness:
        marketing = await fires(harness, "P1", customer_facing="false")
        await marketing.resolve()
        assert "ultimate-marketing-customer-resolution" not in await marketing.drafts()
        assert marketing.texts("customers") == []


@pytest.mark.parametrize(("severity", "hours"), [("P1", 48), ("P2", 48), ("P3", 168), ("P4", 168)])
async def test_the_post_mortem_is_due_within_48_hours_or_a_week(severity: str, hours: int) -> None:
    async with tocsin() as harness:
        marketing = await fires(harness, severity)
        await harness.acknowledge("alex")
        await marketing.resolve()
        await harness.advance(hours=hours)
        due, reminders = await marketing.review_due()
        assert due == hours
        assert hours in [round(hour) for hour in reminders]


async def test_the_post_mortem_has_the_four_parts_of_the_text() -> None:
    async with tocsin() as harness:
        marketing = await fires(harness, "P1")
        await marketing.facts(root_cause="a full disk")
        await marketing.resolve()
        draft = (await marketing.post_mortem()).text.plain
        assert [part for part in words("post-mortem") if part.lower() not in draft.lower()] == []
        assert "a full disk" in draft


async def test_each_action_item_has_a_ticket_until_it_is_done() -> None:
    async with tocsin() as harness:
        marketing = await fires(harness, "P1")
        await harness.say(ItemAdded(by=ALEX, text="an alert at 80 %", kind="immediate", owner="alex"))
        await harness.advance(seconds=1)
        assert marketing.jobs("jira") == [Job.TICKET_OPEN]
        await harness.say(ItemDone(by=ALEX, number=1))
        await harness.advance(seconds=1)
        assert marketing.jobs("jira")[-1] == Job.TICKET_CLOSE


@pytest.mark.parametrize(("severity", "minutes"), [("P1", 30), ("P2", 60), ("P3", 240), ("P4", 1440)])
async def test_an_update_is_asked_for_every_30_minutes_hour_4_hours_or_day(severity: str, minutes: int) -> None:
    async with tocsin() as harness:
        await fires(harness, severity)
        await harness.acknowledge("alex")
        for nth in (1, 2):
            await harness.advance(minutes=minutes)
            due = [at for at, _, why in harness.reminders() if "a status update is due" in why]
            assert due == [minutes * each for each in range(1, nth + 1)]
            await harness.say(UpdatePosted(by=ALEX, text="as before"))


async def test_each_page_links_to_the_runbook_of_the_alert() -> None:
    link = "https://runbooks.example.com/down"
    labels = {"alertname": "Down", "severity": "P1", "playbook": MARKETING, "automated_recovery": "no"}
    async with tocsin() as harness:
        await harness.take(harness.alert(AlertStatus.FIRING, labels, annotations={"runbook_url": link}))
        assert {page.runbook for page in harness.sent(Job.PAGE)} == {link}
        assert f"Runbook: {link}" in story(harness, MARKETING).texts("incident-response")[0]


async def test_the_checklist_has_the_points_of_the_text() -> None:
    async with tocsin() as harness:
        marketing = await fires(harness, "P1")
        assert await marketing.ticks("response") == words("checklist")

"""Obligations of the text of emergency response, with the shipped configuration: durations, recipients and words."""

from datetime import UTC, datetime

import pytest

from scenario.obligations.shipped import ALEX, expect_in_order, persons, quotes, reminded, shipped, story, tier, tocsin
from tocsin.core.incident.event import SetFlags, UpdatePosted
from tocsin.core.incident.outbox import Job

EMERGENCY = "emergency-response"
PAGE = "status"
"""The tracker that is the status page, as drafts name it."""


def words(of: str, severity: str = "SEV-1") -> list[str]:
    return [each.replace("[SEV-X]", severity) for each in quotes(EMERGENCY, of)]


@pytest.mark.parametrize(
    ("severity", "minutes", "job"),
    [("SEV-1", 15, Job.PAGE), ("SEV-2", 60, Job.PAGE), ("SEV-3", 240, Job.UPDATE), ("SEV-4", 1440, Job.UPDATE)],
)
async def test_the_engineer_hears_at_once_and_again_at_the_response_time(severity: str, minutes: int, job: Job) -> None:
    async with tocsin() as harness:
        await story(harness, EMERGENCY).fire(severity)
        await harness.advance(minutes=minutes)
        [engineer] = persons("on-call-engineer")
        assert [at for at, who in harness.pages(job) if who == engineer] == [0, minutes]


@pytest.mark.parametrize(("severity", "minutes"), [("SEV-1", 15), ("SEV-2", 60)])
async def test_what_is_not_resolved_within_the_response_time_has_missed_its_target(severity: str, minutes: int) -> None:
    async with tocsin() as harness:
        await story(harness, EMERGENCY).fire(severity)
        await harness.acknowledge("alex")
        await harness.advance(minutes=minutes - 1)
        assert harness.observer.counted("slo_breaches_total", target="resolve") == 0
        await harness.advance(minutes=1)
        assert harness.observer.counted("slo_breaches_total", target="resolve") == 1


@pytest.mark.parametrize(("severity", "third"), [("SEV-1", 30), ("SEV-2", 60)])
async def test_levels_2_and_3_are_paged_while_it_is_unresolved(severity: str, third: int) -> None:
    async with tocsin() as harness:
        emergency = story(harness, EMERGENCY)
        await emergency.fire(severity)
        await harness.acknowledge("alex")
        await harness.advance(minutes=61)
        reached = emergency.first()
        assert {reached.get(who) for who in persons("engineering-manager")} == {30}
        assert {reached.get(who) for who in persons("vp-engineering") | persons("cto")} == {third}
        assert not tier(EMERGENCY, 4) & set(reached)


@pytest.mark.parametrize("severity", ["SEV-1", "SEV-2"])
async def test_commander_team_and_stakeholders_are_told_within_10_minutes_in_the_words_of_the_text(
    severity: str,
) -> None:
    async with tocsin() as harness:
        emergency = story(harness, EMERGENCY)
        await emergency.fire(severity)
        await harness.advance(minutes=10)
        for target in ("incident-commander", "incidents"):
            said = emergency.texts(target)[0]
            expect_in_order(said, words("communication", severity))
        alert = emergency.texts("stakeholders")[0]
        expect_in_order(alert, words("alert", severity))
        assert {at for at, _, _ in harness.messages()} == {0}
        assert await emergency.addressed("emergency-response-ticket") == set()
        assert emergency.jobs("jira") == [], "only a minor incident has a ticket"


@pytest.mark.parametrize("severity", ["SEV-3", "SEV-4"])
async def test_a_minor_incident_is_told_to_the_team_alone(severity: str) -> None:
    async with tocsin() as harness:
        emergency = story(harness, EMERGENCY)
        await emergency.fire(severity)
        assert await emergency.addressed("emergency-response-ticket") == {"incidents"}
        told = [entry.data["template"] for entry in await harness.timeline() if entry.kind == "told"]
        assert told == ["emergency-response-ticket"]
        assert await emergency.drafts() == {}


@pytest.mark.parametrize("severity", ["SEV-1", "SEV-2"])
async def test_the_post_for_the_status_page_is_ready_at_once_and_goes_out_once_it_is_confirmed(severity: str) -> None:
    async with tocsin() as harness:
        emergency = story(harness, EMERGENCY)
        await emergency.fire(severity)
        assert PAGE in await emergency.drafts()
        assert emergency.jobs(PAGE) == []
        await emergency.confirm(PAGE, "We are looking into it.")
        [shown] = emergency.tracker(PAGE).sent
        assert shown.text is not None
        assert (shown.job, shown.text.plain) == (Job.TICKET_OPEN, "We are looking into it.")


@pytest.mark.parametrize("severity", ["SEV-1", "SEV-2"])
async def test_the_communications_role_is_asked_for_an_update_every_15_minutes(severity: str) -> None:
    async with tocsin() as harness:
        await story(harness, EMERGENCY).fire(severity)
        await harness.acknowledge("alex")
        for nth in (1, 2, 3):
            await harness.advance(minutes=15)
            asked = [(at, who) for at, who, why in harness.reminders() if "a status update is due" in why]
            assert asked == [(15 * each, who) for each in range(1, nth + 1) for who in persons("communication-lead")]
            await harness.say(UpdatePosted(by=ALEX, text="as before"))


@pytest.mark.parametrize("severity", ["SEV-3", "SEV-4"])
async def test_a_minor_incident_has_a_ticket_and_no_status_page(severity: str) -> None:
    async with tocsin() as harness:
        emergency = story(harness, EMERGENCY)
        await emergency.fire(severity)
        await harness.advance(seconds=1)
        [ticket] = emergency.tracker("jira").sent
        assert ticket.text is not None
        assert ticket.job == Job.TICKET_OPEN
        [told] = emergency.texts("incidents")
        for text in (ticket.text.plain, told):
            assert [line for line in text.splitlines() if "Expected resolution" in line]
        assert PAGE not in await emergency.drafts()
        assert harness.sent(Job.PAGE) == []


async def test_progress_is_told_by_number_and_status_in_the_words_of_the_text() -> None:
    assert list(shipped().playbooks[EMERGENCY].statuses) == words("statuses")
    async with tocsin() as harness:
        emergency = story(harness, EMERGENCY)
        await emergency.fire("SEV-1")
        for text in ("rolled back", "restarted"):
            await harness.say(UpdatePosted(by=ALEX, text=text, status="Mitigating"))
        for target in ("incidents", "stakeholders"):
            said = emergency.texts(target)[-1]
            expect_in_order(said, words("update"))
            expect_in_order(said, ["Update #2", "Current Status: Mitigating", "restarted"])


async def test_the_resolution_notice_has_the_words_of_the_text() -> None:
    async with tocsin() as harness:
        emergency = story(harness, EMERGENCY)
        await emergency.fire("SEV-1")
        await emergency.facts(resolution="rolled back", impact="no one could pay")
        await harness.advance(minutes=12)
        await emergency.resolve()
        for target in ("incidents", "stakeholders"):
            [said] = {text for text in emergency.texts(target) if text.startswith("✅")}
            expect_in_order(said, words("resolution"))
            expect_in_order(said, ["Resolution: rolled back", "Impact: no one could pay", "due"])


@pytest.mark.parametrize("severity", ["SEV-1", "SEV-2"])
async def test_the_meeting_is_within_48_hours_with_the_attendees_and_the_agenda_of_the_text(severity: str) -> None:
    async with tocsin() as harness:
        emergency = story(harness, EMERGENCY)
        await emergency.fire(severity)
        await harness.acknowledge("alex")
        await harness.say(SetFlags(by=ALEX, add=("customer_facing",)))
        await emergency.resolve()
        [invitation] = [text for text in emergency.texts("incidents") if "Post-mortem meeting" in text]
        expect_in_order(invitation, words("review"))
        await harness.advance(hours=49)
        due, reminders = await emergency.review_due()
        assert due == 48
        assert 48 in [round(hours) for hours in reminders]


@pytest.mark.parametrize("is_customer_facing", [True, False])
async def test_customer_support_is_invited_to_the_review_of_what_customers_see(*, is_customer_facing: bool) -> None:
    async with tocsin() as harness:
        emergency = story(harness, EMERGENCY)
        await emergency.fire("SEV-1")
        if is_customer_facing:
            await harness.say(SetFlags(by=ALEX, add=("customer_facing",)))
        await emergency.resolve()
        [support] = persons("customer-support")
        invited = {content.target for content in harness.sent() if content.step == "meeting.review-meeting.1"}
        assert (support in invited) is is_customer_facing
        [text] = [text for text in emergency.texts("incidents") if "Post-mortem meeting" in text]
        assert ("Customer support" in text) is is_customer_facing


async def test_the_post_mortem_has_the_sections_of_the_text() -> None:
    async with tocsin() as harness:
        emergency = story(harness, EMERGENCY)
        await emergency.fire("SEV-1")
        await emergency.facts(root_cause="a full disk")
        await emergency.resolve()
        draft = (await emergency.post_mortem()).text.plain
        expect_in_order(draft, words("post-mortem"))
        assert "a full disk" in draft


async def test_the_checklist_of_sev_1_has_the_points_of_the_text() -> None:
    async with tocsin() as harness:
        emergency = story(harness, EMERGENCY)
        await emergency.fire("SEV-1")
        assert await emergency.ticks("sev-1") == words("checklist")


@pytest.mark.parametrize(
    ("name", "dates", "days", "of"),
    [
        ("Game day", ["2026-01-21", "2026-04-15"], 110, "game day"),
        ("Alert review", ["2026-01-07", "2026-02-04"], 40, "alert review"),
    ],
)
async def test_game_days_and_alert_reviews_come_again(name: str, dates: list[str], days: int, of: str) -> None:
    told = await reminded(EMERGENCY, name, datetime(2026, 1, 2, tzinfo=UTC), days)
    assert [date for date, _, _ in told] == dates
    for _, people, text in told:
        assert people >= persons("engineering-manager")
        assert [each for each in words(of) if each not in text] == []

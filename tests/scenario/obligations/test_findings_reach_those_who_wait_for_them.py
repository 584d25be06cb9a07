"""Findings of the responders reach the ticket and the people who were promised them, also after the resolve."""

import pytest

from scenario.obligations.shipped import ALEX, Story, expect_in_order, persons, quotes, story, tocsin
from scenario.owing import outcomes
from tocsin.core.incident.event import Declare, SetFacts, UpdatePosted
from tocsin.core.incident.outbox import Job
from tocsin.engine.responses.declare import Declaration

MARKETING = "ultimate-marketing"


async def written(incident: Story, tracker: str) -> list[tuple[Job, str]]:
    """Return what the tracker got so far: job and text."""
    await incident.harness.advance(seconds=1)
    return [(one.job, one.text.plain) for one in incident.tracker(tracker).sent if one.text is not None]


async def outcome(incident: Story, duty: str) -> str:
    """Return how a duty has ended: `open`, `in_time`, `late` ..."""
    return (await outcomes(incident.harness))[duty]


# Ultimate Marketing: "Start an incident document using the template", at the acknowledgment.


async def test_the_incident_document_is_started_at_the_acknowledgment_and_kept_until_the_end() -> None:
    async with tocsin() as harness:
        marketing = story(harness, MARKETING)
        await marketing.fire("P3", automated_recovery="no")
        assert await written(marketing, "jira") == []
        await harness.acknowledge("alex")
        [(job, document)] = await written(marketing, "jira")
        assert job == Job.TICKET_OPEN
        expect_in_order(document, ["Severity: P3", "Roles", *quotes(MARKETING, "roles"), "Timeline", "Hypotheses"])
        await harness.say(UpdatePosted(by=ALEX, text="half of it works"))
        await marketing.facts(hypotheses="the last deployment", impact="no campaign can be edited")
        await marketing.facts(root_cause="a missing migration")
        await marketing.resolve()
        await marketing.facts(temporary_measures="a second replica")
        update, first, second, end, late = (await written(marketing, "jira"))[1:]
        assert [job for job, _ in (update, first, second, late)] == [Job.TICKET_COMMENT] * 4
        assert "half of it works" in update[1]
        expect_in_order(first[1], ["Impact: no campaign", "Hypotheses: the last deployment", "not identified yet"])
        assert "Root cause: a missing migration" in second[1]
        assert end[0] == Job.TICKET_CLOSE
        assert "a second replica" in late[1]


async def test_a_declaration_without_an_acknowledgment_starts_the_document_as_well() -> None:
    async with tocsin() as harness:
        marketing = story(harness, MARKETING)
        await marketing.fire("P1", automated_recovery="no")
        await harness.say(Declare(by=ALEX))
        assert [job for job, _ in await written(marketing, "jira")] == [Job.TICKET_OPEN]


async def test_facts_that_are_recorded_at_once_are_one_comment_each_later_one_another() -> None:
    async with tocsin() as harness:
        marketing = story(harness, MARKETING)
        await marketing.fire("P1", automated_recovery="no")
        await harness.acknowledge("alex")
        await harness.say(SetFacts(by=ALEX, facts={"impact": "all", "root_cause": "a bug", "hypotheses": "none left"}))
        assert len(await written(marketing, "jira")) == 2
        await harness.say(SetFacts(by=ALEX, facts={"impact": "most", "mitigation_plan": "roll back"}))
        assert len(await written(marketing, "jira")) == 3


async def test_ultimate_marketing_hands_ongoing_monitoring_over_to_the_rotation() -> None:
    async with tocsin() as harness:
        marketing = story(harness, MARKETING)
        await marketing.fire("P1", automated_recovery="no")
        await harness.acknowledge("alex")
        await marketing.resolve()
        await harness.advance(hours=12)
        [asked] = {why for _, _, why in harness.reminders() if "ongoing monitoring" in why}
        expect_in_order(asked, ["regular on-call rotation", "temporary measures", "tickets"])


# Service quick reference: "It follows with the resolution", "They follow with the post-mortem", "Update stakeholders".

QUICK = "service-quick-reference"


async def test_what_the_issue_says_is_to_follow_follows_as_a_comment_also_after_the_end() -> None:
    async with tocsin() as harness:
        quick = story(harness, QUICK)
        await quick.fire("P1")
        await quick.facts(users_affected="300", business_impact="no orders")
        await quick.resolve()
        await quick.facts(root_cause="a full disk")
        await quick.facts(prevention="an alert at 80 %", lessons_learned="look at disks")
        opened, first, closed, second, third = await written(quick, "github")
        assert [job for job, _ in (opened, first, closed, second, third)] == [
            *(Job.TICKET_OPEN, Job.TICKET_COMMENT, Job.TICKET_CLOSE, Job.TICKET_COMMENT, Job.TICKET_COMMENT)
        ]
        expect_in_order(first[1], ["Users Affected:** 300", "Business Impact:** no orders"])
        expect_in_order(second[1], ["Root Cause", "a full disk"])
        expect_in_order(third[1], ["Prevention: an alert at 80 %", "Lessons Learned", "look at disks"])


async def test_stakeholders_have_been_updated_once_they_know_the_root_cause() -> None:
    async with tocsin() as harness:
        quick = story(harness, QUICK)
        await quick.fire("P1")
        await quick.resolve()
        assert "Root Cause: being analysed" in quick.texts("stakeholders")[-1]
        assert await outcome(quick, "stakeholders") == "open"
        await quick.facts(root_cause="a full disk")
        for target in ("stakeholders", "incidents"):
            assert "Root Cause: a full disk" in quick.texts(target)[-1]
        assert await outcome(quick, "stakeholders") == "in_time"


async def test_stakeholders_are_told_of_the_beginning_and_of_each_update() -> None:
    async with tocsin() as harness:
        quick = story(harness, QUICK)
        await quick.fire("P2")
        await harness.advance(minutes=1)
        await harness.say(UpdatePosted(by=ALEX, text="we look at the disk"))
        told = [text.partition("\n")[0] for text in quick.texts("stakeholders")]
        people = len(persons("stakeholders"))
        assert told == ["🚨 INCIDENT ALERT"] * people + ["📊 INCIDENT UPDATE"] * people


# Emergency response: "Provide realistic timeline", and the users who are affected.

EMERGENCY = "emergency-response"


@pytest.mark.parametrize("severity", ["SEV-3", "SEV-4"])
async def test_a_minor_incident_promises_no_time_until_a_person_gives_a_realistic_one(severity: str) -> None:
    async with tocsin() as harness:
        emergency = story(harness, EMERGENCY)
        await emergency.fire(severity)
        [(_, ticket)] = await written(emergency, "jira")
        for text in (ticket, emergency.texts("incidents")[0]):
            assert "**Expected resolution**: not known yet" in text
        await emergency.facts(expected_resolution="Thursday noon")
        for text in ((await written(emergency, "jira"))[-1][1], emergency.texts("incidents")[-1]):
            assert "**Expected resolution**: Thursday noon" in text


async def test_affected_users_are_the_impact_until_it_is_known() -> None:
    async with tocsin() as harness:
        emergency = story(harness, EMERGENCY)
        reported = Declaration(
            title="Customers cannot pay",
            severity="SEV-1",
            playbook=EMERGENCY,
            service="shop",
            facts={"users_affected": "300"},
        )
        await harness.declarer.declare(reported, ALEX)
        await harness.settle()
        assert "**Impact**: users affected: 300" in emergency.texts("incidents")[0]


# erlmcp: the analysis by its template, complete in the ticket.

ERLMCP = "erlmcp"


async def test_factors_and_lessons_that_are_recorded_later_bring_the_analysis_into_the_ticket_again() -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        await erlmcp.fire("P1")
        await harness.say(Declare(by=ALEX))
        await erlmcp.facts(root_cause="a broken link")
        await erlmcp.facts(contributing_factors="no second link")
        await erlmcp.resolve()
        await erlmcp.facts(lessons_learned="test the links")
        texts = [text for _, text in await written(erlmcp, "jira")]
        first, second, third = [text for text in texts if text.startswith("ROOT CAUSE ANALYSIS")]
        assert "Contributing Factors: none recorded yet" in first
        expect_in_order(second, ["Root Cause: a broken link", "Contributing Factors: no second link"])
        expect_in_order(third, ["Contributing Factors: no second link", "Lessons Learned:", "test the links"])

"""Incidents of the five playbooks that people deal with before anyone is paged: their actions come all the same."""

from datetime import UTC, datetime

from scenario.emergency import kinds
from scenario.maintenance import DOWN, use, window
from scenario.obligations.shipped import ALEX, HOUR, MONDAY, story, tocsin
from scenario.owing import down
from scenario.owing import tocsin as emergency
from tocsin.core.incident.event import Declare
from tocsin.core.incident.outbox import Job

SATURDAY = datetime(2026, 1, 10, 9, tzinfo=UTC)
"""The lowest severities page no one before Monday, 09:00."""


async def test_a_fact_recorded_before_the_first_page_triggers_its_message_with_that_page_and_once() -> None:
    async with tocsin(SATURDAY) as harness:
        erlmcp = story(harness, "erlmcp")
        await erlmcp.fire("P3")
        await erlmcp.facts(root_cause="a typo")
        assert harness.messages() == [], "no one has heard of the incident yet"
        await harness.advance(hours=49)
        assert erlmcp.at("incidents", "ROOT CAUSE ANALYSIS") == [48 * HOUR]
        await harness.advance(hours=24)
        assert erlmcp.at("incidents", "ROOT CAUSE ANALYSIS") == [48 * HOUR]


async def test_a_fact_of_an_incident_that_healed_unseen_triggers_nothing_in_the_next_one() -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, "erlmcp")
        await erlmcp.fire("P1", tocsin_drill="true")
        await erlmcp.facts(root_cause="a drill")
        await erlmcp.resolve()
        await erlmcp.fire("P1")
        await harness.advance(minutes=1)
        assert erlmcp.at("incidents", "ROOT CAUSE ANALYSIS") == []


async def test_an_acknowledgment_before_the_first_page_is_the_beginning() -> None:
    async with tocsin(SATURDAY) as harness:
        vibe = story(harness, "mgmt-vibe")
        await vibe.fire("SEV-3")
        assert harness.messages() == []
        await harness.acknowledge("alex")
        told = {(minute, who) for minute, who, _ in harness.messages()}
        assert told >= {(0, "incidents"), (0, "casey"), (0, "drew")}
        assert vibe.jobs("jira") == [Job.TICKET_OPEN]
        await harness.flag("customer_impact")
        assert "status" in await vibe.drafts(), "customer impact is confirmed"
        before = len(harness.messages())
        await vibe.resolve()
        assert vibe.jobs("jira") == [Job.TICKET_OPEN, Job.TICKET_CLOSE]
        assert {who for _, who, _ in harness.messages()[before:]} >= {"incidents", "casey", "drew"}


async def test_an_incident_declared_before_the_first_page_is_followed_to_its_end() -> None:
    async with tocsin(SATURDAY) as harness:
        erlmcp = story(harness, "erlmcp")
        await erlmcp.fire("P3")
        await harness.say(Declare(by=ALEX))
        await harness.advance(minutes=1)
        assert not (await harness.incident()).reached
        told = {who for _, who, text in harness.messages() if text.startswith("INCIDENT NOTIFICATION")}
        await erlmcp.resolve()
        assert {who for _, who, text in harness.messages() if text.startswith("INCIDENT RESOLVED")} == told
        assert erlmcp.jobs("jira") == [Job.TICKET_OPEN, Job.TICKET_CLOSE]


async def test_what_is_acknowledged_inside_a_maintenance_window_is_not_announced_before_its_end() -> None:
    action = {"at": ["opened", "resolved"], "verb": "message", "what": "customer-text", "to": ["customers"]}
    async with emergency(actions=[action]) as harness:
        use(harness, window(harness, 0, 60))
        await harness.fire(**DOWN)
        await harness.acknowledge()
        await harness.advance(minutes=59)
        assert "told" not in await kinds(harness)
        await harness.advance(minutes=1)
        assert (await kinds(harness)).count("told") == 1
        await harness.resolve(**DOWN)
        await harness.advance(minutes=2)
        assert (await kinds(harness)).count("told") == 2


async def test_what_ends_inside_its_maintenance_window_is_announced_to_no_one() -> None:
    action = {"at": ["opened", "resolved"], "verb": "message", "what": "customer-text", "to": ["customers"]}
    async with emergency(actions=[action]) as harness:
        use(harness, window(harness, 0, 60))
        await harness.fire(**DOWN)
        await harness.acknowledge()
        await harness.resolve(**DOWN)
        await harness.advance(minutes=120)
        assert "told" not in await kinds(harness)


async def test_a_drill_that_turns_real_has_its_actions_from_then_on() -> None:
    action = {"at": ["opened"], "verb": "message", "what": "customer-text", "to": ["customers"]}
    async with emergency(actions=[action]) as harness:
        await down(harness, tocsin_drill="true")
        assert "told" not in await kinds(harness)
        await down(harness, instance="b")
        assert (await kinds(harness)).count("told") == 1


async def test_a_rise_in_severity_takes_back_the_drafts_in_the_words_of_the_lower_one() -> None:
    async with tocsin(MONDAY) as harness:
        erlmcp = story(harness, "erlmcp")
        await erlmcp.fire("P2")
        await harness.say(Declare(by=ALEX))
        assert "erlmcp-customer-p2-p3" in await erlmcp.drafts()
        await harness.advance(minutes=1)
        await harness.set_severity("P1")
        drafts = await erlmcp.drafts()
        assert "erlmcp-customer-p0-p1" in drafts
        assert "erlmcp-customer-p2-p3" not in drafts, "most users should not experience any impact"

"""Obligations of the text of erlmcp, with the shipped configuration: durations, recipients and words."""

import dataclasses
from datetime import UTC, datetime

import pytest
from msgspec import structs

from scenario.obligations.shipped import (
    ALEX,
    expect_in_order,
    persons,
    quotes,
    reminded,
    story,
    tier,
    tocsin,
)
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.incident.event import Declare, ItemAdded, ItemDone, NoteAdded, UpdatePosted
from tocsin.core.incident.outbox import Job
from tocsin.engine.responses.declare import Declaration

ERLMCP = "erlmcp"
SEVERITIES = ("P0", "P1", "P2", "P3")


def words(of: str) -> list[str]:
    return quotes(ERLMCP, of)


@pytest.mark.parametrize(
    ("severity", "tiers"),
    [("P0", {1: 0, 2: 5, 3: 10, 4: 15}), ("P1", {1: 0, 2: 30, 3: 60}), ("P2", {1: 0, 2: 120})],
)
async def test_a_tier_is_paged_after_each_response_time_up_to_the_severitys_highest(
    severity: str, tiers: dict[int, int]
) -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        await erlmcp.fire(severity)
        await harness.advance(minutes=240)
        for number, minute in tiers.items():
            assert {erlmcp.first().get(who) for who in tier(ERLMCP, number)} == {minute}
        above = set().union(*(tier(ERLMCP, number) for number in range(len(tiers) + 1, 5)))
        assert not above & set(erlmcp.first())


async def test_p3_pages_no_one_at_the_weekend() -> None:
    async with tocsin(datetime(2026, 1, 10, 9, tzinfo=UTC)) as harness:  # a Saturday
        erlmcp = story(harness, ERLMCP)
        await erlmcp.fire("P3")
        await harness.advance(hours=2 * 24)
        assert {minute for minute, _ in harness.pages()} == {2 * 24 * 60}


async def test_p3_informs_the_team_lead_after_24_hours_and_pages_no_one_above() -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        await erlmcp.fire("P3")
        await harness.advance(hours=25)
        assert erlmcp.first(Job.UPDATE) == dict.fromkeys(persons("team-lead"), 24 * 60)
        assert not (tier(ERLMCP, 2) | tier(ERLMCP, 3) | tier(ERLMCP, 4)) & set(erlmcp.first())


@pytest.mark.parametrize("hour", [0, 3, 12, 21])
async def test_tiers_1_and_2_answer_at_each_hour_and_the_next_week_others_are_on_call(hour: int) -> None:
    paged = []
    for day in (8, 15):  # two Thursdays
        at = datetime(2026, 1, day, hour, tzinfo=UTC)
        async with tocsin(at) as harness:
            erlmcp = story(harness, ERLMCP)
            await erlmcp.fire("P0")
            await harness.advance(minutes=5)
            paged.append(erlmcp.first())
    for each in paged:
        assert sorted(set(each.values())) == [0, 5]
    assert set(paged[0]) != set(paged[1])


async def test_the_backup_is_paged_where_the_primary_cannot_be_reached() -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        people = harness.live.policy.people
        [primary] = tier(ERLMCP, 1)
        unreachable = {**people.persons, primary: structs.replace(people.persons[primary], contact=None)}
        changed = structs.replace(people, persons=unreachable)
        harness.live.policy = dataclasses.replace(harness.live.policy, people=changed)
        await erlmcp.fire("P1")
        await harness.advance(minutes=1)
        assert set(erlmcp.first()) == persons("on-call-engineer-backup")


@pytest.mark.parametrize("severity", SEVERITIES)
async def test_what_a_person_reports_is_declared_and_has_its_ticket(severity: str) -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        reported = Declaration(title="Support tickets say so", severity=severity, playbook=ERLMCP, service="shop")
        await harness.declarer.declare(reported, ALEX)
        await harness.settle()
        await harness.advance(seconds=1)
        incident = await harness.incident()
        assert (incident.plan.name, incident.severity) == (ERLMCP, severity)
        assert set(erlmcp.first()) == tier(ERLMCP, 1)
        assert erlmcp.jobs("jira") == [Job.TICKET_OPEN]


@pytest.mark.parametrize("severity", SEVERITIES)
async def test_the_declaration_opens_the_ticket_and_notifies_the_lead_and_the_teams(severity: str) -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        await erlmcp.fire(severity)
        await harness.advance(minutes=1)
        assert (erlmcp.jobs("jira"), harness.messages()) == ([], [])
        await harness.say(Declare(by=ALEX))
        await harness.advance(seconds=1)
        assert erlmcp.jobs("jira") == [Job.TICKET_OPEN]
        for target in ("incidents", "stakeholders", "engineering-lead"):
            assert erlmcp.at(target, "INCIDENT NOTIFICATION") == [1]
        teams = {"engineering-lead", "engineering-manager-on-call", "customer-support"}
        assert await erlmcp.addressed("erlmcp-notification") == {"incidents", "stakeholders", *teams}
        said = erlmcp.texts("engineering-lead")[0]
        expect_in_order(said, words("notification"))
        expect_in_order(said, ["Severity: " + severity, "Affected Service: shop"])


async def test_a_notification_links_to_the_runbook_of_the_alert() -> None:
    async with tocsin() as harness:
        labels = {"alertname": "Down", "severity": "P0", "playbook": ERLMCP, "service": "shop"}
        link = "https://runbooks.example.com/down"
        await harness.take(harness.alert(AlertStatus.FIRING, labels, annotations={"runbook_url": link}))
        await harness.say(Declare(by=ALEX))
        assert link in story(harness, ERLMCP).texts("engineering-lead")[0]
        assert {page.runbook for page in harness.sent(Job.PAGE)} == {link}


@pytest.mark.parametrize(
    ("checklist", "of"),
    [("declaration", "declaration"), ("communication", "communication"), ("resolution", "resolution criteria")],
)
async def test_the_points_of_the_checklists_are_ticked_by_name(checklist: str, of: str) -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        await erlmcp.fire("P0")
        assert await erlmcp.ticks(checklist) == words(of)


@pytest.mark.parametrize(
    ("scenario", "automation"),
    [
        ("regional-outage", "erlmcp_failover_manager"),
        ("data-corruption", "erlmcp_backup_manager"),
        ("performance-degradation", "erlmcp_recovery_orchestrator"),
        ("inconsistency", "erlmcp_consistency_manager"),
    ],
)
async def test_the_automation_of_a_scenario_runs_once_a_responder_confirms_it(scenario: str, automation: str) -> None:
    assert automation in words("automations")
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        await erlmcp.fire("P1", scenario=scenario)
        assert automation in await erlmcp.drafts()
        assert harness.sent(Job.AUTOMATE) == []
        await erlmcp.confirm(automation)
        assert [asked.target for asked in harness.sent(Job.AUTOMATE)] == [automation]


@pytest.mark.parametrize(
    ("labels", "fact", "beginning", "of", "says"),
    [
        (
            {"scenario": "regional-outage", "region": "eu-west"},
            "failover_completed",
            "REGIONAL OUTAGE UPDATE",
            "regional outage",
            "Affected Region: eu-west",
        ),
        (
            {"scenario": "data-corruption", "data_type": "orders"},
            "restoration_completed",
            "DATA CORRECTION UPDATE",
            "data correction",
            "Data Type: orders",
        ),
    ],
)
async def test_stakeholders_are_told_of_a_fail_over_or_a_restoration_once_it_is_completed(
    labels: dict[str, str], fact: str, beginning: str, of: str, says: str
) -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        await erlmcp.fire("P1", **labels)
        await harness.say(Declare(by=ALEX))
        await harness.advance(minutes=3)
        assert erlmcp.at("stakeholders", beginning) == []
        await erlmcp.facts(**{fact: "all is served again"})
        assert erlmcp.at("stakeholders", beginning) == [3]
        [said] = {text for text in erlmcp.texts("stakeholders") if text.startswith(beginning)}
        expect_in_order(said, words(of))
        assert says in said
        assert "all is served again" in said


@pytest.mark.parametrize(
    ("severity", "template", "of"),
    [
        ("P0", "erlmcp-customer-p0-p1", "customers at P0 and P1"),
        ("P1", "erlmcp-customer-p0-p1", "customers at P0 and P1"),
        ("P2", "erlmcp-customer-p2-p3", "customers at P2 and P3"),
        ("P3", "erlmcp-customer-p2-p3", "customers at P2 and P3"),
    ],
)
async def test_customers_are_written_to_in_the_words_of_the_severity_once_they_are_confirmed(
    severity: str, template: str, of: str
) -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        await erlmcp.fire(severity)
        await erlmcp.facts(expected_resolution="within an hour")
        await harness.say(Declare(by=ALEX))
        customers = {name for name in await erlmcp.drafts() if name.startswith("erlmcp-customer")}
        assert customers == {template}
        prepared = await erlmcp.draft(template)
        expect_in_order(prepared, words(of))
        assert erlmcp.texts("customers") == []
        await erlmcp.confirm(template, prepared)
        assert erlmcp.texts("customers") == [prepared]


async def test_each_update_is_a_standup_with_what_was_done() -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        await erlmcp.fire("P1")
        await harness.say(NoteAdded(by=ALEX, text="restarted the second replica"))
        await erlmcp.facts(next_steps="watch it", blockers="none")
        await harness.say(UpdatePosted(by=ALEX, text="half of it works"))
        [said] = [text for text in erlmcp.texts("incidents") if text.startswith("INCIDENT STANDUP")]
        expect_in_order(said, words("standup"))
        expect_in_order(said, ["restarted the second replica", "watch it", "Blockers: none"])


async def test_the_resolution_tells_cause_duration_and_when_the_post_mortem_is_due() -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        await erlmcp.fire("P1")
        await erlmcp.facts(root_cause="a broken link", resolution="traffic moved", users_affected="300")
        await harness.advance(minutes=10)
        await erlmcp.resolve()
        for target in ("incidents", "stakeholders"):
            said = erlmcp.texts(target)[-1]
            expect_in_order(said, words("resolved"))
            expect_in_order(
                said, ["Root Cause: a broken link", "Resolution: traffic moved", "Users Affected: 300", "due"]
            )


@pytest.mark.parametrize("severity", SEVERITIES)
async def test_the_post_mortem_is_due_within_24_hours_and_its_owner_is_reminded(severity: str) -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        await erlmcp.fire(severity)
        await harness.acknowledge("alex")
        await erlmcp.resolve()
        await harness.advance(hours=25)
        due, reminders = await erlmcp.review_due()
        assert due == 24
        assert 24 in [round(hours) for hours in reminders]


async def test_the_post_mortem_and_the_analysis_have_the_sections_of_the_text() -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        await erlmcp.fire("P1")
        await harness.say(Declare(by=ALEX))
        await harness.advance(seconds=1)
        await erlmcp.facts(root_cause="a broken link")
        await erlmcp.resolve()
        [comment] = [one for one in erlmcp.tracker("jira").sent if one.job is Job.TICKET_COMMENT]
        assert comment.text is not None
        [told] = [text for text in erlmcp.texts("incidents") if text.startswith("ROOT CAUSE ANALYSIS")]
        for analysis in (comment.text.plain, told):
            expect_in_order(analysis, words("root cause analysis"))
            assert "Root Cause: a broken link" in analysis
        draft = (await erlmcp.post_mortem()).text.plain.lower()
        assert [each for each in words("documentation") if each.lower() not in draft] == []


async def test_action_items_are_counted_until_they_are_done_and_times_to_resolve_are_measured() -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        await erlmcp.fire("P1")
        await harness.advance(minutes=30)
        await erlmcp.resolve()
        assert harness.observer.observed("incident_time_to_resolve_seconds") == [30 * 60]
        await harness.housekeeper.run_once()
        means = {
            dict(labels)["playbook"]: value
            for (name, labels), value in harness.observer.gauges.items()
            if name == "mttr_seconds"
        }
        assert means == {ERLMCP: 30 * 60}
        await harness.say(ItemAdded(by=ALEX, text="train the team", kind="long-term", owner="alex"))
        assert harness.observer.counted("action_items_done_total") == 0
        await harness.say(ItemDone(by=ALEX, number=1))
        assert harness.observer.counted("action_items_done_total") == 1


@pytest.mark.parametrize(
    ("name", "starts", "days", "dates", "of"),
    [
        ("Monthly review", "2026-01-02", 65, ["2026-01-05", "2026-02-02", "2026-03-02"], "monthly"),
        ("Quarterly audit", "2026-01-02", 105, ["2026-01-12", "2026-04-13"], "quarterly"),
        ("Annual exercise", "2026-08-30", 4, ["2026-09-01"], "annual"),
        ("Annual exercise", "2027-09-05", 4, ["2027-09-07"], "annual"),
    ],
)
async def test_reviews_audits_and_exercises_come_each_month_quarter_and_year(
    name: str, starts: str, days: int, dates: list[str], of: str
) -> None:
    told = await reminded(ERLMCP, name, datetime.fromisoformat(starts).replace(tzinfo=UTC), days)
    assert [date for date, _, _ in told] == dates
    for _, people, text in told:
        assert people >= persons("engineering-lead")
        assert [each for each in words(of) if each not in text] == []

"""Obligations of the text of MgmtVibe, with the shipped configuration: durations, recipients and words."""

from datetime import UTC, datetime

import pytest

from scenario.obligations.shipped import ALEX, expect_in_order, persons, quotes, reminded, story, tier, tocsin
from tocsin.core.incident.event import ItemAdded, UpdatePosted
from tocsin.core.incident.outbox import Job
from tocsin.engine.responses.declare import Declaration

VIBE = "mgmt-vibe"
SEVERITIES = ("SEV-0", "SEV-1", "SEV-2", "SEV-3")
PAGE = "status"
"""The tracker that is the status page, as drafts name it."""


def words(of: str) -> list[str]:
    return quotes(VIBE, of)


@pytest.mark.parametrize(
    ("severity", "acknowledge"), [("SEV-0", 15), ("SEV-1", 2 * 60), ("SEV-2", 4 * 60), ("SEV-3", 24 * 60)]
)
async def test_it_is_paged_at_once_and_must_be_acknowledged_in_its_time(severity: str, acknowledge: int) -> None:
    async with tocsin() as harness:
        vibe = story(harness, VIBE)
        await vibe.fire(severity)
        assert vibe.first() == dict.fromkeys(tier(VIBE, 1), 0)
        await harness.advance(minutes=acknowledge - 1)
        assert harness.observer.counted("slo_breaches_total", target="acknowledge") == 0
        await harness.advance(minutes=1)
        assert harness.observer.counted("slo_breaches_total", target="acknowledge") == 1


@pytest.mark.parametrize(("severity", "respond"), [("SEV-1", 30), ("SEV-2", 60), ("SEV-3", 240)])
async def test_not_acknowledged_within_the_response_time_it_reaches_the_manager(severity: str, respond: int) -> None:
    async with tocsin() as harness:
        vibe = story(harness, VIBE)
        await vibe.fire(severity)
        await harness.advance(minutes=respond - 1)
        assert not tier(VIBE, 2) & set(vibe.first())
        await harness.advance(minutes=1)
        assert {vibe.first().get(who) for who in tier(VIBE, 2)} == {respond}
        assert harness.observer.counted("slo_breaches_total", target="respond") == 1


async def test_a_complete_outage_reaches_manager_vp_and_ceo() -> None:
    async with tocsin() as harness:
        vibe = story(harness, VIBE)
        await vibe.fire("SEV-0")
        await harness.advance(minutes=30)
        reached = vibe.first()
        assert [{reached.get(who) for who in tier(VIBE, number)} for number in (2, 3, 4)] == [{5}, {15}, {30}]
        assert persons("engineering-manager") <= set(reached)
        assert persons("vp-engineering") | persons("ceo") <= set(reached)


async def test_a_higher_severity_pages_again_at_once() -> None:
    async with tocsin() as harness:
        vibe = story(harness, VIBE)
        await vibe.fire("SEV-2")
        await harness.advance(minutes=10)
        await vibe.fire("SEV-0", pod="b")
        [engineer] = tier(VIBE, 1)
        assert [at for at, who in harness.pages() if who == engineer] == [0, 10]


@pytest.mark.parametrize("severity", SEVERITIES)
async def test_what_customers_report_is_declared_with_a_number_of_its_own(severity: str) -> None:
    async with tocsin() as harness:
        vibe = story(harness, VIBE)
        reported = Declaration(title="Customers cannot log in", severity=severity, playbook=VIBE, service="shop")
        await harness.declarer.declare(reported, ALEX)
        await harness.settle()
        assert set(vibe.first()) == tier(VIBE, 1)
        assert {page.name for page in harness.sent(Job.PAGE)} == {"INC-1"}


async def test_the_acknowledgment_opens_the_ticket_which_is_kept_up_to_date() -> None:
    async with tocsin() as harness:
        vibe = story(harness, VIBE)
        await vibe.fire("SEV-2")
        assert vibe.jobs("jira") == []
        await harness.acknowledge("alex")
        await harness.advance(seconds=1)
        assert vibe.jobs("jira") == [Job.TICKET_OPEN]
        assert vibe.tracker("jira").sent[0].name == "INC-1"
        await harness.say(UpdatePosted(by=ALEX, text="half of it works"))
        await vibe.resolve()
        assert vibe.jobs("jira") == [Job.TICKET_OPEN, Job.TICKET_COMMENT, Job.TICKET_CLOSE]


async def test_incidents_and_stakeholders_hear_of_the_beginning_each_update_and_the_end() -> None:
    async with tocsin() as harness:
        vibe = story(harness, VIBE)
        await vibe.fire("SEV-2")
        await harness.say(UpdatePosted(by=ALEX, text="half of it works"))
        await vibe.resolve()
        for target in ("incidents", "stakeholders"):
            texts = [text for text in vibe.texts(target) if "INC-1" in text]
            reached = len(persons(target))
            assert len(texts) == 3 * reached
            expect_in_order("\n".join(texts), ["**INC-1** [SEV-2] Trouble", "half of it works", "is resolved"])
        assert "incidents" in {content.target for content in harness.sent(Job.ANNOUNCE)}


async def test_the_status_page_is_prepared_once_customer_impact_is_confirmed() -> None:
    async with tocsin() as harness:
        vibe = story(harness, VIBE)
        await vibe.fire("SEV-2")
        assert PAGE not in await vibe.drafts()
        await harness.flag("customer_impact")
        await vibe.confirm(PAGE, "Some customers cannot log in.")
        await harness.say(UpdatePosted(by=ALEX, text="half of it works"))
        await vibe.confirm(PAGE, "Half of it works.")
        await vibe.resolve()
        await vibe.confirm(PAGE, "It is over.")
        assert vibe.jobs(PAGE) == [Job.TICKET_OPEN, Job.TICKET_COMMENT, Job.TICKET_CLOSE]


async def test_an_alert_can_confirm_customer_impact() -> None:
    async with tocsin() as harness:
        vibe = story(harness, VIBE)
        await vibe.fire("SEV-2", customer_impact="true")
        assert PAGE in await vibe.drafts()


@pytest.mark.parametrize("checklist", ["assessment", "recovery"])
async def test_the_checklists_have_the_points_of_the_text(checklist: str) -> None:
    async with tocsin() as harness:
        vibe = story(harness, VIBE)
        await vibe.fire("SEV-1")
        ticked = await vibe.ticks(checklist)
        assert len(ticked) == len(words(checklist))
        expect_in_order("\n".join(ticked).lower(), [each.lower() for each in words(checklist)])


async def test_a_complete_outage_asks_for_an_update_every_30_minutes() -> None:
    async with tocsin() as harness:
        await story(harness, VIBE).fire("SEV-0")
        await harness.acknowledge("alex")
        for nth in (1, 2, 3):
            await harness.advance(minutes=30)
            due = [at for at, _, why in harness.reminders() if "a status update is due" in why]
            assert due == [30 * each for each in range(1, nth + 1)]
            await harness.say(UpdatePosted(by=ALEX, text="as before"))


@pytest.mark.parametrize(
    ("severity", "is_told"), [("SEV-0", True), ("SEV-1", True), ("SEV-2", False), ("SEV-3", False)]
)
async def test_customers_are_told_in_the_words_of_the_text_at_sev_0_and_sev_1(severity: str, *, is_told: bool) -> None:
    first, last = "mgmt-vibe-customer-notification", "mgmt-vibe-customer-resolution"
    async with tocsin() as harness:
        vibe = story(harness, VIBE)
        await vibe.fire(severity)
        assert (first in await vibe.drafts()) is is_told
        if is_told:
            await vibe.facts(
                customer_impact="the login", root_cause="a full disk", prevention="an alert", expected_resolution="noon"
            )
            prepared = await vibe.draft(first)
            expect_in_order(prepared, words("customers"))
            await vibe.confirm(first, prepared)
            await vibe.resolve()
            ended = await vibe.draft(last)
            expect_in_order(ended, words("customers at the end"))
            await vibe.confirm(last, ended)
            sent = [one for one in harness.sent(Job.UPDATE) if one.target == "customers"]
            assert [one.subject for one in sent] == ["Service Disruption Notice", "Service Restored - Incident INC-1"]
        else:
            await vibe.resolve()
            assert last not in await vibe.drafts()


@pytest.mark.parametrize("severity", SEVERITIES)
async def test_the_review_is_due_within_48_hours_and_its_owner_is_reminded(severity: str) -> None:
    async with tocsin() as harness:
        vibe = story(harness, VIBE)
        await vibe.fire(severity)
        await harness.acknowledge("alex")
        await vibe.resolve()
        await harness.advance(hours=49)
        due, reminders = await vibe.review_due()
        assert due == 48
        assert 48 in [round(hours) for hours in reminders]


async def test_the_post_mortem_has_the_sections_of_the_text() -> None:
    async with tocsin() as harness:
        vibe = story(harness, VIBE)
        await vibe.fire("SEV-1")
        await vibe.facts(root_cause="a full disk")
        await vibe.resolve()
        draft = (await vibe.post_mortem()).text.plain
        expect_in_order(draft, words("post-mortem"))
        assert "a full disk" in draft


@pytest.mark.parametrize(("kind", "days"), [("immediate", 7), ("long-term", 30)])
async def test_corrective_actions_are_due_after_a_week_or_a_month(kind: str, days: int) -> None:
    async with tocsin() as harness:
        vibe = story(harness, VIBE)
        await vibe.fire("SEV-1")
        await vibe.resolve()
        now = harness.clock.now()
        await harness.say(ItemAdded(by=ALEX, text="a limit for each client", kind=kind, owner="alex"))
        owed = (await harness.incident()).obligations
        assert owed is not None
        assert [round((item.due_at - now) / 86_400_000_000) for item in owed.items] == [days]


@pytest.mark.parametrize(
    ("name", "starts", "days", "dates", "says"),
    [
        ("Incident response drill", "2026-01-10", 100, ["2026-01-13", "2026-04-14"], "incident response drill"),
        ("Rollback test", "2026-01-10", 70, ["2026-01-20", "2026-02-17", "2026-03-17"], "rollback procedures"),
        ("Runbook review", "2026-01-10", 40, ["2026-01-13"], "Review and update"),
        ("Runbook review", "2027-01-10", 4, ["2027-01-12"], "runbooks"),
    ],
)
async def test_drills_rollbacks_and_runbooks_come_each_quarter_month_and_year(
    name: str, starts: str, days: int, dates: list[str], says: str
) -> None:
    told = await reminded(VIBE, name, datetime.fromisoformat(starts).replace(tzinfo=UTC), days)
    assert [date for date, _, _ in told] == dates
    assert all(says in text and people == persons("engineering-manager") for _, people, text in told)

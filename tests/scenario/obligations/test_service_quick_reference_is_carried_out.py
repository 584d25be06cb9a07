"""Obligations of the text of the service quick reference, with the shipped configuration: durations and words."""

import pytest

from scenario.obligations.shipped import ALEX, expect_in_order, persons, quotes, shipped, story, tocsin
from tocsin.core.duration import MINUTE
from tocsin.core.incident.event import PostMortemDone, UpdatePosted
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.goals import LevelGoal, PlaybookGoals

QUICK = "service-quick-reference"
SEVERITIES = ("P0", "P1", "P2", "P3")


def words(of: str) -> list[str]:
    return quotes(QUICK, of)


@pytest.mark.parametrize(
    ("severity", "at_once", "minute", "then"),
    [
        ("P0", ["everyone"], 5, ["everyone-backup"]),
        ("P1", ["on-call-engineer", "team-lead"], 15, ["on-call-engineer-backup", "team-lead-backup"]),
        ("P2", ["team-lead"], 60, ["team-lead-backup"]),
    ],
)
async def test_the_people_of_the_matrix_are_paged_at_once_and_their_backups_at_the_response_time(
    severity: str, at_once: list[str], minute: int, then: list[str]
) -> None:
    first = set().union(*map(persons, at_once))
    backups = set().union(*map(persons, then))
    async with tocsin() as harness:
        quick = story(harness, QUICK)
        await quick.fire(severity)
        await harness.advance(minutes=minute - 1)
        assert quick.first() == dict.fromkeys(first, 0)
        await harness.advance(minutes=1)
        assert quick.first() == dict.fromkeys(first, 0) | dict.fromkeys(backups - first, minute)
        assert backups - first


async def test_p0_pages_everyone_again_every_5_minutes_until_it_is_acknowledged() -> None:
    async with tocsin() as harness:
        await story(harness, QUICK).fire("P0")
        await harness.advance(minutes=15)
        team = persons("everyone")
        again = [{who for at, who in harness.pages() if at == minute} for minute in (10, 15)]
        assert all(each >= team for each in again)
        await harness.acknowledge("alex")
        count = len(harness.pages())
        await harness.advance(minutes=30)
        assert len(harness.pages()) == count


async def test_p3_has_an_issue_and_a_reminder_after_4_hours_and_pages_no_one() -> None:
    async with tocsin() as harness:
        quick = story(harness, QUICK)
        await quick.fire("P3")
        assert quick.jobs("github") == [Job.TICKET_OPEN]
        await harness.advance(hours=5)
        assert harness.pages() == []
        assert [at for at, who in harness.pages(Job.UPDATE) if who == "incidents"] == [0, 240]


@pytest.mark.parametrize("severity", SEVERITIES)
async def test_the_issue_has_the_sections_of_the_text_and_the_severity(severity: str) -> None:
    async with tocsin() as harness:
        quick = story(harness, QUICK)
        await quick.fire(severity)
        await harness.advance(seconds=1)
        [issue] = quick.tracker("github").sent
        assert issue.text is not None
        assert (issue.job, issue.severity) == (Job.TICKET_OPEN, severity)
        expect_in_order(issue.text.plain, words("issue"))
        expect_in_order(
            issue.text.plain, [f"**Severity:** {severity}", "**Service:** shop", "**Status:** Investigating"]
        )


async def test_slack_gets_the_line_of_the_text_with_the_number_of_the_issue() -> None:
    async with tocsin() as harness:
        quick = story(harness, QUICK)
        await quick.fire("P0")
        await harness.advance(minutes=1)
        [line] = [text for text in quick.texts("incidents") if "\n" not in text.strip()]
        expect_in_order(line, words("slack"))
        expect_in_order(line, ["P0", "Trouble", "#1"])


async def test_the_roles_of_the_text_each_have_a_person_and_a_backup() -> None:
    roles = shipped().playbooks[QUICK].roles
    assert [role.name for role in roles] == words("roles")
    for role in roles:
        people, backups = (set().union(*map(persons, each)) for each in (role.targets, role.backup))
        assert people
        assert backups - people


async def test_the_alert_has_the_words_of_the_text() -> None:
    async with tocsin() as harness:
        quick = story(harness, QUICK)
        await quick.fire("P1")
        await harness.advance(minutes=2)
        [alert] = [text for text in quick.texts("incidents") if text.startswith("🚨 INCIDENT ALERT")]
        expect_in_order(alert, words("alert"))
        expect_in_order(alert, ["Severity: P1", "Service: shop"])


@pytest.mark.parametrize("status", quotes(QUICK, "statuses"))
async def test_an_update_has_the_words_and_the_statuses_of_the_text(status: str) -> None:
    async with tocsin() as harness:
        quick = story(harness, QUICK)
        await quick.fire("P1")
        await harness.advance(seconds=1)
        await quick.facts(impact="no one can pay")
        await harness.say(UpdatePosted(by=ALEX, text="we look at the disk", status=status))
        [update] = [text for text in quick.texts("incidents") if text.startswith("📊")]
        expect_in_order(update, words("update"))
        expect_in_order(update, [f"Status: {status}", "Impact: no one can pay"])
        assert quick.jobs("github")[-1] == Job.TICKET_COMMENT


async def test_the_resolution_has_the_words_of_the_text_in_slack_and_closes_the_issue() -> None:
    async with tocsin() as harness:
        quick = story(harness, QUICK)
        await quick.fire("P1")
        await harness.advance(seconds=1)
        await quick.facts(root_cause="a full disk", resolution="a larger disk", prevention="an alert at 80 %")
        await quick.resolve()
        for target in ("incidents", "stakeholders"):
            said = quick.texts(target)[-1]
            expect_in_order(said, words("resolution"))
            expect_in_order(
                said, ["Root Cause: a full disk", "Resolution: a larger disk", "Prevention: an alert at 80 %"]
            )
        closing = quick.tracker("github").sent[-1]
        assert closing.text is not None
        assert closing.job is Job.TICKET_CLOSE
        expect_in_order(closing.text.plain, ["RESOLVED", "a full disk", "a larger disk", "an alert at 80 %"])


async def test_the_checklist_has_the_eight_questions_of_the_text() -> None:
    async with tocsin() as harness:
        quick = story(harness, QUICK)
        await quick.fire("P1")
        assert await quick.ticks("investigation") == words("investigation")


@pytest.mark.parametrize("severity", SEVERITIES)
async def test_the_post_mortem_is_due_within_a_week_and_counted_as_in_time_or_late(severity: str) -> None:
    async with tocsin() as harness:
        quick = story(harness, QUICK)
        await quick.fire(severity)
        await harness.acknowledge("alex")
        await quick.resolve()
        await harness.advance(hours=24 * 7)
        due, _ = await quick.review_due()
        assert due == 24 * 7
        await harness.say(PostMortemDone(by=ALEX, link="https://wiki.example.com/1"))
        assert harness.observer.counted("post_mortems_total", playbook=QUICK) == 1


TARGETS = ("on-call-engineer", "team-lead", "security", "infrastructure")


@pytest.mark.parametrize(("contact", "target"), list(zip(words("contacts"), TARGETS, strict=True)))
def test_each_emergency_contact_of_the_text_has_a_backup(contact: str, target: str) -> None:
    assert contact.lower().replace(" ", "-").startswith(target)
    assert persons(target)
    assert persons(f"{target}-backup") - persons(target)


def test_the_goals_are_those_of_the_text() -> None:
    goals = shipped().playbooks[QUICK].goals
    mttr = (LevelGoal("P0", 30 * MINUTE),)
    assert goals == PlaybookGoals(mttr=mttr, mttd=5 * MINUTE, incidents_a_month=1, post_mortems_in_time=True)


async def test_times_to_detect_and_to_resolve_and_incidents_are_measured() -> None:
    async with tocsin() as harness:
        quick = story(harness, QUICK)
        begun = harness.clock.now()
        await harness.advance(minutes=4)
        quick.labels = {"alertname": "Trouble", "service": "shop", "severity": "P0", "playbook": QUICK}
        await harness.fire(starts_at=begun, **quick.labels)
        await harness.advance(minutes=20)
        await quick.resolve()
        assert harness.observer.observed("incident_time_to_detect_seconds") == [4 * 60]
        [to_resolve] = harness.observer.observed("incident_time_to_resolve_seconds")
        assert to_resolve in (20 * 60, 24 * 60)
        assert harness.observer.counted("incidents_opened_total", playbook=QUICK, severity="P0") == 1

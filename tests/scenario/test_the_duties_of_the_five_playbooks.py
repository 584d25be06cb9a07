"""The deadlines that the five texts set, carried out by the shipped configuration, one test for each obligation."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache

import pytest

from scenario.owing import ALICE, duties, outcomes, told
from scenario.test_five_playbooks_at_once import TOLD, shipped
from tocsin.core.content.page import ItemDetails
from tocsin.core.duration import DAY, HOUR, MINUTE
from tocsin.core.incident.event import CompleteDuty, Confirmed, Declare, ItemAdded, SetFacts, WaiveDuty
from tocsin.core.playbook.duties import POST_MORTEM
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingTracker

MONDAY = datetime(2026, 1, 5, 10, tzinfo=UTC)
LEVELS = [(plan.name, level.name) for plan in shipped().playbooks.values() for level in plan.levels]


@cache
def levels_of(playbook: str) -> tuple[str, ...]:
    return tuple(level.name for level in shipped().playbooks[playbook].levels)


@asynccontextmanager
async def incident(playbook: str, severity: str, **labels: str) -> AsyncIterator[Harness]:
    """An incident of a playbook that has just opened: an automation has had its two minutes, where one has."""
    async with Harness.of(shipped(), clock=VirtualClock(MONDAY), jobs=TOLD) as harness:
        await harness.fire(alertname="Down", service="shop", playbook=playbook, severity=severity, **labels)
        if (await harness.incident()).pending_until is not None:
            await harness.advance(minutes=2)
        assert (await harness.incident()).severity == severity
        yield harness


async def end(harness: Harness, playbook: str) -> None:
    """Alex resolves it, and its alert ends, so that it does not open again."""
    severity = (await harness.incident()).severity
    await harness.close("alex")
    await harness.resolve(alertname="Down", service="shop", playbook=playbook, severity=severity)


async def deadlines(harness: Harness, since: str) -> dict[str, int]:
    """The time allowed for each duty that counts from a moment, in microseconds."""
    return {name: duty.due_at - duty.asked_at for name, duty in (await duties(harness)).items() if duty.since == since}


# ultimate-marketing


@pytest.mark.parametrize("severity", ["P1", "P2", "P3", "P4"])
async def test_ultimate_marketing_updates_the_status_page_within_15_minutes_of_declaration(severity: str) -> None:
    async with incident("ultimate-marketing", severity) as harness:
        await harness.advance(minutes=3)
        await harness.say(Declare(by=ALICE))
        assert (await deadlines(harness, "declared"))["status-page"] == 15 * MINUTE
        await harness.advance(minutes=15)
        late = [at for at, _ in told(harness, "status-page")]
        assert (min(late), max(late)) == (2 + 3 + 7.5, 2 + 3 + 15)
        assert harness.observer.counted("duty_breaches_total", playbook="ultimate-marketing", severity=severity) >= 1


async def test_ultimate_marketing_counts_a_confirmed_status_page_as_done() -> None:
    async with incident("ultimate-marketing", "P1") as harness:
        await harness.say(Declare(by=ALICE))
        acting = (await harness.incident()).acting
        assert acting is not None
        [draft] = [draft.number for draft in acting.drafts if draft.action.what == "status"]
        await harness.say(Confirmed(by=ALICE, draft=draft, text="We look into it."))
        assert (await outcomes(harness))["status-page"] == "in_time"


@pytest.mark.parametrize(("severity", "is_owed"), [("P1", True), ("P2", True), ("P3", False), ("P4", False)])
async def test_ultimate_marketing_prepares_customer_communication_at_p1_and_p2(severity: str, *, is_owed: bool) -> None:
    async with incident("ultimate-marketing", severity) as harness:
        await harness.say(Declare(by=ALICE))
        assert ("customer-notice" in await duties(harness)) is is_owed


@pytest.mark.parametrize(("severity", "within"), [("P1", 2 * DAY), ("P2", 2 * DAY), ("P3", 7 * DAY), ("P4", 7 * DAY)])
async def test_ultimate_marketing_holds_the_post_mortem_meeting_in_48_hours_or_1_week(
    severity: str, within: int
) -> None:
    async with incident("ultimate-marketing", severity) as harness:
        await end(harness, "ultimate-marketing")
        found = {name: duty for name, duty in (await duties(harness)).items() if name.startswith("review-meeting")}
        [(_, meeting)] = found.items()
        assert meeting.due_at - meeting.asked_at == within
        assert meeting.meets_at is not None
        assert DAY <= meeting.meets_at - meeting.asked_at <= within - HOUR, "not before 24 hours"
        assert (await deadlines(harness, "resolved"))[POST_MORTEM] == within


async def test_ultimate_marketing_publishes_the_document_and_schedules_a_follow_up_meeting() -> None:
    async with incident("ultimate-marketing", "P1") as harness:
        await end(harness, "ultimate-marketing")
        found = await duties(harness)
        assert found["publish-findings"].due_at - found["publish-findings"].asked_at == 10 * DAY
        assert found["verify-actions"].meets_at is not None
        assert found["handover"].due_at - found["handover"].asked_at == DAY


DECLARE_WITHIN = [
    *(("erlmcp", severity, 15 if severity in ("P0", "P1") else 30) for severity in levels_of("erlmcp")),
    *(
        ("ultimate-marketing", severity, 15 if severity in ("P1", "P2") else 30)
        for severity in levels_of("ultimate-marketing")
    ),
]


@pytest.mark.parametrize(("playbook", "severity", "minutes"), DECLARE_WITHIN)
async def test_the_person_who_acknowledges_is_reminded_to_declare(playbook: str, severity: str, minutes: int) -> None:
    async with incident(playbook, severity) as harness:
        await harness.acknowledge("alex")
        assert list((await deadlines(harness, "acknowledged")).values()) == [minutes * MINUTE]
        [name] = await deadlines(harness, "acknowledged")
        await harness.advance(minutes=minutes)
        assert {who for _, who in told(harness, name)} > {"alex"}
        await harness.say(Declare(by=ALICE))
        assert (await outcomes(harness))[name] == "late"


# erlmcp


@pytest.mark.parametrize("severity", levels_of("erlmcp"))
async def test_erlmcp_holds_the_post_mortem_meeting_within_24_hours(severity: str) -> None:
    async with incident("erlmcp", severity) as harness:
        await end(harness, "erlmcp")
        assert await deadlines(harness, "resolved") == {POST_MORTEM: DAY, "review-meeting": DAY}
        meeting = (await duties(harness))["review-meeting"]
        assert meeting.meets_at is not None
        assert meeting.meets_at + HOUR <= meeting.due_at
        assert [content.target for content in harness.sent() if content.step == "meeting.review-meeting.1"] == ["alex"]


@pytest.mark.parametrize("severity", levels_of("erlmcp"))
async def test_erlmcp_prepares_customer_communication_within_30_minutes_of_declaration(severity: str) -> None:
    async with incident("erlmcp", severity) as harness:
        await harness.say(Declare(by=ALICE))
        found = await deadlines(harness, "declared")
        [name] = [name for name in found if name.startswith("customer-notice")]
        assert found[name] == 30 * MINUTE
        await harness.say(Confirmed(by=ALICE, draft=1, text="We look into it."))
        assert (await outcomes(harness))[name] == "in_time"


# service-quick-reference


@pytest.mark.parametrize("severity", levels_of("service-quick-reference"))
async def test_service_quick_reference_wants_four_things_within_24_hours_at_every_severity(severity: str) -> None:
    async with incident("service-quick-reference", severity) as harness:
        await end(harness, "service-quick-reference")
        found = await deadlines(harness, "resolved")
        assert {name for name, within in found.items() if within == DAY} == {
            *("incident-timeline", "root-cause", "impact-assessment", "stakeholders")
        }
        assert (await outcomes(harness))["stakeholders"] == "open", "the resolution has told them of no root cause"
        await harness.say(SetFacts(by=ALICE, facts={"root_cause": "a full disk", "impact": "all of them"}))
        done = await outcomes(harness)
        assert {done[name] for name in ("root-cause", "stakeholders", "impact-assessment")} == {"in_time"}


@pytest.mark.parametrize("severity", levels_of("service-quick-reference"))
async def test_service_quick_reference_follows_up_within_1_week_at_every_severity(severity: str) -> None:
    async with incident("service-quick-reference", severity) as harness:
        await end(harness, "service-quick-reference")
        found = await deadlines(harness, "resolved")
        assert {name for name, within in found.items() if within == 7 * DAY} == {
            *(POST_MORTEM, "action-items", "process-updates", "share-lessons")
        }


# emergency-response


@pytest.mark.parametrize("severity", ["SEV-1", "SEV-2"])
async def test_emergency_response_posts_to_the_status_page_within_10_minutes(severity: str) -> None:
    async with incident("emergency-response", severity) as harness:
        assert await deadlines(harness, "opened") == {"status-page": 10 * MINUTE}
        await harness.advance(minutes=10)
        at = [minute for minute, _ in told(harness, "status-page")]
        assert (min(at), max(at)) == (5, 10)


@pytest.mark.parametrize(("severity", "within"), [("SEV-3", 4 * HOUR), ("SEV-4", DAY)])
async def test_emergency_response_gives_a_realistic_timeline_at_sev_3_and_sev_4(severity: str, within: int) -> None:
    async with incident("emergency-response", severity) as harness:
        [(name, allowed)] = (await deadlines(harness, "opened")).items()
        assert allowed == within
        await harness.say(SetFacts(by=ALICE, facts={"expected_resolution": "Thursday"}))
        assert await outcomes(harness) == {name: "in_time"}


@pytest.mark.parametrize("severity", levels_of("emergency-response"))
async def test_emergency_response_reviews_within_48_hours_without_exception(severity: str) -> None:
    async with incident("emergency-response", severity) as harness:
        await end(harness, "emergency-response")
        assert await deadlines(harness, "resolved") == {POST_MORTEM: 2 * DAY, "review-meeting": 2 * DAY}
        [invitation] = [each for each in harness.sent() if each.step.startswith("meeting.") and each.target == "drew"]
        assert invitation.invitation is not None
        assert invitation.invitation.description[-5:] == (
            "1. Timeline review (10 min)",
            "2. Root cause analysis (15 min)",
            "3. What went well (10 min)",
            "4. What could be better (15 min)",
            "5. Action items (10 min)",
        )


# mgmt-vibe


async def test_mgmt_vibe_updates_the_status_page_once_customer_impact_is_confirmed() -> None:
    async with incident("mgmt-vibe", "SEV-2") as harness:
        assert "status-page" not in await duties(harness)
        await harness.advance(minutes=20)
        await harness.flag("customer_impact")
        assert (await deadlines(harness, "opened"))["status-page"] == 15 * MINUTE


@pytest.mark.parametrize("severity", levels_of("mgmt-vibe"))
async def test_mgmt_vibe_assesses_the_impact_in_the_first_15_minutes(severity: str) -> None:
    async with incident("mgmt-vibe", severity) as harness:
        await harness.acknowledge("alex")
        assert (await deadlines(harness, "acknowledged"))["initial-assessment"] == 15 * MINUTE
        await harness.say(SetFacts(by=ALICE, facts={"impact": "All of them"}))
        assert (await outcomes(harness))["initial-assessment"] == "in_time"


@pytest.mark.parametrize(("severity", "is_owed"), [("SEV-0", True), ("SEV-1", True), ("SEV-2", False)])
async def test_mgmt_vibe_notifies_customers_at_sev_0_and_sev_1(severity: str, *, is_owed: bool) -> None:
    async with incident("mgmt-vibe", severity) as harness:
        assert ("customer-notice" in await duties(harness)) is is_owed


@pytest.mark.parametrize("severity", levels_of("mgmt-vibe"))
async def test_mgmt_vibe_does_the_six_steps_of_its_review_within_48_hours(severity: str) -> None:
    async with incident("mgmt-vibe", severity) as harness:
        await end(harness, "mgmt-vibe")
        found = await deadlines(harness, "resolved")
        assert set(found.values()) == {2 * DAY}
        steps = ("review-meeting", "root-cause", "corrective-actions", "update-runbooks", "share-findings")
        assert set(found) == {POST_MORTEM, *steps}


async def test_mgmt_vibe_gives_the_runbooks_and_the_findings_an_owner() -> None:
    async with incident("mgmt-vibe", "SEV-1") as harness:
        await end(harness, "mgmt-vibe")
        found = await duties(harness)
        assert (found["update-runbooks"].by, found["share-findings"].by) == ("on-call-engineer", "communication-lead")
        await harness.advance(hours=24)
        assert {who for _, who in told(harness, "share-findings")} == {"drew"}
        assert {who for _, who in told(harness, "update-runbooks")} == {"alex"}


# all of them


@pytest.mark.parametrize("playbook", sorted(shipped().playbooks))
async def test_an_action_item_of_every_playbook_becomes_a_ticket_with_owner_and_due_date(playbook: str) -> None:
    async with incident(playbook, levels_of(playbook)[0]) as harness:
        await end(harness, playbook)
        due_at = harness.clock.now() + 3 * DAY
        await harness.say(ItemAdded(by=ALICE, text="an alert", kind="immediate", owner="taylor", due_at=due_at))
        await harness.settle()
        trackers = (each for each in harness.live.policy.trackers.values() if isinstance(each, RecordingTracker))
        sent = [content for tracker in trackers for content in tracker.sent]
        [ticket] = [content for content in sent if content.ticket is not None and content.ticket.about == "item-1"]
        assert ticket.item == ItemDetails(("taylor",), due_at)


@pytest.mark.parametrize(("playbook", "severity"), LEVELS)
async def test_the_record_of_every_playbook_and_severity_closes_once_all_is_done_or_waived(
    playbook: str, severity: str
) -> None:
    async with incident(playbook, severity) as harness:
        await harness.say(Declare(by=ALICE))
        await end(harness, playbook)
        left = [name for name, outcome in (await outcomes(harness)).items() if outcome == "open"]
        assert left
        for number, name in enumerate(left):
            obligations = (await harness.incident()).obligations
            assert obligations is not None
            if (await outcomes(harness))[name] != "open":
                continue  # the written postmortem has shared the findings
            assert obligations.closed_at is None
            waives = number % 2
            done = WaiveDuty(by=ALICE, duty=name, reason="not needed") if waives else CompleteDuty(by=ALICE, duty=name)
            await harness.say(done)
        obligations = (await harness.incident()).obligations
        assert obligations is not None
        assert obligations.closed_at == harness.clock.now()

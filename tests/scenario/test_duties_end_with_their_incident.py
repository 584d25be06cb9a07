"""Duties when an incident is resolved, reopened, merged, a drill, part of a storm; and the record that they close."""

from datetime import UTC, datetime

import pytest

from scenario import emergency
from scenario.emergency import ON_CALL
from scenario.owing import (
    ALICE,
    CALL,
    CAUSE,
    MESSAGE_ACTION,
    STATUS_PAGE,
    TELL,
    counted,
    down,
    duties,
    entries,
    outcomes,
    over,
    tocsin,
    told,
)
from tocsin.core.duration import HOUR, MINUTE
from tocsin.core.incident.event import CompleteDuty, Declare, ItemAdded, WaiveDuty
from tocsin.core.incident.outbox import Job
from tocsin.core.incident.sla import open_duties
from tocsin.core.playbook.duties import PlaybookDuty
from tocsin.ports.store import IncidentFilter
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

DECLARE = PlaybookDuty(
    name="declare", text="Declare it, or resolve it", since="acknowledged", within=15 * MINUTE, declared=True
)
AT_THE_END = PlaybookDuty(name="tidy", text="Tidy up", since="resolved", within=3_600_000_000)


async def closed_at(harness: Harness) -> int | None:
    obligations = (await harness.incident()).obligations
    return obligations.closed_at if obligations is not None else None


async def with_open_duties(harness: Harness) -> list[int]:
    wanted = IncidentFilter(open_duties=True)
    return await harness.store.read(lambda tx: [incident.number for incident in tx.incidents(wanted)])


async def test_the_record_closes_when_each_duty_is_done_or_waived_with_a_reason() -> None:
    async with tocsin(CALL, CAUSE, AT_THE_END) as harness:
        await down(harness)
        await harness.acknowledge()
        await over(harness)
        assert await with_open_duties(harness) == [1]
        await harness.say(CompleteDuty(by=ALICE, duty="call"))
        await harness.say(WaiveDuty(by=ALICE, duty="cause", reason="known since last week"))
        assert await closed_at(harness) is None
        await harness.say(CompleteDuty(by=ALICE, duty="tidy"))
        assert await closed_at(harness) == harness.clock.now()
        assert (await emergency.kinds(harness))[-1] == "record_closed"
        assert await with_open_duties(harness) == []


async def test_an_open_action_item_does_not_keep_the_record_open() -> None:
    async with tocsin(AT_THE_END) as harness:
        await down(harness)
        await harness.say(ItemAdded(by=ALICE, text="an alert that comes sooner", kind="long-term"))
        await over(harness)
        await harness.say(CompleteDuty(by=ALICE, duty="tidy"))
        assert await closed_at(harness) is not None


async def test_a_duty_of_the_open_incident_outlives_the_resolve() -> None:
    async with tocsin(TELL, actions=[MESSAGE_ACTION]) as harness:
        await down(harness)
        await harness.say(Declare(by=ALICE))
        await over(harness)
        assert await outcomes(harness) == {"tell": "open"}
        await harness.advance(minutes=28)
        assert told(harness, "tell")[-1] == (30, "incidents")
        assert await closed_at(harness) is None


async def test_a_reopened_incident_withdraws_the_duties_of_the_former_occurrence_and_has_its_own() -> None:
    async with tocsin(CALL, AT_THE_END) as harness:
        await down(harness)
        await harness.acknowledge()
        await over(harness)
        await harness.advance(minutes=5)
        await down(harness, instance="b")
        assert await entries(harness, "duty_withdrawn") == [("duty_withdrawn", "call"), ("duty_withdrawn", "tidy")]
        assert await outcomes(harness) == {}
        await harness.acknowledge()
        call = (await duties(harness))["call"]
        assert (call.occurrence, call.due_at) == (2, harness.clock.now() + CALL.within)
        await harness.advance(minutes=59)
        assert counted(harness, "duty_breaches_total") == 0, "the first one's deadline is past"


async def test_a_closed_record_opens_again_with_the_incident() -> None:
    async with tocsin(AT_THE_END) as harness:
        await down(harness)
        await over(harness)
        await harness.say(CompleteDuty(by=ALICE, duty="tidy"))
        await down(harness, instance="b")
        assert await closed_at(harness) is None
        await over(harness, instance="b")
        await harness.say(CompleteDuty(by=ALICE, duty="tidy"))
        assert (await emergency.kinds(harness)).count("record_closed") == 2


async def test_a_merged_incident_leaves_its_duties_to_the_other() -> None:
    async with tocsin(CALL) as harness:
        await down(harness, service="a")
        await down(harness, service="b")
        await harness.acknowledge(incident="1")
        await harness.acknowledge(incident="2")
        await harness.respond.merge("2", "1", ALICE)
        await harness.settle()
        assert await entries(harness, "duty_withdrawn", ref="2") == [("duty_withdrawn", "call")]
        assert await outcomes(harness, "2") == {}
        assert await outcomes(harness, "1") == {"call": "open"}
        await harness.advance(minutes=61)
        assert counted(harness, "duty_breaches_total") == 1


async def test_a_drill_has_no_duties() -> None:
    async with tocsin(CALL, TELL, AT_THE_END, post_mortem=True) as harness:
        await down(harness, tocsin_drill="true")
        await harness.acknowledge()
        await harness.say(Declare(by=ALICE))
        await over(harness, tocsin_drill="true")
        await harness.advance(minutes=100)
        assert await outcomes(harness) == {}
        assert counted(harness, "duty_breaches_total") == 0


async def test_only_the_storm_has_the_duties_not_its_members() -> None:
    async with tocsin(TELL, AT_THE_END) as harness:
        for number in range(20):
            await down(harness, "SEV-2", service=f"service-{number}")
        incidents = await harness.store.read(lambda tx: tx.incidents(IncidentFilter(limit=100)))
        members = [one for one in incidents if one.member_of is not None and not one.reached]
        assert len(members) > 5
        [storm] = [one for one in incidents if one.storm is not None]
        assert await outcomes(harness, str(storm.number)) == {"tell": "open"}
        for member in members:
            await over(harness, "SEV-2", service=member.service)
            assert await outcomes(harness, str(member.number)) == {}


@pytest.mark.parametrize("severity", ["SEV-3", "SEV-4"])
async def test_an_incident_that_pages_no_one_has_its_duties_as_well(severity: str) -> None:
    async with tocsin(AT_THE_END, post_mortem=True) as harness:
        await down(harness, severity)
        await over(harness, severity)
        assert await outcomes(harness) == {"postmortem": "open", "tidy": "open"}


async def test_what_an_automation_has_healed_before_any_page_has_no_duties() -> None:
    async with tocsin(AT_THE_END, post_mortem=True) as harness:
        await down(harness, heal="first")
        await harness.resolve(alertname="Down", severity="SEV-1", heal="first")
        await harness.advance(minutes=10)
        assert await outcomes(harness) == {}


async def test_a_snooze_holds_no_duty_back() -> None:
    async with tocsin(STATUS_PAGE) as harness:
        await down(harness)
        await harness.say(Declare(by=ALICE))
        await harness.snooze(120)
        await harness.advance(minutes=20)
        assert told(harness, "status-page")[-1] == (15, "incidents")


async def test_reminders_end_after_a_quarter_and_the_record_stays_open() -> None:
    async with tocsin(AT_THE_END, clock=VirtualClock(datetime(2026, 11, 20, 12, tzinfo=UTC))) as harness:
        await down(harness)
        await over(harness)
        await harness.advance(hours=24 * 120)
        incident = await harness.incident()
        assert (await duties(harness))["tidy"].remind_at is None
        assert open_duties(incident.obligations) == 1
        assert await with_open_duties(harness) == [1]


async def test_the_message_about_the_resolve_names_the_readers_duties_in_one_sentence() -> None:
    mine = [PlaybookDuty(name=name, text=name, since="resolved", within=HOUR, by=ON_CALL) for name in ("one", "two")]
    async with tocsin(*mine) as harness:
        await down(harness)
        await over(harness)
        [ending] = harness.sent(Job.RESOLVE)
        assert ending.owed == (
            "You have 2 tasks, the first due by 13:02 UTC: one; two.\nTo list them: tocsin incidents show 1",
        )


async def test_the_responder_is_reminded_to_declare_and_a_declaration_ends_the_duty() -> None:
    async with tocsin(DECLARE) as harness:
        await down(harness)
        assert await outcomes(harness) == {}
        await harness.acknowledge("alice")
        await harness.advance(minutes=8)
        assert told(harness, "declare") == [(7.5, "alice")]
        await harness.say(Declare(by=ALICE))
        assert await outcomes(harness) == {"declare": "in_time"}
        [entry] = [entry for entry in await harness.timeline() if entry.kind == "duty_done"]
        assert (entry.actor, entry.data["reason"]) == ("alice", "declared at SEV-1")
        await harness.advance(minutes=30)
        assert len(told(harness, "declare")) == 1


async def test_an_incident_that_nobody_declares_in_time_is_a_breach() -> None:
    async with tocsin(DECLARE) as harness:
        await down(harness)
        await harness.acknowledge("alice")
        await harness.advance(minutes=15)
        assert told(harness, "declare") == [(7.5, "alice"), (15, "alice"), (15, "incidents")]


async def test_a_declared_incident_owes_no_declaration() -> None:
    async with tocsin(DECLARE) as harness:
        await down(harness)
        await harness.say(Declare(by=ALICE))
        await harness.acknowledge("alice")
        assert await outcomes(harness) == {}
        assert await entries(harness, "duty_owed", "duty_done") == []


@pytest.mark.parametrize("by_whom", ["person", "alerts"])
async def test_a_false_alarm_that_is_resolved_owes_no_declaration(by_whom: str) -> None:
    async with tocsin(DECLARE, AT_THE_END) as harness:
        await down(harness)
        await harness.acknowledge("alice")
        if by_whom == "person":
            await harness.close("alice")
        else:
            await over(harness)
        assert await outcomes(harness) == {"tidy": "open"}
        withdrawn = [entry for entry in await harness.timeline() if entry.kind == "duty_withdrawn"]
        assert [(entry.data["duty"], entry.data["because"]) for entry in withdrawn] == [
            ("declare", "it is resolved without a declaration")
        ]
        await harness.say(CompleteDuty(by=ALICE, duty="tidy"))
        assert await closed_at(harness) is not None
        assert told(harness, "declare") == []
        assert await emergency.wrong(harness) == []


async def test_the_record_of_a_false_alarm_without_other_duties_waits_for_nothing() -> None:
    async with tocsin(DECLARE) as harness:
        await down(harness)
        await harness.acknowledge("alice")
        await harness.close("alice")
        incident = await harness.incident()
        assert incident.obligations is None or open_duties(incident.obligations) == 0

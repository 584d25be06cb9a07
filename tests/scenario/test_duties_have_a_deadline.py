"""A duty of a playbook has a deadline, a reminder before it, a breach after it, and an end."""

import pytest

from scenario import emergency
from scenario.conftest import NewStore
from scenario.owing import (
    ALICE,
    BOB,
    CALL,
    CAUSE,
    MESSAGE_ACTION,
    SEV_1_ONLY,
    STATUS_ACTION,
    STATUS_PAGE,
    TELL,
    WHEN_FLAGGED,
    counted,
    down,
    duties,
    entries,
    outcomes,
    over,
    playbook,
    tocsin,
    told,
)
from tocsin.channels.timeline import phrase
from tocsin.core.duration import HOUR
from tocsin.core.errors import InvalidText, InvalidValue, UnknownName
from tocsin.core.incident.event import (
    CompleteDuty,
    Confirmed,
    Declare,
    Discarded,
    PostMortemDone,
    SetFacts,
    WaiveDuty,
)
from tocsin.core.oncall.people import People
from tocsin.core.playbook.duties import PlaybookDuty
from tocsin.core.playbook.playbook import FollowUp
from tocsin.core.schedule.moments import moment
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

DAY = 24.0 * 60


async def test_its_owner_is_reminded_before_the_deadline_and_told_after_it_with_the_announce_targets() -> None:
    async with tocsin(STATUS_PAGE) as harness:
        await down(harness)
        await harness.advance(minutes=10)
        await harness.say(Declare(by=ALICE))
        assert await outcomes(harness) == {"status-page": "open"}
        await harness.advance(minutes=14, seconds=59)
        assert told(harness, "status-page") == [(17.5, "communication-lead")]
        assert counted(harness, "duty_breaches_total", severity="SEV-1") == 0
        await harness.advance(seconds=1)
        assert told(harness, "status-page")[1:] == [(25, "communication-lead"), (25, "incidents")]
        assert counted(harness, "duty_breaches_total", severity="SEV-1") == 1
        [breach] = [entry for entry in await harness.timeline() if entry.kind == "duty_breached"]
        text = "overdue: update the status page (it was due 15 min after the incident was declared)"
        assert phrase(breach) == text
        await harness.advance(minutes=DAY)
        assert told(harness, "status-page")[3:] == [(25 + DAY, "communication-lead")], "daily until it is done"
        assert await emergency.wrong(harness) == []


async def test_a_person_who_does_it_in_time_hears_no_more_of_it() -> None:
    async with tocsin(CALL) as harness:
        await down(harness)
        assert await outcomes(harness) == {}, "it counts from the acknowledgment"
        await harness.acknowledge()
        await harness.say(CompleteDuty(by=BOB, duty="call", reason="the bank knows", link="https://bank.example.com"))
        await harness.advance(minutes=3 * DAY)
        assert told(harness, "call") == []
        assert await outcomes(harness) == {"call": "in_time"}
        [entry] = [entry for entry in await harness.timeline() if entry.kind == "duty_done"]
        assert (entry.actor, phrase(entry), entry.data["late"]) == ("bob", "task done: call (the bank knows)", 0)
        assert counted(harness, "duties_total", outcome="in_time") == 1


async def test_without_a_role_the_responder_owns_it() -> None:
    async with tocsin(CALL) as harness:
        await down(harness)
        await harness.acknowledge()
        await harness.advance(minutes=60)
        assert told(harness, "call") == [(50, "alice"), (60, "alice"), (60, "incidents")]


async def test_late_is_late_and_breached_once() -> None:
    async with tocsin(CALL) as harness:
        await down(harness)
        await harness.acknowledge()
        await harness.advance(minutes=90)
        await harness.say(CompleteDuty(by=ALICE, duty="call"))
        await harness.say(CompleteDuty(by=BOB, duty="call"))
        assert await outcomes(harness) == {"call": "late"}
        assert await entries(harness, "duty_breached", "duty_done") == [
            ("duty_breached", "call"),
            ("duty_done", "call"),
        ]
        assert counted(harness, "duties_total", outcome="late") == 1
        assert counted(harness, "duty_breaches_total") == 1


async def test_a_waiver_needs_a_reason_and_says_it() -> None:
    async with tocsin(CALL) as harness:
        await down(harness)
        await harness.acknowledge()
        with pytest.raises(InvalidValue, match="say why the duty call need not be done"):
            await harness.say(WaiveDuty(by=ALICE, duty="call", reason=" "))
        with pytest.raises(InvalidText, match="at most 500"):
            await harness.say(WaiveDuty(by=ALICE, duty="call", reason="x" * 501))
        with pytest.raises(UnknownName, match="has no duty 'cal'; its duties: call"):
            await harness.say(WaiveDuty(by=ALICE, duty="cal", reason="no bank"))
        await harness.say(WaiveDuty(by=ALICE, duty="call", reason="no bank is involved"))
        assert await outcomes(harness) == {"call": "waived"}
        [entry] = [entry for entry in await harness.timeline() if entry.kind == "duty_waived"]
        assert phrase(entry) == "task waived: call (no bank is involved)"
        assert counted(harness, "duties_total", outcome="waived") == 1


async def test_a_confirmed_status_page_fulfils_its_duty() -> None:
    async with tocsin(STATUS_PAGE, actions=[STATUS_ACTION]) as harness:
        await down(harness)
        await harness.say(Declare(by=ALICE))
        assert await outcomes(harness) == {"status-page": "open"}
        await harness.say(Confirmed(by=ALICE, draft=1, text="We look into it."))
        await harness.advance(minutes=60)
        assert await outcomes(harness) == {"status-page": "in_time"}
        assert told(harness, "status-page") == []


async def test_a_sent_message_fulfils_its_duty_and_names_who_confirmed_it() -> None:
    async with tocsin(TELL, actions=[MESSAGE_ACTION]) as harness:
        await down(harness)
        await harness.say(Declare(by=ALICE))
        await harness.say(Confirmed(by=BOB, draft=1, text="We are sorry."))
        tell = (await duties(harness))["tell"]
        assert (tell.outcome, tell.done_by, tell.reason) == ("in_time", "bob", "customer-text sent")


async def test_a_draft_discarded_with_a_reason_waives_its_duty_and_without_one_does_not() -> None:
    async with tocsin(TELL, actions=[MESSAGE_ACTION]) as harness:
        await down(harness)
        await harness.say(Declare(by=ALICE))
        await harness.say(Discarded(by=BOB, draft=1, reason="customers did not notice"))
        tell = (await duties(harness))["tell"]
        assert (tell.outcome, tell.reason) == ("waived", "customers did not notice")
    async with tocsin(TELL, actions=[MESSAGE_ACTION]) as harness:
        await down(harness)
        await harness.say(Declare(by=ALICE))
        await harness.say(Discarded(by=BOB, draft=1))
        assert await outcomes(harness) == {"tell": "open"}


@pytest.mark.parametrize("is_before", [True, False])
async def test_a_fact_fulfils_its_duty_whether_it_is_entered_before_or_after_the_resolve(*, is_before: bool) -> None:
    async with tocsin(CAUSE) as harness:
        await down(harness)
        fact = SetFacts(by=ALICE, facts={"root_cause": "a full disk"})
        if is_before:
            await harness.say(fact)
        await over(harness)
        assert await outcomes(harness) == {"cause": "in_time" if is_before else "open"}
        await harness.say(fact)
        assert await outcomes(harness) == {"cause": "in_time"}


async def test_a_duty_begins_at_its_severity_and_also_when_the_severity_rises_to_it() -> None:
    async with tocsin(SEV_1_ONLY) as harness:
        await down(harness, "SEV-2")
        assert await outcomes(harness) == {}
        await harness.advance(minutes=20)
        await harness.set_severity("SEV-1")
        board = (await duties(harness))["board"]
        assert (board.due_at - harness.clock.start) / 60_000_000 == 80
        await harness.advance(minutes=60)
        [breach] = [entry for entry in await harness.timeline() if entry.kind == "duty_breached"]
        due = moment(board.due_at)
        assert phrase(breach) == f"overdue: tell the board (it was due by {due})", "not since the opening"


async def test_a_duty_with_a_flag_begins_when_the_flag_is_set() -> None:
    async with tocsin(WHEN_FLAGGED) as harness:
        await down(harness)
        assert await outcomes(harness) == {}
        await harness.advance(minutes=20)
        await harness.flag("data_breach")
        law = (await duties(harness))["law"]
        assert (law.due_at - harness.clock.start) / 60_000_000 == 80


async def test_reminder_and_breach_survive_a_restart_between_them_and_come_once(new_store: NewStore) -> None:
    clock = VirtualClock()
    store = new_store(clock)
    async with tocsin(STATUS_PAGE, store=store, clock=clock) as first:
        await down(first)
        await first.say(Declare(by=ALICE))
        await first.advance(minutes=10)
        assert told(first, "status-page") == [(7.5, "communication-lead")]
    async with tocsin(STATUS_PAGE, store=store, clock=clock) as second:
        await second.advance(minutes=4)
        assert told(second, "status-page") == []
        await second.advance(minutes=1)
        assert told(second, "status-page") == [(15, "communication-lead"), (15, "incidents")]


async def test_after_a_jump_of_the_clock_only_the_breach_comes_and_says_how_late() -> None:
    async with tocsin(STATUS_PAGE) as harness:
        await down(harness)
        await harness.say(Declare(by=ALICE))
        harness.clock.set(harness.clock.now() + 3 * 3600 * 1_000_000)
        await harness.settle()
        assert told(harness, "status-page") == [(180, "communication-lead"), (180, "incidents")]
        [late] = {content.late for content in harness.sent() if content.step == "breach.duty-status-page"}
        assert late == 165 * 60_000_000


async def test_an_owner_without_a_contact_is_replaced_by_the_announce_targets() -> None:
    ghosts = PlaybookDuty(name="x", text="X", since="opened", within=HOUR, by="ghost")
    plan = playbook(ghosts)
    known = emergency.one_person_a_target(plan).persons
    people = People(persons={name: person for name, person in known.items() if name != "ghost"})
    async with emergency.tocsin(playbook=plan, people=people) as it:
        await down(it)
        await it.advance(minutes=60)
        assert set(told(it, "x")) == {(30, "ghost"), (60, "ghost"), (60, "incidents")}
        stranded = {content.target for content in it.sent() if content.stranded}
        assert stranded == {"ghost"}


async def test_follow_ups_and_the_postmortem_are_duties_like_any_other() -> None:
    follow_up = FollowUp(name="follow-up-1", text="Tell support", within=3_600_000_000, role="technical-lead")
    async with tocsin(post_mortem=True, follow_ups=(follow_up,)) as harness:
        await down(harness)
        await over(harness)
        assert await outcomes(harness) == {"postmortem": "open", "follow-up-1": "open"}
        await harness.say(CompleteDuty(by=ALICE, duty="follow-up-1"))
        await harness.say(PostMortemDone(by=BOB, link="https://wiki.example.com/1"))
        assert await outcomes(harness) == {"postmortem": "in_time", "follow-up-1": "in_time"}
        asked = [entry.data for entry in await harness.timeline() if entry.kind == "post_mortem_asked"]
        assert [(data["duty"], data["severity"], data["occurrence"]) for data in asked] == [("postmortem", "SEV-1", 1)]


async def test_an_overdue_postmortem_is_a_breach(tocsin: Harness) -> None:
    await down(tocsin)
    await over(tocsin)
    await tocsin.advance(minutes=2 * DAY)
    assert tocsin.observer.counted("duty_breaches_total", severity="SEV-1") == 1
    [breach] = [entry for entry in await tocsin.timeline() if entry.kind == "duty_breached"]
    assert phrase(breach) == "the postmortem is overdue (it was due 2 d after the incident was resolved)"

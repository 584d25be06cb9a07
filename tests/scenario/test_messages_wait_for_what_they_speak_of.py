"""A message about something done, or with an issue's number, waits for that, is sent once, and holds up no page."""

import msgspec
import pytest

from scenario import emergency
from scenario.conftest import NewStore
from scenario.outside import ALEX, Outside, fits, lines, outside
from tocsin.core.incident.event import Declare, SetFacts
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.actions import PlaybookAction
from tocsin.core.playbook.playbook import Playbook
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingTracker
from tocsin.testing.standin import ErrorStatus

DOWN = Receipt(Outcome.RETRY, Reason.CONNECTION, "no answer")
REFUSED = Receipt(Outcome.PERMANENT, Reason.AUTH, "401")


def action(**written: object) -> PlaybookAction:
    to = {"to": ["incidents"]} if written["verb"] == "message" else {}
    return msgspec.convert({**to, **written}, PlaybookAction)


OPENS = action(at=["opened"], verb="tracker", what="github")
NUMBERED = action(at=["ticketed"], verb="message", what="with-number")
ENDED = action(at=["resolved"], verb="message", what="ended")
DONE = action(at=["flagged", "recorded"], verb="message", what="done", when=["data_breach"], facts=["done"])
FIRING = {"alertname": "Down", "severity": "SEV-1"}


def doing(*actions: PlaybookAction) -> Playbook:
    return msgspec.structs.replace(emergency.shipped(), actions=actions)


@pytest.fixture
def github() -> RecordingTracker:
    return RecordingTracker("github")


def told(harness: Harness) -> list[tuple[float, str]]:
    """(seconds since the start, template) of the playbook's own messages."""
    return [
        (round(minute * 60), text.partition("template ")[2].partition(":")[0]) for minute, _, text in harness.messages()
    ]


# The number of the issue


async def test_it_goes_out_with_the_number_as_soon_as_the_issue_has_one(github: RecordingTracker) -> None:
    works, github.answer = github.answer, lambda _: DOWN
    async with emergency.tocsin(playbook=doing(OPENS, NUMBERED), trackers=(github,)) as harness:
        await harness.fire(**FIRING)
        assert harness.pages() == [(0.0, "on-call-engineer")], "no page waits"
        await harness.advance(seconds=20)
        assert told(harness) == []
        github.answer = works
        await harness.advance(minutes=5)
        [(at, template)] = told(harness)
        assert (20 <= at < 60, template) == (True, "with-number")


async def test_after_a_minute_it_goes_out_without_the_number_and_never_again(github: RecordingTracker) -> None:
    works, github.answer = github.answer, lambda _: DOWN
    async with emergency.tocsin(playbook=doing(OPENS, NUMBERED), trackers=(github,)) as harness:
        await harness.fire(**FIRING)
        await harness.advance(seconds=30)
        assert await emergency.wrong(harness) == [], "an invariant, while it waits"
        await harness.advance(minutes=3)
        assert told(harness) == [(60, "with-number")]
        assert await emergency.wrong(harness) == []
        github.answer = works
        await harness.advance(minutes=30)
        assert [content.job for content in github.sent] == [Job.TICKET_OPEN]
        assert told(harness) == [(60, "with-number")]


async def test_a_tracker_that_refuses_is_not_waited_for(github: RecordingTracker) -> None:
    github.answer = lambda _: REFUSED
    async with emergency.tocsin(playbook=doing(OPENS, NUMBERED), trackers=(github,)) as harness:
        await harness.fire(**FIRING)
        await harness.advance(minutes=3)
        assert told(harness) == [(0, "with-number")]


async def test_what_waits_for_a_number_is_sent_before_the_end_is_told(github: RecordingTracker) -> None:
    github.answer = lambda _: DOWN
    async with emergency.tocsin(playbook=doing(OPENS, NUMBERED, ENDED), trackers=(github,)) as harness:
        await harness.fire(**FIRING)
        await harness.advance(seconds=10)
        await harness.close()
        await harness.advance(minutes=3)
        assert told(harness) == [(10, "with-number"), (10, "ended")]


async def test_the_number_of_a_known_issue_is_not_waited_for(github: RecordingTracker) -> None:
    async with emergency.tocsin(playbook=doing(OPENS, NUMBERED), trackers=(github,)) as harness:
        await harness.fire(**FIRING)
        await harness.resolve(**FIRING)
        await harness.advance(minutes=3)
        github.answer = lambda _: DOWN
        await harness.fire(**FIRING)
        assert told(harness) == [(0, "with-number"), (180, "with-number")]


@pytest.mark.parametrize("is_back", [True, False])
async def test_a_restart_while_it_waits_sends_it_once(new_store: NewStore, *, is_back: bool) -> None:
    clock, github = VirtualClock(), RecordingTracker("github")
    store = new_store(clock)
    works, github.answer = github.answer, lambda _: DOWN
    playbook = doing(OPENS, NUMBERED)
    first = emergency.tocsin(playbook=playbook, trackers=(github,), store=store, clock=clock)
    await first.store.open()
    await first.fire(**FIRING)
    await first.advance(seconds=10)
    second = emergency.tocsin(playbook=playbook, trackers=(github,), store=store, clock=clock, first_id=100)
    if is_back:
        github.answer = works
    await second.advance(minutes=5)
    assert told(first) == []
    [(at, template)] = told(second)
    assert (at < 60 if is_back else at == 60, template) == (True, "with-number")
    await second.store.close()


async def test_the_line_in_slack_has_the_number_or_says_that_there_is_none() -> None:
    async with outside() as house:
        house.github.fail(*[ErrorStatus(503)] * 4)
        await house.tocsin.fire(alertname="Down", service="api", playbook="service-quick-reference", severity="P0")
        assert house.chat("incidents") == []
        assert [each for each in house.slack.messages if each.metadata["event_type"] == "tocsin_page"], "no page waits"
        await house.tocsin.advance(minutes=2)
        line, alert = house.chat("incidents")
        assert lines(line) == ["🚨 INCIDENT: P0 - Down (api) - Issue: #1"]
        assert fits("service-quick-reference", "alert", alert)


# What is done


async def test_a_message_about_something_done_goes_out_when_its_fact_is_recorded_and_once() -> None:
    async with emergency.tocsin(playbook=doing(DONE)) as harness:
        await harness.fire(**FIRING)
        await harness.say(Declare(by=ALEX))
        await harness.say(SetFacts(by=ALEX, facts={"root_cause": "a full disk", "done": "no"}))
        assert told(harness) == []
        await harness.advance(minutes=1)
        await harness.say(SetFacts(by=ALEX, facts={"done": "all of it"}))
        assert told(harness) == [(60, "done")]
        await harness.say(SetFacts(by=ALEX, facts={"done": "really all of it"}))
        await harness.flag("data_breach")
        assert told(harness) == [(60, "done")]


async def test_a_flag_is_as_good_as_the_fact_and_sends_it_once() -> None:
    async with emergency.tocsin(playbook=doing(DONE)) as harness:
        await harness.fire(**FIRING)
        await harness.flag("major_impact")
        assert told(harness) == []
        await harness.flag("data_breach")
        await harness.flag(remove=("data_breach",))
        await harness.flag("data_breach")
        await harness.say(SetFacts(by=ALEX, facts={"done": "yes"}))
        assert told(harness) == [(0, "done")]


async def test_what_was_done_is_not_announced_after_the_end() -> None:
    async with emergency.tocsin(playbook=doing(DONE)) as harness:
        await harness.fire(**FIRING)
        await harness.close()
        await harness.say(SetFacts(by=ALEX, facts={"done": "yes"}))
        assert told(harness) == []


async def test_what_people_find_out_after_the_end_is_sent_once() -> None:
    found_out = action(at=["recorded"], verb="message", what="found-out", facts=["root_cause"])
    async with emergency.tocsin(playbook=doing(found_out)) as harness:
        await harness.fire(**FIRING)
        await harness.close()
        await harness.advance(minutes=1)
        await harness.say(SetFacts(by=ALEX, facts={"root_cause": "a full disk"}))
        await harness.say(SetFacts(by=ALEX, facts={"root_cause": "a very full disk"}))
        assert told(harness) == [(60, "found-out")]


async def test_a_fact_recorded_after_the_end_is_in_the_ticket(github: RecordingTracker) -> None:
    records = action(at=["recorded"], verb="tracker", what="github", facts=["root_cause"])
    async with emergency.tocsin(playbook=doing(OPENS, records), trackers=(github,)) as harness:
        await harness.fire(**FIRING)
        await harness.close()
        await harness.say(SetFacts(by=ALEX, facts={"root_cause": "a full disk"}))
        await harness.advance(seconds=1)
        assert [content.job for content in github.sent] == [Job.TICKET_OPEN, Job.TICKET_COMMENT]


async def test_two_actions_for_one_ticket_each_wait_for_their_own_fact(github: RecordingTracker) -> None:
    records = [action(at=["recorded"], verb="tracker", what="github", facts=[name]) for name in ("cause", "repair")]
    async with emergency.tocsin(playbook=doing(OPENS, *records), trackers=(github,)) as harness:
        await harness.fire(**FIRING)
        for name in ("cause", "repair", "cause"):
            await harness.say(SetFacts(by=ALEX, facts={name: f"{name} after {harness.clock.now()}"}))
            await harness.advance(seconds=1)
        assert [content.job for content in github.sent] == [Job.TICKET_OPEN, Job.TICKET_COMMENT, Job.TICKET_COMMENT]


async def test_no_ticket_is_opened_for_a_fact_recorded_after_the_end(github: RecordingTracker) -> None:
    records = action(at=["recorded"], verb="tracker", what="github", facts=["root_cause"])
    async with emergency.tocsin(playbook=doing(records), trackers=(github,)) as harness:
        await harness.fire(**FIRING)
        await harness.close()
        await harness.say(SetFacts(by=ALEX, facts={"root_cause": "a full disk"}))
        await harness.advance(seconds=1)
        assert github.sent == []


REGIONS = {"alertname": "RegionDown", "service": "api", "playbook": "erlmcp", "severity": "P0"}


async def declared(house: Outside, **labels: str) -> None:
    await house.tocsin.fire(**REGIONS, **labels)
    await house.tocsin.say(Declare(by=ALEX))
    await house.tocsin.advance(minutes=1)


async def test_a_regional_outage_is_told_after_the_fail_over_with_the_regions_of_the_alerts() -> None:
    async with outside() as house:
        await declared(house, scenario="regional-outage", region="eu-west")
        assert not [text for text in house.chat("casey") if "REGIONAL OUTAGE" in text], "not at the declaration"
        await house.say(users_affected="4000")
        await house.say(failover_completed="eu-central serves all requests")
        await house.tocsin.advance(seconds=1)
        [text] = [text for text in house.chat("casey") if "REGIONAL OUTAGE" in text]
        [comment] = [text for text in house.jira_comments() if "REGIONAL OUTAGE" in text]
        await house.tocsin.fire(**REGIONS, region="eu-west", scenario="failover-completed")
        await house.tocsin.advance(minutes=5)
        assert len([text for text in house.chat("casey") if "REGIONAL OUTAGE" in text]) == 1
    for each in (text, comment):
        assert fits("erlmcp", "regional outage", each)
        assert "Affected Region: eu-west" in lines(each)
        assert "Status: FAILOVER COMPLETED - eu-central serves all requests" in lines(each)
        assert "Users Affected: 4000" in lines(each)


async def test_the_alert_of_a_fail_over_manager_is_as_good_as_a_persons_word() -> None:
    async with outside() as house:
        await declared(house, scenario="regional-outage", region="eu-west")
        await house.tocsin.fire(**REGIONS, region="eu-west", scenario="failover-completed")
        await house.tocsin.advance(seconds=1)
        [text] = [text for text in house.chat("casey") if "REGIONAL OUTAGE" in text]
    assert fits("erlmcp", "regional outage", text)
    assert "Status: FAILOVER COMPLETED" in lines(text)


async def test_a_data_correction_is_told_after_the_restoration_with_the_type_of_the_alert() -> None:
    async with outside() as house:
        await declared(house, scenario="data-corruption", data_type="orders", scope="since Monday")
        assert not [text for text in house.chat("casey") if "DATA CORRECTION" in text], "not at the declaration"
        await house.say(restoration_completed="yes", data_integrity="verified")
        await house.tocsin.advance(seconds=1)
        [text] = [text for text in house.chat("casey") if "DATA CORRECTION" in text]
    assert fits("erlmcp", "data correction", text)
    wanted = {"Data Type: orders", "Scope: since Monday", "Action: RESTORATION COMPLETED", "Data Integrity: verified"}
    assert wanted <= set(lines(text))


async def test_the_root_cause_analysis_is_told_once_the_cause_is_recorded() -> None:
    async with outside() as house:
        await declared(house)
        await house.say(root_cause="A broken link")
        await house.say(root_cause="A broken link between two sites")
        await house.tocsin.advance(seconds=1)
        analyses = [text for text in house.chat("incidents") if text.startswith("ROOT CAUSE ANALYSIS")]
    assert [fits("erlmcp", "root cause analysis", text) for text in analyses] == [True]

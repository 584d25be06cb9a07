"""Under a provider's rate limit no page is lost, and none waits behind informational messages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import msgspec
import pytest

from scenario import emergency
from tocsin.channels.pagerduty.settings import PagerDutySettings
from tocsin.channels.registry import build
from tocsin.channels.slack.settings import SlackSettings
from tocsin.channels.twilio.settings import TwilioSettings
from tocsin.conf.channels import ConfiguredChannel, ConfiguredTracker
from tocsin.conf.secrets import Secret
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.content.page import Content
from tocsin.core.incident.outbox import Job
from tocsin.core.oncall.people import Contact, People
from tocsin.core.playbook.actions import PlaybookAction, Verb
from tocsin.ports.channel import Channel, Outcome, Reason, Receipt
from tocsin.ports.tracker import Tracker
from tocsin.testing import jira_server, twilio_server
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.jira_server import JiraServer
from tocsin.testing.pagerduty_server import ROUTING_KEY, PagerDutyServer
from tocsin.testing.recording import RecordingChannel, RecordingTracker
from tocsin.testing.slack_server import CHANNEL, TOKEN, SlackServer
from tocsin.testing.twilio_server import TwilioServer
from tocsin.trackers.jira.settings import JiraSettings
from tocsin.trackers.registry import build as build_tracker

MANY = 200
ALEX = "+491711234567"


class Through(RecordingChannel):
    """Remembers what goes through a real channel."""

    def __init__(self, real: Channel) -> None:
        super().__init__(real.name, real.kind, real.handles, real.keyed)
        self._real = real

    async def send(self, content: Content) -> Receipt:
        receipt = await self._real.send(content)
        self.tried.append(content)
        if receipt.outcome is Outcome.SENT:
            self.sent.append(content)
        return receipt


@asynccontextmanager
async def through(real: Channel, clock: VirtualClock, destination: str) -> AsyncIterator[tuple[Harness, Through]]:
    """A tocsin whose on-call engineer is reached through a real channel, and whose incidents are shown there."""
    channel = Through(real)
    await real.start()
    people = emergency.reached_by(channel, on_call_engineer=destination)
    places = {"incidents": Contact(channel.name, destination)} if Job.ANNOUNCE in channel.handles else {}
    persons = {name: person for name, person in people.persons.items() if name not in places}
    people = People(persons=persons, places=places)
    async with emergency.tocsin(clock=clock, people=people, channels=[channel]) as tocsin:
        yield tocsin, channel
    await real.close()


def seconds(channel: Through, clock: VirtualClock, *jobs: Job) -> list[float]:
    """When, since the start, the channel took notifications of these kinds."""
    return [(content.now - clock.start) / 1_000_000 for content in channel.sent if content.job in jobs]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


async def test_a_page_to_pagerduty_does_not_wait_for_the_end_of_many_others(clock: VirtualClock) -> None:
    async with PagerDutyServer(now=lambda: clock.now() / 1_000_000) as server:
        settings = {"routing_keys": {"main": {"key": Secret(ROUTING_KEY)}}, "base_url": server.url}
        real = build(ConfiguredChannel("pager", "pagerduty", PagerDutySettings.model_validate(settings)))
        async with through(real, clock, "main") as (tocsin, channel):
            for number in range(MANY):
                await tocsin.fire(alertname=f"Down{number}", severity="SEV-1")
                await tocsin.advance(seconds=2)
            for number in range(MANY):
                await tocsin.resolve(alertname=f"Down{number}", severity="SEV-1")
            await tocsin.advance(minutes=2)  # the hold-down is over: all of them end at once
            began = clock.now()
            await tocsin.fire(alertname="Another", severity="SEV-1")
            page = channel.sent[-1]
            assert (page.job, page.now - began) == (Job.PAGE, 0)
            await tocsin.advance(minutes=10)
        effects = [entry["effect"] for entry in server.accepted]
        assert (effects.count("opened"), effects.count("resolved")) == (MANY + 1, MANY)
        assert server.requests == len(server.accepted), "nothing was sent that PagerDuty had to refuse"


async def test_pages_to_one_slack_channel_go_out_as_fast_as_slack_takes_them_and_before_what_informs(
    clock: VirtualClock,
) -> None:
    async with SlackServer(now=lambda: clock.now() / 1_000_000) as server:
        settings = {"token": Secret(TOKEN), "base_url": server.api_url}
        real = build(ConfiguredChannel("chat", "slack", SlackSettings.model_validate(settings)))
        async with through(real, clock, CHANNEL) as (tocsin, channel):
            alerts = [
                tocsin.alert(AlertStatus.FIRING, {"alertname": f"Down{number}", "severity": "SEV-1"})
                for number in range(40)
            ]
            await tocsin.take(*alerts)
            await tocsin.advance(minutes=10)
            pages = seconds(channel, clock, Job.PAGE)
            assert len({content.key for content in channel.sent if content.job is Job.PAGE}) == len(pages) == 40
            assert pages[-1] <= 60, "one a second, as Slack takes them"
            informing = seconds(channel, clock, Job.ANNOUNCE)
            assert len({content.number for content in channel.sent if content.job is Job.ANNOUNCE}) == 40
            assert sum(at < pages[-1] for at in informing) <= 10
            assert pages[-1] <= 8 * (len(pages) + 10) / 8, "no second of Slack's goes to anything else meanwhile"
        assert server.requests <= 2 * len(server.accepted), "what is not on its way waits as long as Slack asks"


def twilio(server: TwilioServer, mode: str) -> Channel:
    settings = {
        "mode": mode,
        "account": twilio_server.ACCOUNT,
        "token": Secret(twilio_server.AUTH_TOKEN),
        "from": twilio_server.NUMBER,
        "base_url": server.url,
    }
    return build(ConfiguredChannel("phone", "twilio", TwilioSettings.model_validate(settings)))


async def test_a_page_by_sms_does_not_wait_at_twilio_behind_the_end_of_many_others(clock: VirtualClock) -> None:
    async with (
        TwilioServer(now=lambda: clock.now() / 1_000_000) as server,
        through(twilio(server, "sms"), clock, ALEX) as (tocsin, channel),
    ):
        for number in range(50):
            await tocsin.fire(alertname=f"Down{number}", severity="SEV-1")
            await tocsin.advance(seconds=5)
        for number in range(50):
            await tocsin.resolve(alertname=f"Down{number}", severity="SEV-1")
        await tocsin.advance(minutes=2)  # the hold-down is over: all of them end at once
        await tocsin.fire(alertname="Another", severity="SEV-1")
        page = server.accepted[-1]
        assert "Another" in page["text"]
        assert page["queued"] <= 2, "at most the message that Twilio is sending is ahead of it"
        await tocsin.advance(minutes=30)
        assert len(seconds(channel, clock, Job.RESOLVE)) == 50
        assert server.requests == len(server.accepted), "nothing was sent that Twilio had to refuse"


async def test_calls_that_twilio_queues_are_not_repeated(clock: VirtualClock) -> None:
    async with (
        TwilioServer(now=lambda: clock.now() / 1_000_000) as server,
        through(twilio(server, "call"), clock, ALEX) as (tocsin, channel),
    ):
        down = [{"alertname": f"Down{number}", "severity": "SEV-1"} for number in range(40)]
        await tocsin.take(*(tocsin.alert(AlertStatus.FIRING, labels) for labels in down))
        await tocsin.advance(minutes=1)
        assert len(server.accepted) == len(channel.sent) == 40
        assert sorted(entry["queued"] for entry in server.accepted) == list(range(40)), "one call a second"


async def test_calls_beyond_twilios_concurrency_are_made_a_little_later(clock: VirtualClock) -> None:
    async with (
        TwilioServer(concurrent=1, now=lambda: clock.now() / 1_000_000) as server,
        through(twilio(server, "call"), clock, ALEX) as (tocsin, _),
    ):
        down = [{"alertname": f"Down{number}", "severity": "SEV-1"} for number in range(10)]
        await tocsin.take(*(tocsin.alert(AlertStatus.FIRING, labels) for labels in down))
        await tocsin.advance(minutes=5)
        assert len(server.accepted) == 10


class ThroughTracker(RecordingTracker):
    """Records what goes through a real tracker."""

    def __init__(self, real: Tracker) -> None:
        super().__init__(real.name)
        self._real = real

    async def send(self, content: Content) -> Receipt:
        receipt = await self._real.send(content)
        if receipt.outcome is Outcome.SENT:
            self.sent.append(content)
        return receipt


@asynccontextmanager
async def started(real: Tracker) -> AsyncIterator[None]:
    await real.start()
    try:
        yield
    finally:
        await real.close()


async def test_tickets_beyond_jiras_rate_limit_are_opened_once_a_little_later(clock: VirtualClock) -> None:
    playbook = msgspec.structs.replace(
        emergency.shipped(),
        actions=(msgspec.convert({"at": ("opened",), "verb": Verb.TRACKER, "what": "jira"}, PlaybookAction),),
    )
    async with JiraServer(now=lambda: clock.now() / 1_000_000) as server:
        settings = {"base_url": server.url, "email": jira_server.EMAIL, "token": Secret(jira_server.TOKEN)}
        settings |= {"project": jira_server.PROJECT}
        real = build_tracker(ConfiguredTracker("jira", "jira", JiraSettings.model_validate(settings)))
        async with (
            started(real),
            emergency.tocsin(clock=clock, playbook=playbook, trackers=(ThroughTracker(real),)) as tocsin,
        ):
            down = [{"alertname": f"Down{number}", "severity": "SEV-1"} for number in range(150)]
            await tocsin.take(*(tocsin.alert(AlertStatus.FIRING, labels) for labels in down))
            await tocsin.advance(minutes=5)
        assert len(server.issues) == 150
        assert 150 < server.requests < 200, "Jira refuses some, and is not asked again before the time that it names"


@pytest.mark.parametrize("wait", [1, 30])
async def test_a_provider_that_always_asks_to_come_again_is_asked_less_and_less_often(wait: int) -> None:
    limited = Receipt(Outcome.RETRY, Reason.RATE_LIMITED, retry_after=wait * 1_000_000)
    channel = RecordingChannel("pager", answer=lambda _: limited)
    people = emergency.reached_by(channel, on_call_engineer="x")
    async with emergency.tocsin(channels=[channel], people=people) as tocsin:
        await tocsin.fire(alertname="Down", severity="SEV-1")
        await tocsin.advance(minutes=14)
        tried = [(content.now - tocsin.clock.start) // 1_000_000 for content in channel.tried]
        assert tried[:6] == [wait * number for number in range(6)], "at first it is taken at its word"
        assert len(tried) <= 40
        assert min(later - earlier for earlier, later in pairwise(tried)) >= wait

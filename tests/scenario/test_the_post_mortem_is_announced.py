"""At ``reviewed``, people and tickets get the link of the post-mortem, once it is written."""

import msgspec
import pytest

from scenario import emergency
from tocsin.core.incident.event import Actor, CompleteDuty, Declare, PostMortemDone
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.actions import PlaybookAction
from tocsin.core.playbook.duties import POST_MORTEM
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingTracker

ALICE = Actor("alice", "api")
LINK = "https://wiki.example.com/post-mortems/1"
TO_ALL = {"at": ["reviewed"], "verb": "message", "what": "reviewed-text", "to": ["incidents"]}
COMMENT = {"at": ["declared", "reviewed"], "verb": "tracker", "what": "jira"}


def tocsin(*actions: dict[str, object], tracker: RecordingTracker) -> Harness:
    wanted = tuple(msgspec.convert(action, PlaybookAction) for action in actions)
    playbook = msgspec.structs.replace(emergency.shipped(), actions=wanted)
    return emergency.tocsin(playbook=playbook, trackers=(tracker,))


async def over(harness: Harness) -> None:
    await harness.fire(alertname="Down", severity="SEV-1")
    await harness.say(Declare(by=ALICE))
    await harness.resolve(alertname="Down", severity="SEV-1")
    await harness.advance(minutes=5)


def announced(harness: Harness) -> list[str]:
    return [who for _, who, text in harness.messages() if "reviewed-text" in text]


async def test_people_and_the_ticket_hear_of_the_written_post_mortem_once() -> None:
    tracker = RecordingTracker("jira")
    async with tocsin(TO_ALL, COMMENT, tracker=tracker) as harness:
        await over(harness)
        assert announced(harness) == []
        for _ in range(2):
            await harness.say(PostMortemDone(by=ALICE, link=LINK))
            await harness.advance(seconds=1)
        assert announced(harness) == ["incidents"]
        assert [content.job for content in tracker.sent] == [Job.TICKET_OPEN, Job.TICKET_COMMENT]
        assert LINK in tracker.sent[-1].links


async def test_done_as_a_duty_it_is_announced_as_well() -> None:
    tracker = RecordingTracker("jira")
    async with tocsin(TO_ALL, tracker=tracker) as harness:
        await over(harness)
        await harness.say(CompleteDuty(by=ALICE, duty=POST_MORTEM, link=LINK))
        await harness.advance(seconds=1)
        assert announced(harness) == ["incidents"]


@pytest.mark.parametrize("action", [TO_ALL, COMMENT])
async def test_a_waived_post_mortem_is_not_announced(action: dict[str, object]) -> None:
    tracker = RecordingTracker("jira")
    async with tocsin(action, tracker=tracker) as harness:
        await over(harness)
        jobs = [content.job for content in tracker.sent]
        await harness.say(PostMortemDone(by=ALICE, waived=True, reason="a duplicate"))
        await harness.advance(seconds=1)
        assert announced(harness) == []
        assert [content.job for content in tracker.sent] == jobs


async def test_a_ticket_that_was_never_opened_is_not_opened_for_the_post_mortem() -> None:
    tracker = RecordingTracker("jira")
    only = {**COMMENT, "at": ["reviewed"]}
    async with tocsin(only, tracker=tracker) as harness:
        await over(harness)
        await harness.say(PostMortemDone(by=ALICE, link=LINK))
        await harness.advance(seconds=1)
        assert tracker.sent == []

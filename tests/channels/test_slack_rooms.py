"""A Slack channel for one incident, against the strict stand-in."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tocsin.channels.registry import build
from tocsin.channels.slack.rooms import NAME_LIMIT, PAGE, channel_name
from tocsin.channels.slack.settings import SlackSettings
from tocsin.conf.channels import ConfiguredChannel
from tocsin.conf.secrets import Secret
from tocsin.core.duration import SECOND
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.messages import Room
from tocsin.ports.channel import Channel, Outcome, Reason, Receipt
from tocsin.testing.content import NOW, content
from tocsin.testing.slack_channels import SlackChannelMade
from tocsin.testing.slack_server import BOT, TOKEN, SlackServer
from tocsin.testing.standin import Drop, ErrorStatus, Hang, Junk

NAME = "incident-20261120-001"
SCOPES = frozenset(
    {"chat:write", "channels:manage", "channels:read", "channels:write.invites", "channels:write.topic", "pins:write"}
)


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with SlackServer() as running:
        running.scopes = SCOPES
        yield running


@pytest.fixture
async def slack(server: SlackServer) -> AsyncIterator[Channel]:
    settings = SlackSettings.model_validate({"token": Secret(TOKEN), "base_url": server.api_url, "timeout": "2s"})
    channel = build(ConfiguredChannel("chat", "slack", settings))
    await channel.start()
    yield channel
    await channel.close()


async def create(
    slack: Channel, name: str = NAME, *, again: bool = False, private: bool = False, now: int = NOW
) -> Receipt:
    room = Room(channel="chat", name=name, private=private)
    return await slack.send(content(Job.ROOM_CREATE, destination="room", room=room, possible_duplicate=again, now=now))


async def made(slack: Channel) -> str:
    return (await create(slack)).ref.partition(":")[0]


async def about(slack: Channel, job: Job, room_id: str, **fields: Any) -> Receipt:
    return await slack.send(content(job, destination=room_id, in_room=True, **fields))


async def test_a_room_is_made_under_its_name_and_the_receipt_says_which_it_is(server, slack):
    receipt = await create(slack)
    assert receipt.outcome is Outcome.SENT
    assert receipt.ref == f"{server.room(NAME).id}:{NAME}"


async def test_a_room_whose_name_is_taken_gets_a_number(server, slack):
    server.channels.made["C0X"] = SlackChannelMade("C0X", NAME, creator="U0SOMEBODY", archived=True)
    assert (await create(slack)).ref.endswith(f":{NAME}-2")


async def test_no_other_channel_is_taken_for_a_room_only_because_it_has_the_name(server, slack):
    server.channels.made["C0X"] = SlackChannelMade("C0X", NAME, "U0SOMEBODY", members={BOT["user_id"]})
    server.channels.made["C0Y"] = SlackChannelMade(
        "C0Y", f"{NAME}-2", BOT["user_id"], purpose="tocsin incident other", members={BOT["user_id"]}
    )
    assert (await create(slack, again=True)).ref.endswith(f":{NAME}-3")


@pytest.mark.parametrize("fault", [Drop(accept=True), Hang(accept=True), Junk(), Junk(b'{"ok": true}')], ids=str)
async def test_a_room_is_made_once_though_its_answer_is_lost(server, slack, fault):
    server.fail(fault)
    first = await create(slack)
    assert first.outcome is Outcome.AMBIGUOUS
    second = await create(slack, again=True)
    assert second.ref == f"{server.room(NAME).id}:{NAME}"
    assert len(server.channels.made) == 2, "the stand-in's own, and one room"


async def test_what_an_earlier_attempt_made_is_found_behind_many_other_channels(server, slack):
    for number in range(3 * PAGE):
        server.channels.made[f"C9{number}"] = SlackChannelMade(
            f"C9{number}", f"other-{number}", members={BOT["user_id"]}
        )
    server.fail(Drop(accept=True))
    await create(slack)
    assert (await create(slack, again=True)).ref.endswith(f":{NAME}")


async def test_a_room_that_an_earlier_attempt_made_may_have_its_purpose_already(slack):
    room_id = await made(slack)
    await about(slack, Job.ROOM_TOPIC, room_id)
    assert (await create(slack, again=True)).ref == f"{room_id}:{NAME}"


async def test_a_room_is_not_made_where_every_name_is_taken(server, slack):
    for number in range(10):
        name = NAME if number < 2 else f"{NAME}-{number}"
        server.channels.made[f"C9{number}"] = SlackChannelMade(f"C9{number}", name)
    receipt = await create(slack)
    assert (receipt.outcome, receipt.reason) == (Outcome.PERMANENT, Reason.CLIENT_ERROR)
    assert "taken" in receipt.detail


async def test_a_scope_that_is_missing_is_named(server, slack):
    server.scopes = frozenset({"chat:write"})
    receipt = await create(slack)
    assert (receipt.outcome, receipt.reason) == (Outcome.PERMANENT, Reason.AUTH)
    assert "channels:manage" in receipt.detail


async def test_a_rate_limit_makes_no_room_and_the_next_attempt_does(server, slack):
    server.fail(ErrorStatus(429, {"Retry-After": "30"}))
    first = await create(slack)
    assert (first.outcome, first.retry_after) == (Outcome.RETRY, 30_000_000)
    held = await create(slack, now=NOW + 29 * SECOND)
    assert (held.outcome, held.retry_after, server.requests) == (Outcome.RETRY, SECOND, 1)
    assert (await create(slack, now=NOW + 30 * SECOND)).ref.endswith(f":{NAME}")


async def test_a_private_room_is_private_and_found_again(server, slack):
    server.scopes = SCOPES | {"groups:write", "groups:read"}
    await create(slack, private=True)
    assert server.room(NAME).private
    assert (await create(slack, private=True, again=True)).ref.endswith(f":{NAME}")


async def test_the_topic_says_what_it_is_about_and_never_cuts_the_bridge(server, slack):
    room_id = await made(slack)
    bridge = "https://zoom.us/j/" + "1" * 100
    for title in ("HighLatency", "x" * 500, "<!channel> & co"):
        receipt = await about(slack, Job.ROOM_TOPIC, room_id, bridge=bridge, title=title)
        assert receipt.outcome is Outcome.SENT
        topic = server.room(NAME).topic
        assert topic.endswith(f" | {bridge}")
        assert len(topic) <= 250
    assert server.room(NAME).purpose.startswith("tocsin incident ")


async def test_everybody_who_can_come_is_invited(server, slack):
    room_id = await made(slack)
    server.channels.users = {"U0ALICE", "U0BOB"}
    receipt = await about(slack, Job.ROOM_INVITE, room_id, recipient="U0GONE,U0ALICE,U0BOB")
    assert receipt.outcome is Outcome.SENT
    assert server.room(NAME).members == {BOT["user_id"], "U0ALICE", "U0BOB"}


@pytest.mark.parametrize("users", ["U0ALICE", "U0GONE", BOT["user_id"]])
async def test_members_who_are_present_or_cannot_be_invited_are_no_failure(server, slack, users):
    room_id = await made(slack)
    server.room(NAME).members.add("U0ALICE")
    server.channels.users = {"U0ALICE"}
    receipt = await about(slack, Job.ROOM_INVITE, room_id, recipient=users)
    assert receipt.outcome is Outcome.SENT
    assert "not all of them" in receipt.detail


async def test_the_incidents_message_is_posted_in_the_room_and_pinned_once(server, slack):
    room_id = await made(slack)
    said = await about(slack, Job.ANNOUNCE, room_id)
    for _ in range(2):
        assert (await about(slack, Job.ROOM_PIN, room_id, ref=said.ref)).outcome is Outcome.SENT
    assert server.room(NAME).pins == [said.ref.partition(":")[2]]


async def test_in_the_room_nothing_hides_in_a_thread(server, slack):
    room_id = await made(slack)
    said = await about(slack, Job.ANNOUNCE, room_id)
    await about(slack, Job.UPDATE, room_id, ref=said.ref)
    assert [message.thread_ts for message in server.messages] == [None, None]


async def test_a_room_is_archived_once(server, slack):
    room_id = await made(slack)
    for _ in range(2):
        assert (await about(slack, Job.ROOM_ARCHIVE, room_id)).outcome is Outcome.SENT
    assert server.room(NAME).archived


async def test_what_comes_too_late_for_a_room_is_refused_for_good(slack):
    room_id = await made(slack)
    await about(slack, Job.ROOM_ARCHIVE, room_id)
    for job in (Job.ROOM_TOPIC, Job.ROOM_INVITE, Job.ANNOUNCE):
        receipt = await about(slack, job, room_id, recipient="U0ALICE")
        assert (receipt.outcome, receipt.detail) == (Outcome.PERMANENT, "is_archived")


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("INC-12", "inc-12"),
        ("incident-20261120-001", "incident-20261120-001"),
        ("Größe #7: böse!", "gr-e-7-b-se"),
        ("...", "incident"),
        ("x" * 200, "x" * NAME_LIMIT),
    ],
)
def test_a_name_is_written_as_slack_takes_it(wanted, name):
    assert channel_name(wanted) == name

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web

from tocsin.testing.slack_blocks import TOTAL_LIMIT, check_blocks
from tocsin.testing.slack_button import sign
from tocsin.testing.slack_markup import notified
from tocsin.testing.slack_server import CHANNEL, TOKEN, SlackServer


def text(said: str = "hi", kind: str = "mrkdwn", **more: Any) -> dict[str, Any]:
    return {"type": kind, "text": said, **more}


def section(said: str = "hi") -> dict[str, Any]:
    return {"type": "section", "text": text(said)}


def button(**changes: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": "go", "value": "v", "text": text("Go", "plain_text")} | changes


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "block_id": "tocsin", "elements": list(elements)}


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with SlackServer([CHANNEL, "C0OTHER"]) as running:
        yield running


async def call(server: SlackServer, method: str, token: str | None = TOKEN, **given: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{server.api_url}/{method}", json=given) as answer,
    ):
        return await answer.json()


async def post(server: SlackServer, **given: Any) -> dict[str, Any]:
    return await call(server, "chat.postMessage", **({"channel": CHANNEL, "text": "hi"} | given))


async def test_a_post_is_answered_with_its_channel_and_a_ts_of_its_own(server):
    first, second = await post(server), await post(server, blocks=[section()])
    assert first["ok"] is second["ok"] is True
    assert first["channel"] == CHANNEL
    assert isinstance(first["ts"], str)
    assert first["ts"] < second["ts"]


async def test_a_form_is_taken_like_json(server):
    form = {"channel": CHANNEL, "text": "hi", "blocks": json.dumps([section()])}
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session,
        session.post(f"{server.api_url}/chat.postMessage", data=form) as answer,
    ):
        assert (await answer.json())["ok"] is True
    assert server.messages[0].blocks == [section()]


async def test_the_token_is_checked(server):
    assert (await call(server, "auth.test"))["user_id"] == "U0BOT"
    assert (await call(server, "auth.test", token="xoxb-other"))["error"] == "invalid_auth"
    assert (await call(server, "auth.test", token=None))["error"] == "not_authed"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"channel": "C0UNKNOWN"}, "channel_not_found"),
        ({"channel": "#general"}, "channel_not_found"),
        ({"text": ""}, "no_text"),
        ({"text": "", "blocks": [section()]}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"blocks": "[]"}, "invalid_blocks_format"),
        ({"blocks": [{"type": "image"}]}, "invalid_blocks"),
        ({"thread_ts": "1700000000.000001"}, "thread_not_found"),
        ({"thread_ts": 1700000000.000001}, "invalid_thread_ts"),
        ({"reply_broadcast": True}, "invalid_arguments"),
        ({"txt": "misspelt"}, "invalid_arguments"),
        ({"metadata": {"event_type": "x"}}, "invalid_metadata_format"),
        ({"metadata": {"event_type": "x", "event_payload": "y"}}, "invalid_metadata_schema"),
        ({"metadata": {"event_type": "x", "event_payload": {"k": "v" * 9000}}}, "metadata_too_large"),
    ],
)
async def test_what_slack_would_refuse_is_refused_in_its_form(server, given: dict[str, Any], error: str):
    answer = await post(server, **given)
    assert (answer["ok"], answer["error"]) == (False, error)
    assert server.messages == []


async def test_an_unknown_method_is_refused(server):
    assert (await call(server, "chat.explode"))["error"] == "unknown_method"


async def test_a_thread_is_its_parents_in_its_own_channel(server):
    parent = (await post(server))["ts"]
    reply = await post(server, thread_ts=parent, reply_broadcast=True)
    assert reply["ok"] is True
    assert (await post(server, thread_ts=reply["ts"]))["error"] == "cannot_reply_to_message"
    assert (await post(server, thread_ts=parent, channel="C0OTHER"))["error"] == "thread_not_found"


async def test_an_update_changes_the_message_and_notifies_no_one(server):
    ts = (await post(server))["ts"]
    assert (await call(server, "chat.update", channel=CHANNEL, ts=ts, text="<@U0ALICE> new"))["ok"] is True
    assert (server.messages[0].text, server.messages[0].edits) == ("<@U0ALICE> new", 1)
    assert server.accepted[-1]["users"] == []
    assert (await call(server, "chat.update", channel=CHANNEL, ts="1.000001", text="x"))["error"] == "message_not_found"
    assert (await call(server, "chat.update", channel=CHANNEL, ts=ts, text="x" * 4001))["error"] == "msg_too_long"
    assert (await call(server, "chat.update", channel=CHANNEL, ts=1.5, text="x"))["error"] == "invalid_arguments"


@pytest.mark.parametrize(
    "blocks",
    [
        [section()],
        [{"type": "header", "text": text("h" * 150, "plain_text", emoji=False)}],
        [{"type": "section", "fields": [text()] * 10}],
        [{"type": "context", "elements": [text(verbatim=True)] * 10}, {"type": "divider"}],
        [actions(*(button(action_id=str(number)) for number in range(25)))],
        [section()] * 50,
    ],
)
def test_good_blocks_are_taken(blocks: list[dict[str, Any]]):
    assert check_blocks(blocks) == ("", [])


@pytest.mark.parametrize(
    "blocks",
    [
        [section()] * 51,
        [section("")],
        [section("x" * 3001)],
        [{"type": "section"}],
        [{"type": "section", "text": "bare"}],
        [{"type": "section", "text": text(), "colour": "red"}],
        [{"type": "section", "text": text(emoji=True)}],
        [{"type": "section", "text": text(verbatim="yes")}],
        [{"type": "section", "fields": [text()] * 11}],
        [{"type": "section", "fields": [text("x" * 2001)]}],
        [{"type": "header", "text": text("h")}],
        [{"type": "header", "text": text("h" * 151, "plain_text")}],
        [{"type": "context", "elements": []}],
        [{"type": "context", "elements": [text()] * 11}],
        [{"type": "markdown", "text": "x"}],
        [actions()],
        [actions(*(button(action_id=str(number)) for number in range(26)))],
        [actions(button(), button())],
        [actions(button(text=text("Go")))],
        [actions(button(text=text("G" * 76, "plain_text")))],
        [actions(button(value="v" * 2001))],
        [actions(button(value=5))],
        [actions(button(style="default"))],
        [actions(button(onclick="x"))],
        [actions({"type": "button", "text": text("Go", "plain_text")})],
        [actions({"type": "static_select"})],
        [actions(button()), actions(button())],
    ],
    ids=lambda blocks: str(blocks)[:60],
)
def test_bad_blocks_are_refused(blocks: list[dict[str, Any]]):
    error, messages = check_blocks(blocks)
    assert error == "invalid_blocks"
    assert messages


def test_blocks_that_are_together_too_long_are_refused():
    assert check_blocks([section("x" * 2900)] * 4)[0] == ""
    assert check_blocks([section("x" * 2900)] * 5)[0] == "msg_blocks_too_long"
    assert TOTAL_LIMIT < 13_200


@pytest.mark.parametrize(
    ("said", "users", "everybody", "stray"),
    [
        ("<@U0ALICE> and <@W1B|bob> and <@U0ALICE>", ("U0ALICE", "W1B"), (), ()),
        ("<!channel> <!here|here> <!everyone>", (), ("channel", "here", "everyone"), ()),
        ("<!subteam^S1|team>", (), ("subteam^S1",), ()),
        ("<!date^1700000000^{time}|then> <#C1> <https://x|y> <mailto:a@b>", (), (), ()),
        ("&lt;!channel&gt; @channel U0ALICE", (), (), ()),
        ("a <b> c <script>", (), (), ("b", "script")),
    ],
)
def test_a_text_notifies_the_people_that_slack_would_notify(said: str, users: tuple, everybody: tuple, stray: tuple):
    for found in (notified(said, [], parses_names=False), notified("", [section(said)], parses_names=False)):
        assert (found.users, found.everybody, found.stray) == (users, everybody, stray)


def test_plain_text_notifies_no_one_and_bare_names_only_if_requested():
    blocks = [{"type": "header", "text": text("<!channel>", "plain_text")}]
    assert notified("", blocks, parses_names=False).everybody == ()
    assert notified("@here", [], parses_names=False).everybody == ()
    assert notified("@here", [], parses_names=True).everybody == ("here",)


async def test_a_pressed_button_is_a_signed_form_as_slack_sends_it(server):
    ts = (await post(server, blocks=[actions(button())]))["ts"]
    reply = (await post(server, blocks=[actions(button(value="x:2"))], thread_ts=ts))["ts"]
    taken: list[tuple[bytes, dict[str, str]]] = []

    async def take(request: web.Request) -> web.Response:
        taken.append((await request.read(), dict(request.headers)))
        return web.Response()

    app = web.Application()
    app.router.add_post("/slack", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    press = server.press(server.message(reply), "go", "U0ALICE")
    answers = [await server.deliver(press, f"http://127.0.0.1:{runner.addresses[0][1]}/slack", "s3cret", age=400)] * 2
    await runner.cleanup()

    assert (answers[0].status, answers[0].body) == (200, "")
    body, headers = taken[0]
    timestamp = headers["X-Slack-Request-Timestamp"]
    digest = hmac.new(b"s3cret", f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-Slack-Signature"] == f"v0={digest}"
    assert 395 <= time.time() - int(timestamp) <= 410
    payload = json.loads(parse_qs(body.decode())["payload"][0])
    assert (payload["type"], payload["user"]["id"], payload["channel"]["id"]) == ("block_actions", "U0ALICE", CHANNEL)
    assert payload["container"] == {
        "type": "message",
        "message_ts": reply,
        "channel_id": CHANNEL,
        "is_ephemeral": False,
        "thread_ts": ts,
    }
    (action,) = payload["actions"]
    assert (action["action_id"], action["value"], action["block_id"]) == ("go", "x:2", "tocsin")


async def test_a_button_that_is_not_there_cannot_be_pressed(server):
    await post(server)
    with pytest.raises(LookupError):
        server.press(server.messages[0], "go", "U0ALICE")


async def test_above_the_rate_it_answers_429(server):
    server.limits.posts.calls = 1
    assert (await post(server))["ok"] is True
    assert (await post(server))["error"] == "ratelimited"
    assert (await post(server, channel="C0OTHER"))["ok"] is True


async def test_what_comes_to_a_response_url_is_kept(server):
    await post(server, blocks=[actions(button())])
    press = server.press(server.messages[0], "go", "U0ALICE")
    async with aiohttp.ClientSession() as session, session.post(press.response_url, json={"text": "done"}) as answer:
        assert answer.status == 200
    assert server.responses == [{"text": "done"}]


def test_slacks_documented_signature_comes_out():
    # Slack's documentation of verifying requests has this secret, time and body.
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = sign(body, "8f742231b10e8888abcd99yyyzzz85a5", 1531420618)
    assert headers["X-Slack-Request-Timestamp"] == "1531420618"
    assert headers["X-Slack-Signature"] == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


async def form(server: SlackServer, method: str, **given: str) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session,
        session.post(f"{server.api_url}/{method}", data=given) as answer,
    ):
        return {"status": answer.status, "wait": answer.headers.get("Retry-After"), **await answer.json()}


def test_slacks_limits_are_on_unless_a_test_says_otherwise():
    assert SlackServer().limits.posts.calls == 8
    assert SlackServer().limits.tiers["conversations.create"].calls == 20
    assert SlackServer(limited=False).limits.posts.calls is None


async def test_each_method_has_its_tier_and_its_retry_after():
    now = [0.0]
    async with SlackServer(now=lambda: now[0]) as server:
        for number in range(20):
            assert (await form(server, "conversations.create", name=f"room-{number}"))["ok"] is True
        refused = await form(server, "conversations.create", name="room-20")
        assert (refused["status"], refused["error"], refused["wait"]) == (429, "ratelimited", "60")
        assert (await form(server, "conversations.archive", channel=server.room("room-1").id))["ok"] is True
        now[0] = 60.0
        assert (await form(server, "conversations.create", name="room-20"))["ok"] is True


async def test_a_channel_takes_a_burst_and_then_one_post_a_second():
    now = [0.0]
    async with SlackServer([CHANNEL, "C0OTHER"], now=lambda: now[0]) as server:
        for _ in range(8):
            assert (await post(server))["ok"] is True
        assert (await post(server))["error"] == "ratelimited"
        assert (await post(server, channel="C0OTHER"))["ok"] is True
        now[0] = 8.0
        assert (await post(server))["ok"] is True


async def test_a_message_is_pinned_only_in_its_own_channel(server):
    ts = (await post(server))["ts"]
    assert (await form(server, "pins.add", channel="C0OTHER", timestamp=ts))["error"] == "message_not_found"
    assert (await form(server, "pins.add", channel=CHANNEL, timestamp="yesterday"))["error"] == "bad_timestamp"
    assert (await form(server, "pins.add", channel=CHANNEL))["error"] == "no_item_specified"
    assert (await form(server, "pins.add", channel=CHANNEL, timestamp=ts))["ok"] is True


async def test_a_message_in_an_archived_channel_cannot_be_updated_and_none_can_be_posted(server):
    ts = (await post(server))["ts"]
    await form(server, "conversations.archive", channel=CHANNEL)
    assert (await call(server, "chat.update", channel=CHANNEL, ts=ts, text="new"))["error"] == "is_inactive"
    assert (await post(server))["error"] == "is_archived"


async def test_the_members_of_a_group_need_their_scope_and_a_form(server):
    server.groups["S1"] = ["U1", "U2"]
    assert (await form(server, "usergroups.users.list", usergroup="S1"))["users"] == ["U1", "U2"]
    assert (await form(server, "usergroups.users.list", usergroup="S2"))["error"] == "no_such_subteam"
    assert (await call(server, "usergroups.users.list", usergroup="S1"))["error"] == "invalid_arguments"
    server.scopes = frozenset({"chat:write"})
    refused = await form(server, "usergroups.users.list", usergroup="S1")
    assert (refused["error"], refused["needed"]) == ("missing_scope", "usergroups:read")

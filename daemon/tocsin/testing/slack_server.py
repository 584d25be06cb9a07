"""A stand-in for Slack: the Web API methods that tocsin calls, and buttons to press.

``python -m tocsin.testing.slack_server --port 8082 --log slack.jsonl``
"""

import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from tocsin.testing.slack_blocks import check_blocks
from tocsin.testing.slack_button import Answer, Press, send
from tocsin.testing.slack_channels import SCOPES, Channels, SlackChannelMade, SlackError, check_scopes
from tocsin.testing.slack_limits import SlackLimits
from tocsin.testing.slack_markup import NOBODY, Notified, notified
from tocsin.testing.standin import StandIn, arguments, serve

TOKEN = "xoxb-standin-0123456789"  # noqa: S105 - it opens nothing but this
CHANNEL = "C0STANDIN"
BOT = {"user_id": "U0BOT", "bot_id": "B0BOT", "team_id": "T0STANDIN"}

TEXT_LIMIT = 40_000
UPDATE_TEXT_LIMIT = 4_000
METADATA_LIMIT = 8_000

_POST = {
    *("channel", "text", "blocks", "thread_ts", "reply_broadcast", "metadata", "unfurl_links", "unfurl_media"),
    *("link_names", "parse", "mrkdwn"),
}
TAKE_JSON = frozenset({"chat.postMessage", "chat.update", "auth.test"})
"""The methods that take their arguments as JSON here; each takes a form."""
_UPDATE = {"channel", "ts", "text", "blocks", "metadata", "link_names", "parse", "reply_broadcast"}


@dataclass
class Message:
    """One message as it now stands."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    thread_ts: str | None = None
    broadcast: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    notified: Notified = NOBODY
    """Whom it notified when it was posted. Edits notify nobody."""
    edits: int = 0

    @property
    def buttons(self) -> dict[str, dict[str, Any]]:
        """Its buttons by action_id."""
        rows = [block for block in self.blocks if block["type"] == "actions"]
        return {element["action_id"]: element for row in rows for element in row["elements"]}


class SlackServer(StandIn):
    """Takes the methods of `SCOPES` under ``/api``; ``api_url`` is the base URL for a client.

    An ``accepted`` entry holds ``method``, ``channel``, ``ts``, ``thread_ts``, ``text``, ``key`` (of the metadata),
    ``users`` and ``everybody`` whom it notified, and ``stray`` sequences that should have been escaped; of a call about
    a channel, ``method`` and what was given.
    """

    def __init__(
        self,
        channels: Iterable[str] = (CHANNEL,),
        *,
        token: str = TOKEN,
        port: int = 0,
        log: Path | None = None,
        limited: bool = True,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """``limited`` False: without Slack's rate limits, for tests of something else; ``now`` is their clock."""
        super().__init__(port=port, log=log)
        self.messages: list[Message] = []
        self.responses: list[dict[str, Any]] = []
        """What came to the response_urls of pressed buttons."""
        self.groups: dict[str, list[str]] = {}
        """The ids of the users of each user group, by its id."""
        self.limits = SlackLimits(now, on=limited)
        self.scopes: frozenset[str] | None = None
        """What the bot may do; None: everything."""
        self.channels = Channels(channels, BOT["user_id"])
        self._token = token
        self._last_ts = 0

    @property
    def api_url(self) -> str:
        """What to set as the channel's ``base_url``."""
        return f"{self.url}/api"

    def message(self, ts: str) -> Message:
        """The message with this ts.

        Raises:
            LookupError: There is none.
        """
        for message in self.messages:
            if message.ts == ts:
                return message
        raise LookupError(f"no message {ts}")

    def room(self, name: str) -> SlackChannelMade:
        """The channel of that name.

        Raises:
            LookupError: There is none.
        """
        return self.channels.named(name)

    def delete(self, message: Message) -> None:
        """Somebody deletes a message."""
        self.messages.remove(message)

    def press(self, message: Message, action_id: str, user: str) -> Press:
        """Somebody presses a button of a message; the request about it, to be sent.

        Raises:
            LookupError: The message has no such button.
        """
        button = message.buttons[action_id]
        shown = {
            "type": "message",
            "user": BOT["user_id"],
            "bot_id": BOT["bot_id"],
            "team": BOT["team_id"],
            "ts": message.ts,
            "text": message.text,
            "blocks": message.blocks,
            "metadata": message.metadata,
        }
        if message.thread_ts:
            shown["thread_ts"] = message.thread_ts
        return Press(button, message.channel, shown, user, f"{self.url}/response/{message.ts}")

    async def deliver(self, press: Press, to: str, secret: str, *, age: int = 0) -> Answer:
        """Send a press, signed ``age`` seconds ago; twice sends the same press again."""
        return await send(press, to, secret, age)

    def routes(self, app: web.Application) -> None:
        """Serve the Web API and the response_urls."""
        app.router.add_post("/api/{method}", self.faulty(self._api))
        app.router.add_post("/response/{ts}", self._respond)

    async def _respond(self, request: web.Request) -> web.Response:
        self.responses.append(json.loads(await request.read()))
        return web.Response(text="ok")

    async def _api(self, request: web.Request) -> web.Response:
        try:
            self._authenticate(request)
            return self._call(request.match_info["method"], await _arguments(request))
        except SlackError as error:
            metadata = {"response_metadata": {"messages": list(error.messages)}} if error.messages else {}
            return web.json_response({"ok": False, "error": error.error, **metadata, **error.more})

    def _call(self, method: str, given: dict[str, Any]) -> web.Response:
        if method not in SCOPES:
            raise SlackError("unknown_method")
        check_scopes(method, self.scopes)
        wait = self.limits.wait(method, given)
        if wait is not None:
            headers = {"Retry-After": str(wait)}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        match method:
            case "chat.postMessage":
                return self._post(given)
            case "chat.update":
                return self._update(given)
            case "usergroups.users.list":
                return self._group(given)
            case "auth.test":
                return _ok(url="https://standin.slack.com/", team="standin", user="tocsin", **BOT)
            case _:
                return self._channel(method, given)

    def _channel(self, method: str, given: dict[str, Any]) -> web.Response:
        if method == "pins.add":
            self._check_pin(given)
        answer = self.channels.call(method, given)
        if method != "users.conversations":
            self.accept(method=method, **given)
        return _ok(**answer)

    def _check_pin(self, given: dict[str, Any]) -> None:
        ts = given.get("timestamp")
        if not isinstance(ts, str) or not re.fullmatch(r"[0-9]+\.[0-9]{6}", ts):
            raise SlackError("no_item_specified" if ts is None else "bad_timestamp")
        if not any((each.ts, each.channel) == (ts, given.get("channel")) for each in self.messages):
            raise SlackError("message_not_found")

    def _group(self, given: dict[str, Any]) -> web.Response:
        unknown = given.keys() - {"usergroup", "include_disabled"}
        if unknown:
            raise SlackError("invalid_arguments", f"not known to this stand-in: {sorted(unknown)}")
        users = self.groups.get(str(given.get("usergroup", "")))
        if users is None:
            raise SlackError("no_such_subteam")
        return _ok(users=list(users))

    def _authenticate(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            raise SlackError("not_authed")
        if token != self._token:
            raise SlackError("invalid_auth")

    def _post(self, given: dict[str, Any]) -> web.Response:
        self._check(given, _POST)
        channel, text = given["channel"], given.get("text", "")
        if len(text) > TEXT_LIMIT:
            raise SlackError("msg_too_long")
        thread = given.get("thread_ts")
        if thread is not None:
            self._check_thread(channel, thread)
        elif given.get("reply_broadcast"):
            raise SlackError("invalid_arguments", "reply_broadcast without thread_ts")
        message = Message(
            channel,
            self._next_ts(),
            text,
            given.get("blocks", []),
            thread,
            broadcast=bool(given.get("reply_broadcast")),
            metadata=given.get("metadata", {}),
            notified=_whom(given),
        )
        self.messages.append(message)
        self._note("chat.postMessage", message, message.notified)
        return _ok(channel=channel, ts=message.ts, message={"text": text, "ts": message.ts, "type": "message"})

    def _update(self, given: dict[str, Any]) -> web.Response:
        channel = self.channels.made.get(str(given.get("channel")))
        if channel is not None and channel.archived:
            raise SlackError("is_inactive")
        self._check(given, _UPDATE)
        text = given.get("text", "")
        if len(text) > UPDATE_TEXT_LIMIT:
            raise SlackError("msg_too_long")
        ts = given.get("ts")
        if not isinstance(ts, str):
            raise SlackError("invalid_arguments", "ts must be a string")
        found = [each for each in self.messages if each.ts == ts and each.channel == given["channel"]]
        if not found:
            raise SlackError("message_not_found")
        message = found[0]
        message.text, message.blocks = text, given.get("blocks", [])
        message.metadata = given.get("metadata", message.metadata)
        message.edits += 1
        # An edit notifies nobody, but what should have been escaped is to be seen.
        self._note("chat.update", message, Notified(stray=_whom(given).stray))
        return _ok(channel=message.channel, ts=ts, text=text)

    def _check(self, given: dict[str, Any], known: set[str]) -> None:
        unknown = given.keys() - known
        if unknown:
            raise SlackError("invalid_arguments", f"not known to this stand-in: {sorted(unknown)}")
        self.channels.writable(given.get("channel"))
        if not isinstance(given.get("text", ""), str) or not (given.get("text") or given.get("blocks")):
            raise SlackError("no_text")
        if given.get("blocks") and not given.get("text"):
            raise SlackError("no_text", "text is what notifications show: this stand-in wants it beside blocks")
        error, messages = check_blocks(given.get("blocks", []))
        if error:
            raise SlackError(error, *messages)
        _check_metadata(given.get("metadata"))

    def _check_thread(self, channel: str, ts: object) -> None:
        if not isinstance(ts, str) or "." not in ts:
            raise SlackError("invalid_thread_ts", f"{ts} is not a valid thread_ts")
        parents = [each for each in self.messages if each.ts == ts and each.channel == channel]
        if not parents:
            raise SlackError("thread_not_found")
        if parents[0].thread_ts:
            raise SlackError("cannot_reply_to_message", "a reply's ts is no thread: use its parent's")

    def _note(self, method: str, message: Message, whom: Notified) -> None:
        self.accept(
            method=method,
            channel=message.channel,
            ts=message.ts,
            thread_ts=message.thread_ts,
            text=message.text,
            key=message.metadata.get("event_payload", {}).get("key"),
            event_type=message.metadata.get("event_type"),
            users=list(whom.users),
            everybody=list(whom.everybody),
            stray=list(whom.stray),
        )

    def _next_ts(self) -> str:
        self._last_ts = max(self._last_ts + 1, time.time_ns() // 1000)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"


async def _arguments(request: web.Request) -> dict[str, Any]:
    """A method's arguments: JSON, or a form whose structured fields are JSON."""
    if request.content_type == "application/json":
        if request.match_info["method"] in set(SCOPES) - TAKE_JSON:
            raise SlackError("invalid_arguments", "this stand-in takes a form here, as every method of Slack does")
        try:
            given = json.loads(await request.read())
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(given, dict):
            raise SlackError("json_not_object")
        return given
    form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    given = dict[str, Any](form)
    try:
        for name in ("blocks", "metadata"):
            if name in form:
                given[name] = json.loads(form[name])
    except ValueError:
        raise SlackError("invalid_blocks_format") from None
    return given


def _check_metadata(metadata: object) -> None:
    if metadata is None:
        return
    if not isinstance(metadata, dict) or metadata.keys() != {"event_type", "event_payload"}:
        raise SlackError("invalid_metadata_format")
    if not isinstance(metadata["event_type"], str) or not isinstance(metadata["event_payload"], dict):
        raise SlackError("invalid_metadata_schema")
    if len(json.dumps(metadata)) > METADATA_LIMIT:
        raise SlackError("metadata_too_large")


def _whom(given: dict[str, Any]) -> Notified:
    parses_names = bool(given.get("link_names")) or given.get("parse") == "full"
    return notified(given.get("text", ""), given.get("blocks", []), parses_names=parses_names)


def _ok(**body: Any) -> web.Response:
    return web.json_response({"ok": True, **body})


def main() -> None:
    """Run it by itself."""
    parser = arguments("A stand-in for Slack's Web API on loopback.")
    parser.add_argument("--channel", action="append", help=f"a channel id that it knows ({CHANNEL})")
    parser.add_argument("--token", default=TOKEN, help=f"the bot token that it takes ({TOKEN})")
    given = parser.parse_args()
    channels = given.channel or [CHANNEL]
    serve(lambda: SlackServer(channels, token=given.token, port=given.port, log=given.log))


if __name__ == "__main__":
    main()

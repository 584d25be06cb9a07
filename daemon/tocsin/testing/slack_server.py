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
from tocsin.testing.slack_button import Press, SlackResponse, send
from tocsin.testing.slack_channels import SCOPES, Channels, SlackChannelMade, SlackError, check_scopes
from tocsin.testing.slack_limits import SlackLimits
from tocsin.testing.slack_markup import NOT_NOTIFIED, NotifiedUsers, notified
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
class PostedMessage:
    """One message in its current state."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    thread_ts: str | None = None
    broadcast: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    notified: NotifiedUsers = NOT_NOTIFIED
    """The people notified when it was posted. Edits notify no one."""
    edits: int = 0

    @property
    def buttons(self) -> dict[str, dict[str, Any]]:
        """Return its buttons by action_id."""
        rows = [block for block in self.blocks if block["type"] == "actions"]
        return {element["action_id"]: element for row in rows for element in row["elements"]}


class SlackServer(StandIn):
    """Server of the methods in `SCOPES` under ``/api``; ``api_url`` is the base URL for a client.

    An ``accepted`` entry holds ``method``, ``channel``, ``ts``, ``thread_ts``, ``text``, ``key`` (of the metadata),
    ``users`` and ``everybody`` that it notified, and ``stray`` sequences that should have been escaped; for a call
    about a channel, ``method`` and the arguments.
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
        """Create a server. ``limited`` False: no rate limits, for tests of other behavior; ``now`` is their clock."""
        super().__init__(port=port, log=log)
        self.messages: list[PostedMessage] = []
        self.responses: list[dict[str, Any]] = []
        """The requests to the response_urls of pressed buttons."""
        self.groups: dict[str, list[str]] = {}
        """The ids of the users of each user group, by its id."""
        self.limits = SlackLimits(now, on=limited)
        self.scopes: frozenset[str] | None = None
        """The bot's scopes; None: all."""
        self.channels = Channels(channels, BOT["user_id"])
        self._token = token
        self._last_ts = 0

    @property
    def api_url(self) -> str:
        """Return the URL to set as the channel's ``base_url``."""
        return f"{self.url}/api"

    def message(self, ts: str) -> PostedMessage:
        """Return the message with this ts.

        Raises:
            LookupError: There is none.
        """
        for message in self.messages:
            if message.ts == ts:
                return message
        raise LookupError(f"no message {ts}")

    def room(self, name: str) -> SlackChannelMade:
        """Return the channel of that name.

        Raises:
            LookupError: There is none.
        """
        return self.channels.named(name)

    def delete(self, message: PostedMessage) -> None:
        """Delete a message, as a person."""
        self.messages.remove(message)

    def press(self, message: PostedMessage, action_id: str, user: str) -> Press:
        """Press a button of a message, as a person; return the request to send.

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

    async def deliver(self, press: Press, to: str, secret: str, *, age: int = 0) -> SlackResponse:
        """Send a press, signed ``age`` seconds ago; sending it twice repeats the same press."""
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

    def _call(self, method: str, fields: dict[str, Any]) -> web.Response:
        if method not in SCOPES:
            raise SlackError("unknown_method")
        check_scopes(method, self.scopes)
        wait = self.limits.wait(method, fields)
        if wait is not None:
            headers = {"Retry-After": str(wait)}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        match method:
            case "chat.postMessage":
                return self._post(fields)
            case "chat.update":
                return self._update(fields)
            case "usergroups.users.list":
                return self._group(fields)
            case "auth.test":
                return _ok(url="https://standin.slack.com/", team="standin", user="tocsin", **BOT)
            case _:
                return self._channel(method, fields)

    def _channel(self, method: str, fields: dict[str, Any]) -> web.Response:
        if method == "pins.add":
            self._check_pin(fields)
        answer = self.channels.call(method, fields)
        if method != "users.conversations":
            self.accept(method=method, **fields)
        return _ok(**answer)

    def _check_pin(self, fields: dict[str, Any]) -> None:
        ts = fields.get("timestamp")
        if not isinstance(ts, str) or not re.fullmatch(r"[0-9]+\.[0-9]{6}", ts):
            raise SlackError("no_item_specified" if ts is None else "bad_timestamp")
        if not any((each.ts, each.channel) == (ts, fields.get("channel")) for each in self.messages):
            raise SlackError("message_not_found")

    def _group(self, fields: dict[str, Any]) -> web.Response:
        unknown = fields.keys() - {"usergroup", "include_disabled"}
        if unknown:
            raise SlackError("invalid_arguments", f"not known to this stand-in: {sorted(unknown)}")
        users = self.groups.get(str(fields.get("usergroup", "")))
        if users is None:
            raise SlackError("no_such_subteam")
        return _ok(users=list(users))

    def _authenticate(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            raise SlackError("not_authed")
        if token != self._token:
            raise SlackError("invalid_auth")

    def _post(self, fields: dict[str, Any]) -> web.Response:
        self._check(fields, _POST)
        channel, text = fields["channel"], fields.get("text", "")
        if len(text) > TEXT_LIMIT:
            raise SlackError("msg_too_long")
        thread = fields.get("thread_ts")
        if thread is not None:
            self._check_thread(channel, thread)
        elif fields.get("reply_broadcast"):
            raise SlackError("invalid_arguments", "reply_broadcast without thread_ts")
        message = PostedMessage(
            channel,
            self._next_ts(),
            text,
            fields.get("blocks", []),
            thread,
            broadcast=bool(fields.get("reply_broadcast")),
            metadata=fields.get("metadata", {}),
            notified=_whom(fields),
        )
        self.messages.append(message)
        self._note("chat.postMessage", message, message.notified)
        return _ok(channel=channel, ts=message.ts, message={"text": text, "ts": message.ts, "type": "message"})

    def _update(self, fields: dict[str, Any]) -> web.Response:
        channel = self.channels.made.get(str(fields.get("channel")))
        if channel is not None and channel.archived:
            raise SlackError("is_inactive")
        self._check(fields, _UPDATE)
        text = fields.get("text", "")
        if len(text) > UPDATE_TEXT_LIMIT:
            raise SlackError("msg_too_long")
        ts = fields.get("ts")
        if not isinstance(ts, str):
            raise SlackError("invalid_arguments", "ts must be a string")
        result = [each for each in self.messages if each.ts == ts and each.channel == fields["channel"]]
        if not result:
            raise SlackError("message_not_found")
        message = result[0]
        message.text, message.blocks = text, fields.get("blocks", [])
        message.metadata = fields.get("metadata", message.metadata)
        message.edits += 1
        # An edit notifies no one, but text that should have been escaped is recorded.
        self._note("chat.update", message, NotifiedUsers(stray=_whom(fields).stray))
        return _ok(channel=message.channel, ts=ts, text=text)

    def _check(self, fields: dict[str, Any], known: set[str]) -> None:
        unknown = fields.keys() - known
        if unknown:
            raise SlackError("invalid_arguments", f"not known to this stand-in: {sorted(unknown)}")
        self.channels.writable(fields.get("channel"))
        if not isinstance(fields.get("text", ""), str) or not (fields.get("text") or fields.get("blocks")):
            raise SlackError("no_text")
        if fields.get("blocks") and not fields.get("text"):
            raise SlackError("no_text", "text is what notifications show: this stand-in wants it beside blocks")
        error, messages = check_blocks(fields.get("blocks", []))
        if error:
            raise SlackError(error, *messages)
        _check_metadata(fields.get("metadata"))

    def _check_thread(self, channel: str, ts: object) -> None:
        if not isinstance(ts, str) or "." not in ts:
            raise SlackError("invalid_thread_ts", f"{ts} is not a valid thread_ts")
        parents = [each for each in self.messages if each.ts == ts and each.channel == channel]
        if not parents:
            raise SlackError("thread_not_found")
        if parents[0].thread_ts:
            raise SlackError("cannot_reply_to_message", "a reply's ts is no thread: use its parent's")

    def _note(self, method: str, message: PostedMessage, recipient: NotifiedUsers) -> None:
        self.accept(
            method=method,
            channel=message.channel,
            ts=message.ts,
            thread_ts=message.thread_ts,
            text=message.text,
            key=message.metadata.get("event_payload", {}).get("key"),
            event_type=message.metadata.get("event_type"),
            users=list(recipient.users),
            everybody=list(recipient.everybody),
            stray=list(recipient.stray),
        )

    def _next_ts(self) -> str:
        self._last_ts = max(self._last_ts + 1, time.time_ns() // 1000)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"


async def _arguments(request: web.Request) -> dict[str, Any]:
    """Return a method's arguments: JSON, or a form whose structured fields are JSON."""
    if request.content_type == "application/json":
        if request.match_info["method"] in set(SCOPES) - TAKE_JSON:
            raise SlackError("invalid_arguments", "this stand-in takes a form here, as every method of Slack does")
        try:
            fields = json.loads(await request.read())
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(fields, dict):
            raise SlackError("json_not_object")
        return fields
    form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    fields = dict[str, Any](form)
    try:
        for name in ("blocks", "metadata"):
            if name in form:
                fields[name] = json.loads(form[name])
    except ValueError:
        raise SlackError("invalid_blocks_format") from None
    return fields


def _check_metadata(metadata: object) -> None:
    if metadata is None:
        return
    if not isinstance(metadata, dict) or metadata.keys() != {"event_type", "event_payload"}:
        raise SlackError("invalid_metadata_format")
    if not isinstance(metadata["event_type"], str) or not isinstance(metadata["event_payload"], dict):
        raise SlackError("invalid_metadata_schema")
    if len(json.dumps(metadata)) > METADATA_LIMIT:
        raise SlackError("metadata_too_large")


def _whom(fields: dict[str, Any]) -> NotifiedUsers:
    parses_names = bool(fields.get("link_names")) or fields.get("parse") == "full"
    return notified(fields.get("text", ""), fields.get("blocks", []), parses_names=parses_names)


def _ok(**body: Any) -> web.Response:
    return web.json_response({"ok": True, **body})


def main() -> None:
    """Run it by itself."""
    parser = arguments("A stand-in for Slack's Web API on loopback.")
    parser.add_argument("--channel", action="append", help=f"a channel id that it knows ({CHANNEL})")
    parser.add_argument("--token", default=TOKEN, help=f"the bot token that it takes ({TOKEN})")
    fields = parser.parse_args()
    channels = fields.channel or [CHANNEL]
    serve(lambda: SlackServer(channels, token=fields.token, port=fields.port, log=fields.log))


if __name__ == "__main__":
    main()

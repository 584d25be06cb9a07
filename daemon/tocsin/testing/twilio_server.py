"""A stand-in for Twilio: accepts calls and SMS like its REST API, and sends signed callbacks.

``python -m tocsin.testing.twilio_server --port 8084 --log twilio.jsonl``
"""

import base64
import hashlib
import hmac
import itertools
import json
import re
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit
from xml.etree import ElementTree as ET

import aiohttp
from aiohttp import web

from tocsin.channels.twilio.segments import segments
from tocsin.testing.standin import Handler, StandIn, arguments, serve
from tocsin.testing.twilio_limits import CALLS_A_SECOND, CONCURRENT, LONGEST_QUEUE, SEGMENTS_A_SECOND, Queue

ACCOUNT = "AC0123456789abcdef0123456789abcdef"
AUTH_TOKEN = "an-auth-token-0123456789"  # noqa: S105 - of a stand-in
API_KEY = "SK0123456789abcdef0123456789abcdef"
API_SECRET = "an-api-key-secret-0123456789"  # noqa: S105 - of a stand-in
SERVICE = "MG0123456789abcdef0123456789abcdef"
"""The messaging service of the account."""
NUMBER = "+15005550006"
"""The number that belongs to the account."""

LONGEST_TWIML = 4000
LONGEST_SMS = 1600

SPOKEN = frozenset(
    {
        *("da-DK", "de-DE", "en-AU", "en-CA", "en-GB", "en-IN", "en-US", "ca-ES", "es-ES", "es-MX", "fi-FI", "fr-CA"),
        *("fr-FR", "it-IT", "ja-JP", "ko-KR", "nb-NO", "nl-NL", "pl-PL", "pt-BR", "pt-PT", "ru-RU", "sv-SE", "zh-CN"),
        *("zh-HK", "zh-TW"),
    }
)
"""The languages that it knows: those that each voice provider of Twilio's has."""
_SECONDS = {"Timeout": range(1, 601), "TimeLimit": range(1, 86_401), "ValidityPeriod": range(1, 36_001)}
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_TAKES = {
    "Calls": {"To", "From", "Twiml", "Timeout", "MachineDetection", "TimeLimit", "StatusCallback"},
    "Messages": {"To", "From", "MessagingServiceSid", "Body", "ValidityPeriod", "StatusCallback"},
}
_VERBS = {
    "Say": {"language", "voice", "loop"},
    "Pause": {"length"},
    "Gather": {"numDigits", "timeout", "action", "method"},
}
_INSIDE = {"Response": {"Say", "Pause", "Gather"}, "Gather": {"Say", "Pause"}, "Say": set[str](), "Pause": set[str]()}
_WHOLE = frozenset({"numDigits", "timeout", "length", "loop"})


class TwilioServer(StandIn):
    """Server of Calls.json and Messages.json of one account.

    An ``accepted`` entry holds ``kind`` (``call`` or ``sms``), ``sid``, ``to``, ``from``, ``text`` (spoken or written),
    ``action`` (the URL for a pressed key, "" if none is requested), ``queued`` (the seconds of its wait at Twilio) and
    ``error`` (the reason for which an accepted message is not sent, else None).
    """

    def __init__(
        self,
        *,
        port: int = 0,
        log: Path | None = None,
        opted_out: Collection[str] = (),
        signs_port: bool | None = False,
        concurrent: int = CONCURRENT,
        limited: bool = True,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a server; ``opted_out`` have answered STOP.

        ``signs_port``: whether a URL is signed with its port, explicit or not; None: unchanged. Twilio has done all
        three, depending on the product and the scheme.

        ``concurrent``: requests at the same time above which it answers 429. ``limited`` False: calls and messages wait
        in no queue, for tests of other behavior; ``now`` is the clock of the queues.
        """
        super().__init__(port=port, log=log)
        self.opted_out = frozenset(opted_out)
        self.signs_port = signs_port
        self._concurrent = concurrent
        self._requests_now = 0
        self._calls = Queue(CALLS_A_SECOND if limited else None, now)
        self._messages = Queue(SEGMENTS_A_SECOND if limited else None, now)
        self._numbers = itertools.count(1)

    def routes(self, app: web.Application) -> None:
        """Serve both resources."""
        path = "/2010-04-01/Accounts/{account}/{resource:Calls|Messages}.json"
        app.router.add_post(path, self._counted(self.faulty(self._create)))

    def _counted(self, handler: Handler) -> Handler:
        """Return the handler, which refuses requests beyond the account's concurrency."""

        async def handle(request: web.Request) -> web.StreamResponse:
            if self._requests_now >= self._concurrent:
                self.requests += 1
                return _refusal(429, 20429, "Too Many Requests")
            self._requests_now += 1
            try:
                return await handler(request)
            finally:
                self._requests_now -= 1

        return handle

    async def press(self, call: Mapping[str, Any], digits: str) -> tuple[int, str]:
        """Press keys during a call, as the recipient; return the status and text of tocsin's response."""
        about = {"CallSid": call["sid"], "From": call["from"], "To": call["to"], "CallStatus": "in-progress"}
        return await self._bring(call["action"], {"AccountSid": ACCOUNT, **about, "Digits": digits})

    async def answer(self, to: str, sender: str, body: str) -> tuple[int, str]:
        """Send an SMS to the account's number, whose webhook is ``to``; return the response's status and text."""
        sid = f"SM{next(self._numbers):032x}"
        return await self._bring(
            to, {"AccountSid": ACCOUNT, "MessageSid": sid, "From": sender, "To": NUMBER, "Body": body}
        )

    async def _bring(self, url: str, fields: Mapping[str, str]) -> tuple[int, str]:
        headers = {
            "X-Twilio-Signature": signature(AUTH_TOKEN, self._signed(url), fields),
            "User-Agent": "TwilioProxy/1.1",
        }
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.reached(url), data=urlencode(fields), headers=headers) as response,
        ):
            return response.status, await response.text()

    def _signed(self, url: str) -> str:
        """Return the URL in the form used for the signature."""
        parts = urlsplit(url)
        if self.signs_port is None or parts.hostname is None:
            return url
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return urlunsplit(parts._replace(netloc=f"{host}:{port}" if self.signs_port else host))

    def reached(self, url: str) -> str:
        """Return the real address of a public URL; the same unless a test overrides it."""
        return url

    async def _create(self, request: web.Request) -> web.Response:
        known = {aiohttp.encode_basic_auth(*pair) for pair in ((ACCOUNT, AUTH_TOKEN), (API_KEY, API_SECRET))}
        if request.headers.get("Authorization") not in known:
            return _refusal(401, 20003, "Authenticate")
        if request.match_info["account"] != ACCOUNT or request.content_type != "application/x-www-form-urlencoded":
            return _refusal(404, 20404, "The requested resource was not found")
        resource = request.match_info["resource"]
        form = await request.post()
        fields = {name: str(value) for name, value in form.items()}
        wrong = self._error(resource, fields, list(form))
        if wrong is not None:
            return _refusal(400, *wrong)
        sid = f"{'CA' if resource == 'Calls' else 'SM'}{next(self._numbers):032x}"
        about = {"sid": sid, "to": fields["To"], "from": fields.get("From", "")}
        if resource == "Calls":
            text, action = _read(fields["Twiml"])
            wait = self._calls.add(ACCOUNT, 1)
            self.accept(kind="call", **about, text=text, action=action, queued=wait, error=None)
            return web.json_response({"sid": sid, "status": "queued", "queue_time": str(int(wait * 1000))}, status=201)
        is_full, sender = self._is_full(fields), _sender(fields)
        if is_full and sender != SERVICE:
            return _refusal(429, 21611, "This 'From' number has exceeded the maximum number of queued messages")
        # A messaging service accepts the message first, and reports the overflow later.
        wait = 0.0 if is_full else self._messages.add(sender, segments(fields["Body"]))
        error = 30001 if is_full else None
        self.accept(kind="sms", **about, text=fields["Body"], action="", queued=wait, error=error)
        return web.json_response({"sid": sid, "status": "queued"}, status=201)

    def _is_full(self, fields: Mapping[str, str]) -> bool:
        """Return whether the message would wait longer than the queue is, or than it is valid."""
        longest = min(LONGEST_QUEUE, int(fields.get("ValidityPeriod", LONGEST_QUEUE)))
        return self._messages.wait(_sender(fields)) >= longest

    def _error(self, resource: str, fields: Mapping[str, str], names: list[str]) -> tuple[int, str] | None:
        """Return (code, message) of Twilio's error."""
        senders = [fields[name] for name in ("From", "MessagingServiceSid") if name in fields]
        checks = [
            (set(names) <= _TAKES[resource] and len(names) == len(fields), (20001, "Unknown or repeated parameters")),
            ("To" in fields, (21604 if resource == "Messages" else 21201, "A 'To' phone number is required")),
            (bool(_E164.fullmatch(fields.get("To", ""))), (21211, f"Invalid 'To' Phone Number: {fields.get('To')}")),
            (len(senders) == 1, (21603, "One 'From' phone number is required")),
            (
                fields.get("MessagingServiceSid", SERVICE) == SERVICE,
                (21701, "The Messaging Service resource does not exist"),
            ),
            (fields.get("To") != fields.get("From"), (21266, "'To' and 'From' number cannot be the same")),
            *(
                (_is_whole(fields.get(name, str(allowed[0])), allowed), (20001, f"{name} is out of range"))
                for name, allowed in _SECONDS.items()
            ),
            (
                senders[:1] == [NUMBER] or (resource == "Messages" and "MessagingServiceSid" in fields),
                (21606 if resource == "Messages" else 21210, "The From phone number is not yours"),
            ),
            (
                resource == "Calls" or fields.get("To") not in self.opted_out,
                (21610, "Attempt to send to unsubscribed recipient"),
            ),
            _content_check(resource, fields),
        ]
        return next((error for good, error in checks if not good), None)


def _sender(fields: Mapping[str, str]) -> str:
    return fields.get("MessagingServiceSid") or fields["From"]


def _content_check(resource: str, fields: Mapping[str, str]) -> tuple[bool, tuple[int, str]]:
    if resource == "Messages":
        body = fields.get("Body", "")
        return 0 < len(body) <= LONGEST_SMS and "\0" not in body, (21617, "The message body is missing or too long")
    twiml = fields.get("Twiml", "")
    return len(twiml) <= LONGEST_TWIML and _is_twiml(twiml), (12100, "Document parse failure")


def _is_twiml(twiml: str) -> bool:
    try:
        response = ET.fromstring(twiml)  # noqa: S314 - on loopback, and what is tested is our own
    except ET.ParseError:
        return False
    if response.tag != "Response" or response.attrib:
        return False
    return all(
        {child.tag for child in verb} <= _INSIDE.get(verb.tag, set())
        and (verb is response or (verb.tag in _VERBS and _are_attributes(verb.tag, verb.attrib)))
        for verb in response.iter()
    )


def _are_attributes(tag: str, given: Mapping[str, str]) -> bool:
    return (
        set(given) <= _VERBS[tag]
        and urlsplit(given.get("action", "https://")).scheme in ("http", "https")
        and given.get("language", "en-US") in SPOKEN
        and given.get("method", "POST") in ("GET", "POST")
        and all(_is_whole(given[name], range(1, 1000)) for name in _WHOLE & set(given))
    )


def _is_whole(value: str, allowed: range) -> bool:
    return value.isascii() and value.isdecimal() and int(value) in allowed


def _read(twiml: str) -> tuple[str, str]:
    """Return the spoken text, and the URL for keys."""
    response = ET.fromstring(twiml)  # noqa: S314 - on loopback, and what is tested is our own
    content = [verb.text or "" for verb in response.iter("Say")]
    gather = response.find("Gather")
    return "\n".join(content), gather.get("action", "") if gather is not None else ""


def signature(token: str, url: str, fields: Mapping[str, str]) -> str:
    """Return the ``X-Twilio-Signature`` of a request (Twilio's page on request validation)."""
    text = url
    for name in sorted(fields):
        text += name + fields[name]
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _refusal(status: int, code: int, message: str) -> web.Response:
    more = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": message, "more_info": more, "status": status}
    return web.Response(status=status, text=json.dumps(body), content_type="application/json")


def main() -> None:
    """Run it by itself."""
    given = arguments("A stand-in for Twilio's REST API on loopback.").parse_args()
    serve(lambda: TwilioServer(port=given.port, log=given.log))


if __name__ == "__main__":
    main()

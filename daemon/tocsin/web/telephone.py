"""``POST /webhooks/twilio``: a key pressed in a call that we made, and an SMS that answers one.

Believed by Twilio's signature over the public URL and the form. The page's key
stands in the URL that a call was given; an SMS names the incident's number, and
counts only from a number that people.yaml knows.
"""

import re
from collections.abc import Awaitable, Mapping, Sequence
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import structlog
from aiohttp import web

from tocsin.channels.twilio.payload import KEY
from tocsin.core.errors import StoreUnavailable
from tocsin.core.event import Actor
from tocsin.engine.policy import Policy
from tocsin.web.answers import Refusal
from tocsin.web.bodies import read_body
from tocsin.web.callbacks import responded, secrets_of, wrong_signature
from tocsin.web.keys import EDGE, Answer, Edge
from tocsin.web.signatures import twilio_signed

VIA = "twilio"
LONGEST = 1600
"""Characters of an SMS."""

_ACK = re.compile(r"\s*ack(?:nowledge)?\s*#?\s*([0-9]{1,12})\s*[.!]?\s*", re.IGNORECASE | re.ASCII)
_LOST = "That could not be recorded. Please acknowledge in another way."

_log = structlog.get_logger("tocsin.web.telephone")

Fields = Mapping[str, Sequence[str]]


async def twilio(request: web.Request) -> web.Response:
    """Take one answer; what is to be said or written back is TwiML.

    Raises:
        Refusal: The signature is wrong, or the form cannot be read.
    """
    edge = request.app[EDGE]
    body = await read_body(request)
    settings = edge.settings()
    tokens = secrets_of(settings.inbound.twilio, "twilio")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=200)
    except ValueError as error:  # no UTF-8, or too many fields
        raise Refusal(400, "malformed", f"cannot be read: {error}", reason="malformed") from None
    url = f"{settings.external_url}{request.raw_path}"
    if not twilio_signed(url, fields, request.headers.get("X-Twilio-Signature", ""), tokens):
        raise wrong_signature(403)
    if "Digits" in fields:
        return _twiml("Say", await _key_pressed(edge, request.query.get("page", ""), fields))
    if "Body" in fields:
        return _twiml("Message", await _sms_came(edge, fields))
    return _twiml("Say", "")


async def _key_pressed(edge: Edge, page: str, fields: Fields) -> str:
    """Acknowledge, if that is what was pressed; returns what is said."""
    row = await edge.store.read(lambda reader: reader.outbox_row(page)) if page else None
    digits = _first(fields, "Digits")
    if row is None or digits != KEY:
        _log.info("key_pressed", digits=digits[:8], note="means nothing here" if row else "none of our pages")
        return "Nothing was acknowledged. Goodbye."
    delivery = (VIA, f"{_first(fields, 'CallSid')}/{page}")
    # What fell back from somebody was answered by whoever has this number.
    by = Actor(_owner(edge.policy(), row.destination) or row.target, VIA)
    response = edge.respond.acknowledge(row.incident_id, by, occurrence=row.occurrence, delivery=delivery)
    note = await _note(edge, response)
    _log.info("key_pressed", digits=digits, incident=row.incident_id, by=by.name, note=note)
    return "Acknowledged. Thank you." if note == "done" else f"{note}. Goodbye."


async def _sms_came(edge: Edge, fields: Fields) -> str:
    """Acknowledge, if that is what it says; returns what is answered, "" where nothing is."""
    sender = _first(fields, "From")
    asked = _ACK.fullmatch(_first(fields, "Body")[:LONGEST])
    person = _owner(edge.policy(), sender)
    if asked is None or person is None:
        # Whoever is unknown gets no answer: anybody can send an SMS, and each answer is paid for.
        _log.info("sms_came", known=person is not None, note="means nothing here" if person else "nobody's number")
        return "Not understood. To acknowledge incident 12, send: ack 12" if person else ""
    number = asked[1]
    delivery = (VIA, _first(fields, "MessageSid"))
    note = await _note(edge, edge.respond.acknowledge(number, Actor(person, VIA), delivery=delivery))
    _log.info("sms_came", incident=number, by=person, note=note)
    return f"#{number} is yours." if note == "done" else f"#{number}: {note}"


async def _note(edge: Edge, response: Awaitable[Answer]) -> str:
    """What became of a response; somebody waits on the telephone, so that it is told in any case."""
    try:
        return await responded(response, edge.deadlines.twilio)
    except (Refusal, StoreUnavailable) as error:
        _log.warning("answer_lost", error=str(error))
        return _LOST


def _owner(policy: Policy, number: str) -> str | None:
    """The person who is reached by this number."""
    telephones = {name for name, channel in policy.channels.items() if channel.kind == "twilio"}
    for person in policy.people.persons.values():
        contacts = [method.contact for method in person.methods]
        if any(contact.channel in telephones and contact.destination == number for contact in contacts):
            return person.name
    return None


def _first(fields: Fields, name: str) -> str:
    return fields.get(name, ("",))[0]


def _twiml(verb: str, text: str) -> web.Response:
    said = f"<{verb}>{escape(text)}</{verb}>" if text else ""
    answer = f'<?xml version="1.0" encoding="UTF-8"?><Response>{said}</Response>'
    return web.Response(text=answer, content_type="text/xml", headers={"Server": "tocsin"})

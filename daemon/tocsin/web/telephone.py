"""``POST /webhooks/twilio``: a key pressed in a call that we made, and an SMS that answers one.

Believed by Twilio's signature over the public URL and the form. The page's key
stands in the URL that a call was given. An SMS counts only from a number that
people.yaml knows; it names the incident's number, or acknowledges the one page
to that number that is open.
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
from tocsin.core.incident import TAKEN, Incident
from tocsin.core.outbox import RowState
from tocsin.engine.policy import Policy
from tocsin.ports.store import Reader
from tocsin.web.answers import Refusal
from tocsin.web.bodies import read_body
from tocsin.web.callbacks import believe, responded, secrets_of, wrong_signature
from tocsin.web.keys import EDGE, Answer, Delivery, Edge
from tocsin.web.signatures import twilio_signed

VIA = "twilio"
LONGEST = 1600
"""Characters of an SMS."""

NUMBERS = 8
"""How many incident numbers an answer lists."""

_ACK = re.compile(r"\s*ack(?:nowledge)?\s*(?:#?\s*([0-9]{1,12}))?\s*[.!]?\s*", re.IGNORECASE | re.ASCII)
_OPT_OUT = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"})
_OF_THE_CARRIER = _OPT_OUT | {"start", "yes", "unstop", "help", "info"}
"""Words that Twilio and the carriers answer themselves ("Twilio support for opt-out keywords"): a second answer would
confuse, and one after STOP would be refused."""
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
    believe(request, VIA)
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
    """Carry out what an SMS asks for; return the answer, "" for none."""
    sender, text = _first(fields, "From"), _first(fields, "Body")[:LONGEST]
    person = _owner(edge.policy(), sender)
    if person is None:
        # A stranger gets no answer: anyone can send an SMS, and each answer is paid for.
        _log.info("sms_ignored", reason="the number is of no person in people.yaml")
        return ""
    word = text.strip().casefold()
    if word in _OF_THE_CARRIER or _first(fields, "OptOutType"):
        if word in _OPT_OUT or _first(fields, "OptOutType") == "STOP":
            told = f"{person} has sent {text.strip()[:16]}: SMS to this number are refused until it sends START"
            edge.intake.report("opted_out", person, told)
        _log.info("sms_ignored", person=person, reason="a word of the carrier's")
        return ""
    asked = _ACK.fullmatch(text)
    delivery = (VIA, _first(fields, "MessageSid"))
    if asked is not None and asked[1] is not None:
        return await _acknowledge_by_sms(edge, asked[1], None, person, delivery)
    try:
        open_pages = await edge.store.read(lambda reader: _open_pages(reader, sender))
    except StoreUnavailable as error:
        _log.warning("answer_lost", error=str(error))
        return _LOST
    waiting = [incident for incident in open_pages if incident.state not in TAKEN]
    if asked is not None and len(waiting) == 1:
        [incident] = waiting
        return await _acknowledge_by_sms(edge, str(incident.number), incident.occurrence, person, delivery)
    _log.info("sms_not_understood", person=person, open_pages=len(waiting))
    return _what_to_send(open_pages, waiting, understood=asked is not None)


async def _acknowledge_by_sms(edge: Edge, number: str, occurrence: int | None, person: str, delivery: Delivery) -> str:
    response = edge.respond.acknowledge(number, Actor(person, VIA), occurrence=occurrence, delivery=delivery)
    note = await _note(edge, response)
    _log.info("sms_came", incident=number, by=person, note=note)
    return f"#{number} is yours." if note == "done" else f"#{number}: {note}"


def _open_pages(reader: Reader, number: str) -> list[Incident]:
    """Return the open incidents whose pages have reached this number, the newest page first."""
    incidents: dict[str, Incident] = {}
    for row in reader.pages_to(number):
        if row.state is not RowState.SENT and not row.possibly_delivered and row.lease_until is None:
            continue  # it cannot have arrived
        incident = reader.incident(row.incident_id)
        if incident is not None and incident.occurrence == row.occurrence:
            incidents.setdefault(incident.id, incident)
    return list(incidents.values())


def _what_to_send(open_pages: Sequence[Incident], waiting: Sequence[Incident], *, understood: bool) -> str:
    """Return the answer to an SMS that does not say which incident it acknowledges."""
    begin = "" if understood else "Not understood. "
    if len(waiting) == 1:
        return f"{begin}To acknowledge #{waiting[0].number}, reply: ack"
    if waiting:
        numbers = ", ".join(str(incident.number) for incident in waiting[:NUMBERS])
        more = f" and {len(waiting) - NUMBERS} more" if len(waiting) > NUMBERS else ""
        return f"{begin}{len(waiting)} pages are open: {numbers}{more}. Reply with a number: ack {waiting[0].number}"
    if open_pages:
        taken = open_pages[0]
        return f"{begin}{taken.acknowledged_by} has acknowledged #{taken.number}. No page to this number is open."
    return f"{begin}No page to this number is open."


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

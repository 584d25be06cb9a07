"""``POST /webhooks/twilio``: keys pressed during a call, and replies by SMS.

Requests are authenticated by Twilio's signature over the public URL and the form. For a
call, the key of the page is in the URL. An SMS is accepted only from a number in
people.yaml. It names the incident's number, or acknowledges the only open page to the
sender's number.
"""

import re
from collections.abc import Awaitable, Mapping, Sequence
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import structlog
from aiohttp import web

from tocsin.channels.twilio.payload import KEY
from tocsin.core.errors import StoreUnavailable
from tocsin.core.incident.event import Actor
from tocsin.core.incident.incident import TAKEN, Incident
from tocsin.core.incident.outbox import RowState
from tocsin.engine.change.policy import Policy
from tocsin.engine.responses.respond import Answer, Delivery
from tocsin.ports.observer import Limit
from tocsin.ports.store import Reader
from tocsin.web.callbacks.signatures import twilio_signed
from tocsin.web.callbacks.slack import MOST_FIELDS, believe, responded, secrets_of, wrong_signature
from tocsin.web.edge import EDGE, Edge
from tocsin.web.server.answers import Refusal
from tocsin.web.server.bodies import read_body

VIA = "twilio"
LONGEST = 1600
"""Maximum length of an SMS, in characters."""

NUMBERS = 8
"""Maximum number of incident numbers in a reply."""

_ACK = re.compile(r"\s*ack(?:nowledge)?\s*(?:#?\s*([0-9]{1,12}))?\s*[.!]?\s*", re.IGNORECASE | re.ASCII)
_OPT_OUT = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"})
_OF_THE_CARRIER = _OPT_OUT | {"start", "yes", "unstop", "help", "info"}
"""Words to which Twilio and the carriers reply themselves ("Twilio support for opt-out keywords"). A second reply would
confuse people, and a reply after STOP would be refused."""
_LOST = "That could not be recorded. Please acknowledge in another way."

_log = structlog.get_logger("tocsin.web.callbacks.telephone")

Fields = Mapping[str, Sequence[str]]


async def twilio(request: web.Request) -> web.Response:
    """Accept a pressed key or an SMS from Twilio; reply in TwiML.

    Raises:
        Refusal: The signature is wrong, or the form cannot be parsed.
    """
    edge = request.app[EDGE]
    body = await read_body(request)
    settings = edge.settings()
    tokens = secrets_of(settings.inbound.twilio, "twilio")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:  # not UTF-8, or too many fields
        raise Refusal(400, "malformed", f"the form cannot be parsed: {error}", reason="malformed") from None
    url = f"{settings.external_url}{request.raw_path}"
    if not twilio_signed(url, fields, request.headers.get("X-Twilio-Signature", ""), tokens):
        raise wrong_signature(403)
    believe(request, VIA)
    if "Digits" in fields:
        return _twiml("Say", await _key_pressed(edge, request.query.get("page", ""), fields))
    if "Body" in fields:
        return _twiml("Message", await _sms_received(edge, fields))
    return _twiml("Say", "")


async def _key_pressed(edge: Edge, page: str, fields: Fields) -> str:
    """Acknowledge if the right key was pressed; return the spoken reply."""
    row = await edge.store.read(lambda reader: reader.outbox_row(page)) if page else None
    digits = _first(fields, "Digits")
    if row is None or digits != KEY:
        _log.info("key_pressed", digits=digits[:8], note="not the key to acknowledge" if row else "unknown page")
        return "Nothing was acknowledged. Goodbye."
    delivery = (VIA, f"{_first(fields, 'CallSid')}/{page}")
    # After a fallback, the page's target differs from the person with this number, who has answered.
    by = Actor(_owner(edge.policy(), row.destination) or row.target, VIA)
    response = edge.respond.acknowledge(row.incident_id, by, occurrence=row.occurrence, delivery=delivery)
    note = await _note(edge, response)
    _log.info("key_pressed", digits=digits, incident=row.incident_id, by=by.name, note=note)
    return "Acknowledged. Thank you." if note == "done" else f"{note}. Goodbye."


async def _sms_received(edge: Edge, fields: Fields) -> str:
    """Carry out the request in an SMS; return the reply, "" for none."""
    sender, body = _first(fields, "From"), _first(fields, "Body")
    text = body[:LONGEST]
    if len(body) > LONGEST:
        edge.observer.count("limits_exceeded_total", limit=Limit.SMS_CHARACTERS)
        _log.warning("sms_shortened", characters=len(body))
    person = _owner(edge.policy(), sender)
    if person is None:
        # Unknown numbers get no reply: anyone can send an SMS, and each reply costs money.
        _log.info("sms_ignored", reason="no person in people.yaml has the number")
        return ""
    word = text.strip().casefold()
    if word in _OF_THE_CARRIER or _first(fields, "OptOutType"):
        if word in _OPT_OUT or _first(fields, "OptOutType") == "STOP":
            detail = f"{person} has sent {text.strip()[:16]}: SMS to this number are refused until it sends START"
            edge.intake.report("opted_out", person, detail)
        _log.info("sms_ignored", person=person, reason="a keyword that the carrier handles")
        return ""
    command = _ACK.fullmatch(text)
    delivery = (VIA, _first(fields, "MessageSid"))
    if command is not None and command[1] is not None:
        return await _acknowledge_by_sms(edge, command[1], None, person, delivery)
    try:
        open_pages = await edge.store.read(lambda reader: _open_pages(reader, sender))
    except StoreUnavailable as error:
        _log.warning("response_not_recorded", error=str(error))
        return _LOST
    waiting = [incident for incident in open_pages if incident.state not in TAKEN]
    if command is not None and len(waiting) == 1:
        [incident] = waiting
        return await _acknowledge_by_sms(edge, str(incident.number), incident.occurrence, person, delivery)
    _log.info("sms_not_understood", person=person, open_pages=len(waiting))
    return _sms_help(open_pages, waiting, is_understood=command is not None)


async def _acknowledge_by_sms(edge: Edge, number: str, occurrence: int | None, person: str, delivery: Delivery) -> str:
    response = edge.respond.acknowledge(number, Actor(person, VIA), occurrence=occurrence, delivery=delivery)
    note = await _note(edge, response)
    _log.info("sms_handled", incident=number, by=person, note=note)
    return f"#{number} is yours." if note == "done" else f"#{number}: {note}"


def _open_pages(reader: Reader, number: str) -> list[Incident]:
    """Return the open incidents whose pages may have reached this number, newest page first."""
    incidents: dict[str, Incident] = {}
    for row in reader.pages_to(number):
        if row.state is not RowState.SENT and not row.possibly_delivered and row.lease_until is None:
            continue  # the page cannot have arrived
        incident = reader.incident(row.incident_id)
        if incident is not None and incident.occurrence == row.occurrence:
            incidents.setdefault(incident.id, incident)
    return list(incidents.values())


def _sms_help(open_pages: Sequence[Incident], waiting: Sequence[Incident], *, is_understood: bool) -> str:
    """Return the reply to an SMS that does not say which incident it acknowledges."""
    begin = "" if is_understood else "Not understood. "
    if len(waiting) == 1:
        return f"{begin}To acknowledge #{waiting[0].number}, reply: ack"
    if waiting:
        numbers = ", ".join(str(incident.number) for incident in waiting[:NUMBERS])
        more = f" and {len(waiting) - NUMBERS} more" if len(waiting) > NUMBERS else ""
        return f"{begin}{len(waiting)} pages are open: {numbers}{more}. Reply with a number: ack {waiting[0].number}"
    if open_pages:
        newest = open_pages[0]
        return f"{begin}{newest.acknowledged_by} has acknowledged #{newest.number}. No page to this number is open."
    return f"{begin}No page to this number is open."


async def _note(edge: Edge, response: Awaitable[Answer]) -> str:
    """Return a note about the outcome of a response, also after an error: a person on the telephone is waiting."""
    try:
        return await responded(response, edge.deadlines.twilio)
    except (Refusal, StoreUnavailable) as error:
        _log.warning("response_not_recorded", error=str(error))
        return _LOST


def _owner(policy: Policy, number: str) -> str | None:
    """Return the name of the person with this number."""
    phone_channels = {name for name, channel in policy.channels.items() if channel.kind == "twilio"}
    for person in policy.people.persons.values():
        contacts = [method.contact for method in person.methods]
        if any(contact.channel in phone_channels and contact.destination == number for contact in contacts):
            return person.name
    return None


def _first(fields: Fields, name: str) -> str:
    return fields.get(name, ("",))[0]


def _twiml(verb: str, text: str) -> web.Response:
    content = f"<{verb}>{escape(text)}</{verb}>" if text else ""
    document = f'<?xml version="1.0" encoding="UTF-8"?><Response>{content}</Response>'
    return web.Response(text=document, content_type="text/xml", headers={"Server": "tocsin"})

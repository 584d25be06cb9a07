"""``POST /webhooks/pagerduty``: acknowledgments and resolves made in PagerDuty (V3 webhooks).

An event names PagerDuty's own incident. Which pages of ours are behind it may
stand in the event (``incident_key``, or the keys of its alerts), but for incidents
with alerts PagerDuty leaves ``incident_key`` empty. What any event shows is
therefore remembered by the incident's id, and PagerDuty's REST API is asked where
nothing is known and a key for it is configured.
"""

import asyncio
from collections.abc import Sequence

import msgspec
import structlog
from aiohttp import web
from msgspec import Struct

from tocsin.channels.json_api import Refused
from tocsin.channels.pagerduty.rest import alert_keys
from tocsin.core.event import Actor
from tocsin.core.outbox import Outgoing
from tocsin.ports.channel import Outcome
from tocsin.ports.store import Reader
from tocsin.web.answers import BUSY, Refusal, webhook_answer
from tocsin.web.bodies import read_body
from tocsin.web.callbacks import believe, responded, secrets_of, stranger, wrong_signature
from tocsin.web.keys import EDGE, Edge
from tocsin.web.signatures import pagerduty_signed

PROVIDER = "pagerduty"
LINKS = 100
"""How many pages of ours one incident of PagerDuty's may be about."""

_ACKNOWLEDGED, _RESOLVED = "incident.acknowledged", "incident.resolved"
_RESPONSES = (_ACKNOWLEDGED, _RESOLVED)
"""The events that a person's response makes. The others only show which alerts an incident holds."""

_log = structlog.get_logger("tocsin.web.pagerduty")


class _Agent(Struct, frozen=True):
    id: str = ""
    type: str = ""
    summary: str | None = None
    email: str | None = None

    @property
    def is_person(self) -> bool:
        return self.type.startswith("user")


class _Reference(Struct, frozen=True):
    id: str = ""


class _Reason(Struct, frozen=True):
    type: str = ""
    incident: _Reference | None = None


class _Alert(Struct, frozen=True):
    alert_key: str | None = None


class _Incident(Struct, frozen=True):
    id: str = ""
    type: str = ""
    html_url: str | None = None
    incident_key: str | None = None
    resolve_reason: _Reason | None = None
    alerts: list[_Alert] = []

    @property
    def keys(self) -> list[str]:
        """The keys that may be ours: its own, or those of its alerts."""
        keys = [self.incident_key, *(alert.alert_key for alert in self.alerts)]
        return list(dict.fromkeys(key for key in keys if key))

    @property
    def merged_into(self) -> str:
        """The id of the incident that it was merged into, "" where it was not merged."""
        reason = self.resolve_reason
        return reason.incident.id if self.is_merged and reason and reason.incident else ""

    @property
    def is_merged(self) -> bool:
        return self.resolve_reason is not None and self.resolve_reason.type == "merge_resolve_reason"


class _Event(Struct, frozen=True):
    id: str
    event_type: str
    agent: _Agent | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")


class _Body(Struct, frozen=True):
    event: _Event


async def pagerduty(request: web.Request) -> web.Response:
    """Take one event.

    After a good signature it answers only 2xx or 5xx: PagerDuty disables the
    subscription for a day after three other answers in a row.

    Raises:
        Refusal: The signature is wrong, or PagerDuty is to send the event again.
    """
    edge = request.app[EDGE]
    body = await read_body(request)
    header = request.headers.get("X-PagerDuty-Signature", "")
    if not pagerduty_signed(body, header, secrets_of(edge.settings().inbound.pagerduty, PROVIDER)):
        raise wrong_signature(403)
    believe(request, PROVIDER)
    try:
        event = msgspec.json.decode(body, type=_Body).event
        incident = _incident_of(event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        _log.warning("pagerduty_event_unreadable", error=str(error))
        edge.observer.count("inbound_rejected_total", edge=PROVIDER, reason="malformed")
        return webhook_answer({"status": "ignored", "note": f"cannot be read: {error}"})
    try:
        async with asyncio.timeout(edge.deadlines.pagerduty):
            note = await _take_event(edge, event, incident)
    except TimeoutError:
        raise _again("not committed in time") from None
    _log.info("pagerduty_event", event_type=event.event_type, event_id=event.id, note=note)
    return webhook_answer({"status": "ok", "note": note})


def _incident_of(event: _Event) -> _Incident | None:
    """Return the event's incident; None for an event about something else."""
    if event.event_type in _RESPONSES:
        return msgspec.json.decode(event.data, type=_Incident)
    try:
        incident = msgspec.json.decode(event.data, type=_Incident)
    except msgspec.DecodeError:
        return None
    return incident if incident.type == "incident" and event.event_type.startswith("incident.") else None


async def _take_event(edge: Edge, event: _Event, incident: _Incident | None) -> str:
    """Learn from one event and carry it out; return the outcome in words."""
    if incident is None:
        return f"{event.event_type} means nothing here"
    pages = await _known_pages(edge, incident)
    if event.event_type not in _RESPONSES:
        return f"{event.event_type} means nothing here"
    if incident.is_merged:
        return "merged into another incident there, which resolves nothing"
    if event.agent is None or not event.agent.is_person:
        # An auto-resolve, a timeout, or the echo of our own acknowledgment: no person has taken the incident.
        return "not a person's doing"
    pages = pages or await _asked_pages(edge, event, incident)
    if not pages:
        return "none of our pages"
    notes = [await _respond(edge, event, event.agent, page, nth) for nth, page in enumerate(_one_each(pages))]
    return "; ".join(notes)


async def _respond(edge: Edge, event: _Event, agent: _Agent, page: Outgoing, nth: int) -> str:
    """Carry a person's response out for one incident of ours."""
    person = edge.policy().people.by_pagerduty(agent.id, agent.email or "")
    by = Actor(person.name if person else stranger(agent.summary, agent.id), PROVIDER)
    # The event's own id: unlike the header X-Webhook-Id it is signed, so that no replay can change it.
    delivery = (PROVIDER, f"{event.id}/{page.incident_id}" if nth else event.id)
    respond = edge.respond.acknowledge if event.event_type == _ACKNOWLEDGED else edge.respond.resolve
    response = respond(page.incident_id, by, occurrence=page.occurrence, delivery=delivery)
    return await responded(response, edge.deadlines.pagerduty)


def _one_each(pages: Sequence[Outgoing]) -> list[Outgoing]:
    """Return the newest page of each incident of ours."""
    newest: dict[str, Outgoing] = {}
    for page in sorted(pages, key=lambda page: page.order_no):
        newest[page.incident_id] = page
    return list(newest.values())


async def _known_pages(edge: Edge, incident: _Incident) -> list[Outgoing]:
    """Return the pages behind PagerDuty's incident, and remember what this event shows of them."""

    def known(reader: Reader) -> tuple[list[str], list[str]]:
        linked = reader.linked_pages(PROVIDER, incident.id) if incident.id else []
        new = [key for key in incident.keys if key not in linked and reader.outbox_row(key) is not None]
        return linked, new[: LINKS - len(linked)]

    linked, new = await edge.store.read(known)
    if new and incident.id:
        await edge.store.write(lambda tx: tx.link_pages(PROVIDER, incident.id, new))
    if incident.merged_into and (linked or new):
        # Its alerts go on in the other incident: an acknowledgment of that one is about these pages, too.
        await edge.store.write(lambda tx: tx.link_pages(PROVIDER, incident.merged_into, [*linked, *new]))
    return await edge.store.read(lambda reader: _rows(reader, [*linked, *new]))


def _rows(reader: Reader, keys: Sequence[str]) -> list[Outgoing]:
    return [row for row in map(reader.outbox_row, keys) if row is not None]


async def _asked_pages(edge: Edge, event: _Event, incident: _Incident) -> list[Outgoing]:
    """Return the pages behind an incident of which nothing is known, as PagerDuty's REST API shows them.

    Raises:
        Refusal: PagerDuty does not say now; it will send the event again.
    """
    settings = edge.settings().inbound.pagerduty
    if settings.rest_key is None:
        if not incident.keys:
            _tell(edge, event, incident, "the event names no alert; set inbound.pagerduty.rest_key_file")
        return []
    timeout = edge.deadlines.pagerduty / 2
    try:
        async with asyncio.timeout(timeout):
            keys = await alert_keys(settings, incident.id, edge.now(), int(timeout * 1_000_000))
    except TimeoutError:
        raise _again("PagerDuty's REST API does not answer in time") from None
    except Refused as refused:
        if refused.receipt.outcome is not Outcome.PERMANENT:
            raise _again(f"PagerDuty's REST API: {refused.receipt.detail}") from None
        _tell(edge, event, incident, f"PagerDuty's REST API refuses to list its alerts: {refused.receipt.detail}")
        return []
    return await _known_pages(edge, msgspec.structs.replace(incident, alerts=[_Alert(key) for key in keys]))


def _tell(edge: Edge, event: _Event, incident: _Incident, reason: str) -> None:
    """Tell tocsin's own people of a response that reaches no incident: its ladder goes on."""
    edge.observer.count("inbound_rejected_total", edge=PROVIDER, reason="unmatched")
    by = event.agent.summary or event.agent.id if event.agent is not None else ""
    told = f"{event.event_type} by {by}, {incident.html_url or incident.id}: {reason}"
    _log.warning("pagerduty_event_unmatched", event_id=event.id, incident=incident.id, reason=reason)
    edge.intake.report("unmatched", PROVIDER, told)


def _again(message: str) -> Refusal:
    """Return the answer after which PagerDuty sends the event again, for up to 48 hours."""
    return Refusal(503, "unavailable", message, headers=BUSY)

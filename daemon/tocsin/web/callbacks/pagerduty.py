"""``POST /webhooks/pagerduty``: acknowledgments and resolves made in PagerDuty (V3 webhooks).

An event names an incident in PagerDuty by PagerDuty's own id. tocsin has to find the
pages that it sent for that incident. An event may contain their keys (as
``incident_key``, or as the keys of the incident's alerts), but not every event does:
PagerDuty leaves ``incident_key`` empty for incidents with alerts. So the keys of every
event are stored under PagerDuty's id, and used for later events about the same
incident. If no key is known and a REST key is configured, PagerDuty's REST API is
queried.
"""

import asyncio
from collections.abc import Sequence

import msgspec
import structlog
from aiohttp import web
from msgspec import Struct

from tocsin.channels.json_api import CallFailed
from tocsin.channels.pagerduty.rest import alert_keys
from tocsin.core.incident.event import Actor
from tocsin.core.incident.outbox import Outgoing
from tocsin.ports.channel import Outcome
from tocsin.ports.store import Reader
from tocsin.web.callbacks.signatures import pagerduty_signed
from tocsin.web.callbacks.slack import believe, responded, secrets_of, stranger, wrong_signature
from tocsin.web.edge import EDGE, Edge
from tocsin.web.server.answers import BUSY, Refusal, webhook_answer
from tocsin.web.server.bodies import read_body

PROVIDER = "pagerduty"
LINKS = 100
"""Maximum number of our pages behind one incident in PagerDuty."""

_ACKNOWLEDGED, _RESOLVED = "incident.acknowledged", "incident.resolved"
_RESPONSES = (_ACKNOWLEDGED, _RESOLVED)
"""Types of events that report a response. Other events are read only for the keys that they contain."""

_log = structlog.get_logger("tocsin.web.callbacks.pagerduty")


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
        """The keys of the incident and of its alerts, which may be keys of our pages."""
        keys = [self.incident_key, *(alert.alert_key for alert in self.alerts)]
        return list(dict.fromkeys(key for key in keys if key))

    @property
    def merged_into(self) -> str:
        """The id of the incident into which this one was merged, "" if it was not merged."""
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
    """Accept an event from PagerDuty.

    After a valid signature, the answer is always 2xx or 5xx: PagerDuty disables the
    subscription for a day after three other answers in a row.

    Raises:
        Refusal: The signature is wrong, or PagerDuty has to retry.
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
        _log.warning("pagerduty_event_not_decoded", error=str(error))
        edge.observer.count("inbound_rejected_total", edge=PROVIDER, reason="malformed")
        return webhook_answer({"status": "ignored", "note": f"the event cannot be parsed: {error}"})
    try:
        async with asyncio.timeout(edge.deadlines.pagerduty):
            note = await _take_event(edge, event, incident)
    except TimeoutError:
        raise _retry_later("the event was not committed in time; send it again") from None
    _log.info("pagerduty_event_handled", event_type=event.event_type, event_id=event.id, note=note)
    return webhook_answer({"status": "ok", "note": note})


def _incident_of(event: _Event) -> _Incident | None:
    """Return the event's incident; None for other kinds of events."""
    if event.event_type in _RESPONSES:
        return msgspec.json.decode(event.data, type=_Incident)
    try:
        incident = msgspec.json.decode(event.data, type=_Incident)
    except msgspec.DecodeError:
        return None
    return incident if incident.type == "incident" and event.event_type.startswith("incident.") else None


async def _take_event(edge: Edge, event: _Event, incident: _Incident | None) -> str:
    """Store the keys in an event and carry out its response; return a note about the outcome."""
    if incident is None:
        return f"ignored: {event.event_type} is not a response"
    pages = await _link_and_find_pages(edge, incident)
    if event.event_type not in _RESPONSES:
        return f"ignored: {event.event_type} is not a response"
    if incident.is_merged:
        return "ignored: merged into another incident in PagerDuty, not resolved"
    if event.agent is None or not event.agent.is_person:
        # An auto-resolve, a timeout, or the echo of our own acknowledgment: no person has responded.
        return "ignored: not an action of a person"
    pages = pages or await _queried_pages(edge, event, incident)
    if not pages:
        return "ignored: not about a page of tocsin"
    notes = [await _respond(edge, event, event.agent, page, nth) for nth, page in enumerate(_newest_pages(pages))]
    return "; ".join(notes)


async def _respond(edge: Edge, event: _Event, agent: _Agent, page: Outgoing, nth: int) -> str:
    """Carry out a person's response to one of our incidents."""
    person = edge.policy().people.by_pagerduty(agent.id, agent.email or "")
    by = Actor(person.name if person else stranger(agent.summary, agent.id), PROVIDER)
    # The event's id is signed, unlike the header X-Webhook-Id, so a replay cannot change it.
    delivery = (PROVIDER, f"{event.id}/{page.incident_id}" if nth else event.id)
    respond = edge.respond.acknowledge if event.event_type == _ACKNOWLEDGED else edge.respond.resolve
    response = respond(page.incident_id, by, occurrence=page.occurrence, delivery=delivery)
    return await responded(response, edge.deadlines.pagerduty)


def _newest_pages(pages: Sequence[Outgoing]) -> list[Outgoing]:
    """Return the newest page of each of our incidents."""
    newest: dict[str, Outgoing] = {}
    for page in sorted(pages, key=lambda page: page.order_no):
        newest[page.incident_id] = page
    return list(newest.values())


async def _link_and_find_pages(edge: Edge, incident: _Incident) -> list[Outgoing]:
    """Store the new keys of an event, and return all known pages behind PagerDuty's incident."""

    def page_keys(reader: Reader) -> tuple[list[str], list[str]]:
        linked = reader.linked_pages(PROVIDER, incident.id) if incident.id else []
        new = [key for key in incident.keys if key not in linked and reader.outbox_row(key) is not None]
        return linked, new[: LINKS - len(linked)]

    linked, new = await edge.store.read(page_keys)
    if new and incident.id:
        await edge.store.write(lambda tx: tx.link_pages(PROVIDER, incident.id, new))
    if incident.merged_into and (linked or new):
        # The alerts are now in the other incident, so an acknowledgment of that incident is about these pages, too.
        await edge.store.write(lambda tx: tx.link_pages(PROVIDER, incident.merged_into, [*linked, *new]))
    return await edge.store.read(lambda reader: _rows(reader, [*linked, *new]))


def _rows(reader: Reader, keys: Sequence[str]) -> list[Outgoing]:
    return [row for row in map(reader.outbox_row, keys) if row is not None]


async def _queried_pages(edge: Edge, event: _Event, incident: _Incident) -> list[Outgoing]:
    """Return the pages behind an incident without stored keys, queried from PagerDuty's REST API.

    Raises:
        Refusal: The query failed temporarily; PagerDuty will send the event again.
    """
    settings = edge.settings().inbound.pagerduty
    if settings.rest_key is None:
        if not incident.keys:
            _report_unmatched(edge, event, incident, "the event names no alert; set inbound.pagerduty.rest_key_file")
        return []
    timeout = edge.deadlines.pagerduty / 2
    try:
        async with asyncio.timeout(timeout):
            keys = await alert_keys(settings, incident.id, edge.now(), int(timeout * 1_000_000))
    except TimeoutError:
        raise _retry_later("PagerDuty's REST API did not answer in time") from None
    except CallFailed as refused:
        if refused.receipt.outcome is not Outcome.PERMANENT:
            raise _retry_later(f"PagerDuty's REST API: {refused.receipt.detail}") from None
        reason = f"PagerDuty's REST API refuses to list its alerts: {refused.receipt.detail}"
        _report_unmatched(edge, event, incident, reason)
        return []
    return await _link_and_find_pages(edge, msgspec.structs.replace(incident, alerts=[_Alert(key) for key in keys]))


def _report_unmatched(edge: Edge, event: _Event, incident: _Incident, reason: str) -> None:
    """Tell tocsin's operators that a response in PagerDuty matches no incident, so that it stopped no escalation."""
    edge.observer.count("inbound_rejected_total", edge=PROVIDER, reason="unmatched")
    by = event.agent.summary or event.agent.id if event.agent is not None else ""
    detail = f"{event.event_type} by {by}, {incident.html_url or incident.id}: {reason}"
    _log.warning("pagerduty_event_unmatched", event_id=event.id, incident=incident.id, reason=reason)
    edge.intake.report("unmatched", PROVIDER, detail, incident.html_url or incident.id)


def _retry_later(message: str) -> Refusal:
    """Return a 503, after which PagerDuty retries for up to 48 hours."""
    return Refusal(503, "unavailable", message, headers=BUSY)

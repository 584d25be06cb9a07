"""``/api/v1``: incidents, responses to them, and explanations."""

from typing import Any

import msgspec
from aiohttp import hdrs, web
from msgspec import Struct

from tocsin.core.alert import Alert, AlertStatus, fingerprint
from tocsin.core.errors import UnknownName
from tocsin.core.event import Actor
from tocsin.core.incident import Incident, State
from tocsin.core.wording import waits_for
from tocsin.engine.explain import IncidentExplanation, explain_alert, explain_incident
from tocsin.ports.store import WHOLE, IncidentFilter, Reader
from tocsin.web.answers import bad_request, json_answer
from tocsin.web.bodies import read_json
from tocsin.web.guard import CALLER
from tocsin.web.keys import EDGE, Answer, Delivery
from tocsin.web.views import (
    IncidentDetail,
    IncidentPage,
    QuarantinePage,
    Response,
    incident_detail,
    incident_view,
    public,
    quarantined_view,
)

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
MAX_IDEMPOTENCY_KEY = 200
CLI_AGENT = "tocsin/"
"""What the command line's User-Agent begins with."""

_FILTERS = frozenset({"state", "severity", "service", "playbook", "storm", "limit", "cursor"})


# What clients send.


class Occurrence(Struct, frozen=True, forbid_unknown_fields=True):
    """For acknowledge and resolve."""

    occurrence: int | None = None
    """The occurrence that the person saw; a later one is then left alone."""


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """For escalate."""


class Severity(Struct, frozen=True, forbid_unknown_fields=True):
    """For severity."""

    severity: str | None
    """The level to pin; null unpins it."""
    reason: str = ""


class Flags(Struct, frozen=True, forbid_unknown_fields=True):
    """For flags."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """For explain: an alert as it might come."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}
    source: str = "default"


# Reading.


async def list_incidents(request: web.Request) -> web.Response:
    """Incidents, the newest first."""
    wanted = _filter(request)
    # One more than asked for tells whether there is another page.
    probe = msgspec.structs.replace(wanted, limit=wanted.limit + 1)
    found = await request.app[EDGE].store.read(lambda reader: reader.incidents(probe))
    page = found[: wanted.limit]
    more = str(page[-1].number) if len(found) > len(page) else None
    return json_answer(public(IncidentPage([incident_view(incident) for incident in page], more)))


async def show_incident(request: web.Request) -> web.Response:
    """One incident, with its alerts and its timeline."""
    ref = request.match_info["ref"]

    def work(reader: Reader) -> IncidentDetail:
        incident = _find(reader, ref)
        return incident_detail(
            incident, reader.episodes_of(incident.id, WHOLE), reader.entries(incident.id, limit=WHOLE)
        )

    return json_answer(public(await request.app[EDGE].store.read(work)))


async def explain_one(request: web.Request) -> web.Response:
    """How an incident came to where it is, and what comes next."""
    edge, ref = request.app[EDGE], request.match_info["ref"]
    policy = edge.policy()

    def work(reader: Reader) -> IncidentExplanation:
        return explain_incident(reader, policy, _find(reader, ref))

    return json_answer(public(await edge.store.read(work)))


async def explain(request: web.Request) -> web.Response:
    """What would become of an alert; nothing is changed and nobody is told."""
    asked = await read_json(request, Asked)
    alert = Alert(asked.source, fingerprint(asked.labels), AlertStatus.FIRING, asked.labels, asked.annotations)
    edge = request.app[EDGE]
    told = explain_alert(edge.policy(), alert)
    wait = await edge.windows.hides(alert.source, told.labels) if told.outcome in ("pages", "held") else None
    if wait is not None:
        because = f"nobody is paged: {waits_for(wait)}; then {told.because}"
        told = msgspec.structs.replace(told, outcome="waits", because=because)
    return json_answer(public(told))


async def list_quarantined(request: web.Request) -> web.Response:
    """What was received and could not be placed, the newest first."""
    _expect_known(request, frozenset({"limit"}))
    limit = _number(request.query, "limit", 1, MAX_LIMIT) or DEFAULT_LIMIT
    found = await request.app[EDGE].store.read(lambda reader: reader.quarantined(limit))
    return json_answer(public(QuarantinePage([quarantined_view(item) for item in found])))


# Responding.


async def acknowledge(request: web.Request) -> web.Response:
    """Take an incident."""
    seen = await read_json(request, Occurrence)
    respond = request.app[EDGE].respond.acknowledge
    return _answer(
        await respond(_ref(request), actor(request), occurrence=seen.occurrence, delivery=_delivery(request))
    )


async def resolve(request: web.Request) -> web.Response:
    """Close an incident."""
    seen = await read_json(request, Occurrence)
    respond = request.app[EDGE].respond.resolve
    return _answer(
        await respond(_ref(request), actor(request), occurrence=seen.occurrence, delivery=_delivery(request))
    )


async def escalate(request: web.Request) -> web.Response:
    """Notify the next tier now."""
    await read_json(request, Nothing)
    respond = request.app[EDGE].respond.escalate
    return _answer(await respond(_ref(request), actor(request), delivery=_delivery(request)))


async def severity(request: web.Request) -> web.Response:
    """Pin the severity, or unpin it."""
    wish = await read_json(request, Severity)
    respond = request.app[EDGE].respond.set_severity
    return _answer(await respond(_ref(request), actor(request), wish.severity, wish.reason))


async def flags(request: web.Request) -> web.Response:
    """Set and clear flags."""
    wish = await read_json(request, Flags)
    respond = request.app[EDGE].respond.set_flags
    return _answer(await respond(_ref(request), actor(request), wish.add, wish.remove))


def _filter(request: web.Request) -> IncidentFilter:
    _expect_known(request, _FILTERS)
    query = request.query
    return IncidentFilter(
        states=tuple(_state(state) for state in query.getall("state", [])) or None,
        severity=query.get("severity"),
        service=query.get("service"),
        playbook=query.get("playbook"),
        storm=_number(query, "storm", 1, 2**63 - 1),
        before_number=_number(query, "cursor", 1, 2**63 - 1),
        limit=_number(query, "limit", 1, MAX_LIMIT) or DEFAULT_LIMIT,
    )


def _expect_known(request: web.Request, known: frozenset[str]) -> None:
    unknown = sorted(set(request.query) - known)
    if unknown:
        raise bad_request(f"unknown parameter {unknown[0]!r}; known: {', '.join(sorted(known))}")


def _state(text: str) -> str:
    if text not in {state.value for state in State}:
        raise bad_request(f"unknown state {text!r}; known: {', '.join(State)}")
    return text


def _number(query: Any, name: str, least: int, most: int) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or not least <= int(text) <= most:
        raise bad_request(f"{name} must be a number from {least} to {most}, not {text!r}")
    return int(text)


def _find(reader: Reader, ref: str) -> Incident:
    incident = reader.incident(ref)
    if incident is None:
        raise UnknownName(f"there is no incident {ref!r}")
    return incident


def _ref(request: web.Request) -> str:
    return request.match_info["ref"]


def actor(request: web.Request) -> Actor:
    """Who asks, and through what."""
    caller = request[CALLER]
    via = "cli" if request.headers.get(hdrs.USER_AGENT, "").startswith(CLI_AGENT) else "api"
    return Actor(caller.name, via, caller.is_person)


def _delivery(request: web.Request) -> Delivery | None:
    """The caller's own key for this request, so that sending it again is harmless; one caller's is not another's."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (1 <= len(key) <= MAX_IDEMPOTENCY_KEY and key.isascii()):
        raise bad_request(f"Idempotency-Key must have 1 to {MAX_IDEMPOTENCY_KEY} ASCII characters")
    return ("api", f"{request[CALLER].name}/{request.path}/{key}")


def _answer(answer: Answer) -> web.Response:
    return json_answer(public(Response(incident_view(answer.incident), answer.changed, answer.note)))

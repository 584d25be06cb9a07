"""``/api/v1``: incidents, responses to them, and explanations."""

import msgspec
from aiohttp import hdrs, web
from msgspec import Struct, field

from tocsin.core.errors import UnknownName
from tocsin.core.event import Actor
from tocsin.core.incident import Incident, State
from tocsin.engine.explain.incident import IncidentExplanation, explain_incident
from tocsin.ports.store import WHOLE, IncidentFilter, Reader
from tocsin.web.answers import bad_request, json_answer
from tocsin.web.auth import CALLER
from tocsin.web.bodies import Moment, duration_of, micros_of, read_json
from tocsin.web.keys import EDGE, Answer, Delivery
from tocsin.web.query import DEFAULT_LIMIT, MAX_LIMIT, expect_known, number
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
    """For escalate, unsnooze and replan."""


class SnoozeWish(Struct, frozen=True, forbid_unknown_fields=True):
    """For snooze: one of the two."""

    until: Moment | None = None
    length: str | None = field(name="for", default=None)
    """For example `2h` or `1h30m`; at most 31 days."""


class Severity(Struct, frozen=True, forbid_unknown_fields=True):
    """For severity."""

    severity: str | None
    """The level to pin; null unpins it."""
    reason: str = ""


class Flags(Struct, frozen=True, forbid_unknown_fields=True):
    """For flags."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


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
        incident = find(reader, ref)
        return incident_detail(
            incident, reader.episodes_of(incident.id, WHOLE), reader.entries(incident.id, limit=WHOLE)
        )

    return json_answer(public(await request.app[EDGE].store.read(work)))


async def explain_one(request: web.Request) -> web.Response:
    """How an incident came to where it is, and what comes next."""
    edge, ref = request.app[EDGE], request.match_info["ref"]
    policy = edge.policy()

    def work(reader: Reader) -> IncidentExplanation:
        return explain_incident(reader, policy, find(reader, ref))

    return json_answer(public(await edge.store.read(work)))


async def list_quarantined(request: web.Request) -> web.Response:
    """What was received and could not be placed, the newest first."""
    expect_known(request, frozenset({"limit"}))
    limit = number(request.query, "limit", 1, MAX_LIMIT) or DEFAULT_LIMIT
    found = await request.app[EDGE].store.read(lambda reader: reader.quarantined(limit))
    return json_answer(public(QuarantinePage([quarantined_view(item) for item in found])))


# Responding.


async def acknowledge(request: web.Request) -> web.Response:
    """Take an incident."""
    seen = await read_json(request, Occurrence)
    respond = request.app[EDGE].respond.acknowledge
    return answered(
        await respond(_ref(request), actor(request), occurrence=seen.occurrence, delivery=delivery_of(request))
    )


async def resolve(request: web.Request) -> web.Response:
    """Close an incident."""
    seen = await read_json(request, Occurrence)
    respond = request.app[EDGE].respond.resolve
    return answered(
        await respond(_ref(request), actor(request), occurrence=seen.occurrence, delivery=delivery_of(request))
    )


async def escalate(request: web.Request) -> web.Response:
    """Notify the next tier now."""
    await read_json(request, Nothing)
    respond = request.app[EDGE].respond.escalate
    return answered(await respond(_ref(request), actor(request), delivery=delivery_of(request)))


async def snooze(request: web.Request) -> web.Response:
    """Take an incident, and leave it alone for a while."""
    wish = await read_json(request, SnoozeWish)
    if (wish.until is None) == (wish.length is None):
        raise bad_request("give either until or for")
    respond = request.app[EDGE].respond.snooze
    until, length = micros_of(wish.until), duration_of(wish.length, "for")
    return answered(
        await respond(_ref(request), actor(request), until=until, length=length, delivery=delivery_of(request))
    )


async def unsnooze(request: web.Request) -> web.Response:
    """Go on with it before the snooze is over."""
    await read_json(request, Nothing)
    return answered(
        await request.app[EDGE].respond.unsnooze(_ref(request), actor(request), delivery=delivery_of(request))
    )


async def replan(request: web.Request) -> web.Response:
    """Give it the playbook as it is now."""
    await read_json(request, Nothing)
    return answered(
        await request.app[EDGE].respond.replan(_ref(request), actor(request), delivery=delivery_of(request))
    )


async def severity(request: web.Request) -> web.Response:
    """Pin the severity, or unpin it."""
    wish = await read_json(request, Severity)
    respond = request.app[EDGE].respond.set_severity
    return answered(await respond(_ref(request), actor(request), wish.severity, wish.reason))


async def flags(request: web.Request) -> web.Response:
    """Set and clear flags."""
    wish = await read_json(request, Flags)
    respond = request.app[EDGE].respond.set_flags
    return answered(await respond(_ref(request), actor(request), wish.add, wish.remove))


def _filter(request: web.Request) -> IncidentFilter:
    expect_known(request, _FILTERS)
    query = request.query
    return IncidentFilter(
        states=tuple(_state(state) for state in query.getall("state", [])) or None,
        severity=query.get("severity"),
        service=query.get("service"),
        playbook=query.get("playbook"),
        storm=number(query, "storm", 1, 2**63 - 1),
        before_number=number(query, "cursor", 1, 2**63 - 1),
        limit=number(query, "limit", 1, MAX_LIMIT) or DEFAULT_LIMIT,
    )


def _state(text: str) -> str:
    if text not in {state.value for state in State}:
        raise bad_request(f"unknown state {text!r}; known: {', '.join(State)}")
    return text


def find(reader: Reader, ref: str) -> Incident:
    """The incident of that id or number.

    Raises:
        UnknownName: There is none.
    """
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


def delivery_of(request: web.Request) -> Delivery | None:
    """The caller's own key for this request, so that sending it again is harmless; one caller's is not another's."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (1 <= len(key) <= MAX_IDEMPOTENCY_KEY and key.isascii()):
        raise bad_request(f"Idempotency-Key must have 1 to {MAX_IDEMPOTENCY_KEY} ASCII characters")
    return ("api", f"{request[CALLER].name}/{request.path}/{key}")


def answered(answer: Answer) -> web.Response:
    """What became of a response."""
    return json_answer(public(Response(incident_view(answer.incident), answer.changed, answer.note)))

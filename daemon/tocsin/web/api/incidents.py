"""``/api/v1/incidents``: incidents and explanations; and the quarantine."""

from collections.abc import Iterable, Mapping

import msgspec
from aiohttp import web

from tocsin.core.errors import UnknownName
from tocsin.core.incident.event import Entry
from tocsin.core.incident.incident import Incident, State
from tocsin.core.incident.transitions import owners
from tocsin.engine.explain.incident import explain_incident
from tocsin.ports.store import IncidentFilter, Reader
from tocsin.web.api.quarantine_views import QuarantinePage, quarantined_view
from tocsin.web.api.views import (
    IncidentPage,
    encoded,
    incident_detail,
    incident_view,
)
from tocsin.web.edge import EDGE
from tocsin.web.server.answers import bad_request, json_answer
from tocsin.web.server.query import DEFAULT_LIMIT, MAX_LIMIT, expect_known, number

LAST_ENTRIES = 10_000
"""Maximum number of timeline entries that are shown, the last ones."""

_FILTERS = frozenset({"state", "severity", "service", "playbook", "storm", "duties", "limit", "cursor"})


async def list_incidents(request: web.Request) -> web.Response:
    """List incidents, the newest first."""
    wanted = _filter(request)
    # One incident more than requested is read, to know whether the list continues.
    probe = msgspec.structs.replace(wanted, limit=wanted.limit + 1)

    def work(reader: Reader) -> msgspec.Raw:
        found = reader.incidents(probe)
        page = found[: wanted.limit]
        more = str(page[-1].number) if len(found) > len(page) else None
        return encoded(IncidentPage([incident_view(incident) for incident in page], more))

    return json_answer(await request.app[EDGE].store.read(work))


async def show_incident(request: web.Request) -> web.Response:
    """Return an incident with its alerts and its timeline."""
    edge, ref = request.app[EDGE], request.match_info["ref"]
    full_names = edge.policy().people.full_names

    def work(reader: Reader) -> msgspec.Raw:
        incident = find(reader, ref)
        entries = reader.entries(incident.id, max(0, incident.events - LAST_ENTRIES), LAST_ENTRIES)
        episodes, names = (
            reader.every_episode_of(incident.id),
            _named(entries, {**owners.target_names(incident.plan), **full_names}),
        )
        return incident_detail(incident, episodes, entries, names, edge.observer)

    return json_answer(await edge.store.read(work))


def _named(entries: Iterable[Entry], full_names: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the people whom entries of the timeline name by their logins, and of groups and rotations."""
    names = {entry.actor for entry in entries}
    for entry in entries:
        for value in entry.data.values():
            names.update(map(str, value if isinstance(value, list) else (value,)))
    return {name: full for name, full in full_names.items() if name in names}


async def explain_one(request: web.Request) -> web.Response:
    """Explain the state of an incident: how it was reached, and the next steps."""
    edge, ref = request.app[EDGE], request.match_info["ref"]
    policy = edge.policy()

    def work(reader: Reader) -> msgspec.Raw:
        return encoded(explain_incident(reader, policy, find(reader, ref)))

    return json_answer(await edge.store.read(work))


async def list_quarantined(request: web.Request) -> web.Response:
    """List alerts without labels, which are in quarantine, newest first."""
    expect_known(request, frozenset({"limit"}))
    limit = number(request.query, "limit", 1, MAX_LIMIT) or DEFAULT_LIMIT

    def work(reader: Reader) -> msgspec.Raw:
        return encoded(QuarantinePage([quarantined_view(item) for item in reader.quarantined(limit)]))

    return json_answer(await request.app[EDGE].store.read(work))


def _filter(request: web.Request) -> IncidentFilter:
    expect_known(request, _FILTERS)
    query = request.query
    return IncidentFilter(
        states=tuple(_state(state) for state in query.getall("state", [])) or None,
        severity=query.get("severity"),
        service=query.get("service"),
        playbook=query.get("playbook"),
        storm=number(query, "storm", 1, 2**63 - 1),
        open_duties=_has_open_duties(query.get("duties")),
        before_number=number(query, "cursor", 1, 2**63 - 1),
        limit=number(query, "limit", 1, MAX_LIMIT) or DEFAULT_LIMIT,
    )


def _state(text: str) -> str:
    if text not in {state.value for state in State}:
        raise bad_request(f"unknown state {text!r}; known: {', '.join(State)}")
    return text


def _has_open_duties(text: str | None) -> bool:
    if text not in (None, "open"):
        raise bad_request(f"unknown value of duties {text!r}; known: open")
    return text is not None


def find(reader: Reader, ref: str) -> Incident:
    """Return the incident with this id or number.

    Raises:
        UnknownName: There is no such incident.
    """
    incident = reader.incident(ref)
    if incident is None:
        raise UnknownName(f"there is no incident {ref!r}")
    return incident

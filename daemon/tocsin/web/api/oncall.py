"""``/api/v1/oncall``: people on call, overrides and swaps."""

import asyncio
from datetime import datetime

import msgspec
from aiohttp import web
from msgspec import Struct

from tocsin.core.oncall.people import People
from tocsin.core.oncall.rotation import Override, Shift
from tocsin.engine.responses.overrides import OverrideRequest, RotationState
from tocsin.web.api.responses import actor
from tocsin.web.api.views import encoded, public
from tocsin.web.edge import EDGE
from tocsin.web.server import query
from tocsin.web.server.answers import bad_request, json_answer
from tocsin.web.server.bodies import Moment, duration_of, micros_of, read_json

MAX_DAYS = 92
"""Maximum number of days of shifts in one answer."""
MAX_FAULTS = 50
"""Maximum number of listed calendar faults of a rotation; `tocsin check` lists all of them."""
_YEARS = (2000, 2199)

QUERY = {
    "at": "a time such as 2026-12-24T18:00:00Z; by default now",
    "days": f"number of days of shifts to list from `at` on, up to {MAX_DAYS}; by default none",
}


# Request bodies


class EndOverride(Struct, frozen=True, forbid_unknown_fields=True):
    """Empty body of end."""


class NewOverride(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An override: a person takes over a rotation for a time. With `swap_with`, two people swap their shifts."""

    rotation: str
    person: str
    swap_with: str = ""
    """The other person of a swap: during that time, each has the shifts of the other."""
    starts_at: Moment | None = None
    """The start; by default now."""
    ends_at: Moment | None = None
    duration: str | None = None
    """A duration such as `12h`, instead of `ends_at`."""
    comment: str = ""


# Answers


class OnCallPerson(Struct, frozen=True):
    """A person on call."""

    name: str
    full_name: str


class ShiftView(Struct, frozen=True, kw_only=True):
    """A period with the same people on call."""

    names: list[str]
    """The people on call; empty during a gap."""
    starts_at: int
    ends_at: int


class OverrideView(Struct, frozen=True, kw_only=True):
    """An override or a swap."""

    id: str | None
    """Null for an override of people.yaml, which is ended by editing the file."""
    rotation: str
    person: str
    swap_with: str | None
    starts_at: int
    ends_at: int
    comment: str
    author: str
    created_at: int | None
    ended_at: int | None
    """Time at which a person ended the override."""
    ended_by: str | None


class RotationView(Struct, frozen=True, kw_only=True):
    """A rotation at a given time."""

    name: str
    time_zone: str
    on_call: list[OnCallPerson]
    """The people on call; empty during a gap."""
    shift: ShiftView
    """The current shift; its ends are searched for up to 400 days before and after."""
    next: ShiftView | None
    """The next shift with a person on call, within two weeks after the end of this one."""
    secondary: list[str]
    """The people who are paged together with the next tier."""
    backup: list[str]
    """The people who are paged if no one on call can be reached."""
    remarks: list[str]
    """Reasons for a gap, such as a calendar event that names no person."""
    faults: list[str]
    """Unreadable parts of the calendars; shifts may be missing."""
    shifts: list[ShiftView]
    overrides: list[OverrideView]
    """Current and future overrides."""


class OnCallView(Struct, frozen=True):
    """The people on call for each rotation."""

    at: int
    rotations: list[RotationView]


async def show(request: web.Request) -> web.Response:
    """List the people on call for each rotation, the end of their shift, and the next shift."""
    query.expect_known(request, frozenset(QUERY))
    days = query.number(request.query, "days", 0, MAX_DAYS) or 0
    at, standings, people = await request.app[EDGE].oncall_schedule.states(_moment(request.query.get("at")), days)

    def answer() -> msgspec.Raw:
        return encoded(OnCallView(at, [_rotation(standing, people) for standing in standings]))

    return json_answer(await asyncio.to_thread(answer))


async def create_override(request: web.Request) -> web.Response:
    """Create an override or a swap."""
    body = await read_json(request, NewOverride)
    override = OverrideRequest(
        rotation=body.rotation,
        person=body.person,
        swaps_with=body.swap_with,
        starts_at=micros_of(body.starts_at),
        ends_at=micros_of(body.ends_at),
        duration=duration_of(body.duration),
        comment=body.comment,
    )
    return json_answer(public(_override(await request.app[EDGE].oncall_schedule.create(override, actor(request)))))


async def end_override(request: web.Request) -> web.Response:
    """End an override or a swap now; a future one is canceled."""
    await read_json(request, EndOverride)
    ended = await request.app[EDGE].oncall_schedule.end(request.match_info["override"], actor(request))
    return json_answer(public(_override(ended)))


def _moment(text: str | None) -> int | None:
    if text is None:
        return None
    hint = "at must be a time such as 2026-12-24T18:00:00Z"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise bad_request(f"{hint}, not {text[:64]!r}") from None
    if moment.tzinfo is None or not _YEARS[0] <= moment.year <= _YEARS[1]:
        raise bad_request(f"{hint}, with its offset from UTC and a year from {_YEARS[0]} to {_YEARS[1]}")
    return micros_of(moment)


def _rotation(standing: RotationState, people: People) -> RotationView:
    rotation = standing.rotation
    return RotationView(
        name=rotation.name,
        time_zone=rotation.time_zone,
        on_call=[
            OnCallPerson(name, people.persons[name].full_name if name in people.persons else "")
            for name in standing.shift.names
        ],
        shift=_shift(standing.shift),
        next=_shift(standing.following) if standing.following is not None else None,
        secondary=list(standing.secondary),
        backup=list(rotation.backup),
        remarks=list(standing.remarks),
        faults=list(rotation.unreadable_parts[:MAX_FAULTS]),
        shifts=[_shift(shift) for shift in standing.shifts],
        overrides=[_override(override) for override in standing.overrides],
    )


def _shift(shift: Shift) -> ShiftView:
    return ShiftView(names=list(shift.names), starts_at=shift.starts_at, ends_at=shift.ends_at)


def _override(override: Override) -> OverrideView:
    return OverrideView(
        id=override.id or None,
        rotation=override.rotation,
        person=override.person,
        swap_with=override.swaps_with or None,
        starts_at=override.starts_at,
        ends_at=override.ends_at,
        comment=override.comment,
        author=override.author,
        created_at=override.created_at or None,
        ended_at=override.ended_at,
        ended_by=override.ended_by,
    )

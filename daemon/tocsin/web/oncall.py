"""``/api/v1/oncall``: who is on call, and overrides and swaps."""

from datetime import datetime

from aiohttp import web
from msgspec import Struct

from tocsin.core.people import People
from tocsin.core.rotation import Override, Shift
from tocsin.engine.overrides import Standing, Wish
from tocsin.web import query
from tocsin.web.answers import bad_request, json_answer
from tocsin.web.api import actor
from tocsin.web.bodies import Moment, duration_of, micros_of, read_json
from tocsin.web.keys import EDGE
from tocsin.web.views import public

MAX_DAYS = 92
MAX_FAULTS = 50
"""That are listed of one rotation; `tocsin check` names all of them."""
_YEARS = (2000, 2199)

QUERY = {
    "at": "a time such as 2026-12-24T18:00:00Z; now unless given",
    "days": f"how many days of shifts to list from there on, up to {MAX_DAYS}; none unless given",
}


# What clients send.


class EndOverride(Struct, frozen=True, forbid_unknown_fields=True):
    """For end."""


class NewOverride(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody takes a rotation over for a time; or, with `swap_with`, two people change places in it."""

    rotation: str
    person: str
    swap_with: str = ""
    """In that time each has the shifts of the other."""
    starts_at: Moment | None = None
    """Now, unless given."""
    ends_at: Moment | None = None
    duration: str | None = None
    """For example `12h`; in place of `ends_at`."""
    comment: str = ""


# What they get.


class OnCallPerson(Struct, frozen=True):
    """Somebody on call."""

    name: str
    full_name: str


class ShiftView(Struct, frozen=True, kw_only=True):
    """A time for which the same people are on call."""

    names: list[str]
    """Empty: nobody is."""
    starts_at: int
    ends_at: int


class OverrideView(Struct, frozen=True, kw_only=True):
    """An override, or a swap."""

    id: str | None
    """null for one of people.yaml, which is ended by editing the file."""
    rotation: str
    person: str
    swap_with: str | None
    starts_at: int
    ends_at: int
    comment: str
    author: str
    created_at: int | None
    ended_at: int | None
    """When somebody ended it."""
    ended_by: str | None


class RotationView(Struct, frozen=True, kw_only=True):
    """A rotation at a moment."""

    name: str
    time_zone: str
    on_call: list[OnCallPerson]
    """Empty: nobody is."""
    shift: ShiftView
    """Looked for at most 400 days before and after."""
    next: ShiftView | None
    """The next shift that has somebody, within two weeks of the end of this one."""
    secondary: list[str]
    """Who is paged together with the next tier."""
    backup: list[str]
    """Who is paged where nobody on call can be reached."""
    remarks: list[str]
    """Why nobody is on call, such as an event of the calendar that names no person."""
    faults: list[str]
    """What cannot be read of its calendars: a shift may be missing."""
    shifts: list[ShiftView]
    overrides: list[OverrideView]
    """That are not over."""


class OnCallView(Struct, frozen=True):
    """Who is on call."""

    at: int
    rotations: list[RotationView]


async def show(request: web.Request) -> web.Response:
    """Who is on call for each rotation, until when, and who is next."""
    query.expect_known(request, frozenset(QUERY))
    days = query.number(request.query, "days", 0, MAX_DAYS) or 0
    at, standings, people = await request.app[EDGE].rotas.standing(_moment(request.query.get("at")), days)
    return json_answer(public(OnCallView(at, [_rotation(one, people) for one in standings])))


async def create_override(request: web.Request) -> web.Response:
    """Give a rotation to somebody for a time, or let two of its people change places."""
    asked = await read_json(request, NewOverride)
    wish = Wish(
        rotation=asked.rotation,
        person=asked.person,
        swaps_with=asked.swap_with,
        starts_at=micros_of(asked.starts_at),
        ends_at=micros_of(asked.ends_at),
        duration=duration_of(asked.duration),
        comment=asked.comment,
    )
    return json_answer(public(_override(await request.app[EDGE].rotas.create(wish, actor(request)))))


async def end_override(request: web.Request) -> web.Response:
    """End an override or a swap now; one that has not begun never will."""
    await read_json(request, EndOverride)
    ended = await request.app[EDGE].rotas.end(request.match_info["override"], actor(request))
    return json_answer(public(_override(ended)))


def _moment(text: str | None) -> int | None:
    if text is None:
        return None
    hint = "at must be a time such as 2026-12-24T18:00:00Z"
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise bad_request(hint) from None
    if found.tzinfo is None or not _YEARS[0] <= found.year <= _YEARS[1]:
        raise bad_request(f"{hint}, with its offset from UTC, from {_YEARS[0]} to {_YEARS[1]}")
    return micros_of(found)


def _rotation(standing: Standing, people: People) -> RotationView:
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
        faults=list(rotation.faults[:MAX_FAULTS]),
        shifts=[_shift(one) for one in standing.shifts],
        overrides=[_override(one) for one in standing.overrides],
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

"""``/api/v1/windows``: maintenance windows, and what one would hide."""

from aiohttp import web
from msgspec import Struct

from tocsin.core.matcher import show_matchers
from tocsin.core.recurrence import Recurrence, Span
from tocsin.engine.windows import Listed, Preview, Wish
from tocsin.web.answers import json_answer
from tocsin.web.api import actor
from tocsin.web.bodies import Moment, duration_of, micros_of, read_json
from tocsin.web.keys import EDGE
from tocsin.web.views import AlertView, IncidentView, alert_view, incident_view, public

_SECOND = 1_000_000


# What clients send.


class NewWindow(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A window to be made; `ends_at` or `duration` says when it is over."""

    name: str
    match: str
    """Alertmanager's matchers, on the labels that alerts have after the rules."""
    starts_at: Moment | None = None
    """Now, unless given."""
    ends_at: Moment | None = None
    duration: str | None = None
    """For example `2h` or `1h30m`; at most 31 days."""
    comment: str = ""


class WindowMatch(Struct, frozen=True, forbid_unknown_fields=True):
    """For preview."""

    match: str


class EndNow(Struct, frozen=True, forbid_unknown_fields=True):
    """For end."""


# What they get.


class SpanView(Struct, frozen=True):
    """A time that a window is active for."""

    starts_at: int
    ends_at: int


class WindowView(Struct, frozen=True, kw_only=True):
    """A maintenance window."""

    id: str | None
    """null for one of windows.yaml, which is ended by editing the file."""
    name: str
    match: str
    state: str
    """``active``, ``upcoming`` or ``past``."""
    starts_at: int | None
    """Of the time that it is active for now, or else of the next, or else of the last where that is known."""
    ends_at: int | None
    upcoming: list[SpanView]
    """The next three times that it begins, within a year."""
    rrule: str | None
    time_zone: str
    duration_seconds: float | None
    """Of a recurring one."""
    comment: str
    author: str
    via: str | None
    created_at: int | None
    planned_ends_at: int | None
    """Of one that was made by hand."""
    ended_at: int | None
    """When somebody ended it."""
    ended_by: str | None
    ended_via: str | None


class WindowList(Struct, frozen=True):
    """All windows: active ones first, then those to come, then those that ended in the last 30 days."""

    windows: list[WindowView]


class EndedWindow(Struct, frozen=True):
    """A window that was ended."""

    window: WindowView
    released: int
    """Incidents that no longer wait: what still fires is paged from now on."""


class HiddenIncidentView(Struct, frozen=True, kw_only=True):
    """An open incident that a window is about."""

    incident: IncidentView
    matching: int
    """How many of its firing alerts match."""
    firing: int
    hidden: bool
    """All of them: nobody would be paged. One alert outside is enough to page."""


class PreviewView(Struct, frozen=True, kw_only=True):
    """What a window would hide."""

    firing: int
    """Alerts that fire now."""
    incidents: list[HiddenIncidentView]
    recent: int
    """Alerts of the last 7 days that match, those that fire now among them."""
    recent_of: int
    """How many alerts were looked at."""
    truncated: bool
    """There were more: the newest were looked at."""
    alerts: list[AlertView]
    """At most 50 of the recent ones, firing ones first."""


async def list_windows(request: web.Request) -> web.Response:
    """Maintenance windows, of windows.yaml and made by hand."""
    views = [_view(listed) for listed in await request.app[EDGE].windows.list()]
    return json_answer(public(WindowList(sorted(views, key=_in_order))))


async def create_window(request: web.Request) -> web.Response:
    """Make a maintenance window: alerts that match are recorded and page nobody until it is over."""
    asked = await read_json(request, NewWindow)
    wish = Wish(
        name=asked.name,
        matchers=asked.match,
        starts_at=micros_of(asked.starts_at),
        ends_at=micros_of(asked.ends_at),
        duration=duration_of(asked.duration),
        comment=asked.comment,
    )
    return json_answer(public(_view(await request.app[EDGE].windows.create(wish, actor(request)))))


async def end_window(request: web.Request) -> web.Response:
    """End a maintenance window now; what still fires is paged from this moment."""
    await read_json(request, EndNow)
    listed, released = await request.app[EDGE].windows.end(request.match_info["window"], actor(request))
    return json_answer(public(EndedWindow(_view(listed), released)))


async def preview_window(request: web.Request) -> web.Response:
    """What a maintenance window would hide; nothing is changed."""
    asked = await read_json(request, WindowMatch)
    return json_answer(public(_preview(await request.app[EDGE].windows.preview(asked.match))))


def _in_order(view: WindowView) -> tuple[int, int, str]:
    rank = ("active", "upcoming", "past").index(view.state)
    begins = view.starts_at or 0
    return (rank, -begins if view.state == "past" else begins, view.name)


def _view(listed: Listed) -> WindowView:
    window, made = listed.window, listed.made
    when = window.when
    own = when if isinstance(when, Span) else None
    shown = listed.active or next(iter(listed.upcoming), own)
    recurs = when if isinstance(when, Recurrence) else None
    return WindowView(
        id=window.id,
        name=window.name,
        match=show_matchers(window.matchers) if made is None else made.matchers,
        state="active" if listed.active else "upcoming" if listed.upcoming else "past",
        starts_at=shown.starts_at if shown else None,
        ends_at=shown.ends_at if shown else None,
        upcoming=[SpanView(*span) for span in listed.upcoming],
        rrule=recurs.rule if recurs else None,
        time_zone=window.time_zone,
        duration_seconds=recurs.duration / _SECOND if recurs else None,
        comment=window.comment,
        author=window.author,
        via=made.via if made else None,
        created_at=made.created_at if made else None,
        planned_ends_at=made.planned_ends_at if made else None,
        ended_at=made.ended_at if made else None,
        ended_by=made.ended_by if made else None,
        ended_via=made.ended_via if made else None,
    )


def _preview(preview: Preview) -> PreviewView:
    return PreviewView(
        firing=preview.firing,
        incidents=[
            HiddenIncidentView(
                incident=incident_view(one.incident), matching=one.matching, firing=one.firing, hidden=one.hidden
            )
            for one in preview.incidents
        ],
        recent=preview.recent,
        recent_of=preview.recent_looked_at,
        truncated=preview.truncated,
        alerts=[alert_view(episode) for episode in preview.sample],
    )

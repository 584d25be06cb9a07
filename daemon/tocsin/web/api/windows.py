"""``/api/v1/windows``: maintenance windows, and previews of them."""

import asyncio

import msgspec
from aiohttp import web
from msgspec import Struct

from tocsin.core.duration import SECOND
from tocsin.core.matching.matcher import show_matchers
from tocsin.core.schedule.recurrence import Recurrence, Span
from tocsin.engine.responses.windows import Listed, Preview, WindowRequest
from tocsin.web.api.responses import actor
from tocsin.web.api.views import AlertView, IncidentView, alert_view, encoded, incident_view, public
from tocsin.web.edge import EDGE
from tocsin.web.server.answers import json_answer
from tocsin.web.server.bodies import Moment, duration_of, micros_of, read_json

# Request bodies


class NewWindow(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A maintenance window to create; needs either `ends_at` or `duration`."""

    name: str
    match: str
    """Matchers in Alertmanager's syntax. They are matched with an alert's labels as the rules have changed them."""
    starts_at: Moment | None = None
    """The start; by default now."""
    ends_at: Moment | None = None
    duration: str | None = None
    """A duration such as `2h` or `1h30m`; at most 31 days."""
    comment: str = ""


class WindowMatch(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of preview."""

    match: str


class EndNow(Struct, frozen=True, forbid_unknown_fields=True):
    """Empty body of end."""


# Answers


class SpanView(Struct, frozen=True):
    """A period in which a window is active."""

    starts_at: int
    ends_at: int


class WindowView(Struct, frozen=True, kw_only=True):
    """A maintenance window."""

    id: str | None
    """Null for a window of windows.yaml, which is ended by editing the file."""
    name: str
    match: str
    state: str
    """``active``, ``upcoming`` or ``past``."""
    starts_at: int | None
    """Start of the current period, else of the next one, else of the last one if known."""
    ends_at: int | None
    upcoming: list[SpanView]
    """The next three periods within a year."""
    rrule: str | None
    time_zone: str
    duration_seconds: float | None
    """Duration of each period of a recurring window."""
    comment: str
    author: str
    via: str | None
    created_at: int | None
    planned_ends_at: int | None
    """Planned end of a manual window."""
    ended_at: int | None
    """Time at which a person ended the window."""
    ended_by: str | None
    ended_via: str | None


class WindowList(Struct, frozen=True):
    """The windows: first active ones, then upcoming ones, then those that ended in the last 30 days."""

    windows: list[WindowView]


class EndedWindow(Struct, frozen=True):
    """The result of ending a window."""

    window: WindowView
    released: int
    """The number of incidents that no longer wait; from now on, those whose alerts still fire can page again."""


class HiddenIncidentView(Struct, frozen=True, kw_only=True):
    """An open incident with alerts that a window matches."""

    incident: IncidentView
    matching: int
    """The number of firing alerts that match."""
    firing: int
    hidden: bool
    """True if all firing alerts match, so that no one would be paged; a single other alert is enough to page."""


class PreviewView(Struct, frozen=True, kw_only=True):
    """The alerts and incidents that a window would hide."""

    firing: int
    """The number of matching alerts that fire now."""
    incidents: list[HiddenIncidentView]
    recent: int
    """The number of matching alerts of the last 7 days, including those that fire now."""
    recent_of: int
    """The number of alerts that were checked."""
    truncated: bool
    """True if there were more alerts, of which only the newest were checked."""
    alerts: list[AlertView]
    """Up to 50 of the recent alerts, firing ones first."""


async def list_windows(request: web.Request) -> web.Response:
    """List the maintenance windows of windows.yaml and those that people have created."""
    found = await request.app[EDGE].windows.list()
    return json_answer(await asyncio.to_thread(_window_list, found))


async def create_window(request: web.Request) -> web.Response:
    """Create a maintenance window; until it ends, matching alerts are recorded but page no one."""
    body = await read_json(request, NewWindow)
    window = WindowRequest(
        name=body.name,
        matchers=body.match,
        starts_at=micros_of(body.starts_at),
        ends_at=micros_of(body.ends_at),
        duration=duration_of(body.duration),
        comment=body.comment,
    )
    return json_answer(public(_view(await request.app[EDGE].windows.create(window, actor(request)))))


async def end_window(request: web.Request) -> web.Response:
    """End a maintenance window now; from now on, alerts that still fire can page again."""
    await read_json(request, EndNow)
    listed, released = await request.app[EDGE].windows.end(request.match_info["window"], actor(request))
    return json_answer(public(EndedWindow(_view(listed), released)))


async def preview_window(request: web.Request) -> web.Response:
    """Preview what a maintenance window would hide, without changing anything."""
    asked = await read_json(request, WindowMatch)
    preview = await request.app[EDGE].windows.preview(asked.match)
    return json_answer(await asyncio.to_thread(lambda: encoded(_preview(preview))))


def _window_list(found: list[Listed]) -> msgspec.Raw:
    return encoded(WindowList(sorted((_view(listed) for listed in found), key=_sort_key)))


def _sort_key(view: WindowView) -> tuple[int, int, str]:
    rank = ("active", "upcoming", "past").index(view.state)
    starts_at = view.starts_at or 0
    return (rank, -starts_at if view.state == "past" else starts_at, view.name)


def _view(listed: Listed) -> WindowView:
    window, manual = listed.window, listed.made
    own_span = window.when if isinstance(window.when, Span) else None
    span = listed.active or next(iter(listed.upcoming), own_span)
    recurrence = window.when if isinstance(window.when, Recurrence) else None
    return WindowView(
        id=window.id,
        name=window.name,
        match=show_matchers(window.matchers) if manual is None else manual.matchers,
        state="active" if listed.active else "upcoming" if listed.upcoming else "past",
        starts_at=span.starts_at if span else None,
        ends_at=span.ends_at if span else None,
        upcoming=[SpanView(*upcoming) for upcoming in listed.upcoming],
        rrule=recurrence.rule if recurrence else None,
        time_zone=window.time_zone,
        duration_seconds=recurrence.duration / SECOND if recurrence else None,
        comment=window.comment,
        author=window.author,
        via=manual.via if manual else None,
        created_at=manual.created_at if manual else None,
        planned_ends_at=manual.planned_ends_at if manual else None,
        ended_at=manual.ended_at if manual else None,
        ended_by=manual.ended_by if manual else None,
        ended_via=manual.ended_via if manual else None,
    )


def _preview(preview: Preview) -> PreviewView:
    return PreviewView(
        firing=preview.firing,
        incidents=[
            HiddenIncidentView(
                incident=incident_view(hidden.incident),
                matching=hidden.matching,
                firing=hidden.firing,
                hidden=hidden.hidden,
            )
            for hidden in preview.incidents
        ],
        recent=preview.recent,
        recent_of=preview.recent_looked_at,
        truncated=preview.truncated,
        alerts=[alert_view(episode) for episode in preview.sample],
    )

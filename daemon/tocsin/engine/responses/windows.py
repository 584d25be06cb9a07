"""Maintenance windows that people create while tocsin runs, and previews of windows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from tocsin.core.alerts.alert import Episode, EpisodeStatus
from tocsin.core.duration import DAY
from tocsin.core.errors import IllegalTransition, LimitReached, UnknownName, WindowError
from tocsin.core.incident.event import Actor
from tocsin.core.incident.incident import Incident
from tocsin.core.matching.matcher import Matchers
from tocsin.core.oncall.maintenance_window import HandMade, Window, expect_length, expect_matchers, is_own
from tocsin.core.schedule.recurrence import Span
from tocsin.engine.change.commit import Committer
from tocsin.engine.change.unit_of_work import UnitOfWork
from tocsin.engine.change.window_waits import judge_all_again
from tocsin.engine.responses.manual import TimedRequest, ended
from tocsin.ports.store import Reader

LONGEST_NAME = 200
"""Maximum length of the name of a window, in characters."""
LONGEST_MATCHERS = 4000
"""In characters: a regular expression of 240,000 takes over a second to compile and blocks the event loop."""
PAST_LISTED = 30 * DAY
"""Time for which a window is listed after its end."""

LOOKED_BACK = 7 * DAY
"""The period of a preview."""
MOST_EPISODES = 20_000
"""Maximum number of alerts that a preview checks, the newest first."""
LISTED = 50
"""Maximum number of alerts that a preview lists."""


class WindowRequest(TimedRequest, frozen=True, kw_only=True):
    """A request for a maintenance window."""

    name: str
    matchers: str


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A window of either kind, with its state at a given time."""

    window: Window
    made: HandMade | None
    """None for a window of windows.yaml."""
    active: Span | None
    """The current period; None if the window is not active."""
    upcoming: tuple[Span, ...]


class HiddenIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An open incident, and the number of its firing alerts that a window matches."""

    incident: Incident
    matching: int
    firing: int
    hidden: bool
    """True if the window matches all firing alerts of the incident, so that the incident would wait."""


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The alerts and incidents that a window would hide."""

    firing: int
    """Number of matching alerts that fire now."""
    incidents: tuple[HiddenIncident, ...]
    """Open incidents with at least one matching alert."""
    recent: int
    """Number of matching alerts of the last 7 days, including those that fire now."""
    recent_looked_at: int
    truncated: bool
    """True if there were more alerts, of which only the newest were checked."""
    sample: tuple[Episode, ...]


@dataclass(frozen=True)
class Windows:
    """The creation, the end, the list and the previews of windows."""

    committer: Committer
    new_id: Callable[[], str]

    async def create(self, request: WindowRequest, by: Actor) -> Listed:
        """Create a window, which affects incidents that are being paged from their next step.

        Raises:
            WindowError: The window cannot be used as it is written.
            LimitReached: There are too many windows already.
            StoreUnavailable: The store cannot commit now.
        """

        def do(uow: UnitOfWork) -> Listed:
            made = _made(request, by, self.new_id(), uow.now)
            limit = uow.policy.limits.windows
            if len(uow.tx.windows(uow.now)) >= limit:
                raise LimitReached(f"there are {limit} windows that are not over (limits.windows); end one first")
            uow.tx.put_window(made)
            return _listed(made.window(), made, uow.now)

        return await self.committer.commit("respond", do)

    async def end(self, window_id: str, by: Actor) -> tuple[Listed, int]:
        """End a window now, so that alerts that still fire page; also return the number of incidents released.

        Raises:
            UnknownName: There is no such window.
            IllegalTransition: The window is over.
            StoreUnavailable: The store cannot commit now.
        """

        def do(uow: UnitOfWork) -> tuple[Listed, int]:
            made = uow.tx.window(window_id)
            if made is None:
                raise UnknownName(
                    f"there is no window with the id {window_id!r}; only those of `tocsin windows add` can be ended"
                )
            if made.ends_at <= uow.now:
                raise IllegalTransition(f"the window {made.name} is over")
            made = ended(made, uow.now, by)
            uow.tx.put_window(made)
            return _listed(made.window(), made, uow.now), judge_all_again(uow)

        return await self.committer.commit("respond", do)

    async def list(self) -> list[Listed]:
        """Return the windows of the configuration, and those created by people that ended at most 30 days ago."""
        policy = self.committer.live.policy

        def read(tx: Reader) -> list[Listed]:
            found = [_listed(window, None, tx.now) for window in policy.windows]
            for made in tx.windows(tx.now - PAST_LISTED):
                try:
                    found.append(_listed(made.window(), made, tx.now))
                except WindowError:
                    continue
            return found

        return await self.committer.store.read(read)

    async def preview(self, matchers: str) -> Preview:
        """Return the alerts and incidents that a window with these matchers would hide.

        Raises:
            WindowError: The matchers cannot be used.
        """
        window = Window("preview", _matchers(matchers), Span(0, 0))
        return await self.committer.store.read(lambda tx: _preview(tx, window))


def _made(request: WindowRequest, by: Actor, window_id: str, now: int) -> HandMade:
    name = request.name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise WindowError("the name is not one line of text", f"write 1 to {LONGEST_NAME} characters")
    _matchers(request.matchers)
    span = request.span(now)
    expect_length(span)
    return HandMade(
        id=window_id,
        name=name,
        matchers=request.matchers,
        starts_at=span.starts_at,
        ends_at=span.ends_at,
        planned_ends_at=span.ends_at,
        comment=request.comment.strip(),
        author=by.name,
        via=by.via,
        created_at=now,
    )


def _matchers(text: str) -> Matchers:
    if len(text) > LONGEST_MATCHERS:
        raise WindowError("the matchers are too long", f"write at most {LONGEST_MATCHERS} characters")
    return expect_matchers(text)


def _listed(window: Window, made: HandMade | None, now: int) -> Listed:
    return Listed(window=window, made=made, active=window.span_at(now), upcoming=tuple(window.upcoming(now, 3)))


def _preview(tx: Reader, window: Window) -> Preview:
    episodes = tx.episodes_begun(tx.now - LOOKED_BACK, MOST_EPISODES + 1)
    seen = [episode for episode in episodes[:MOST_EPISODES] if not is_own(episode.source)]
    matching = [episode for episode in seen if window.matches(episode.labels)]
    firing = [episode for episode in matching if episode.status is EpisodeStatus.FIRING]
    return Preview(
        firing=len(firing),
        incidents=tuple(_hidden_incidents(tx, window, firing)),
        recent=len(matching),
        recent_looked_at=len(seen),
        truncated=len(episodes) > MOST_EPISODES,
        sample=tuple(sorted(matching, key=lambda episode: episode.status is not EpisodeStatus.FIRING)[:LISTED]),
    )


def _hidden_incidents(tx: Reader, window: Window, firing: Sequence[Episode]) -> list[HiddenIncident]:
    found: list[HiddenIncident] = []
    by_incident: Mapping[str, None] = dict.fromkeys(episode.incident_id for episode in firing if episode.incident_id)
    for incident_id in by_incident:
        incident = tx.incident(incident_id)
        if incident is None or not incident.is_open:
            continue
        alerts = [episode for episode in tx.episodes_of(incident_id) if episode.status is EpisodeStatus.FIRING]
        matching = sum(window.matches(episode.labels) for episode in alerts)
        found.append(
            HiddenIncident(incident=incident, matching=matching, firing=len(alerts), hidden=matching == len(alerts))
        )
        if len(found) == LISTED:
            break
    return found

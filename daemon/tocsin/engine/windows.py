"""Maintenance windows that people make while tocsin runs, and what a window hides."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import structlog

from tocsin.core.alert import Episode, EpisodeStatus
from tocsin.core.errors import IllegalTransition, StoreUnavailable, UnknownName, WindowError
from tocsin.core.event import Actor
from tocsin.core.incident import OPEN, Incident, Wait
from tocsin.core.playbook import DAY
from tocsin.core.recurrence import Span
from tocsin.core.window import HandMade, Window, expect_length, hidden, is_own, window_matchers
from tocsin.engine.apply import Work
from tocsin.engine.by_hand import ForATime, ended
from tocsin.engine.commit import Committer
from tocsin.engine.window_judge import judge_again, wait_of, window_wait, windows_of
from tocsin.ports.store import IncidentFilter, Reader

LONGEST_NAME = 200
MOST = 200
"""How many windows made by hand may be there that are not over."""
PAST_LISTED = 30 * DAY
"""How long a window that is over is listed."""

LOOKED_BACK = 7 * DAY
MOST_EPISODES = 20_000
"""How many alerts a preview looks at, the newest first."""
LISTED = 50

_ALL = 100_000

_log = structlog.get_logger("tocsin.engine.windows")


class Wish(ForATime, frozen=True, kw_only=True):
    """What somebody asks for."""

    name: str
    matchers: str


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A window of either kind, as it is at a moment."""

    window: Window
    made: HandMade | None
    """None for one of windows.yaml."""
    active: Span | None
    """The time that it is active for now."""
    upcoming: tuple[Span, ...]


class HiddenIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An open incident, and how many of its firing alerts a window matches."""

    incident: Incident
    matching: int
    firing: int
    hidden: bool
    """All of them: it would wait. Otherwise it would be paged all the same."""


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a window would hide."""

    firing: int
    """Alerts that fire now."""
    incidents: tuple[HiddenIncident, ...]
    """Open ones with at least one alert that it matches."""
    recent: int
    """Alerts of the last 7 days, those that fire now among them."""
    recent_looked_at: int
    truncated: bool
    """There were more alerts than are looked at: the counts are of the newest."""
    sample: tuple[Episode, ...]


@dataclass(frozen=True)
class Windows:
    """Makes, ends, lists and previews windows."""

    committer: Committer
    new_id: Callable[[], str]

    async def create(self, wish: Wish, by: Actor) -> Listed:
        """Make a window. Incidents that are being paged notice it at their next step.

        Raises:
            WindowError: It cannot be used as it is written.
            IllegalTransition: There are too many already.
            StoreUnavailable: It could not be committed now.
        """

        def work(changes: Work) -> Listed:
            made = _made(wish, by, self.new_id(), changes.now)
            if len(changes.tx.windows(changes.now)) >= MOST:
                raise IllegalTransition(f"there are {MOST} windows that are not over; end one first")
            changes.tx.put_window(made)
            return _listed(made.window(), made, changes.now)

        return await self.committer.commit("respond", work)

    async def end(self, window_id: str, by: Actor) -> tuple[Listed, int]:
        """End a window now: what still fires is paged. Returns how many incidents no longer wait.

        Raises:
            UnknownName: There is no such window.
            IllegalTransition: It is over.
            StoreUnavailable: It could not be committed now.
        """

        def work(changes: Work) -> tuple[Listed, int]:
            made = changes.tx.window(window_id)
            if made is None:
                raise UnknownName(f"there is no window {window_id!r} that was made by hand")
            if made.ends_at <= changes.now:
                raise IllegalTransition(f"the window {made.name} is over")
            made = ended(made, changes.now, by)
            changes.tx.put_window(made)
            return _listed(made.window(), made, changes.now), judge_all_again(changes)

        return await self.committer.commit("respond", work)

    async def list(self) -> list[Listed]:
        """All of them: those of the configuration, and those made by hand that ended at most 30 days ago."""
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
        """What a window with these matchers would hide.

        Raises:
            WindowError: The matchers cannot be used.
        """
        window = Window("preview", window_matchers(matchers), Span(0, 0))
        return await self.committer.store.read(lambda tx: _preview(tx, window))

    async def hides(self, source: str, labels: Mapping[str, str]) -> Wait | None:
        """What an alert with these labels that fires now would wait for."""
        policy = self.committer.live.policy

        def read(tx: Reader) -> Wait | None:
            return None if is_own(source) else wait_of(hidden(windows_of(tx, policy, tx.now), [labels], tx.now))

        return await self.committer.store.read(read)


def judge_all_again(work: Work) -> int:
    """Judge every incident that waits for a window again; returns how many no longer wait.

    One that the core fails on is left to its own time, so that the others get through.
    """
    work.windows = None
    released = 0
    # Sorted, and asked for one by one, as all that change incidents do: so they are locked in one order.
    found = work.tx.incidents(IncidentFilter(states=OPEN, limit=_ALL))
    for incident_id in sorted(one.id for one in found if window_wait(one)):
        incident = work.incident(incident_id)
        if incident is None:
            continue
        try:
            released += window_wait(judge_again(work, incident)) is None
        except (StoreUnavailable, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever one incident breaks, the others must get through
            _log.error("window_not_judged", incident=incident.number, error=repr(error), exc_info=error)
    return released


def active_count(tx: Reader, windows: Sequence[Window]) -> int:
    """How many of these windows are active now."""
    return sum(window.span_at(tx.now) is not None for window in windows)


def _made(wish: Wish, by: Actor, window_id: str, now: int) -> HandMade:
    name = wish.name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise WindowError("the name is not one line of text", f"write 1 to {LONGEST_NAME} characters")
    window_matchers(wish.matchers)
    span = wish.span(now)
    expect_length(span)
    return HandMade(
        id=window_id,
        name=name,
        matchers=wish.matchers,
        starts_at=span.starts_at,
        ends_at=span.ends_at,
        planned_ends_at=span.ends_at,
        comment=wish.comment.strip(),
        author=by.name,
        via=by.via,
        created_at=now,
    )


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

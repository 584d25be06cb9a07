"""Maintenance windows as a reason to wait, judged within the transaction on the firing alerts."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import takewhile

from tocsin.core.alerts.alert import Episode, EpisodeStatus
from tocsin.core.errors import WindowError
from tocsin.core.incident.incident import Incident, Wait, WaitReason
from tocsin.core.oncall.maintenance_window import HandMade, Hidden, Window, hidden, is_own
from tocsin.engine.change.changes import View
from tocsin.engine.change.policy import Policy
from tocsin.ports.store import Reader

NAMED = 3
"""Maximum number of windows that a wait names."""
_NO_LABELS: Mapping[str, str] = {}
"""Each window wants one label at least."""


class WindowJudge:
    """The judge of incidents all of whose firing alerts are in a window; see `engine.change.waiting.Judge`."""

    def begins(self, view: View, before: Incident, incident: Incident) -> Wait | None:  # noqa: ARG002 - see Judge
        """Return a wait if windows cover all firing alerts of the incident."""
        return window_now(view, incident)

    def goes_on(self, view: View, incident: Incident, wait: Wait) -> Wait | None:
        """Return the wait if the same windows still cover the incident; other windows would be a new wait."""
        current = window_now(view, incident)
        return current if current is not None and current.by == wait.by else None


def window_now(view: View, incident: Incident) -> Wait | None:
    """Return the wait for the windows that cover an incident now; None if a firing alert is in no window."""
    return _wait_for(view, firing_episodes(view.tx, incident.id))


def window_with(view: View, wait: Wait, begun: Iterable[Episode]) -> Wait | None:
    """Return the wait of an incident after new alerts; None if one of the new alerts is in no window.

    The existing wait says how long the earlier alerts are covered, so they are not read again. A window that has been
    extended since is noticed at the wait's end.
    """
    firing = [episode for episode in begun if episode.status is EpisodeStatus.FIRING]
    if not firing:
        return wait
    current = _wait_for(view, firing)
    return wait if current is not None and (current.until or 0) >= (wait.until or 0) else current


def window_wait(incident: Incident) -> Wait | None:
    """Return an incident's wait for a maintenance window; None if it has none."""
    return next((wait for wait in incident.waits if wait.reason is WaitReason.WINDOW), None)


def windows_of(tx: Reader, policy: Policy, over_after: int) -> tuple[Window, ...]:
    """Return the windows of the configuration, and the manual windows that end after ``over_after``."""
    return (*policy.windows, *_readable(tx.windows(over_after)))


def firing_episodes(tx: Reader, incident_id: str) -> Iterator[Episode]:
    """Yield the firing episodes of an incident, read one at a time."""
    return takewhile(lambda episode: episode.status is EpisodeStatus.FIRING, tx.every_episode_of(incident_id))


def _wait_for(view: View, firing: Iterable[Episode]) -> Wait | None:
    """Return the wait for the windows that cover all of these episodes. No window covers tocsin's own alerts."""
    if not view.windows:
        return None
    labels = (_NO_LABELS if is_own(episode.source) else episode.labels for episode in firing)
    return wait_of(hidden(view.windows, labels, view.now))


def wait_of(covered: Hidden | None) -> Wait | None:
    """Return the wait for covering windows; None if there are none."""
    if covered is None:
        return None
    more = len(covered.names) - NAMED
    names = ", ".join(covered.names[:NAMED]) + (f" and {more} more" if more > 0 else "")
    return Wait(WaitReason.WINDOW, names, covered.until)


def _readable(made: Iterable[HandMade]) -> Iterator[Window]:
    """Yield the windows whose matchers this version can parse; other windows cover nothing, so that pages are sent."""
    for window in made:
        with suppress(WindowError):
            yield window.window()

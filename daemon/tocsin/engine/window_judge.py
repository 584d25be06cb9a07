"""Maintenance windows as a reason to wait: judged within the transaction, on the alerts that fire."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from tocsin.core.alert import Episode, EpisodeStatus
from tocsin.core.errors import WindowError
from tocsin.core.event import WaitBegan, WaitEnded
from tocsin.core.incident import Incident, Wait, WaitReason
from tocsin.core.window import HandMade, Hidden, Window, hidden, is_own
from tocsin.engine.policy import Policy
from tocsin.ports.store import WHOLE, Reader

if TYPE_CHECKING:
    from tocsin.engine.apply import Work


NAMED = 3
"""How many windows that hide one incident together are called by their names."""


class WindowJudge:
    """An incident waits while every one of its alerts that fires is in a window; see `engine.waiting.Judge`."""

    def begins(self, work: "Work", before: Incident, incident: Incident) -> Wait | None:  # noqa: ARG002 - see Judge
        """It would notify somebody: not while a window hides all of it."""
        return wait_of(_hidden(work, incident))

    def goes_on(self, work: "Work", incident: Incident, wait: Wait) -> Wait | None:
        """Somebody may have made the window longer; where another one has taken over, that is a new wait."""
        found = wait_of(_hidden(work, incident))
        return found if found is not None and found.by == wait.by else None


def windows_of(tx: Reader, policy: Policy, over_after: int) -> tuple[Window, ...]:
    """The windows of the configuration, and those made by hand that end after then."""
    return (*policy.windows, *_readable(tx.windows(over_after)))


def window_wait(incident: Incident) -> Wait | None:
    """The maintenance window that an incident waits for."""
    return next((wait for wait in incident.waits if wait.reason is WaitReason.WINDOW), None)


def judge_again(work: "Work", incident: Incident) -> Incident:
    """The windows, or the alerts, have changed: let what waits for one go on, or wait until another time."""
    wait = window_wait(incident)
    if wait is None or not incident.alerts_firing:  # what recovers has nothing to page for; firing again, it is judged
        return incident
    found = wait_of(_hidden(work, incident))
    if found is None or found.by != wait.by:
        # Where another window hides it, whoever would be notified now waits for that one.
        return work.change(incident, WaitEnded(reason=wait.reason, by=wait.by))
    if found.until != wait.until:
        return work.change(incident, WaitBegan(wait=found))
    return incident


def _hidden(work: "Work", incident: Incident) -> Hidden | None:
    if work.windows is None:
        found = windows_of(work.tx, work.policy, work.now)
        work.windows = found if any(window.span_at(work.now) for window in found) else ()
    if not work.windows:
        return None
    return hidden_alerts(work.windows, work.tx.episodes_of(incident.id, WHOLE), work.now)


def hidden_alerts(windows: tuple[Window, ...], episodes: Iterable[Episode], at: int) -> Hidden | None:
    """Whether all of these episodes that fire are in windows; no window is about tocsin's own."""
    firing = [episode for episode in episodes if episode.status is EpisodeStatus.FIRING]
    if any(is_own(episode.source) for episode in firing):
        return None
    return hidden(windows, (episode.labels for episode in firing), at)


def wait_of(found: Hidden | None) -> Wait | None:
    """The wait that comes of it."""
    if found is None:
        return None
    more = len(found.names) - NAMED
    names = ", ".join(found.names[:NAMED]) + (f" and {more} more" if more > 0 else "")
    return Wait(WaitReason.WINDOW, names, found.until)


def _readable(made: Iterable[HandMade]) -> Iterator[Window]:
    """One whose matchers this version cannot read hides nothing: rather a page too many."""
    for window in made:
        with suppress(WindowError):
            yield window.window()

"""Maintenance windows: while one is active, matching alerts are recorded and page no one.

Windows that overlap or follow each other without a gap count as one: a wait
for their end is a wait for the end of the last one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import msgspec

from tocsin.core.alerts.alert import SELF_SOURCE
from tocsin.core.duration import DAY
from tocsin.core.errors import MatcherError, WindowError
from tocsin.core.matching.matcher import Matchers, parse_matchers, show_matchers
from tocsin.core.matching.matcher_slips import read_written
from tocsin.core.schedule.recurrence import LONGEST, SHORTEST, Recurrence, Span

LOOKED_AHEAD = 366 * DAY
"""Range of the search for the next spans of a window."""
_MAX_CONSECUTIVE = 64
"""Maximum number of windows in a row that count as one; a wait for more of them is evaluated again at their end."""


@dataclass(frozen=True)
class Window:
    """A time during which matching alerts page no one."""

    name: str
    matchers: Matchers
    when: Span | Recurrence
    comment: str = ""
    author: str = ""
    id: str | None = None
    """The id of a manual window; None for a window of windows.yaml."""
    time_zone: str = "UTC"
    """The time zone in which the window was written."""

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether the window applies to an alert with these labels."""
        return all(matcher.matches(labels) for matcher in self.matchers)

    def span_at(self, at: int) -> Span | None:
        """Return the span that is active at ``at``, of several the last to end; None if the window is not active."""
        if isinstance(self.when, Span):
            return self.when if self.when.starts_at <= at < self.when.ends_at else None
        active = [span for span in self.when.spans(at, at + 1) if span.starts_at <= at]
        return max(active, key=lambda span: span.ends_at, default=None)

    def upcoming(self, after: int, limit: int) -> list[Span]:
        """Return the next spans that begin after ``after`` and within a year, at most ``limit``."""
        if isinstance(self.when, Span):
            return [self.when][:limit] if self.when.starts_at > after else []
        spans: list[Span] = []
        for span in self.when.spans(after, after + LOOKED_AHEAD):
            if span.starts_at > after:
                spans.append(span)
            if len(spans) == limit:
                break
        return spans


class Hidden(NamedTuple):
    """The windows that hide alerts, and the time until which they do so."""

    names: tuple[str, ...]
    until: int


class HandMade(msgspec.Struct, frozen=True, kw_only=True):
    """A maintenance window that a person created at run time. Times are microseconds since the epoch, UTC."""

    id: str
    name: str
    matchers: str
    """The matchers as written."""
    starts_at: int
    ends_at: int
    """The end; earlier than planned if a person ended the window."""
    planned_ends_at: int
    comment: str = ""
    author: str
    via: str
    created_at: int
    ended_at: int | None = None
    """The time at which a person ended the window."""
    ended_by: str | None = None
    ended_via: str | None = None

    def window(self) -> Window:
        """Return the window.

        Raises:
            WindowError: Its matchers do not parse, because another version of tocsin wrote them.
        """
        span = Span(self.starts_at, self.ends_at)
        return Window(self.name, window_matchers(self.matchers), span, self.comment, self.author, self.id)


def expect_matchers(text: str) -> Matchers:
    """Return the matchers of a window that a person creates now; see `window_matchers`.

    Raises:
        WindowError: They cannot be used, or contain something other than matchers.
    """
    try:
        read_written(text)
    except MatcherError as error:
        raise WindowError(f"bad matcher: {error}", offset=error.start or 0) from None
    return window_matchers(text)


@lru_cache(maxsize=1024)
def window_matchers(text: str) -> Matchers:
    """Parse the matchers of a window.

    Raises:
        WindowError: They do not parse, or they require no label.
    """
    try:
        matchers = parse_matchers(text)
    except MatcherError as error:
        raise WindowError(f"bad matcher: {error}", offset=error.start or 0) from None
    expect_narrow(matchers)
    return matchers


def expect_narrow(matchers: Matchers) -> None:
    """Raise an error unless a label is required, as Alertmanager does for its silences.

    Raises:
        WindowError: Every alert could match.
    """
    if all(matcher.matches({}) for matcher in matchers):
        hint = 'write which alerts: cluster="eu1"; all of them: alertname=~".+"'
        raise WindowError(f"{show_matchers(matchers)} matches alerts that have no label at all", hint)


def expect_length(span: Span) -> None:
    """Raise an error unless the window ends after it begins and has a valid length.

    Raises:
        WindowError: It ends too early, or its length is not valid.
    """
    if span.ends_at <= span.starts_at:
        raise WindowError("the window ends before it begins", "the end must be later than the start")
    expect_duration(span.ends_at - span.starts_at)


def expect_duration(duration: int) -> None:
    """Raise an error unless the length is valid.

    Raises:
        WindowError: It is shorter than a minute, or longer than 31 days.
    """
    if duration < SHORTEST:
        raise WindowError("the window is shorter than a minute", "write for example 2h")
    if duration > LONGEST:
        raise WindowError("the window is longer than 31 days", "for longer, write a rule with `suppress: true`")


def hidden(windows: Sequence[Window], alerts: Iterable[Mapping[str, str]], at: int) -> Hidden | None:
    """Return the windows that hide alerts, given by their labels, and the time until which all alerts are hidden.

    None: an alert is in no window, or there is no alert.
    """
    if not any(window.span_at(at) for window in windows):
        return None
    soonest: Hidden | None = None
    by_windows: dict[tuple[int, ...], Hidden | None] = {}
    for labels in alerts:
        key = tuple(index for index, window in enumerate(windows) if window.matches(labels))
        if key not in by_windows:
            by_windows[key] = _merged([windows[index] for index in key], at)
        merged = by_windows[key]
        if merged is None:
            return None
        if soonest is None or merged.until < soonest.until:
            soonest = merged
    return soonest


def is_own(source: str) -> bool:
    """Return whether alerts of this source are tocsin's own, including storms, to which no window applies."""
    return source.partition("/")[0] == SELF_SOURCE


def _merged(windows: Sequence[Window], at: int) -> Hidden | None:
    """Return the windows active at ``at``, and the end of the last window that follows them without a gap."""
    names = tuple(window.name for window in windows if window.span_at(at))
    until = at
    for _ in range(_MAX_CONSECUTIVE):
        later = max((span.ends_at for window in windows if (span := window.span_at(until))), default=until)
        if later == until:
            break
        until = later
    return Hidden(names, until) if names else None

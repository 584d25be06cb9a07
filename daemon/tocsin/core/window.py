"""Maintenance windows: while one is active, the alerts that it matches are recorded and page nobody.

Windows that overlap or follow each other without a gap count as one: whoever
waits for the end waits for the last of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import msgspec

from tocsin.core.alert import SELF_SOURCE
from tocsin.core.errors import MatcherError, WindowError
from tocsin.core.matcher import Matchers, parse_matchers, show_matchers
from tocsin.core.playbook import DAY
from tocsin.core.recurrence import LONGEST, SHORTEST, Recurrence, Span

LOOKED_AHEAD = 366 * DAY
"""How far the next occurrences are looked for."""
_HOPS = 64
"""How many windows are followed to the end of the last; what waits longer is judged again there."""


@dataclass(frozen=True)
class Window:
    """Alerts that match, while it is active, page nobody."""

    name: str
    matchers: Matchers
    when: Span | Recurrence
    comment: str = ""
    author: str = ""
    id: str | None = None
    """Of one that was made by hand; None for one of windows.yaml."""
    time_zone: str = "UTC"
    """In which it was written."""

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether it is about an alert with these labels."""
        return all(matcher.matches(labels) for matcher in self.matchers)

    def span_at(self, at: int) -> Span | None:
        """The time that it is active for at ``at``; of several that overlap, the one that ends last."""
        if isinstance(self.when, Span):
            return self.when if self.when.starts_at <= at < self.when.ends_at else None
        active = [span for span in self.when.spans(at, at + 1) if span.starts_at <= at]
        return max(active, key=lambda span: span.ends_at, default=None)

    def upcoming(self, after: int, limit: int) -> list[Span]:
        """The next times that it begins after ``after``, within a year."""
        if isinstance(self.when, Span):
            return [self.when][:limit] if self.when.starts_at > after else []
        found: list[Span] = []
        for span in self.when.spans(after, after + LOOKED_AHEAD):
            if span.starts_at > after:
                found.append(span)
            if len(found) == limit:
                break
        return found


class Hidden(NamedTuple):
    """Nobody is to be paged, because of these windows, until then."""

    names: tuple[str, ...]
    until: int


class HandMade(msgspec.Struct, frozen=True, kw_only=True):
    """A window that somebody made while tocsin ran. Times are microseconds since the epoch, UTC."""

    id: str
    name: str
    matchers: str
    """As they were written."""
    starts_at: int
    ends_at: int
    """When it is over; earlier than planned where somebody ended it."""
    planned_ends_at: int
    comment: str = ""
    author: str
    via: str
    created_at: int
    ended_at: int | None = None
    """When somebody ended it."""
    ended_by: str | None = None
    ended_via: str | None = None

    def window(self) -> Window:
        """The window.

        Raises:
            WindowError: Its matchers do not parse: this version of tocsin reads others than the one that wrote it.
        """
        span = Span(self.starts_at, self.ends_at)
        return Window(self.name, window_matchers(self.matchers), span, self.comment, self.author, self.id)


@lru_cache(maxsize=1024)
def window_matchers(text: str) -> Matchers:
    """The matchers of a window, from their text.

    Raises:
        WindowError: They do not parse, or they take what no label says anything about.
    """
    try:
        found = parse_matchers(text)
    except MatcherError as error:
        raise WindowError(f"bad matcher: {error}", offset=error.start or 0) from None
    expect_narrow(found)
    return found


def expect_narrow(matchers: Matchers) -> None:
    """As Alertmanager does for its silences, want one label that an alert must have.

    Raises:
        WindowError: Every alert could match.
    """
    if all(matcher.matches({}) for matcher in matchers):
        hint = 'write which alerts: cluster="eu1"; all of them: alertname=~".+"'
        raise WindowError(f"{show_matchers(matchers)} matches alerts that have no label at all", hint)


def expect_length(span: Span) -> None:
    """Want a window that is not over before it begins, and that is no rule in disguise.

    Raises:
        WindowError: It is one of them.
    """
    if span.ends_at <= span.starts_at:
        raise WindowError("ends before it begins", "the end must be later than the start")
    expect_duration(span.ends_at - span.starts_at)


def expect_duration(duration: int) -> None:
    """Want a length that people work in.

    Raises:
        WindowError: It is shorter than a minute, or longer than 31 days.
    """
    if duration < SHORTEST:
        raise WindowError("is shorter than a minute", "write for example 2h")
    if duration > LONGEST:
        raise WindowError("is longer than 31 days", "what is to page nobody for longer is a rule with `suppress: true`")


def hidden(windows: Sequence[Window], alerts: Iterable[Mapping[str, str]], at: int) -> Hidden | None:
    """Whether every one of some alerts, given by their labels, is in a window; and until when all of them are.

    None: one of them is in none, or there is no alert.
    """
    if not any(window.span_at(at) for window in windows):
        return None
    soonest: Hidden | None = None
    judged: dict[tuple[int, ...], Hidden | None] = {}
    for labels in alerts:
        key = tuple(index for index, window in enumerate(windows) if window.matches(labels))
        if key not in judged:
            judged[key] = _merged([windows[index] for index in key], at)
        found = judged[key]
        if found is None:
            return None
        if soonest is None or found.until < soonest.until:
            soonest = found
    return soonest


def is_own(source: str) -> bool:
    """Whether alerts of this source are tocsin's own: no window is about them, as nobody else would tell of them."""
    return source == SELF_SOURCE


def _merged(windows: Sequence[Window], at: int) -> Hidden | None:
    """The end of the last of the windows that follow each other from ``at`` on without a gap."""
    names = tuple(window.name for window in windows if window.span_at(at))
    until = at
    for _ in range(_HOPS):
        later = max((span.ends_at for window in windows if (span := window.span_at(until))), default=until)
        if later == until:
            break
        until = later
    return Hidden(names, until) if names else None

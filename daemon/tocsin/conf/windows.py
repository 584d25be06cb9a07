"""config/windows.yaml: planned maintenance windows."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import Field

from tocsin.conf.duration import Duration
from tocsin.conf.schema import Section, Text, validate
from tocsin.conf.source import Findings, Node
from tocsin.conf.wall_clock import zones
from tocsin.core.errors import MatcherError, WindowError
from tocsin.core.matching.matcher import Matchers
from tocsin.core.matching.matcher_slips import read_written
from tocsin.core.oncall.maintenance_window import Window, expect_duration, expect_length, expect_narrow
from tocsin.core.schedule.recurrence import Recurrence, Span, expect_year, moment
from tocsin.core.suggestions import did_you_mean

_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?", re.ASCII)
_EXAMPLE = 'write the time on the wall clock of `time_zone`, in quotes: "2026-11-01 02:00"'

UTC = "UTC"


class WindowEntry(Section):
    """One of ``windows:``."""

    name: Text
    match: Text
    time_zone: Text = UTC
    starts: Text
    ends: Text | None = None
    duration: Duration | None = None
    rrule: Text | None = None
    comment: str = ""
    author: str = ""


class WindowsFile(Section):
    """The content of windows.yaml."""

    windows: tuple[WindowEntry, ...] = Field(default=())


def windows_of(node: Node, findings: Findings) -> tuple[Window, ...]:
    """Return the windows of a file; mistakes are reported to ``findings``."""
    file = validate(node, WindowsFile, findings)
    if file is None:
        return ()
    _report_twins(file, node, findings)
    reader = _Reader(findings)
    result = [reader.read(entry, node.at("windows", index)) for index, entry in enumerate(file.windows)]
    return tuple(window for window in result if window is not None)


def _report_twins(file: WindowsFile, node: Node, findings: Findings) -> None:
    """Report duplicate names: people and the timeline identify a window by its name."""
    first: dict[str, int] = {}
    for index, entry in enumerate(file.windows):
        place = node.at("windows", index, "name").mark
        if entry.name in first:
            findings.problem(
                place, f"there is another window {entry.name!r}", f"the first is in line {first[entry.name]}"
            )
        first.setdefault(entry.name, place.line)


class _Reader:
    """A reader of entries that the validation has accepted."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._report = findings.problem

    def read(self, entry: WindowEntry, node: Node) -> Window | None:
        if not entry.name.isprintable():
            self._report(
                node.at("name").mark, "the name is not one line of text", "remove line breaks and control characters"
            )
        matchers = self._matchers(entry.match, node.at("match"))
        zone = self._zone(entry.time_zone, node.at("time_zone"))
        starts = self._local(entry.starts, node.at("starts"))
        ends = None if entry.ends is None else self._local(entry.ends, node.at("ends"))
        if not self._has_one_end(entry, node) or zone is None or starts is None or matchers is None:
            return None
        when: Span | Recurrence | None = None
        if entry.rrule is not None:
            when = self._recurrence(entry.rrule, entry.duration or 0, node, starts, zone)
        elif entry.duration is not None:
            when = self._span(moment(starts, zone), entry.duration, node.at("duration"))
        elif ends is not None:
            when = self._span(moment(starts, zone), moment(ends, zone) - moment(starts, zone), node.at("ends"))
        if when is None:
            return None
        return Window(
            name=entry.name,
            matchers=matchers,
            when=when,
            comment=entry.comment,
            author=entry.author,
            time_zone=entry.time_zone,
        )

    def _matchers(self, text: str, node: Node) -> Matchers | None:
        try:
            result, warning = read_written(text)
            expect_narrow(result)
        except MatcherError as error:
            self._report(node.inside(error.start or 0), f"bad matcher: {error}", "write for example 'cluster=\"eu1\"'")
            return None
        except WindowError as error:
            self._report(node.mark, str(error), error.hint)
            return None
        if warning:
            self._findings.warn(node.mark, warning)
        return result

    def _zone(self, name: str, node: Node) -> ZoneInfo | None:
        if name in zones():
            return ZoneInfo(name)
        self._report(node.mark, f"there is no time zone {name!r}", did_you_mean(name, zones()))
        return None

    def _local(self, text: str, node: Node) -> datetime | None:
        if not _LOCAL.fullmatch(text):
            self._report(node.mark, f"{text!r} is not a time", _EXAMPLE)
            return None
        try:
            result = datetime.fromisoformat(text)
            expect_year(result)
        except ValueError:
            self._report(node.mark, f"there is no time {text}", _EXAMPLE)
        except WindowError as error:
            self._report(node.mark, str(error), error.hint)
        else:
            return result
        return None

    def _has_one_end(self, entry: WindowEntry, node: Node) -> bool:
        if entry.ends is not None and entry.rrule is not None:
            self._report(
                node.at("ends").head, "a window with rrule has no `ends`", "write how long each lasts: duration: 2h"
            )
        elif entry.ends is not None and entry.duration is not None:
            self._report(node.at("ends").head, "has both `ends` and `duration`", "remove one")
        elif entry.ends is None and entry.duration is None:
            hint = "write duration: 2h" if entry.rrule else 'write duration: 2h, or ends: "2026-11-01 04:00"'
            self._report(node.head, "does not say when it is over", hint)
        else:
            return True
        return False

    def _recurrence(self, rule: str, duration: int, node: Node, starts: datetime, zone: ZoneInfo) -> Recurrence | None:
        place = node.at("duration")
        try:
            expect_duration(duration)
            place = node.at("rrule")
            return Recurrence(rule, starts, zone, duration)
        except WindowError as error:
            self._report(place.mark, str(error), error.hint)
            return None

    def _span(self, starts_at: int, duration: int, place: Node) -> Span | None:
        span = Span(starts_at, starts_at + duration)
        try:
            expect_length(span)
        except WindowError as error:
            self._report(place.mark, str(error), error.hint)
            return None
        return span

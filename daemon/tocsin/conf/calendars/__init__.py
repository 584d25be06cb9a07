"""A calendar file (RFC 5545) beside people.yaml, read as the shifts of a rotation.

The reader accepts every valid file. An unreadable event does not stop the daemon: it causes a warning at its line, and
tocsin opens an incident of its own about it, because a shift may be missing.
"""

import hashlib
import stat
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from tocsin.conf.calendars.content import components, is_calendar, is_cut_off
from tocsin.conf.calendars.events import EventReader
from tocsin.conf.source import Findings, Mark, Node
from tocsin.core.oncall.calendar import Calendar
from tocsin.core.oncall.people import Person

MAX_BYTES = 4 << 20
"""Maximum size of a calendar file; the rest of a larger file is not read."""
MAX_REPORTED = 50
"""Maximum number of warnings about one file that are reported individually."""


def calendar_of(name: str, node: Node, persons: Mapping[str, Person], zone: ZoneInfo, findings: Findings) -> Calendar:
    """Return the shifts of the calendar file ``name``, a path relative to people.yaml.

    Times without a time zone, and whole days, are in ``zone``.
    """
    path = Path(node.mark.path).parent / name
    report = _Report(str(path), name, findings)
    raw = _content(path, node.mark, report)
    if raw is None:
        findings.lost_calendars.add(str(path))
        return Calendar((), tuple(report.unreadable_parts), name)
    if is_cut_off(raw):
        findings.lost_calendars.add(str(path))
    result, parts = components(raw)
    for part in parts:
        report.unreadable(*part)
    events = EventReader(result, persons, zone, report).events()
    report.finish()
    return Calendar(tuple(events), tuple(report.unreadable_parts), name)


class _Report:
    """The warnings about a file; those about unreadable parts are kept separately, too."""

    def __init__(self, path: str, name: str, findings: Findings) -> None:
        self._path = path
        self._name = name
        self._findings = findings
        self.unreadable_parts: list[str] = []
        self._unreported = 0
        self._reported: set[tuple[int, str]] = set()

    def warn(self, line: int, message: str, hint: str) -> None:
        """Report a likely mistake."""
        if (line, message) in self._reported:
            return
        if len(self._reported) >= MAX_REPORTED:
            self._unreported += 1
            return
        self._reported.add((line, message))
        self._findings.warn(Mark(self._path, line, 1), message, hint)

    def finish(self) -> None:
        """Report the number of warnings that were left out."""
        if self._unreported:
            more = f"has {self._unreported} more events like those named in the first {MAX_REPORTED} warnings"
            self._findings.warn(Mark(self._path, 1, 1), more, "correct those first")

    def unreadable(self, line: int, message: str, hint: str) -> None:
        """Report a part that cannot be read."""
        if (line, message) in self._reported:
            return
        self.warn(line, message, hint)
        self.unreadable_parts.append(f"{self._name}:{line}: {message}")

    def lost(self, mark: Mark, message: str, hint: str) -> None:
        """Report that the whole file cannot be read."""
        self._findings.warn(mark, f"{self._name} {message}: no one is on call by it", hint)
        self.unreadable_parts.append(f"{self._name} {message}")

    def digest(self, raw: bytes) -> None:
        """Record the hash of the content."""
        self._findings.digests[self._path] = hashlib.sha256(raw).hexdigest()


def _content(path: Path, mark: Mark, report: _Report) -> bytes | None:
    """Return the content of the file. None if it is not a calendar, which is reported."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for a writer
            report.lost(mark, "is not a regular file", "put the calendar itself there")
            return None
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        report.lost(mark, f"cannot be read: {reason}", "its path counts from people.yaml")
        return None
    report.digest(raw)
    if not is_calendar(raw):
        report.lost(Mark(str(path), 1, 1), "is not a calendar", "export it as iCalendar (.ics)")
        return None
    if len(raw) > MAX_BYTES:
        report.unreadable(1, "is larger than 4 MiB; what comes after that is not read", "export fewer years")
        raw = raw[:MAX_BYTES]
    return raw

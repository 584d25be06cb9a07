"""A calendar file (RFC 5545) beside people.yaml, as the shifts of a rotation.

What is legal is read. What cannot be read costs its event, not the daemon: it
is a warning at its line, and a fault of the rotation that tocsin tells its own
people about, because a shift may be missing.
"""

import hashlib
import stat
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from tocsin.conf.calendars.content import components, is_calendar, is_cut_off
from tocsin.conf.calendars.events import EventReader
from tocsin.conf.source import Findings, Mark, Node
from tocsin.core.calendar import Calendar
from tocsin.core.people import Person

MAX_BYTES = 4 << 20
MAX_TOLD = 50
"""Warnings of one file that are told one by one."""


def calendar_of(name: str, node: Node, persons: Mapping[str, Person], zone: ZoneInfo, findings: Findings) -> Calendar:
    """Return the shifts of the file of that name, which stands beside the file that names it.

    Times without a time zone, and whole days, are on the wall clock of ``zone``.
    """
    path = Path(node.mark.path).parent / name
    report = _Report(str(path), name, findings)
    raw = _content(path, node.mark, report)
    if raw is None:
        findings.lost_calendars.add(str(path))
        return Calendar((), tuple(report.faults))
    if is_cut_off(raw):
        findings.lost_calendars.add(str(path))
    found, faults = components(raw)
    for fault in faults:
        report.fault(*fault)
    events = EventReader(found, persons, zone, report).events()
    report.finish()
    return Calendar(tuple(events), tuple(report.faults))


class _Report:
    """Takes what is wrong with a file: warnings, and those of them that are faults."""

    def __init__(self, path: str, name: str, findings: Findings) -> None:
        self._path = path
        self._name = name
        self._findings = findings
        self.faults: list[str] = []
        self._not_told = 0
        self._told: set[tuple[int, str]] = set()

    def warn(self, line: int, message: str, hint: str) -> None:
        """Take what is hardly meant."""
        if (line, message) in self._told:
            return
        if len(self._told) >= MAX_TOLD:
            self._not_told += 1
            return
        self._told.add((line, message))
        self._findings.warn(Mark(self._path, line, 1), message, hint)

    def finish(self) -> None:
        """Tell how much has not been told."""
        if self._not_told:
            more = f"has {self._not_told} more events like those named in the first {MAX_TOLD} warnings"
            self._findings.warn(Mark(self._path, 1, 1), more, "correct those first")

    def fault(self, line: int, message: str, hint: str) -> None:
        """Take what cannot be read."""
        if (line, message) in self._told:
            return
        self.warn(line, message, hint)
        self.faults.append(f"{self._name}:{line}: {message}")

    def lost(self, mark: Mark, message: str, hint: str) -> None:
        """Take why nothing of the file can be read."""
        self._findings.warn(mark, f"{self._name} {message}: nobody is on call by it", hint)
        self.faults.append(f"{self._name} {message}")

    def digest(self, raw: bytes) -> None:
        """Take note of the content."""
        self._findings.digests[self._path] = hashlib.sha256(raw).hexdigest()


def _content(path: Path, mark: Mark, report: _Report) -> bytes | None:
    """Return the content of the file; None if it is no calendar, which is told."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for a writer
            report.lost(mark, "is no regular file", "put the calendar itself there")
            return None
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        report.lost(mark, f"cannot be read: {reason}", "its path counts from people.yaml")
        return None
    report.digest(raw)
    if not is_calendar(raw):
        report.lost(Mark(str(path), 1, 1), "is no calendar", "export it as iCalendar (.ics)")
        return None
    if len(raw) > MAX_BYTES:
        report.fault(1, "is larger than 4 MiB; what comes after that is not read", "export fewer years")
        raw = raw[:MAX_BYTES]
    return raw

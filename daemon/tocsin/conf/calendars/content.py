"""The lines of an iCalendar file (RFC 5545, 3.1 and 3.4) as components, each with its line number.

After a broken line, only its component is skipped; the rest of the file is read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_DEPTH = 16
"""Maximum depth of nested components; RFC 5545 needs three."""
MAX_LINE = 1 << 20
"""Maximum length of a line in bytes, including its folded parts."""

_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")
_PARAMETER = re.compile(r';\s*([A-Za-z0-9-]{1,100})\s*=\s*((?:"[^"]*"|[^",;:])*(?:,(?:"[^"]*"|[^",;:])*)*)')
_ESCAPE = re.compile(r"\\(.)")
_END = re.compile(rb"^END:VCALENDAR\s*\Z", re.IGNORECASE | re.MULTILINE)
_BEGINNING = re.compile(rb"^BEGIN:(VCALENDAR|VEVENT)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_NO_PARAMETERS: Mapping[str, str] = {}


class UnreadablePart(NamedTuple):
    """A part of the file that cannot be read, and how to correct it."""

    line: int
    message: str
    hint: str


class Property(NamedTuple):
    """A line of a component."""

    name: str
    """The name in uppercase."""
    parameters: Mapping[str, str]
    """Values without quotation marks, by the name in uppercase."""
    value: str
    line: int

    @property
    def text(self) -> str:
        """Return the value as text, unescaped."""
        return _ESCAPE.sub(lambda match: " " if match[1] in "nN" else match[1], self.value)


@dataclass
class Component:
    """The lines between BEGIN and END."""

    name: str
    line: int
    properties: dict[str, list[Property]] = field(default_factory=dict)
    parts: list["Component"] = field(default_factory=list)

    def first(self, name: str) -> Property | None:
        """Return the first property of that name."""
        return next(iter(self.properties.get(name, ())), None)

    def every(self, name: str) -> list[Property]:
        """Return all properties of that name."""
        return self.properties.get(name, [])

    def text(self, name: str) -> str:
        """Return the text of the first property of that name; empty if there is none."""
        found = self.first(name)
        return found.text.strip() if found is not None else ""


def is_calendar(raw: bytes) -> bool:
    """Return whether a file is an iCalendar file, and not, for example, the login page of a server."""
    return _BEGINNING.search(_as_utf8(raw)) is not None


def components(raw: bytes) -> tuple[list[Component], list[UnreadablePart]]:
    """Return the events and time zones of a file in order, and the parts that cannot be read.

    Several calendars in one file are read as one.
    """
    reader = _Reader()
    for number, line in _unfolded(_as_utf8(raw)):
        reader.take(number, line)
    reader.finish()
    return reader.found, reader.unreadable


def is_cut_off(raw: bytes) -> bool:
    """Return whether the end of a calendar is missing, for example because an export or a disk failed."""
    return not _END.search(_as_utf8(raw))


def _as_utf8(raw: bytes) -> bytes:
    """Return the file as UTF-8, without a byte order mark, and with line feeds as line ends."""
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if raw.startswith(mark):
            raw = raw.decode(encoding, errors="replace").encode()
    return raw.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _unfolded(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (number of the line, the line with all of its folded parts); a fold may split a character."""
    parts: list[bytes] = []
    begins = 1
    for number, line in enumerate(raw.split(b"\n"), start=1):
        if line[:1] in (b" ", b"\t"):
            parts.append(line[1:])
            continue
        if parts:
            yield begins, b"".join(parts)
        parts, begins = [line], number
    yield begins, b"".join(parts)


class _Reader:
    """A reader that builds components from lines."""

    def __init__(self) -> None:
        self.found: list[Component] = []
        self.unreadable: list[UnreadablePart] = []
        self._open: list[Component] = []
        self._too_deep = 0
        self._is_reported: set[str] = set()

    def take(self, number: int, raw: bytes) -> None:
        """Take one line."""
        if not raw.strip():
            return
        parsed = self._parsed(number, raw)
        if parsed is None:
            return
        if parsed.name == "BEGIN":
            self._begin(parsed.value.strip().upper(), number)
        elif parsed.name == "END":
            self._end(parsed.value.strip().upper())
        elif self._open and not self._too_deep:
            self._open[-1].properties.setdefault(parsed.name, []).append(parsed)

    def finish(self) -> None:
        """Report components that the file does not end."""
        for component in self._open:
            self._report_cut_off(component)

    def _parsed(self, number: int, raw: bytes) -> Property | None:
        if len(raw) > MAX_LINE:
            self._report_once(
                "long", UnreadablePart(number, "a line is longer than 1 MiB and is not read", "export it again")
            )
            return None
        try:
            line = raw.decode()
        except UnicodeDecodeError:
            line = raw.decode("cp1252", errors="replace")
            problem = "is not UTF-8 text; it is read as Windows-1252, so names may not be recognized"
            self._report_once("text", UnreadablePart(number, problem, "export it as UTF-8"))
        name = _NAME.match(line)
        if name is None:
            return None
        place = name.end()
        parameters = _NO_PARAMETERS
        if line[place : place + 1] == ";":
            parameters = {}
            while (match := _PARAMETER.match(line, place)) is not None:
                parameters[match[1].upper()] = match[2].replace('"', "")
                place = match.end()
        if line[place : place + 1] != ":":
            return None
        return Property(name[0].upper(), parameters, line[place + 1 :], number)

    def _begin(self, name: str, number: int) -> None:
        if self._too_deep or len(self._open) >= MAX_DEPTH:
            self._too_deep += 1
            self._report_once(
                "deep", UnreadablePart(number, f"is nested deeper than {MAX_DEPTH} levels", "export it again")
            )
            return
        if name in ("VEVENT", "VCALENDAR"):
            self._close_open_events()
        self._open.append(Component(name, number))

    def _close_open_events(self) -> None:
        """Discard an event in which another one begins, because its END is missing."""
        for place, component in enumerate(self._open):
            if component.name == "VEVENT":
                self._report_cut_off(component)
                del self._open[place:]
                return

    def _end(self, name: str) -> None:
        if self._too_deep:
            self._too_deep -= 1
            return
        if all(component.name != name for component in self._open):
            return
        while (component := self._open.pop()).name != name:
            pass
        if name in ("VEVENT", "VTIMEZONE"):
            self.found.append(component)
        elif self._open:
            self._open[-1].parts.append(component)

    def _report_cut_off(self, component: Component) -> None:
        if component.name == "VEVENT":
            problem = f"the event {component.text('SUMMARY')!r} has no end and is not read"
            self.unreadable.append(
                UnreadablePart(component.line, problem, "the file seems to be cut off: fetch it again")
            )
        elif component.name == "VCALENDAR":
            problem = "the calendar has no END:VCALENDAR: events may be missing"
            self.unreadable.append(
                UnreadablePart(component.line, problem, "the file seems to be cut off: fetch it again")
            )

    def _report_once(self, kind: str, part: UnreadablePart) -> None:
        if kind not in self._is_reported:
            self._is_reported.add(kind)
            self.unreadable.append(part)

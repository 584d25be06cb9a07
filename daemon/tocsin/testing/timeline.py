"""Comparison of actual pages with the expected ones: nothing missing, nothing extra."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tocsin.core.duration import format_duration
from tocsin.core.oncall.people import People
from tocsin.core.oncall.rotation import OnCallInput
from tocsin.testing.cases import PageSettings

LISTED = 40
"""Maximum number of lines of a difference that are shown."""

Line = tuple[str, str]
"""(kind: ``-`` missing, ``+`` extra, " " as expected; the text)"""


@dataclass(frozen=True)
class SentPage:
    """A page or an update as it went out. ``at`` counts from the beginning of the test, in microseconds."""

    at: int
    who: str
    kind: str
    tier: int
    by: str
    severity: str
    incident: int

    def __str__(self) -> str:
        facts = (f"tier {self.tier}", f"by {self.by}", self.severity, f"incident {self.incident}")
        return _line(self.at, self.kind, self.who, facts)


@dataclass(frozen=True)
class ExpectedPage:
    """A page or an update as it was expected, of one person; None: whichever."""

    at: int
    who: str
    kind: str
    tier: int | None
    by: str | None
    severity: str | None
    incident: int | None

    def matches(self, notified: SentPage) -> bool:
        """Return whether the page is the expected one."""
        return (self.at, self.who, self.kind) == (notified.at, notified.who, notified.kind) and all(
            wanted is None or wanted == result
            for wanted, result in (
                (self.tier, notified.tier),
                (self.by, notified.by),
                (self.severity, notified.severity),
                (self.incident, notified.incident),
            )
        )

    def __str__(self) -> str:
        facts = (
            f"tier {self.tier}" if self.tier is not None else "",
            f"by {self.by}" if self.by is not None else "",
            self.severity or "",
            f"incident {self.incident}" if self.incident is not None else "",
        )
        return _line(self.at, self.kind, self.who, facts)


def _line(at: int, kind: str, who: str, facts: Iterable[str]) -> str:
    details = ", ".join(fact for fact in facts if fact)
    return f"{format_duration(at)} {kind} {who}{f': {details}' if details else ''}"


def wanted_of(pages: Iterable[PageSettings], people: People, start: int) -> list[ExpectedPage]:
    """Return an expected page for each person: a group means all of its members, a rotation those on call then.

    ``start``: the start of the test, in microseconds since the epoch.
    """
    return [
        ExpectedPage(page.at, who, page.kind, page.tier, page.by, page.severity, page.incident)
        for page in pages
        for name in page.who
        for who in people.members(name, OnCallInput(start + page.at)) or (name,)
    ]


def difference(wanted: Sequence[ExpectedPage], notified: Sequence[SentPage]) -> list[Line]:
    """Return both timelines merged in the order of time; empty if they are the same."""
    pairs = _pair(wanted, notified)
    taken = set(pairs.values())
    missing = [one for index, one in enumerate(wanted) if index not in pairs]
    extra = [one for index, one in enumerate(notified) if index not in taken]
    if not missing and not extra:
        return []
    rows = [
        *((one.at, 0, "-", str(one)) for one in missing),
        *((one.at, 1, "+", str(one)) for one in extra),
        *((notified[index].at, 2, " ", str(notified[index])) for index in sorted(taken)),
    ]
    rows.sort(key=lambda row: row[:2])
    lines = [(sign, text) for _, _, sign, text in rows]
    if len(lines) <= LISTED:
        return lines
    rest = lines[LISTED:]
    counts = ", ".join(
        f"{sum(1 for sign, _ in rest if sign == wanted_sign)} {word}"
        for wanted_sign, word in (("-", "missing"), ("+", "extra"), (" ", "as expected"))
    )
    return [*lines[:LISTED], (" ", f"... and {len(rest)} more: {counts}")]


def _pair(wanted: Sequence[ExpectedPage], notified: Sequence[SentPage]) -> dict[int, int]:
    """Return as many pairs as possible: a flexible expectation leaves a page to a stricter one that needs it."""
    by: dict[int, int] = {}
    candidates = [[index for index, result in enumerate(notified) if one.matches(result)] for one in wanted]

    def place(one: int, tried: set[int]) -> bool:
        for result in candidates[one]:
            if result in tried:
                continue
            tried.add(result)
            if result not in by or place(by[result], tried):
                by[result] = one
                return True
        return False

    for one in range(len(wanted)):
        place(one, set())
    return {one: result for result, one in by.items()}

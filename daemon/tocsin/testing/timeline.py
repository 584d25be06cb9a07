"""Whether a timeline of pages is the one that was expected: nothing missing, nothing extra."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tocsin.conf.duration import format_duration
from tocsin.core.people import People
from tocsin.core.rotation import Duty
from tocsin.testing.cases import PageSettings

LISTED = 40
"""Lines of a difference that are shown."""

Line = tuple[str, str]
"""(what it is: ``-`` missing, ``+`` extra, " " as expected; what it says)"""


@dataclass(frozen=True)
class Told:
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
class Wanted:
    """A page or an update as it was expected, of one person; None: whichever."""

    at: int
    who: str
    kind: str
    tier: int | None
    by: str | None
    severity: str | None
    incident: int | None

    def matches(self, told: Told) -> bool:
        """Whether it is this one."""
        return (self.at, self.who, self.kind) == (told.at, told.who, told.kind) and all(
            wanted is None or wanted == found
            for wanted, found in (
                (self.tier, told.tier),
                (self.by, told.by),
                (self.severity, told.severity),
                (self.incident, told.incident),
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
    told = ", ".join(fact for fact in facts if fact)
    return f"{format_duration(at)} {kind} {who}{f': {told}' if told else ''}"


def wanted_of(pages: Iterable[PageSettings], people: People, start: int) -> list[Wanted]:
    """One for each person: a group stands for all of its members, a rotation for who is on call at that moment.

    ``start``: when the test begins, in microseconds since the epoch.
    """
    return [
        Wanted(page.at, who, page.kind, page.tier, page.by, page.severity, page.incident)
        for page in pages
        for name in page.who
        for who in people.members(name, Duty(start + page.at)) or (name,)
    ]


def difference(wanted: Sequence[Wanted], told: Sequence[Told]) -> list[Line]:
    """Both timelines as one, in the order of time; empty if they are the same."""
    pairs = _pair(wanted, told)
    taken = set(pairs.values())
    missing = [one for index, one in enumerate(wanted) if index not in pairs]
    extra = [one for index, one in enumerate(told) if index not in taken]
    if not missing and not extra:
        return []
    rows = [
        *((one.at, 0, "-", str(one)) for one in missing),
        *((one.at, 1, "+", str(one)) for one in extra),
        *((told[index].at, 2, " ", str(told[index])) for index in sorted(taken)),
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


def _pair(wanted: Sequence[Wanted], told: Sequence[Told]) -> dict[int, int]:
    """As many pairs as can be made: whatever an open expectation takes, it leaves to a stricter one that needs it."""
    by: dict[int, int] = {}
    candidates = [[index for index, found in enumerate(told) if one.matches(found)] for one in wanted]

    def place(one: int, tried: set[int]) -> bool:
        for found in candidates[one]:
            if found in tried:
                continue
            tried.add(found)
            if found not in by or place(by[found], tried):
                by[found] = one
                return True
        return False

    for one in range(len(wanted)):
        place(one, set())
    return {one: found for found, one in by.items()}

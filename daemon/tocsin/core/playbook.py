"""A playbook: an organisation's response rules as data.

An incident keeps the playbook that it began with (its *plan*), so a playbook
is immutable, hashes to a stable name and round-trips through JSON.
All durations are microseconds.
"""

import hashlib
from collections.abc import Callable
from enum import StrEnum
from functools import cached_property

import msgspec

from tocsin.core.acting import PlaybookAction
from tocsin.core.errors import UnknownLevel, UnknownName
from tocsin.core.hours import BusinessHours, Hours
from tocsin.core.message import Texts
from tocsin.core.reminder import Reminder
from tocsin.core.work import Checklist, Question, Role

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Kind(StrEnum):
    """What a step sends."""

    PAGE = "page"
    """Demands acknowledgment."""
    UPDATE = "update"
    """Informs."""


class Until(StrEnum):
    """What makes a step pointless."""

    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Moment(StrEnum):
    """What happens once to an incident that its playbook may have something to do at."""

    OPENED = "opened"
    DECLARED = "declared"
    ACKNOWLEDGED = "acknowledged"
    UPDATED = "updated"
    RESOLVED = "resolved"


class Tier(msgspec.Struct, frozen=True):
    """A rung of the ladder. Tier 1 comes first."""

    number: int
    name: str
    targets: tuple[str, ...]


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One cell of the tier matrix: when a tier is notified at one severity, and until what.

    Exactly one of ``after``, ``on`` and ``flags`` says when: ``after`` counts
    from the opening of the occurrence; ``on`` fires it when that happens;
    ``flags`` fire it, once for each flag, as soon as the flag is set.
    """

    tier: int
    nth: int
    """1 for the first cell of this tier at this severity, 2 for the next ..."""
    kind: Kind = Kind.PAGE
    until: Until = Until.ACKNOWLEDGED
    after: int | None = None
    on: Moment | None = None
    """``declared`` or ``acknowledged``."""
    flags: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    """It notifies only while one of these flags is set; one that is set later makes it fire then. Empty: always."""
    hours: Hours = Hours.ALWAYS
    targets: tuple[str, ...]
    """The tier's targets, unless the cell names its own."""

    @property
    def key(self) -> str:
        """Names the cell within an incident's round, at every severity alike: ``2.1``."""
        return f"{self.tier}.{self.nth}"


class Level(msgspec.Struct, frozen=True, dict=True):
    """A severity of one playbook. Rank 0 is the highest."""

    name: str
    rank: int
    respond_within: int
    resolve_within: int | None
    cells: tuple[Cell, ...]
    ack_timeout: int | None = None
    """Acknowledged and firing, so long without a word of anybody: the acknowledgment covers it no more. None: never."""
    acknowledge_within: int | None = None
    """None: as ``respond_within``, where the ladder asks anybody to acknowledge."""
    update_every: int | None = None
    """How often whoever waits is told how it goes, once somebody has the incident."""
    post_mortem_within: int | None = None
    """Counted from the resolution."""
    is_timed: bool = True
    """Whether these are promises whose breach is told: not those of tocsin's own incidents."""

    @cached_property
    def promises(self) -> tuple[tuple[str, int], ...]:
        """(promise, how long it may take) of what this level says must be done, counted from the opening."""
        if not self.is_timed:
            return ()
        acknowledge = self.acknowledge_within or (self.respond_within if self.pages else None)
        promised = (("respond", self.respond_within), ("acknowledge", acknowledge), ("resolve", self.resolve_within))
        return tuple((promise, within) for promise, within in promised if within is not None)

    @cached_property
    def soonest_promise(self) -> int | None:
        """The time of the shortest of them."""
        return min((within for _, within in self.promises), default=None)

    @cached_property
    def _by_key(self) -> dict[str, Cell]:
        return {cell.key: cell for cell in self.cells}

    @cached_property
    def pages(self) -> bool:
        """Whether the ladder of this level pages anybody at all."""
        return any(cell.kind is Kind.PAGE and cell.after is not None for cell in self.cells)

    @cached_property
    def paging(self) -> frozenset[str]:
        """The keys of the cells that page."""
        return frozenset(cell.key for cell in self.cells if cell.kind is Kind.PAGE)

    @cached_property
    def entries(self) -> dict[int, tuple[Cell, ...]]:
        """Tier -> the cells with which the ladder reaches it: the earliest that are timed, one or several at once."""
        found: dict[int, tuple[Cell, ...]] = {}
        for cell in sorted((cell for cell in self.cells if cell.after is not None), key=lambda cell: cell.after or 0):
            if cell.tier not in found or found[cell.tier][0].after == cell.after:
                found[cell.tier] = (*found.get(cell.tier, ()), cell)
        return found

    @cached_property
    def first(self) -> Cell | None:
        """What tier 1 gets when the incident opens."""
        return next((cell for cell in self.entries.get(1, ()) if not cell.when), None)

    @cached_property
    def is_business(self) -> bool:
        """Return whether it pages in business hours only, as its first step does."""
        return self.first is not None and self.first.hours is Hours.BUSINESS

    @cached_property
    def business(self) -> frozenset[str]:
        """The keys of the steps that wait for business hours.

        Where the first step does, so does everything that pages, but for what a flag fires: nothing of that level may
        wake anybody.
        """
        return frozenset(
            cell.key
            for cell in self.cells
            if cell.hours is Hours.BUSINESS or (self.is_business and cell.kind is Kind.PAGE and not cell.flags)
        )

    def cell(self, key: str) -> Cell | None:
        """The cell with this key, if this level has one."""
        return self._by_key.get(key)


class StormLimits(msgspec.Struct, frozen=True, kw_only=True):
    """From when on many incidents for one target are told in one page."""

    more_than: int = 10
    within: int = 5 * MINUTE
    again_after: int = 10 * MINUTE
    """The shortest time between two pages about how many they are by now."""


class FlappingLimits(msgspec.Struct, frozen=True, kw_only=True):
    """From when on an incident that comes and goes is told in digests. A flip: it fires again, or nothing does."""

    more_than: int = 4
    within: int = 30 * MINUTE
    digest_every: int = 30 * MINUTE


class FollowUp(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a playbook asks for after each incident that paged or was declared."""

    name: str
    text: str
    within: int
    """Counted from the resolution."""
    role: str = ""
    """Whose holder it is for; "": whoever owns the post-mortem."""
    severities: tuple[str, ...] = ()
    """Only for incidents that reached one of these; empty: for all."""


class ItemKind(msgspec.Struct, frozen=True):
    """A kind of action item, and how long one may take."""

    name: str
    within: int


class Duties(msgspec.Struct, frozen=True, kw_only=True):
    """Who is reminded of what an incident asks of them besides mending it."""

    updates_by: str = "communication-lead"
    """The role that is reminded of updates."""
    post_mortem_by: str = "incident-commander"
    """The role that owns the post-mortem."""
    action_items: tuple[ItemKind, ...] = (ItemKind("immediate", 7 * DAY), ItemKind("long-term", 30 * DAY))
    follow_ups: tuple[FollowUp, ...] = ()


class Playbook(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Severity levels (highest first), tiers, and the times that bound an incident."""

    name: str
    title: str
    levels: tuple[Level, ...]
    tiers: tuple[Tier, ...]
    unrouted: str
    """The level of what no rule could place; it pages."""
    flags: tuple[str, ...] = ()
    """The flags that a rule or a person may set."""
    announce: tuple[str, ...] = ()
    """The targets that carry the incident's own message and its history."""
    resolve_after: int = 2 * MINUTE
    reopen_within: int = 10 * MINUTE
    fallback_after: int = 2 * MINUTE
    resolved_by_hand_grace: int = HOUR
    fallback_at_least: int = 15 * MINUTE
    """The shortest time between two pages once nobody is left to escalate to."""
    business_hours: BusinessHours = BusinessHours()
    """Of the cells with ``hours: business``."""
    next_tier_on: tuple[str, ...] = ()
    """Flags that each page the next tier not yet reached, once an occurrence."""
    storm: StormLimits = StormLimits()
    flapping: FlappingLimits = FlappingLimits()
    numbering: str = "#{n}"
    """What people call an incident: ``{n}`` is its number, ``{date}`` the day on which it began."""
    statuses: tuple[str, ...] = ()
    """What people may say of where an incident stands, in order."""
    roles: tuple[Role, ...] = ()
    checklists: tuple[Checklist, ...] = ()
    questions: tuple[Question, ...] = ()
    """Whether something is an incident, and how severe: its decision tree, asked in order."""
    declares_when_acknowledged: bool = False
    """Whether an acknowledgment declares the incident as well."""
    duties: Duties = Duties()
    texts: Texts = Texts()
    actions: tuple[PlaybookAction, ...] = ()
    """What is done besides paging when something happens, in its order."""
    reminders: tuple[Reminder, ...] = ()
    """What is to be done again and again, whatever happens."""

    @property
    def templates(self) -> frozenset[str]:
        """The templates that it names."""
        return frozenset(filter(None, (self.texts.post_mortem, *(action.words for action in self.actions))))

    @cached_property
    def _by_name(self) -> dict[str, Level]:
        return {level.name: level for level in self.levels}

    @cached_property
    def _rank_of(self) -> Callable[[str], int]:
        return {level.name: level.rank for level in self.levels}.__getitem__

    def level(self, name: str) -> Level:
        """The level of that name.

        Raises:
            UnknownLevel: This playbook has no such level.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownLevel(f"playbook {self.name} has no severity {name!r}") from None

    def has_level(self, name: str) -> bool:
        """Whether this playbook has a severity of that name."""
        return name in self._by_name

    def role(self, key: str) -> Role | None:
        """The role of that key; None: there is none."""
        return next((role for role in self.roles if role.key == key), None)

    def checklists_at(self, severity: str) -> tuple[Checklist, ...]:
        """Those to be gone through at a severity."""
        return tuple(checklist for checklist in self.checklists if checklist.is_for(severity))

    def tier(self, number: int) -> Tier:
        """The tier of that number.

        Raises:
            UnknownName: This playbook has no such tier.
        """
        for tier in self.tiers:
            if tier.number == number:
                return tier
        raise UnknownName(f"playbook {self.name} has no tier {number}")

    def highest(self, names: "frozenset[str] | set[str] | list[str]") -> str:
        """The highest of some severities, by rank."""
        return min(names, key=self._rank_of)

    @cached_property
    def sha(self) -> str:
        """A stable name for exactly this content."""
        return hashlib.sha256(self.to_json()).hexdigest()

    @property
    def targets(self) -> frozenset[str]:
        """Everybody and every place that it names."""
        lists = [self.announce, *(tier.targets for tier in self.tiers)]
        lists += [cell.targets for level in self.levels for cell in level.cells]
        return frozenset(target for targets in lists for target in targets)

    def to_json(self) -> bytes:
        """The plan as it is stored."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, raw: bytes | str) -> "Playbook":
        """The plan as it was stored."""
        return _decode(raw)


# Made once, here: made anew where it is used, in several threads at once, msgspec 0.22 reads a description of the type
# that another thread has not finished, and crashes.
_decode = msgspec.json.Decoder(Playbook).decode

"""Playbooks: an organization's response rules as data.

An incident keeps the playbook of its opening (its *plan*), so a playbook is
immutable, hashes to a stable name and round-trips through JSON.
All durations are microseconds.
"""

import hashlib
from collections.abc import Callable
from enum import StrEnum
from functools import cached_property

import msgspec

from tocsin.core.duration import DAY, HOUR, MINUTE
from tocsin.core.errors import UnknownLevel, UnknownName
from tocsin.core.playbook.actions import PlaybookAction
from tocsin.core.playbook.duties import PlaybookDuty
from tocsin.core.playbook.goals import PlaybookGoals
from tocsin.core.playbook.messages import Texts
from tocsin.core.playbook.reminder import Reminder, ScheduledDrill
from tocsin.core.playbook.roles import Checklist, Question, Role
from tocsin.core.schedule.hours import BusinessHours, Hours
from tocsin.core.suggestions import choices


class Kind(StrEnum):
    """Kind of message that a step sends."""

    PAGE = "page"
    """Requires an acknowledgment."""
    UPDATE = "update"
    """A notification that only informs."""


class Until(StrEnum):
    """The event that makes a step pointless."""

    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Moment(StrEnum):
    """An event that happens once to an incident and can trigger steps and actions."""

    OPENED = "opened"
    DECLARED = "declared"
    ACKNOWLEDGED = "acknowledged"
    UPDATED = "updated"
    RESOLVED = "resolved"


class Tier(msgspec.Struct, frozen=True):
    """A level of escalation. Tier 1 comes first."""

    number: int
    name: str
    targets: tuple[str, ...]


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One cell of the tier matrix: the notification of a tier at one severity.

    Exactly one of ``after``, ``on`` and ``flags`` defines the time: ``after`` counts
    from the opening of the occurrence; ``on`` fires the cell at that moment;
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
    """Flags, of which one must be set; if one is set later, the cell fires then. Empty: the cell always fires."""
    hours: Hours = Hours.ALWAYS
    targets: tuple[str, ...]
    """The tier's targets, unless the cell has its own."""

    @property
    def key(self) -> str:
        """The cell's name within an incident's round, the same at every severity: ``2.1``."""
        return f"{self.tier}.{self.nth}"


class Level(msgspec.Struct, frozen=True, dict=True):
    """A severity of one playbook. Rank 0 is the highest."""

    name: str
    rank: int
    respond_within: int
    resolve_within: int | None
    cells: tuple[Cell, ...]
    ack_timeout: int | None = None
    """An acknowledgment ends after this time without a response while alerts fire. None: never."""
    acknowledge_within: int | None = None
    """None: same as ``respond_within``, if the ladder pages at all."""
    update_every: int | None = None
    """Interval between updates for stakeholders, once an incident is acknowledged or declared."""
    post_mortem_within: int | None = None
    """Counted from the resolution."""
    is_timed: bool = True
    """False for recurring reminders, which have no promises."""
    repeats: bool = True
    """False for scheduled drills, whose pages are not sent again after the last step."""

    @cached_property
    def promises(self) -> tuple[tuple[str, int], ...]:
        """(promise, time allowed) for each promise of this level, counted from the opening."""
        if not self.is_timed:
            return ()
        acknowledge = self.acknowledge_within or (self.respond_within if self.pages else None)
        promised = (("respond", self.respond_within), ("acknowledge", acknowledge), ("resolve", self.resolve_within))
        return tuple((promise, within) for promise, within in promised if within is not None)

    @cached_property
    def soonest_promise(self) -> int | None:
        """The time allowed for the promise that is due first; None if there is none."""
        return min((within for _, within in self.promises), default=None)

    @cached_property
    def _by_key(self) -> dict[str, Cell]:
        return {cell.key: cell for cell in self.cells}

    @cached_property
    def pages(self) -> bool:
        """True if the ladder of this level pages anyone."""
        return any(cell.kind is Kind.PAGE and cell.after is not None for cell in self.cells)

    @cached_property
    def entries(self) -> dict[int, tuple[Cell, ...]]:
        """Tier -> the cells with which the ladder reaches it: the earliest timed ones, one or several at once."""
        by_tier: dict[int, tuple[Cell, ...]] = {}
        for cell in sorted((cell for cell in self.cells if cell.after is not None), key=lambda cell: cell.after or 0):
            if cell.tier not in by_tier or by_tier[cell.tier][0].after == cell.after:
                by_tier[cell.tier] = (*by_tier.get(cell.tier, ()), cell)
        return by_tier

    @cached_property
    def first(self) -> Cell | None:
        """The cell of tier 1 that fires when the incident opens; None if there is none."""
        return next((cell for cell in self.entries.get(1, ()) if not cell.when), None)

    @cached_property
    def is_business(self) -> bool:
        """True if the level pages only in business hours, like its first step."""
        return self.first is not None and self.first.hours is Hours.BUSINESS

    @cached_property
    def business(self) -> frozenset[str]:
        """The keys of the steps that wait for business hours.

        If the first step waits, all paging steps wait, except those that flags fire: an incident of that level must
        not wake anyone.
        """
        return frozenset(
            cell.key
            for cell in self.cells
            if cell.hours is Hours.BUSINESS or (self.is_business and cell.kind is Kind.PAGE and not cell.flags)
        )

    def cell(self, key: str) -> Cell | None:
        """Return the cell with this key; None if this level has none."""
        return self._by_key.get(key)


class StormLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits above which many incidents for one target are combined into one page."""

    more_than: int = 10
    within: int = 5 * MINUTE
    again_after: int = 10 * MINUTE
    """Minimum time between two pages about a storm's growth."""


class FlappingLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits above which digests replace an incident's pages. A flip: the incident fires again, or stops firing."""

    more_than: int = 4
    within: int = 30 * MINUTE
    digest_every: int = 30 * MINUTE


class FollowUp(msgspec.Struct, frozen=True, kw_only=True):
    """A task that a playbook requires after each incident: a duty of a person, counted from the resolution."""

    name: str
    text: str
    within: int
    """Counted from the resolution."""
    role: str = ""
    """The role whose holder owns the follow-up; "": the owner of the postmortem."""
    severities: tuple[str, ...] = ()
    """The severities, reached at any time, at which the follow-up is required; empty: all."""


class ItemKind(msgspec.Struct, frozen=True):
    """A kind of action item, and the time allowed for it."""

    name: str
    within: int


class Duties(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the reminders about updates, the postmortem, action items and duties."""

    updates_by: str = "communication-lead"
    """The role that is reminded of updates."""
    post_mortem_by: str = "incident-commander"
    """The role that owns the postmortem."""
    action_items: tuple[ItemKind, ...] = (ItemKind("immediate", 7 * DAY), ItemKind("long-term", 30 * DAY))
    follow_ups: tuple[FollowUp, ...] = ()
    required: tuple[PlaybookDuty, ...] = ()
    """The playbook's ``duties:``."""


SELF_PLAYBOOK = "tocsin"
"""The built-in playbook of incidents about tocsin itself."""
SELF_LEVEL = "self"
"""The severity of tocsin's own incidents that page its operators."""
SELF_NOTICE = "self-notice"
"""The severity of notices about tocsin itself, which page no one."""


class Playbook(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Severity levels (highest first), tiers, and the times that apply to an incident."""

    name: str
    title: str
    levels: tuple[Level, ...]
    tiers: tuple[Tier, ...]
    unrouted: str
    """The level of alerts that no rule could route; it pages."""
    flags: tuple[str, ...] = ()
    """The flags that a rule or a person may set."""
    announce: tuple[str, ...] = ()
    """The targets that show the incident's own message and its history."""
    resolve_after: int = 2 * MINUTE
    reopen_within: int = 10 * MINUTE
    fallback_after: int = 2 * MINUTE
    resolved_by_hand_grace: int = HOUR
    fallback_at_least: int = 15 * MINUTE
    """Minimum time between two pages once the ladder is exhausted."""
    business_hours: BusinessHours = BusinessHours()
    """The hours of cells with ``hours: business``."""
    next_tier_on: tuple[str, ...] = ()
    """Flags that each page the next tier not yet reached, once per occurrence."""
    next_tier_on_rise: bool = False
    """True if a rise in severity also pages the next tier not yet reached."""
    storm: StormLimits = StormLimits()
    flapping: FlappingLimits = FlappingLimits()
    numbering: str = "#{n}"
    """Name of an incident: ``{n}`` is its number, ``{date}`` the day on which it began."""
    statuses: tuple[str, ...] = ()
    """The statuses that people can set, in order."""
    roles: tuple[Role, ...] = ()
    checklists: tuple[Checklist, ...] = ()
    questions: tuple[Question, ...] = ()
    """The decision tree for a declaration and its severity, in the order of the questions."""
    declares_when_acknowledged: bool = False
    """True if an acknowledgment also declares the incident."""
    duties: Duties = Duties()
    texts: Texts = Texts()
    actions: tuple[PlaybookAction, ...] = ()
    """Actions other than paging, in order."""
    reminders: tuple[Reminder, ...] = ()
    """Recurring tasks, independent of incidents."""
    goals: PlaybookGoals | None = None
    """Limits that the measures of its incidents are compared with; None if it has none."""
    drills: tuple[ScheduledDrill, ...] = ()

    @cached_property
    def offers_declaration(self) -> bool:
        """True if a person's declaration changes what it does, or answers its questions."""
        if self.declares_when_acknowledged:
            return False
        steps = (cell.on for level in self.levels for cell in level.cells)
        moments = (moment for action in self.actions for moment in action.at)
        return bool(self.questions) or Moment.DECLARED in steps or Moment.DECLARED in moments

    @property
    def templates(self) -> frozenset[str]:
        """The names of the templates that the playbook uses."""
        return frozenset(filter(None, (self.texts.post_mortem, *(action.words for action in self.actions))))

    @cached_property
    def _by_name(self) -> dict[str, Level]:
        return {level.name: level for level in self.levels}

    @cached_property
    def _rank_of(self) -> Callable[[str], int]:
        return {level.name: level.rank for level in self.levels}.__getitem__

    def level(self, name: str) -> Level:
        """Return the level of that name.

        Raises:
            UnknownLevel: This playbook has no such level.
        """
        try:
            return self._by_name[name]
        except KeyError:
            message = f"playbook {self.name} has no severity {name!r}; {choices(name, self._by_name)}"
            raise UnknownLevel(message) from None

    def has_level(self, name: str) -> bool:
        """Return whether this playbook has a severity of that name."""
        return name in self._by_name

    def role(self, key: str) -> Role | None:
        """Return the role with that key; None if there is none."""
        return next((role for role in self.roles if role.key == key), None)

    def checklists_at(self, severity: str) -> tuple[Checklist, ...]:
        """Return the checklists for a severity."""
        return tuple(checklist for checklist in self.checklists if checklist.is_for(severity))

    def tier(self, number: int) -> Tier:
        """Return the tier of that number.

        Raises:
            UnknownName: This playbook has no such tier.
        """
        for tier in self.tiers:
            if tier.number == number:
                return tier
        raise UnknownName(f"playbook {self.name} has no tier {number}")

    def highest(self, names: "frozenset[str] | set[str] | list[str]") -> str:
        """Return the highest of these severities, by rank."""
        return min(names, key=self._rank_of)

    @cached_property
    def sha(self) -> str:
        """A stable name for exactly this content."""
        return hashlib.sha256(self.to_json()).hexdigest()

    @property
    def targets(self) -> frozenset[str]:
        """The targets that the playbook names."""
        lists = [self.announce, *(tier.targets for tier in self.tiers)]
        lists += [cell.targets for level in self.levels for cell in level.cells]
        return frozenset(target for targets in lists for target in targets)

    def to_json(self) -> bytes:
        """Return the plan in its stored form."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, raw: bytes | str) -> "Playbook":
        """Return a plan from its stored form."""
        return _decode(raw)

    def __reduce__(self) -> tuple[Callable[[bytes], "Playbook"], tuple[bytes]]:
        # msgspec omits a default by identity: fields copied one by one would give an equal playbook another `sha`.
        return Playbook.from_json, (self.to_json(),)


# Created once, here: when several threads create it at the same time, msgspec 0.22 reads a type description that
# another thread has not finished, and crashes.
_decode = msgspec.json.Decoder(Playbook).decode

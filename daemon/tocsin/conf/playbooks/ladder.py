"""The ladder: the severities with their tier matrix, the tiers, the flags."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field

from tocsin.conf.duration import DurationOrNever
from tocsin.conf.playbooks.matrix import Flags, Matrix, Tiers, cells_of, numbers_of
from tocsin.conf.playbooks.parts import Check, Part, SeverityPart
from tocsin.conf.playbooks.promises import PromisesSeverity
from tocsin.conf.playbooks.texts import TextsSeverity
from tocsin.conf.schema import Name, Text, YesNo
from tocsin.conf.settings import Span, Times
from tocsin.conf.source import Node
from tocsin.conf.target_times import SpanOrTarget
from tocsin.core.playbook.playbook import Kind, Level, Tier
from tocsin.core.suggestions import did_you_mean


class SeverityEntry(TextsSeverity, PromisesSeverity):
    """One of ``severities:``. Inherits from the parts that have keys here."""

    respond_within: Span
    resolve_within: SpanOrTarget | None = None
    ack_timeout: DurationOrNever = None
    matrix: Matrix


class LadderPart(Part):
    """The keys that define who is notified when."""

    title: Text
    unrouted: Name
    flags: tuple[Name, ...] = ()
    announce: tuple[Name, ...] = ()
    ack_timeout: DurationOrNever = None
    next_tier_on: tuple[Name, ...] = ()
    next_tier_on_rise: YesNo = False
    tiers: Tiers
    severities: Annotated[dict[Name, SeverityEntry], Field(min_length=1)]

    def of_playbook(self, times: Times) -> dict[str, Any]:
        """Return the levels, highest first, and the tiers."""
        silence = self.ack_timeout if "ack_timeout" in self.model_fields_set else times.ack_timeout
        return {
            "title": self.title,
            "levels": tuple(
                self._level(rank, name, entry, silence) for rank, (name, entry) in enumerate(self.severities.items())
            ),
            "tiers": tuple(Tier(number, tier.name, tier.targets) for number, tier in sorted(self.tiers.items())),
            "unrouted": self.unrouted,
            "flags": self.flags,
            "announce": self.announce,
            "next_tier_on": self.next_tier_on,
            "next_tier_on_rise": self.next_tier_on_rise,
        }

    def _level(self, rank: int, name: str, entry: SeverityEntry, silence: int | None) -> Level:
        own = "ack_timeout" in entry.model_fields_set
        more: dict[str, Any] = {"ack_timeout": entry.ack_timeout if own else silence}
        for part in _SEVERITY_PARTS:
            more |= part.of_level(entry)
        cells = cells_of(entry.matrix, self.tiers)
        return Level(name, rank, entry.respond_within, entry.resolve_within, cells, **more)

    def check(self, check: Check) -> None:
        """Check that every name exists, and that a higher tier is not notified before a lower one."""
        for name, entry in self.severities.items():
            matrix = check.node.at("severities", name, "matrix")
            self._tiers_and_flags(entry, matrix, check)
            _order(entry, matrix, check)
        for place, flag in enumerate(self.next_tier_on):
            self.report_unknown_flag(flag, check.node.at("next_tier_on", place), check)
        self._unrouted(check)

    @classmethod
    def targets_in(cls, node: Node) -> Iterable[Node]:
        """Return the targets of announcements, tiers, and steps that have their own."""
        yield node.at("announce")
        yield from (tier.at("targets") for _, tier in node.at("tiers").children())
        for _, severity in node.at("severities").children():
            yield from (cell.at("targets") for _, cell in severity.at("matrix").children())

    def _tiers_and_flags(self, entry: SeverityEntry, matrix: Node, check: Check) -> None:
        for index, cell in enumerate(entry.matrix):
            if cell.tier not in self.tiers:
                known = [str(number) for number in sorted(self.tiers)]
                check.problem(matrix.at(index, "tier"), f"there is no tier {cell.tier}", f"known: {', '.join(known)}")
            for key, flags in (("flagged", cell.flagged or ()), ("when", cell.when)):
                for place, flag in enumerate(flags):
                    self.report_unknown_flag(flag, matrix.at(index, key, place), check)

    def report_unknown_flag(self, flag: str, node: Node, check: Check) -> None:
        """Report a flag, anywhere in the file, that is not in ``flags:``."""
        if flag not in self.flags:
            hint = did_you_mean(flag, self.flags) or "declare it under flags:"
            check.problem(node, f"there is no flag {flag!r}", hint)

    def _unrouted(self, check: Check) -> None:
        name, node = self.unrouted, check.node.at("unrouted")
        entry = self.severities.get(name)
        if entry is None:
            check.problem(node, f"there is no severity {name!r}", did_you_mean(name, self.severities))
        elif not any(cell.kind is Kind.PAGE and cell.is_plain for cell in entry.matrix):
            hint = "what no rule could place must page: name a severity that does"
            check.problem(node, f"{name} pages no one", hint)


_SEVERITY_PARTS: tuple[type[SeverityPart], ...] = tuple(
    base for base in SeverityEntry.__bases__ if issubclass(base, SeverityPart)
)


def _order(entry: SeverityEntry, matrix: Node, check: Check) -> None:
    """Check that a tier's steps are in order, and that a higher tier is not reached before a lower one."""
    seen: set[tuple[int, int]] = set()
    last: dict[tuple[int, Flags], int] = {}
    for index, (cell, nth) in enumerate(zip(entry.matrix, numbers_of(entry.matrix), strict=True)):
        if (cell.tier, nth) in seen:
            check.problem(matrix.at(index), f"tier {cell.tier} has two steps number {nth}", "give each its own nth")
        seen.add((cell.tier, nth))
        if cell.after is None:
            continue
        if cell.after <= last.get((cell.tier, cell.when), -1):
            message = f"this step of tier {cell.tier} is not later than the one before it"
            check.problem(matrix.at(index, "after"), message, "write a tier's steps in the order of their times")
        last[cell.tier, cell.when] = cell.after
    _climbs(entry.matrix, matrix, check)


def _climbs(cells: Matrix, matrix: Node, check: Check) -> None:
    first: dict[int, tuple[int, int]] = {}
    for index, cell in enumerate(cells):
        if cell.after is not None:
            first.setdefault(cell.tier, (cell.after, index))
    if not any(cell.tier == 1 and cell.is_plain and cell.after == 0 for cell in cells):
        check.problem(matrix, "no step notifies tier 1 when the incident opens", "write {tier: 1, after: 0s}")
    latest = 0
    for tier in sorted(first):
        after, index = first[tier]
        if after < latest:
            message = f"tier {tier} is reached before a lower tier"
            check.problem(matrix.at(index, "after"), message, "give the lower tier the shorter time")
        latest = max(latest, after)

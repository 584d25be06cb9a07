"""The tiers, and the tier matrix of each severity."""

from collections import Counter
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from tocsin.conf.schema import Name, Section, Text, Whole, mistake
from tocsin.conf.target_times import TimeOrTarget
from tocsin.core.playbook.playbook import Cell, Kind, Moment, Until
from tocsin.core.schedule.hours import Hours

Targets = Annotated[tuple[Name, ...], Field(min_length=1)]
Flags = Annotated[tuple[Name, ...], Field(min_length=1)]
TierNumber = Annotated[int, Field(ge=1, le=99)]


class TierEntry(Section):
    """One of ``tiers:``."""

    name: Text
    targets: Targets


def _gapless(tiers: dict[int, TierEntry]) -> dict[int, TierEntry]:
    if sorted(tiers) != list(range(1, len(tiers) + 1)):
        raise mistake("tiers are numbered 1, 2, 3 ... without a gap")
    return tiers


Tiers = Annotated[dict[TierNumber, TierEntry], Field(min_length=1), AfterValidator(_gapless)]


class CellEntry(Section):
    """One line of a ``matrix:``."""

    tier: Annotated[Whole, Field(ge=1)]
    after: TimeOrTarget | None = None
    on: Literal[Moment.DECLARED, Moment.ACKNOWLEDGED] | None = None
    flagged: Flags | None = None
    when: Flags = ()
    until: Until | None = None
    hours: Literal[Hours.BUSINESS] | None = None
    kind: Kind = Kind.PAGE
    targets: Targets | None = None
    nth: Annotated[Whole, Field(ge=1, le=99)] | None = None

    @model_validator(mode="after")
    def _says_when(self) -> "CellEntry":
        if sum(entry is not None for entry in (self.after, self.on, self.flagged)) != 1:
            raise mistake("a step says when in one way", "write either after: 15m, on: declared or flagged: [a_flag]")
        if self.on is Moment.ACKNOWLEDGED and self.until is Until.ACKNOWLEDGED:
            raise mistake("an acknowledgment fires this step and makes it pointless", "write until: resolved")
        return self

    @property
    def waits_for(self) -> Until:
        """Return until when the cell is worth sending; a cell fired by a moment outlasts acknowledgment by default."""
        return self.until or (Until.ACKNOWLEDGED if self.on is None else Until.RESOLVED)

    @property
    def is_plain(self) -> bool:
        """Return whether its tier is notified at a planned time regardless of flags."""
        return self.after is not None and not self.when


Matrix = Annotated[tuple[CellEntry, ...], Field(min_length=1)]


def numbers_of(cells: Matrix) -> list[int]:
    """Return the number of each cell's step within its tier: explicit, or counted."""
    counted: Counter[int] = Counter()
    numbers: list[int] = []
    for cell in cells:
        counted[cell.tier] = cell.nth or counted[cell.tier] + 1
        numbers.append(counted[cell.tier])
    return numbers


def cells_of(matrix: Matrix, tiers: Tiers) -> tuple[Cell, ...]:
    """Return the cells as the core's type."""
    return tuple(
        Cell(
            tier=cell.tier,
            nth=nth,
            kind=cell.kind,
            until=cell.waits_for,
            after=cell.after,
            on=cell.on,
            flags=cell.flagged or (),
            when=cell.when,
            hours=cell.hours or Hours.ALWAYS,
            targets=cell.targets or tiers[cell.tier].targets,
        )
        for cell, nth in zip(matrix, numbers_of(matrix), strict=True)
    )

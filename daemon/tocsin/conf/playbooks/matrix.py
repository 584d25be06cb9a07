"""The tiers, and the tier matrix of each severity."""

from collections import Counter
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from tocsin.conf.duration import Duration
from tocsin.conf.schema import Name, Section, Text, Whole, mistake
from tocsin.core.playbook import Cell, Kind, Until

Targets = Annotated[tuple[Name, ...], Field(min_length=1)]
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
    after: Duration | None = None
    flagged: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    until: Until = Until.ACKNOWLEDGED
    kind: Kind = Kind.PAGE
    targets: Targets | None = None
    nth: Annotated[Whole, Field(ge=1, le=99)] | None = None

    @model_validator(mode="after")
    def _says_when(self) -> "CellEntry":
        if (self.after is None) == (self.flagged is None):
            raise mistake("a step says when in one way", "write either after: 15m or flagged: [a_flag]")
        return self


Matrix = Annotated[tuple[CellEntry, ...], Field(min_length=1)]


def numbers_of(cells: Matrix) -> list[int]:
    """Which step of its tier each cell is: as it says, or counted."""
    counted: Counter[int] = Counter()
    numbers: list[int] = []
    for cell in cells:
        counted[cell.tier] = cell.nth or counted[cell.tier] + 1
        numbers.append(counted[cell.tier])
    return numbers


def cells_of(matrix: Matrix, tiers: Tiers) -> tuple[Cell, ...]:
    """The cells of the core."""
    return tuple(
        Cell(
            tier=cell.tier,
            nth=nth,
            kind=cell.kind,
            until=cell.until,
            after=cell.after,
            flags=cell.flagged or (),
            targets=cell.targets or tiers[cell.tier].targets,
        )
        for cell, nth in zip(matrix, numbers_of(matrix), strict=True)
    )

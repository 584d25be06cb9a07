"""config/playbooks/<name>.yaml: an organisation's response rules."""

from collections import Counter
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from tocsin.conf.duration import Duration
from tocsin.conf.schema import Name, Section, Text, Whole, did_you_mean, mistake, validate
from tocsin.conf.settings import Span, Times
from tocsin.conf.source import Findings, Node
from tocsin.core.people import People
from tocsin.core.playbook import Cell, FlappingLimits, Kind, Level, Playbook, StormLimits, Tier, Until

Targets = Annotated[tuple[Name, ...], Field(min_length=1)]
TierNumber = Annotated[int, Field(ge=1, le=99)]


def _gapless(tiers: dict[int, "TierEntry"]) -> dict[int, "TierEntry"]:
    if sorted(tiers) != list(range(1, len(tiers) + 1)):
        raise mistake("tiers are numbered 1, 2, 3 ... without a gap")
    return tiers


class TierEntry(Section):
    """One of ``tiers:``."""

    name: Text
    targets: Targets


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


class SeverityEntry(Section):
    """One of ``severities:``."""

    respond_within: Span
    resolve_within: Span | None = None
    matrix: Annotated[tuple[CellEntry, ...], Field(min_length=1)]


class StormEntry(Section):
    """``storm:`` of a playbook; what it does not say is as ``defaults.storm`` of tocsin.yaml says."""

    more_than: Annotated[Whole, Field(ge=1, le=1_000_000)] | None = None
    within: Span | None = None
    again_after: Span | None = None


class FlappingEntry(Section):
    """``flapping:`` of a playbook, likewise."""

    more_than: Annotated[Whole, Field(ge=1, le=1_000_000)] | None = None
    within: Span | None = None
    digest_every: Span | None = None


class PlaybookFile(Section):
    """The file."""

    title: Text
    unrouted: Name
    flags: tuple[Name, ...] = ()
    announce: tuple[Name, ...] = ()
    tiers: Annotated[dict[TierNumber, TierEntry], Field(min_length=1), AfterValidator(_gapless)]
    severities: Annotated[dict[Name, SeverityEntry], Field(min_length=1)]
    resolve_after: Duration | None = None
    reopen_within: Duration | None = None
    fallback_after: Duration | None = None
    resolved_by_hand_grace: Span | None = None
    fallback_at_least: Span | None = None
    storm: StormEntry = StormEntry()
    flapping: FlappingEntry = FlappingEntry()


def playbook_of(name: str, node: Node, times: Times, findings: Findings) -> Playbook | None:
    """The playbook of a file, ``times`` where it does not say its own; None if something is wrong with it."""
    file = validate(node, PlaybookFile, findings)
    if file is None:
        return None
    check = _Check(file, node, findings)
    check.all()
    if check.failed:
        return None
    levels = tuple(_level(rank, level, entry, file) for rank, (level, entry) in enumerate(file.severities.items()))
    return Playbook(
        name=name,
        title=file.title,
        levels=levels,
        tiers=tuple(Tier(number, tier.name, tier.targets) for number, tier in sorted(file.tiers.items())),
        unrouted=file.unrouted,
        flags=file.flags,
        announce=file.announce,
        **_times(file, times),
    )


def skeleton_of(name: str, node: Node) -> Playbook:
    """The names in a playbook's file, whatever else is wrong with it: rules are not blamed for naming them."""
    names = [str(step) for step, _ in node.at("severities").children()]
    levels = tuple(Level(level, rank, 0, None, ()) for rank, level in enumerate(names))
    flags = tuple(str(flag.value) for _, flag in node.at("flags").children())
    return Playbook(name=name, title=name, levels=levels, tiers=(), unrouted=names[-1] if names else "", flags=flags)


def tell_unknown_targets(node: Node, people: People, findings: Findings) -> None:
    """Compare the targets of a playbook's file with those that exist. What else is wrong with it is told elsewhere."""
    known = people.targets
    lists = [node.at("announce"), *(tier.at("targets") for _, tier in node.at("tiers").children())]
    for _, severity in node.at("severities").children():
        lists += [cell.at("targets") for _, cell in severity.at("matrix").children()]
    for targets in lists:
        for _, target in targets.children() if isinstance(targets.value, list) else ():
            if isinstance(target.value, str) and target.value not in known:
                told = f"{target.value!r} is neither a person, a group nor a target of people.yaml"
                findings.problem(target.mark, told, did_you_mean(target.value, known))


def _times(file: PlaybookFile, times: Times) -> dict[str, Any]:
    plain = [key for key in Times.model_fields if key not in ("storm", "flapping")]
    return {
        **{key: getattr(times if getattr(file, key) is None else file, key) for key in plain},
        **limits_of(times, file),
    }


def limits_of(times: Times, file: PlaybookFile | None = None) -> dict[str, Any]:
    """From when on a playbook's incidents are a storm, or flap: as its file says, or else as the defaults do."""
    said = file.model_dump(include={"storm", "flapping"}, exclude_none=True) if file is not None else {}
    return {
        "storm": StormLimits(**{**times.storm.model_dump(), **said.get("storm", {})}),
        "flapping": FlappingLimits(**{**times.flapping.model_dump(), **said.get("flapping", {})}),
    }


def _numbers(cells: tuple[CellEntry, ...]) -> list[int]:
    """Which step of its tier each cell is: as it says, or counted."""
    counted: Counter[int] = Counter()
    numbers: list[int] = []
    for cell in cells:
        counted[cell.tier] = cell.nth or counted[cell.tier] + 1
        numbers.append(counted[cell.tier])
    return numbers


def _level(rank: int, name: str, entry: SeverityEntry, file: PlaybookFile) -> Level:
    cells = tuple(
        Cell(
            tier=cell.tier,
            nth=nth,
            kind=cell.kind,
            until=cell.until,
            after=cell.after,
            flags=cell.flagged or (),
            targets=cell.targets or file.tiers[cell.tier].targets,
        )
        for cell, nth in zip(entry.matrix, _numbers(entry.matrix), strict=True)
    )
    return Level(name, rank, entry.respond_within, entry.resolve_within, cells)


class _Check:
    """What one file must hold together."""

    def __init__(self, file: PlaybookFile, node: Node, findings: Findings) -> None:
        self._file = file
        self._node = node
        self._findings = findings
        self.failed = False

    def all(self) -> None:
        for name, entry in self._file.severities.items():
            matrix = self._node.at("severities", name, "matrix")
            self._tiers_and_flags(entry, matrix)
            self._order(entry, matrix)
        self._unrouted()

    def _problem(self, node: Node, message: str, hint: str = "") -> None:
        self.failed = True
        self._findings.problem(node.mark, message, hint)

    def _tiers_and_flags(self, entry: SeverityEntry, matrix: Node) -> None:
        for index, cell in enumerate(entry.matrix):
            if cell.tier not in self._file.tiers:
                known = [str(number) for number in sorted(self._file.tiers)]
                self._problem(matrix.at(index, "tier"), f"there is no tier {cell.tier}", f"known: {', '.join(known)}")
            for place, flag in enumerate(cell.flagged or ()):
                if flag not in self._file.flags:
                    hint = did_you_mean(flag, self._file.flags) or "declare it under flags:"
                    self._problem(matrix.at(index, "flagged", place), f"there is no flag {flag!r}", hint)

    def _order(self, entry: SeverityEntry, matrix: Node) -> None:
        """A tier's later steps come later, and a higher tier is not reached before a lower one."""
        numbers = _numbers(entry.matrix)
        seen: set[tuple[int, int]] = set()
        last: dict[int, int] = {}
        for index, (cell, nth) in enumerate(zip(entry.matrix, numbers, strict=True)):
            if (cell.tier, nth) in seen:
                self._problem(matrix.at(index), f"tier {cell.tier} has two steps number {nth}", "give each its own nth")
            seen.add((cell.tier, nth))
            if cell.after is None:
                continue
            if cell.after <= last.get(cell.tier, -1):
                told = f"this step of tier {cell.tier} is not later than the one before it"
                self._problem(matrix.at(index, "after"), told, "write a tier's steps in the order of their times")
            last[cell.tier] = cell.after
        self._ladder(entry, matrix)

    def _ladder(self, entry: SeverityEntry, matrix: Node) -> None:
        first: dict[int, tuple[int, int]] = {}
        for index, cell in enumerate(entry.matrix):
            if cell.after is not None:
                first.setdefault(cell.tier, (cell.after, index))
        if not first or 1 not in first or first[1][0] != 0:
            self._problem(matrix, "nobody of tier 1 is told when the incident opens", "write {tier: 1, after: 0s}")
        latest = 0
        for tier in sorted(first):
            after, index = first[tier]
            if after < latest:
                told = f"tier {tier} is reached before a lower tier"
                self._problem(matrix.at(index, "after"), told, "give the lower tier the shorter time")
            latest = max(latest, after)

    def _unrouted(self) -> None:
        name, node = self._file.unrouted, self._node.at("unrouted")
        entry = self._file.severities.get(name)
        if entry is None:
            self._problem(node, f"there is no severity {name!r}", did_you_mean(name, self._file.severities))
        elif not any(cell.kind is Kind.PAGE and cell.after is not None for cell in entry.matrix):
            hint = "what no rule could place must page: name a severity that does"
            self._problem(node, f"{name} pages nobody", hint)

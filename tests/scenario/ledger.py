"""The figures of a report, computed a second time: from timelines, pages and the script alone.

Nothing of `tocsin.core.measures` is used here but the names of the figures.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from scenario.quarter import LOSSES, OBJECTIVES, USERS, ZONES, Quarter, Seen, shipped

SECOND = 1_000_000


@dataclass
class Spell:
    """One occurrence."""

    seen: Seen
    nth: int
    severity: str
    opened: int
    acknowledged: int | None = None
    resolved: int | None = None
    ended: int | None = None
    missed: tuple[tuple[str, int], ...] = ()

    @property
    def began(self) -> int:
        """When the alert began, as it said."""
        return self.seen.trouble.fires[self.nth - 1] - self.seen.trouble.began_before


def spells(seen: Iterable[Seen]) -> list[Spell]:
    """The occurrences, read from the timelines."""
    found = []
    for one in seen:
        ends = iter(one.trouble.ends)
        spell: Spell | None = None
        for entry in one.entries:
            if entry.kind in ("triggered", "reopened"):
                spell = Spell(one, entry.data["occurrence"], entry.data["severity"], entry.at)
                found.append(spell)
            elif entry.kind == "acknowledged" and spell is None:
                # Taken while an automation had time to heal it: nobody was paged, so this is no time to acknowledge.
                spell = Spell(one, 1, entry.data["severity"], entry.at)
                found.append(spell)
            elif spell is None:
                continue
            elif entry.kind == "acknowledged" and spell.acknowledged is None:
                spell.acknowledged = entry.at
            elif entry.kind == "resolved":
                spell.resolved, spell.ended = entry.at, next(ends)
            elif entry.kind == "breached" and entry.data["promise"] != "update":
                spell.missed += ((entry.data["promise"], entry.data["due_at"]),)
    return found


def mean(values: Iterable[int]) -> tuple[float | None, int]:
    listed = list(values)
    return (sum(listed) / len(listed) / SECOND if listed else None, len(listed))


Key = tuple[str, int]
"""(incident, number of the action item), or (duty, occurrence)"""


def items_of(one: Seen, added: dict[Key, tuple[int, int]], done: dict[Key, tuple[int, int]]) -> None:
    """Add an incident's items: key -> (time, due) where it was added, (time, late) where it was done."""
    for entry in one.entries:
        key = (one.trouble.number, entry.data.get("number", 0))
        match entry.kind:
            case "item_added":
                added[key] = (entry.at, entry.data["due_at"])
            case "item_done":
                done[key] = (entry.at, entry.data["late"])


@dataclass
class Owed:
    """One duty of one occurrence."""

    playbook: str
    name: str
    asked: int
    due: int
    ended: int | None = None
    late: int = 0
    waived: bool = False


def duties_of(one: Seen) -> list[Owed]:
    """The duties that an incident's timeline tells of, without those that were withdrawn."""
    found: dict[Key, Owed] = {}
    for entry in one.entries:
        if entry.kind not in ("post_mortem_asked", "post_mortem_done", "post_mortem_waived") and (
            not entry.kind.startswith("duty_")
        ):
            continue
        key = (entry.data["duty"], entry.data["occurrence"])
        match entry.kind:
            case "post_mortem_asked" | "duty_owed":
                found[key] = Owed(one.trouble.playbook, entry.data["duty"], entry.at, entry.data["due_at"])
            case "duty_withdrawn":
                del found[key]
            case "duty_done" | "post_mortem_done" | "duty_waived" | "post_mortem_waived":
                owed = found[key]
                owed.ended, owed.late, owed.waived = entry.at, entry.data["late"], entry.kind.endswith("_waived")
    return list(found.values())


class Ledger:
    """The figures of one period, for one playbook or all."""

    def __init__(self, quarter: Quarter, starts: int, ends: int, now: int, playbook: str | None = None) -> None:
        self.within = range(starts, ends)
        self.ends, self.now = min(ends, now + 1), now
        self.seen = [one for one in quarter.seen if playbook in (None, one.trouble.playbook)]
        self.spells = spells(self.seen)
        self.first = min(spell.opened for spell in spells(quarter.seen))
        playbooks = {one.trouble.number: one.trouble.playbook for one in quarter.seen}
        services = {one.trouble.number: one.trouble.service for one in quarter.seen}
        self.pages = [page for page in quarter.pages if page[0] in self.within]
        self.pages = [page for page in self.pages if playbook in (None, playbooks[page[2]])]
        self.services = Counter(services[page[2]] for page in self.pages)

    @property
    def began(self) -> list[Spell]:
        return [spell for spell in self.spells if spell.opened in self.within]

    @property
    def ended(self) -> list[Spell]:
        return [spell for spell in self.spells if spell.resolved is not None and spell.resolved in self.within]

    @staticmethod
    def acknowledge(some: Iterable[Spell], within: range) -> tuple[float | None, int]:
        acked = ((spell.acknowledged, spell.opened) for spell in some if spell.acknowledged is not None)
        return mean(at - opened for at, opened in acked if at in within)

    def times(self, some: list[Spell]) -> dict[str, tuple[float | None, int]]:
        over = [spell for spell in some if spell.resolved is not None and spell.resolved in self.within]
        return {
            "acknowledge": self.acknowledge(some, self.within),
            "resolve": mean((spell.ended or 0) - spell.opened for spell in over),
            "detect": mean(spell.opened - spell.began for spell in some if spell.opened in self.within),
        }

    def between(self, some: list[Spell]) -> tuple[float | None, int]:
        count = sum(spell.nth == 1 and spell.opened in self.within for spell in some)
        length = min(self.within.stop, self.now) - max(self.within.start, self.first)
        return (length / count / SECOND if count else None, count)

    def counts(self) -> dict[str, int]:
        return {
            "incidents": sum(spell.nth == 1 for spell in self.began),
            "occurrences": len(self.began),
            "resolved": len(self.ended),
            "unacknowledged": sum(spell.acknowledged is None for spell in self.ended),
            "open": sum(
                spell.opened < self.ends and (spell.resolved is None or spell.resolved >= self.ends)
                for spell in self.spells
            ),
        }

    def targets(self) -> dict[tuple[str, str, str], tuple[int, int]]:
        """(playbook, severity, target) -> (met, missed), where there are any."""
        met: Counter[tuple[str, str, str]] = Counter()
        missed: Counter[tuple[str, str, str]] = Counter()
        for spell in self.spells:
            plan = shipped().playbooks[spell.seen.trouble.playbook]
            broken = dict(spell.missed)
            for target, _ in plan.level(spell.severity).promises:
                key = (plan.name, spell.severity, target)
                missed[key] += broken.get(target, -1) in self.within
                kept = spell.resolved if target == "resolve" else spell.acknowledged
                if target != "resolve" and kept is None and spell.seen.trouble.by_person:
                    kept = spell.resolved
                met[key] += target not in broken and kept is not None and kept in self.within
        return {key: (met[key], missed[key]) for key in met if met[key] or missed[key]}

    def users(self) -> tuple[int | None, int, int]:
        told = [one.trouble for one in self.seen if any(e.kind == "fact" for e in one.entries)]
        first = {spell.seen.trouble.number for spell in self.began if spell.nth == 1}
        numbers = [USERS[one.users] for one in told if one.users is not None and one.number in first]
        known = [number for number in numbers if number is not None]
        return (sum(known) if known else None, len(known), len(first) - len(known))

    def items(self) -> dict[str, int]:
        added: dict[Key, tuple[int, int]] = {}
        done: dict[Key, tuple[int, int]] = {}
        for one in self.seen:
            items_of(one, added, done)
        return self._items(added, done)

    def _items(self, added: dict[Any, tuple[int, int]], done: dict[Any, tuple[int, int]]) -> dict[str, int]:
        finished = [late for at, late in done.values() if at in self.within]
        left = [
            due for key, (at, due) in added.items() if at < self.ends and (key not in done or done[key][0] >= self.ends)
        ]
        return {
            "added": sum(at in self.within for at, _ in added.values() if at < self.ends),
            "done": len(finished),
            "done_late": sum(late > 0 for late in finished),
            "open": len(left),
            "overdue": sum(due < self.ends for due in left),
        }

    def post_mortems(self) -> dict[str, int]:
        return self._outcomes([duty for one in self.seen for duty in duties_of(one) if duty.name == "postmortem"])

    def duties(self) -> dict[tuple[str, str], dict[str, int]]:
        """(playbook, duty) -> figures, where anything was due or open."""
        groups: defaultdict[tuple[str, str], list[Owed]] = defaultdict(list)
        for one in self.seen:
            for duty in duties_of(one):
                if duty.name != "postmortem":
                    groups[duty.playbook, duty.name].append(duty)
        figures = {}
        for key, duties in groups.items():
            left = [d for d in duties if d.asked < self.ends and (d.ended is None or d.ended >= self.ends)]
            overdue = sum(duty.due < self.ends for duty in left)
            counted = self._outcomes(duties) | {"open": len(left), "overdue": overdue}
            if counted["due"] or left:
                figures[key] = counted
        return figures

    def _outcomes(self, duties: list[Owed]) -> dict[str, int]:
        found = dict.fromkeys(("due", "in_time", "late", "waived", "pending"), 0)
        for duty in duties:
            if duty.due not in self.within:
                continue
            found["due"] += 1
            if duty.waived:
                found["waived"] += 1
            elif duty.ended is None and duty.due >= self.now:
                found["pending"] += 1
            else:
                found["late" if duty.ended is None or duty.late else "in_time"] += 1
        return found

    def people(self) -> dict[str, tuple[int, int, int, int]]:
        """person -> (pages, incidents, at night, nights)."""
        own: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        for at, person, number in self.pages:
            own[person].append((at, number))
        figures = {}
        for person, pages in own.items():
            nights = []
            for at, _ in pages:
                there = datetime.fromtimestamp(at / SECOND, UTC).astimezone(ZoneInfo(ZONES.get(person, "UTC")))
                if there.hour >= 22 or there.hour < 7:
                    nights.append((there - timedelta(hours=12)).date())
            figures[person] = (len(pages), len({n for _, n in pages}), len(nights), len(set(nights)))
        return figures

    def recovery(self) -> dict[tuple[str, str], tuple[int, int, int]]:
        """(service, objective) -> (met, missed, unknown)."""
        found: dict[tuple[str, str], tuple[int, int, int]] = {}
        for service, objective in OBJECTIVES.items():
            over = [spell for spell in self.ended if spell.seen.trouble.service == service]
            if objective.rto is not None:
                met = sum((spell.ended or 0) - spell.began <= objective.rto for spell in over)
                found[service, "rto"] = (met, len(over) - met, 0)
            if objective.rpo is not None:
                once = {spell.seen.trouble.number: spell.seen.trouble for spell in over}.values()
                known = [LOSSES[one.loss] for one in once if one.loss is not None]
                losses = [loss for loss in known if loss is not None]
                met = sum(loss <= objective.rpo for loss in losses)
                found[service, "rpo"] = (met, len(losses) - met, len(once) - len(losses))
        return found

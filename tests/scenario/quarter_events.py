"""Occurrences, action items and duties of the quarter, read from the timelines."""

from collections.abc import Iterable
from dataclasses import dataclass

from scenario.quarter import Seen


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

    def is_left(self, at: int) -> bool:
        """Return whether it existed and was not done at a time."""
        return self.asked < at and (self.ended is None or self.ended >= at)


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

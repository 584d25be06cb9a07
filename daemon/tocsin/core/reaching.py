"""Persons who have been paged, and the contact methods that are still to come until they respond.

The core knows a person by name and a method by its place in that person's
list; which channel that is, is looked up when its time comes.
"""

from collections.abc import Iterable

import msgspec

from tocsin.core.playbook import Until


class Later(msgspec.Struct, frozen=True, array_like=True):
    """A contact method that has not been used, and when it is due."""

    nth: int
    """Its place among the person's methods; the first is 1."""
    due_at: int


class Called(msgspec.Struct, frozen=True, array_like=True):
    """One page of a person."""

    person: str
    step: str
    tier: int
    round: int
    until: Until
    because: str
    later: tuple[Later, ...]
    """Not empty; the earliest first."""


class Reaching(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the people of an incident have been reached."""

    called: tuple[Called, ...] = ()
    shifts: dict[str, int] = {}
    """Of each rotation: the beginning of the last shift whose people were told that they have the incident now."""

    @property
    def due_at(self) -> int | None:
        """When the next method is due."""
        return min((called.later[0].due_at for called in self.called), default=None)


def begun(reaching: Reaching | None, pages: Iterable[Called]) -> Reaching:
    """With new pages. Whoever is being reached already is not reached later than before."""
    found = {(called.person, called.until): called for called in (reaching.called if reaching else ())}
    for page in pages:
        key = (page.person, page.until)
        before = {later.nth: later.due_at for later in found[key].later} if key in found else {}
        later = [Later(one.nth, min(one.due_at, before.get(one.nth, one.due_at))) for one in page.later]
        found[key] = msgspec.structs.replace(page, later=tuple(sorted(later, key=lambda one: one.due_at)))
    return msgspec.structs.replace(reaching or Reaching(), called=tuple(found.values()))


def without(reaching: Reaching | None, *, person: str | None = None, until: Until | None = None) -> Reaching | None:
    """After somebody has responded, or after what pages waited for: resolved ends them all."""
    if reaching is None or until is Until.RESOLVED:
        return None
    kept = tuple(called for called in reaching.called if called.person != person and called.until is not until)
    if len(kept) == len(reaching.called):
        return reaching
    return msgspec.structs.replace(reaching, called=kept) if kept or reaching.shifts else None


def advanced(called: Called, now: int, *, at_once: bool = False) -> tuple[Later | None, Called | None]:
    """(the method that is due, what is left). A late one keeps the rest at their distance; ``at_once``: due or not."""
    first, *rest = called.later
    if first.due_at > now and not at_once:
        return None, called
    late = max(0, now - first.due_at)
    later = tuple(Later(one.nth, one.due_at + late) for one in rest)
    return first, msgspec.structs.replace(called, later=later) if later else None

"""Paged persons, and the contact methods that are still to be used until these persons respond.

The core identifies a person by name and a method by its place in that person's
list; the channel is looked up when the method is due.
"""

from collections.abc import Iterable

import msgspec

from tocsin.core.playbook.playbook import Until
from tocsin.core.typed_replace import replace


class Later(msgspec.Struct, frozen=True, array_like=True):
    """A contact method that has not been used yet, with its due time."""

    nth: int
    """Number of the method among the person's methods; the first is 1."""
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
    """The methods to come, earliest first; never empty."""


class ContactAttempts(msgspec.Struct, frozen=True, omit_defaults=True):
    """The contact attempts for an incident."""

    called: tuple[Called, ...] = ()
    shifts: dict[str, int] = {}
    """For each rotation: the start of the last shift whose people were notified of the incident."""
    listed: dict[str, str] = {}
    """For each person of a new shift whom another incident's message informed of this one: the id of that incident."""

    @property
    def due_at(self) -> int | None:
        """Return the time of the next method; None if there is none."""
        return min((called.later[0].due_at for called in self.called), default=None)


def begun(attempts: ContactAttempts | None, pages: Iterable[Called]) -> ContactAttempts:
    """Return the attempts with new pages; a method already planned is not used later than before."""
    called_by_key = {(called.person, called.until): called for called in (attempts.called if attempts else ())}
    for page in pages:
        key = (page.person, page.until)
        before = {later.nth: later.due_at for later in called_by_key[key].later} if key in called_by_key else {}
        later = [Later(method.nth, min(method.due_at, before.get(method.nth, method.due_at))) for method in page.later]
        called_by_key[key] = replace(page, later=tuple(sorted(later, key=lambda method: method.due_at)))
    return replace(attempts or ContactAttempts(), called=tuple(called_by_key.values()))


def without(
    attempts: ContactAttempts | None, *, person: str | None = None, until: Until | None = None
) -> ContactAttempts | None:
    """Return the attempts without those of a person who has responded, or those until a condition.

    ``until`` resolved ends them all. None if nothing is left.
    """
    if attempts is None or until is Until.RESOLVED:
        return None
    kept = tuple(called for called in attempts.called if called.person != person and called.until is not until)
    if len(kept) == len(attempts.called):
        return attempts
    return replace(attempts, called=kept) if kept or attempts.shifts else None


def advanced(called: Called, now: int, *, at_once: bool = False) -> tuple[Later | None, Called | None]:
    """Return (the due method, the rest); either may be None.

    If the method is late, the rest is postponed by the same time. With ``at_once`` the next method need not be due.
    """
    first, *rest = called.later
    if first.due_at > now and not at_once:
        return None, called
    late = max(0, now - first.due_at)
    later = tuple(Later(method.nth, method.due_at + late) for method in rest)
    return first, replace(called, later=later) if later else None

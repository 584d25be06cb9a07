"""The working copy of a transition: the incident, and the effects of the change."""

from collections.abc import Callable
from operator import methodcaller
from typing import TYPE_CHECKING

from msgspec.structs import force_setattr

from tocsin.core.incident.contact_attempts import without
from tocsin.core.incident.effect import Announce, Effect, Measured, Notify, Record, Supersede
from tocsin.core.incident.event import TOCSIN, Actor
from tocsin.core.incident.incident import Incident, Wait
from tocsin.core.incident.ladder_state import NOTHING, LadderState
from tocsin.core.incident.throttle import PAGED, is_told_by_its_storm
from tocsin.core.incident.timeline.entry_data import EntryData
from tocsin.core.playbook.playbook import Level, Until
from tocsin.core.typed_replace import replace

_ANNOUNCE = Announce()

copied: Callable[[Incident], Incident] = methodcaller("__copy__")
"""A function that copies an incident, twice as fast as `copy.copy`, which looks the method up each time."""

MustWait = Callable[[Incident, Incident], tuple[Wait, ...]]
"""(the incident before, the incident as it would be) -> the waits that must begin before anyone is notified."""


def nothing(was: Incident, about_to_be: Incident) -> tuple[Wait, ...]:  # noqa: ARG001 - see MustWait
    """Wait for nothing."""
    return ()


if TYPE_CHECKING:
    from dataclasses import replace as assign
else:

    def assign(struct, /, **fields):
        """Change fields of a frozen struct in place: only of a working copy. See `core.typed_replace` for the types."""
        for name, value in fields.items():
            force_setattr(struct, name, value)
        return struct


class Change:
    """One incident during a change. The original is never modified; an exception discards the copy."""

    def __init__(self, incident: Incident, now: int, must_wait: MustWait = nothing, behind: int = 0) -> None:
        self.incident = copied(incident)
        self.now = now
        self.behind = behind
        """Delay in microseconds of what this change carries out: of the event, or of the time at which it was due."""
        self.must_wait = must_wait
        self.effects: list[Effect] = []
        self.quiet = False
        """True if the incident's own message need not be updated."""
        self.is_notifying = False
        """True once a notification is requested."""
        self.was = incident

    @property
    def level(self) -> Level:
        """Return the level of the current severity."""
        return self.incident.plan.level(self.incident.severity)

    @property
    def is_first_reached(self) -> bool:
        """Return whether this change notifies the first tier of an occurrence."""
        was = self.was
        return bool(self.incident.reached) and (not was.reached or was.occurrence != self.incident.occurrence)

    @property
    def new_flags(self) -> tuple[str, ...]:
        """Return the flags that this change has set."""
        old_flags = self.was.flags
        return tuple(flag for flag in self.incident.flags if flag not in old_flags)

    @property
    def ladder_state(self) -> LadderState:
        """State of the ladder other than its steps."""
        return self.incident.ladder_state or NOTHING

    def set_ladder_state(self, state: LadderState) -> None:
        """Replace `ladder_state`."""
        assign(self.incident, ladder_state=state if state != NOTHING else None)

    def count_from(self, at: int) -> None:
        """Restart the ladder's clock: every step counts from ``at``."""
        assign(self.incident, clock_at=at)
        self.set_ladder_state(replace(self.ladder_state, deferred_by=0))

    def record(self, entry: EntryData, by: Actor = TOCSIN) -> None:
        """Request a timeline entry."""
        self.effects.append(Record(entry=entry, actor=by.name, via=by.via))

    def notify(self, notify: Notify) -> None:
        """Request a notification, if it has targets."""
        if notify.targets:
            self.effects.append(notify)
            self.is_notifying = True

    def supersede(self, by: Until) -> None:
        """Withdraw the rows that an acknowledgment or a resolve (``by``) makes pointless."""
        self.effects.append(Supersede(by=by))
        assign(self.incident, contact_attempts=without(self.incident.contact_attempts, until=by))

    def measured(self, measure: str, value: int | None) -> None:
        """Report a figure, unless it is None."""
        if value is not None:
            self.effects.append(Measured(measure=measure, value=value))

    def result(self) -> tuple[Incident, tuple[Effect, ...]]:
        """Return the changed incident and the effects; the original incident if nothing has changed."""
        if not self.effects and self.incident == self.was:
            return self.was, ()
        records = [effect for effect in self.effects if type(effect) is Record]
        assign(self.incident, version=self.was.version + 1, events=self.was.events + len(records))
        # The incident's own message goes first: in channels with threads, a page is a reply to it.
        is_silent = self.quiet or is_told_by_its_storm(self.incident)
        return self.incident, tuple(self.effects) if is_silent else (_ANNOUNCE, *self.effects)


__all__ = ["PAGED", "Change", "assign"]

"""The working copy that a transition writes on: an incident in the making, and what the change asks for."""

import copy
from typing import Any

import msgspec
from msgspec.structs import force_setattr

from tocsin.core.effect import Announce, Effect, Measured, Notify, Record, Supersede
from tocsin.core.event import TOCSIN, Actor
from tocsin.core.incident import Incident
from tocsin.core.playbook import Level, Until
from tocsin.core.reaching import without
from tocsin.core.standing import NOTHING, Standing
from tocsin.core.throttle import PAGED, is_told_by_its_storm

_ANNOUNCE = Announce()


class Change:
    """One incident, changing. The incident given is never touched; an exception discards everything."""

    def __init__(self, incident: Incident, now: int) -> None:
        self.incident = copy.copy(incident)
        self.now = now
        self.effects: list[Effect] = []
        self.quiet = False
        """The incident's own message says nothing of this change."""
        self._was = incident

    @property
    def level(self) -> Level:
        """The level of the current severity."""
        return self.incident.plan.level(self.incident.severity)

    @property
    def is_first_reached(self) -> bool:
        """Whether this change notifies the first tier of an occurrence."""
        was = self._was
        return bool(self.incident.reached) and (not was.reached or was.occurrence != self.incident.occurrence)

    @property
    def new_flags(self) -> tuple[str, ...]:
        """Flags that this change has set."""
        was = self._was.flags
        return tuple(flag for flag in self.incident.flags if flag not in was)

    def set(self, **fields: Any) -> None:
        """Change fields of the working copy."""
        incident = self.incident
        for name, value in fields.items():
            force_setattr(incident, name, value)

    @property
    def standing(self) -> Standing:
        """What its ladder knows beyond its steps."""
        return self.incident.standing or NOTHING

    def stand(self, **fields: Any) -> None:
        """Change some of that."""
        standing = msgspec.structs.replace(self.standing, **fields)
        self.set(standing=standing if standing != NOTHING else None)

    def count_from(self, at: int) -> None:
        """Restart the ladder's clock: every step counts from ``at``."""
        self.set(clock_at=at)
        self.stand(deferred_by=0)

    def record(self, kind: str, by: Actor = TOCSIN, /, **data: Any) -> None:
        """Ask for a timeline entry."""
        self.effects.append(Record(kind=kind, actor=by.name, via=by.via, data=data))

    def notify(self, notify: Notify) -> None:
        """Ask for a notification, where there is anybody to notify."""
        if notify.targets:
            self.effects.append(notify)

    def supersede(self, by: Until) -> None:
        """Withdraw what waited for this."""
        self.effects.append(Supersede(by=by))
        self.set(reaching=without(self.incident.reaching, until=by))

    def measured(self, measure: str, value: int | None) -> None:
        """Report a figure, where there is one."""
        if value is not None:
            self.effects.append(Measured(measure=measure, value=value))

    def result(self) -> tuple[Incident, tuple[Effect, ...]]:
        """The incident as it now stands, and the effects; the very incident given where nothing has changed."""
        if not self.effects and self.incident == self._was:
            return self._was, ()
        records = [effect for effect in self.effects if type(effect) is Record]
        self.set(version=self._was.version + 1, events=self._was.events + len(records))
        # The incident's own message goes first: a page is a reply to it where the channel has threads.
        is_silent = self.quiet or is_told_by_its_storm(self.incident)
        return self.incident, tuple(self.effects) if is_silent else (_ANNOUNCE, *self.effects)


__all__ = ["PAGED", "Change"]

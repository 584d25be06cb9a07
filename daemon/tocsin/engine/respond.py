"""What people decide, from whichever side it comes: page, PagerDuty, Slack, API, command line."""

from collections.abc import Callable
from dataclasses import dataclass

from tocsin.core.errors import UnknownLevel, UnknownName
from tocsin.core.event import (
    Acknowledge,
    Actor,
    Escalate,
    Event,
    Replan,
    Resolve,
    SetFacts,
    SetFlags,
    SetSeverity,
    Snooze,
    Unsnooze,
)
from tocsin.core.incident import Incident
from tocsin.core.playbook import Playbook
from tocsin.engine.apply import Work
from tocsin.engine.commit import Committer
from tocsin.engine.merging import link, merge, split
from tocsin.engine.policy import Policy

Delivery = tuple[str, str]
"""(origin, key) of an inbound delivery; the second sight of one changes nothing."""

_SEEN = "this has been received before"


@dataclass(frozen=True)
class Answer:
    """What became of a response."""

    incident: Incident
    changed: bool
    """False where it only left its trace in the timeline; ``note`` then says why."""
    note: str = ""


class Respond:
    """Carries responses out. ``ref`` is an incident's id, or its number as text.

    Every method raises `UnknownName` for an incident, severity or flag that
    does not exist, `IllegalTransition` where the incident's state does not
    allow it, and `StoreUnavailable`.
    """

    def __init__(self, committer: Committer) -> None:
        self._committer = committer

    async def acknowledge(
        self, ref: str, by: Actor, *, occurrence: int | None = None, delivery: Delivery | None = None
    ) -> Answer:
        """Take the incident. ``occurrence`` is the one that the person saw."""
        return await self._respond(ref, Acknowledge(by=by, occurrence=occurrence), delivery)

    async def resolve(
        self, ref: str, by: Actor, *, occurrence: int | None = None, delivery: Delivery | None = None
    ) -> Answer:
        """Close it."""
        return await self._respond(ref, Resolve(by=by, occurrence=occurrence), delivery)

    async def snooze(
        self,
        ref: str,
        by: Actor,
        *,
        until: int | None = None,
        length: int | None = None,
        delivery: Delivery | None = None,
    ) -> Answer:
        """Take it, and leave it alone until a moment, or for so many microseconds."""

        def event(now: int) -> Event:
            return Snooze(by=by, until=until if until is not None else now + (length or 0))

        return await self._respond(ref, event, delivery)

    async def unsnooze(self, ref: str, by: Actor, *, delivery: Delivery | None = None) -> Answer:
        """Go on with it before the snooze is over."""
        return await self._respond(ref, Unsnooze(by=by), delivery)

    async def replan(self, ref: str, by: Actor, *, delivery: Delivery | None = None) -> Answer:
        """Give it the playbook as it is now, in place of the one that it began with."""

        def work(changes: Work) -> Answer:
            incident = _known(changes, ref)
            if delivery is not None and not changes.tx.first_sight(*delivery):
                return Answer(incident, changed=False, note=_SEEN)
            plan = _plan_of(incident, changes.policy)
            if plan == incident.plan:
                return Answer(incident, changed=False, note="it has the playbook as it is now")
            after = changes.change(incident, Replan(by=by, plan=plan))
            return Answer(after, changed=after is not incident)

        return await self._committer.commit("respond", work)

    async def escalate(self, ref: str, by: Actor, *, delivery: Delivery | None = None) -> Answer:
        """Page the next tier now."""
        return await self._respond(ref, Escalate(by=by), delivery)

    async def set_severity(self, ref: str, by: Actor, severity: str | None, reason: str) -> Answer:
        """Pin the severity; None unpins it."""
        return await self._respond(ref, SetSeverity(by=by, severity=severity, reason=reason), None)

    async def set_flags(self, ref: str, by: Actor, add: tuple[str, ...], remove: tuple[str, ...]) -> Answer:
        """Set and clear flags."""
        return await self._respond(ref, SetFlags(by=by, add=add, remove=remove), None)

    async def say(self, ref: str, event: Event, *, delivery: Delivery | None = None) -> Answer:
        """Let happen what a person says or has done: an event that needs nothing of the clock but its time."""
        return await self._respond(ref, event, delivery)

    async def merge(self, ref: str, into: str, by: Actor) -> Answer:
        """Let the incident, with its alerts, go on in another one."""
        return await self._change(ref, lambda work, child: merge(work, child, _known(work, into), by))

    async def split(self, ref: str, by: Actor) -> Answer:
        """Let it go on by itself again."""
        return await self._change(ref, lambda work, child: split(work, child, by))

    async def link(self, ref: str, other: str, by: Actor) -> Answer:
        """Say that it has to do with another one."""
        return await self._change(ref, lambda work, one: link(work, one, _known(work, other), by))

    async def _change(self, ref: str, do: Callable[[Work, Incident], Incident]) -> Answer:
        return await self._committer.commit("respond", lambda work: Answer(do(work, _known(work, ref)), changed=True))

    async def set_facts(self, ref: str, by: Actor, facts: dict[str, str]) -> Answer:
        """Keep what has been found out; an empty text takes a fact back."""
        return await self._respond(ref, SetFacts(by=by, facts=facts), None)

    async def _respond(self, ref: str, said: Event | Callable[[int], Event], delivery: Delivery | None) -> Answer:
        def work(changes: Work) -> Answer:
            incident = _known(changes, ref)
            if delivery is not None and not changes.tx.first_sight(*delivery):
                return Answer(incident, changed=False, note=_SEEN)
            event = said if isinstance(said, Event) else said(changes.now)
            if isinstance(event, SetFlags):
                _check_flags(incident, (*event.add, *event.remove))
            after = changes.change(incident, event)
            note = _note(incident, after, event)
            return Answer(after, changed=after is not incident and not note, note=note)

        return await self._committer.commit("respond", work)


def _known(changes: Work, ref: str) -> Incident:
    incident = changes.incident(ref)
    if incident is None:
        raise UnknownName(f"there is no incident {ref!r}")
    return incident


def _plan_of(incident: Incident, policy: Policy) -> Playbook:
    """Its playbook, as the configuration has it now."""
    name = incident.plan.name
    plan = policy.self_playbook if name == policy.self_playbook.name else policy.playbooks.get(name)
    if plan is None:
        raise UnknownLevel(f"there is no playbook {name!r} any more: the incident keeps its plan")
    return plan


def _check_flags(incident: Incident, flags: tuple[str, ...]) -> None:
    unknown = [flag for flag in flags if flag not in incident.plan.flags]
    if unknown:
        known = ", ".join(incident.plan.flags) or "none"
        raise UnknownLevel(f"playbook {incident.plan.name} has no flag {unknown[0]!r}; it has: {known}")


def _note(before: Incident, after: Incident, event: Event) -> str:
    if isinstance(event, Acknowledge | Resolve):
        if event.occurrence is not None and event.occurrence != before.occurrence:
            return f"that was occurrence {event.occurrence}; {before.occurrence} is going on: nothing was changed"
        if not before.is_open:
            return "it had been resolved before"
        if isinstance(event, Acknowledge) and before.state == after.state:
            return f"{before.acknowledged_by} had acknowledged it before"
    return ""

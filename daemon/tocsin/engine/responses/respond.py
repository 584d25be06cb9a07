"""Responses of people to incidents, from PagerDuty, Slack, a call, the API or the command line."""

from collections.abc import Callable
from dataclasses import dataclass

from tocsin.core.errors import IllegalTransition, UnknownChoice, UnknownName
from tocsin.core.incident.event import (
    Acknowledge,
    Actor,
    Escalate,
    Event,
    Replan,
    Resolve,
    Snooze,
    TakeOver,
)
from tocsin.core.incident.incident import Incident
from tocsin.core.playbook.playbook import Playbook
from tocsin.engine.change.commit import Committer
from tocsin.engine.change.policy import Policy
from tocsin.engine.change.unit_of_work import UnitOfWork
from tocsin.engine.responses.merging import link, merge, split

Delivery = tuple[str, str]
"""(origin, key) of a received delivery; a repeated one changes nothing."""

_SEEN = "this has been received before"


@dataclass(frozen=True)
class Answer:
    """The result of a response."""

    incident: Incident
    changed: bool
    """False if only the timeline has changed; ``note`` then says why."""
    note: str = ""


class Respond:
    """The execution of responses. ``ref`` is an incident's id, or its number as text.

    Every method raises `UnknownName` for an incident that does not exist,
    `IllegalTransition` where the incident's state does not allow the response,
    `InvalidValue` for a value that cannot be used, and `StoreUnavailable`.
    """

    def __init__(self, committer: Committer) -> None:
        self._committer = committer

    async def acknowledge(
        self, ref: str, by: Actor, *, occurrence: int | None = None, delivery: Delivery | None = None
    ) -> Answer:
        """Acknowledge the incident. ``occurrence`` is the one that the person saw."""
        return await self._respond(ref, Acknowledge(by=by, occurrence=occurrence), delivery)

    async def resolve(
        self, ref: str, by: Actor, *, occurrence: int | None = None, delivery: Delivery | None = None
    ) -> Answer:
        """Resolve the incident. ``occurrence`` is the one that the person saw."""
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
        """Acknowledge the incident and silence it until ``until``, or for ``length`` microseconds."""

        def event(now: int) -> Event:
            return Snooze(by=by, until=until if until is not None else now + (length or 0))

        return await self._respond(ref, event, delivery)

    async def replan(self, ref: str, by: Actor, *, delivery: Delivery | None = None) -> Answer:
        """Replace the incident's playbook with its current version."""

        def do(uow: UnitOfWork) -> Answer:
            incident = _known(uow, ref)
            if delivery is not None and not uow.tx.record_inbound(*delivery):
                return Answer(incident, changed=False, note=_SEEN)
            plan = _plan_of(incident, uow.policy)
            if plan == incident.plan:
                return Answer(incident, changed=False, note="it has the playbook as it is now")
            after = uow.change(incident, Replan(by=by, plan=plan))
            return Answer(after, changed=after is not incident)

        return await self._committer.commit("respond", do)

    async def escalate(self, ref: str, by: Actor, *, delivery: Delivery | None = None) -> Answer:
        """Page the next tier now."""
        return await self._respond(ref, Escalate(by=by), delivery)

    async def apply(self, ref: str, event: Event, *, delivery: Delivery | None = None) -> Answer:
        """Carry out a response whose event is complete: it needs no further data."""
        return await self._respond(ref, event, delivery)

    async def merge(self, ref: str, into: str, by: Actor, *, delivery: Delivery | None = None) -> Answer:
        """Merge the incident and its alerts into another one."""
        return await self._change(ref, lambda uow, child: merge(uow, child, _other(uow, into), by), delivery)

    async def split(self, ref: str, by: Actor, *, delivery: Delivery | None = None) -> Answer:
        """Unmerge the incident."""
        return await self._change(ref, lambda uow, child: split(uow, child, by), delivery)

    async def link(self, ref: str, other: str, by: Actor, *, delivery: Delivery | None = None) -> Answer:
        """Link the incident with a related one."""
        return await self._change(ref, lambda uow, one: link(uow, one, _other(uow, other), by), delivery)

    async def _change(
        self, ref: str, change: Callable[[UnitOfWork, Incident], Incident], delivery: Delivery | None
    ) -> Answer:
        def do(uow: UnitOfWork) -> Answer:
            incident = _known(uow, ref)
            if delivery is not None and not uow.tx.record_inbound(*delivery):
                return Answer(incident, changed=False, note=_SEEN)
            return Answer(change(uow, incident), changed=True)

        return await self._committer.commit("respond", do)

    async def _respond(self, ref: str, said: Event | Callable[[int], Event], delivery: Delivery | None) -> Answer:
        def do(uow: UnitOfWork) -> Answer:
            incident = _known(uow, ref)
            if delivery is not None and not uow.tx.record_inbound(*delivery):
                return Answer(incident, changed=False, note=_SEEN)
            event = said if isinstance(said, Event) else said(uow.now)
            after = uow.change(incident, event)
            note = _note(incident, after, event)
            return Answer(after, changed=after is not incident and not note, note=note)

        return await self._committer.commit("respond", do)


def _known(uow: UnitOfWork, ref: str) -> Incident:
    incident = uow.incident(ref)
    if incident is None:
        raise UnknownName(f"there is no incident {ref!r}")
    return incident


def _other(uow: UnitOfWork, ref: str) -> Incident:
    """Return another incident that a response names."""
    incident = uow.incident(ref)
    if incident is None:
        raise UnknownChoice(f"there is no incident {ref!r}; give its number or its id")
    return incident


def _plan_of(incident: Incident, policy: Policy) -> Playbook:
    """Return the current version of the incident's playbook."""
    name = incident.plan.name
    plan = policy.self_playbook if name == policy.self_playbook.name else policy.playbooks.get(name)
    if plan is None:
        raise IllegalTransition(f"there is no longer a playbook {name!r}; the incident keeps its plan")
    return plan


def _note(before: Incident, after: Incident, event: Event) -> str:
    if isinstance(event, Acknowledge | Resolve | TakeOver):
        if event.occurrence is not None and event.occurrence != before.occurrence:
            return f"that was occurrence {event.occurrence}; {before.occurrence} is going on: nothing was changed"
        if not before.is_open:
            return "it had been resolved before"
        if isinstance(event, Acknowledge) and before.state == after.state:
            return f"{before.acknowledged_by} had acknowledged it before"
        if isinstance(event, TakeOver) and before.acknowledged_by == event.by.name:
            return f"{event.by.name} has it already"
    return ""

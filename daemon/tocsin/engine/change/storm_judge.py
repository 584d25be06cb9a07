"""Storms as a reason to wait. `core/incident/throttle` defines what a storm is."""

from collections.abc import Sequence

import msgspec

from tocsin.core.incident import throttle
from tocsin.core.incident.incident import Incident, State, Wait, WaitReason
from tocsin.core.incident.throttle import Surge
from tocsin.engine.change.changes import View


class Count(msgspec.Struct, frozen=True):
    """The decision that an incident counts toward a storm, but does not start or join one."""

    surges: Sequence[Surge]
    """The surges of the incident's targets; the incident itself is counted."""


class JoinStorm(msgspec.Struct, frozen=True):
    """The decision that incidents join a storm; the last member is the incident that was judged."""

    surges: Sequence[Surge]
    storm: Incident
    members: Sequence[Incident]


class OpenStorm(msgspec.Struct, frozen=True):
    """The decision to open a storm for the last surge's target; the last member is the incident that was judged."""

    surges: Sequence[Surge]
    members: Sequence[Incident]


Storming = Count | JoinStorm | OpenStorm


class StormJudge:
    """The judge of incidents that would be too many pages at once."""

    def begins(self, view: View, before: Incident, incident: Incident) -> Storming | None:
        """Return the decision to join or open a storm, or only to count the incident; None if it is exempt."""
        if incident.waits or throttle.is_exempt(incident) or not throttle.begins_to_notify(before, incident):
            return None
        surges: list[Surge] = []
        for target in sorted(set(throttle.targets_of(incident))):
            decision = _judged(view, target, incident, surges)
            if decision is not None:
                return decision
        return Count(surges)

    def goes_on(self, view: View, incident: Incident, wait: Wait) -> Wait | None:
        """Return the wait while the storm continues. This is a safeguard: the storm ends its members' waits."""
        storm = view.incident(wait.by)
        is_on = storm is not None and storm.storm is not None and storm.storm.look_at is not None
        return storm_wait(storm, view.now) if is_on and storm is not None and not throttle.is_exempt(incident) else None


def storm_wait(storm: Incident, now: int) -> Wait:
    """Return the wait of a storm's member."""
    return Wait(WaitReason.STORM, str(storm.number), now + throttle.MEMBER_LOOKS_AFTER)


def _judged(view: View, target: str, incident: Incident, surges: list[Surge]) -> JoinStorm | OpenStorm | None:
    """Count an incident for a target; return the storm to open or join if too many incidents have begun."""
    before = view.surge(target)
    storm = view.incident(before.storm) if before.storm is not None else None
    if storm is None or not storm.is_open:
        before = _without(before, storm)
        storm = None
    limits = incident.plan.storm
    surge = throttle.counted(before, incident.id, view.now, limits)
    surges.append(surge)
    if not throttle.is_storm(surge, view.now, limits):
        return None
    is_ongoing = storm is not None and throttle.is_storm(before, view.now, limits)
    members = [*([] if is_ongoing else _earlier(view, surge, incident)), incident]
    return OpenStorm(surges, members) if storm is None else JoinStorm(surges, storm, members)


def _without(surge: Surge, storm: Incident | None) -> Surge:
    """Return the surge without the members of a storm that a person has closed: they do not count for a new storm."""
    if surge.storm is None:
        return surge
    closed_at = storm.resolved_at if storm is not None else None
    recent = tuple(began for began in surge.recent if closed_at is not None and began[0] > closed_at)
    return Surge(target=surge.target, recent=recent)


def _earlier(view: View, surge: Surge, incident: Incident) -> list[Incident]:
    """Return the incidents that paged individually before the storm and still have no responder."""
    known = (view.incident(id_) for _, id_ in surge.recent if id_ != incident.id)
    return [
        member
        for member in known
        if member is not None
        and member.state is State.TRIGGERED
        and not throttle.is_exempt(member)
        and not throttle.waits_for_storm(member)
    ]

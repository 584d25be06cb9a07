"""The limits on simultaneous pages: this module alone decides to hold pages back because there are too many.

There are two cases. A **storm**: more incidents than `StormLimits.more_than` begin to
notify one target within `StormLimits.within`. They become members of one
incident, the storm, which is paged in their place, and their ladders wait. The
top severity of each playbook is exempt. The storm is over when at most
`more_than` incidents began within `within`, and at most `more_than` members
still wait. Their ladders then continue, and do not start a new storm.

**Flapping**: one incident fires and resolves more often than
`FlappingLimits.more_than` within `FlappingLimits.within`; digests replace its
pages.

Both are decided inside the transaction, from stored data: a `Surge` row for each
target, and the times at which an incident fired or stopped (`Incident.flips`).
"""

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter

import msgspec

from tocsin.core.duration import MINUTE, SECOND
from tocsin.core.incident.incident import Incident, State, WaitReason
from tocsin.core.playbook.playbook import Level, StormLimits
from tocsin.core.typed_replace import replace

LOOK_EVERY = 30 * SECOND
"""Interval between the checks whether a storm continues."""
MEMBER_LOOKS_AFTER = 15 * MINUTE
"""Delay until a member itself checks whether its storm continues, in case the end of the storm did not reach it."""

FirstNotification = tuple[int, str]
"""(the time at which an incident began to notify a target, the id of the incident)"""


class Surge(msgspec.Struct, frozen=True, kw_only=True):
    """The incidents that recently began to notify one target."""

    target: str
    recent: tuple[FirstNotification, ...] = ()
    """The newest of these incidents, oldest first: at most ``StormLimits.more_than`` and one more."""
    storm: str | None = None
    """The id of the target's storm; None if there is none."""


def begins_to_notify(before: Incident, incident: Incident) -> bool:
    """Return whether this change starts an occurrence's notifications.

    False for a storm's member of the same occurrence, which was counted when it joined.
    """
    begins = bool(incident.reached) and (incident.occurrence != before.occurrence or not before.reached)
    return begins and (before.member_of is None or incident.occurrence != before.occurrence)


def is_exempt(incident: Incident) -> bool:
    """Return whether an incident never joins a storm: top severity, a drill, a storm, or declared by a person."""
    is_own = incident.storm is not None or incident.drill or incident.by_hand
    return is_own or is_top(incident.plan.level(incident.severity))


def is_top(level: Level) -> bool:
    """Return whether a level is its playbook's highest."""
    return level.rank == 0


def targets_of(incident: Incident) -> tuple[str, ...]:
    """Return the targets that the ladder notifies first."""
    cells = [cell for cell in incident.plan.level(incident.severity).cells if cell.after is not None]
    return min(cells, key=lambda cell: (cell.after, cell.tier)).targets if cells else ()


def counted(surge: Surge, incident_id: str, now: int, limits: StormLimits) -> Surge:
    """Return the surge with one more incident."""
    recent = (*lately(surge, now, limits), (now, incident_id))
    return replace(surge, recent=recent[-(limits.more_than + 1) :])


def lately(surge: Surge, now: int, limits: StormLimits) -> tuple[FirstNotification, ...]:
    """Return the incidents that began within `StormLimits.within`, but none from the future (after a clock jump)."""
    first, last = (bisect_right(surge.recent, at, key=itemgetter(0)) for at in (now - limits.within, now))
    return surge.recent[first:last]


def is_storm(surge: Surge, now: int, limits: StormLimits) -> bool:
    """Return whether the incidents are too many to page each of them."""
    return len(lately(surge, now, limits)) > limits.more_than


def is_over(surge: Surge, waiting: int, now: int, limits: StormLimits) -> bool:
    """Return whether a storm is over: it no longer grows, and its waiting members are too few for a new storm."""
    return not is_storm(surge, now, limits) and waiting <= limits.more_than


def is_told_again(incident: Incident, now: int) -> bool:
    """Return whether a storm has grown, and its last page is old enough for another page."""
    storm = incident.storm
    if storm is None or storm.look_at is None or incident.is_held_back or incident.state not in PAGED:
        return False
    return storm.members > storm.told and now - storm.told_at >= incident.plan.storm.again_after


def highest(members: Sequence[Incident]) -> Incident:
    """Return the first member with the highest severity: the storm uses the plan of this member."""
    return min(members, key=lambda member: member.plan.level(member.severity).rank)


def level_for(storm: Incident, member: Incident) -> str:
    """Return the storm's severity for a member: the same if both have the same playbook.

    Otherwise it is the one of the same rank, or the lowest if the storm's playbook has fewer severities.
    """
    if member.plan.name == storm.plan.name and storm.plan.has_level(member.severity):
        return member.severity
    rank = min(member.plan.level(member.severity).rank, len(storm.plan.levels) - 1)
    return next(level.name for level in storm.plan.levels if level.rank == rank)


def storm_id(incident: Incident) -> str:
    """Return the id of the storm that begins with this incident."""
    text = f"storm\0{incident.id}\0{incident.occurrence}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def title(target: str, members: int) -> str:
    """Return a storm's title."""
    return f"Storm for {target}: {members} incidents"


def is_told_by_its_storm(incident: Incident) -> bool:
    """Return whether an incident is shown only in its storm's message: it has not notified anyone itself."""
    return incident.member_of is not None and not incident.reached


def flipped(incident: Incident, now: int) -> tuple[int, ...]:
    """Return the recent flips with one at ``now``; at most one more than the limit is needed."""
    limits = incident.plan.flapping
    recent = (*recent_flips(incident, now), now)
    return recent[-(limits.more_than + 1) :]


def recent_flips(incident: Incident, now: int) -> tuple[int, ...]:
    """Return the flips within `FlappingLimits.within`."""
    return tuple(at for at in incident.flips if now - incident.plan.flapping.within < at <= now)


def flaps(incident: Incident, now: int) -> bool:
    """Return whether an incident flaps: it fires and stops firing too often to be paged each time."""
    return incident.notified and len(recent_flips(incident, now)) > incident.plan.flapping.more_than


def waits_for_storm(incident: Incident) -> bool:
    """Return whether an incident's ladder waits for the end of a storm."""
    return any(wait.reason is WaitReason.STORM for wait in incident.waits)


PAGED = (State.TRIGGERED, State.ACKNOWLEDGED, State.SNOOZED)
"""The states in which an incident's ladder has begun and has not ended."""

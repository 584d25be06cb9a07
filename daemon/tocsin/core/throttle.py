"""When people are told of many things at once: the one place that holds pages back because there are too many.

Two cases. A **storm**: more incidents than `StormLimits.more_than` begin to
notify one target within `StormLimits.within`. They become members of one
incident, the storm, which is paged in their place, and their ladders wait. The
top severity of each playbook is exempt. It is over when no more than that many
have begun within the time, and no more than that many members have a ladder
that waits: these then go on, and make no storm of their own.
**Flapping**: one incident comes and goes more often than
`FlappingLimits.more_than` within `FlappingLimits.within`; digests take the
place of its pages.

Both are decided on rows, within the transaction: `Surge` is the row of one
target, and an incident has its own flips.
"""

import hashlib
from bisect import bisect_right
from operator import itemgetter

import msgspec

from tocsin.core.incident import Incident, State, WaitReason
from tocsin.core.playbook import MINUTE, SECOND, Level, StormLimits

LOOK_EVERY = 30 * SECOND
"""How often a storm is asked whether it goes on."""
MEMBER_LOOKS_AFTER = 15 * MINUTE
"""When a member asks whether its storm goes on, in case nobody has told it."""

Beginning = tuple[int, str]
"""(when, id) of an incident that began to notify a target."""


class Surge(msgspec.Struct, frozen=True, kw_only=True):
    """How many incidents have lately begun to notify one target."""

    target: str
    recent: tuple[Beginning, ...] = ()
    """The newest, oldest first; one more than make no storm is as many as have to be known."""
    storm: str | None = None
    """The id of its storm, while there is one."""


def begins_to_notify(before: Incident, incident: Incident) -> bool:
    """Whether this change lets an occurrence's ladder notify its first target; a member of a storm was counted."""
    begins = bool(incident.reached) and (incident.occurrence != before.occurrence or not before.reached)
    return begins and (before.member_of is None or incident.occurrence != before.occurrence)


def is_exempt(incident: Incident) -> bool:
    """Whether it is paged on its own whatever happens: the top severity, a drill, a storm, what a person declares."""
    is_own = incident.storm is not None or incident.drill or incident.by_hand
    return is_own or is_top(incident.plan.level(incident.severity))


def is_top(level: Level) -> bool:
    """Whether a level is its playbook's highest."""
    return level.rank == 0


def targets_of(incident: Incident) -> tuple[str, ...]:
    """Whom the ladder notifies first."""
    cells = [cell for cell in incident.plan.level(incident.severity).cells if cell.after is not None]
    return min(cells, key=lambda cell: (cell.after, cell.tier)).targets if cells else ()


def counted(surge: Surge, incident_id: str, now: int, limits: StormLimits) -> Surge:
    """With one more incident."""
    recent = (*lately(surge, now, limits), (now, incident_id))
    return msgspec.structs.replace(surge, recent=recent[-(limits.more_than + 1) :])


def lately(surge: Surge, now: int, limits: StormLimits) -> tuple[Beginning, ...]:
    """Those that began within the time; after a jump of the clock into the past none is in the future."""
    first, last = (bisect_right(surge.recent, at, key=itemgetter(0)) for at in (now - limits.within, now))
    return surge.recent[first:last]


def is_storm(surge: Surge, now: int, limits: StormLimits) -> bool:
    """Whether they are too many to be told one by one."""
    return len(lately(surge, now, limits)) > limits.more_than


def is_over(surge: Surge, waiting: int, now: int, limits: StormLimits) -> bool:
    """Whether a storm is over: it grows no more, and what still waits is no storm by itself."""
    return not is_storm(surge, now, limits) and waiting <= limits.more_than


def is_told_again(incident: Incident, now: int) -> bool:
    """Whether a storm has grown and enough time has gone by for another page about it."""
    storm = incident.storm
    if storm is None or storm.look_at is None or incident.is_held_back or incident.state not in PAGED:
        return False
    return storm.members > storm.told and now - storm.told_at >= incident.plan.storm.again_after


def highest(members: list[Incident]) -> Incident:
    """The member whose plan the storm follows; of equals the first."""
    return min(members, key=lambda member: member.plan.level(member.severity).rank)


def level_for(storm: Incident, member: Incident) -> str:
    """The severity that a member asks of a storm whose playbook may be another: of the same rank, never exempt."""
    if member.plan.name == storm.plan.name and storm.plan.has_level(member.severity):
        return member.severity
    rank = min(member.plan.level(member.severity).rank, len(storm.plan.levels) - 1)
    return next(level.name for level in storm.plan.levels if level.rank == rank)


def storm_id(incident: Incident) -> str:
    """The id of the storm that begins with this incident."""
    text = f"storm\0{incident.id}\0{incident.occurrence}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def title(target: str, members: int) -> str:
    """A storm's title."""
    return f"Storm for {target}: {members} incidents"


def is_told_by_its_storm(incident: Incident) -> bool:
    """Whether an incident has no message of its own: its storm tells of it, and it has notified nobody."""
    return incident.member_of is not None and not incident.reached


def flipped(incident: Incident, now: int) -> tuple[int, ...]:
    """Its flips, with one now; one more than make no flapping is as many as have to be known."""
    limits = incident.plan.flapping
    recent = (*recent_flips(incident, now), now)
    return recent[-(limits.more_than + 1) :]


def recent_flips(incident: Incident, now: int) -> tuple[int, ...]:
    """Those within the time."""
    return tuple(at for at in incident.flips if now - incident.plan.flapping.within < at <= now)


def flaps(incident: Incident, now: int) -> bool:
    """Whether it comes and goes too often to be paged each time."""
    return incident.notified and len(recent_flips(incident, now)) > incident.plan.flapping.more_than


def waits_for_storm(incident: Incident) -> bool:
    """Whether its ladder waits for a storm to end."""
    return any(wait.reason is WaitReason.STORM for wait in incident.waits)


PAGED = (State.TRIGGERED, State.ACKNOWLEDGED, State.SNOOZED)
"""The states in which its ladder has begun and is not over."""

"""Whom a notification reaches: who is on call at that moment, the secondaries beside the next tier, further methods."""

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from tocsin.core.effect import Notify
from tocsin.core.incident import Incident
from tocsin.core.outbox import JOB_OF
from tocsin.core.people import Notified, People
from tocsin.core.playbook import DAY, Kind
from tocsin.core.reaching import Called, Later
from tocsin.core.rotation import Duty, Membership
from tocsin.engine.policy import Policy
from tocsin.ports.store import Reader

if TYPE_CHECKING:  # apply asks, and hands itself over
    from tocsin.engine.apply import Work

FALLBACK = "fallback"
SECOND_ON_CALL = "you are second on call"
OVERRIDES_LOOKED_BACK = 31 * DAY
GAPS_LOOKED_FOR = 14 * DAY


class OnCall:
    """What the store knows of who is on call, read once a transaction and only where somebody asks."""

    def __init__(self, tx: Reader, people: People) -> None:
        self._tx = tx
        self._people = people

    @cached_property
    def duty(self) -> Duty:
        """It, at the transaction's moment."""
        return duty_of(self._tx, self._people)


def duty_of(tx: Reader, people: People, at: int | None = None) -> Duty:
    """What says who is on call at ``at`` (now, unless given)."""
    now = tx.now if at is None else at
    if not people.rotations:
        return Duty(now)
    # Those that are over say when a shift began.
    overrides = sorted(tx.overrides(now - OVERRIDES_LOOKED_BACK), key=lambda one: (one.created_at, one.id))
    return Duty(now, overrides=tuple(overrides), rosters=_rosters(tx, people))


def _rosters(tx: Reader, people: People) -> dict[str, Membership]:
    """The persons whom each source names; somebody whom people.yaml does not know cannot be reached."""
    if not people.sources:
        return {}

    def names(users: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(person.name for user in users if (person := people.by_slack(user)) is not None)

    return {
        source: Membership(names(roster.members), roster.changed_at, names(roster.before))
        for source, roster in tx.rosters().items()
    }


def standings(tx: Reader, people: People) -> Iterator[tuple[str, int, int | None]]:
    """(rotation, how many are on call now, how long until the next gap) of each rotation.

    Only a gap within 14 days counts, and none of a rotation that has a backup: it pages somebody at all times.
    """
    duty = duty_of(tx, people)
    for name, rotation in people.rotations.items():
        gaps = [] if rotation.backup else rotation.gaps(duty.now, duty.now + GAPS_LOOKED_FOR, duty)
        yield name, len(rotation.on_at(duty.now, duty)), gaps[0].starts_at - duty.now if gaps else None


def unreachable(policy: Policy) -> frozenset[str]:
    """The people whom a playbook may page, and none of whose contact methods has a channel."""
    people = policy.people
    targets = {target for playbook in policy.playbooks.values() for target in playbook.targets}
    names = {name for target in targets for name in people.everybody(target)}
    return frozenset(
        name
        for name in names & people.persons.keys()
        if not any(method.contact.channel in policy.channel_names for method in people.persons[name].methods)
    )


def whom_of(work: "Work", incident: Incident, effect: Notify) -> list[Notified]:
    """Whom a notification goes to: with a tier's first step also the secondaries of the tier before it."""
    channels = work.policy.channels_for(JOB_OF[effect.kind])
    if effect.method > 1:
        return _further(work, effect, channels)
    instead = work.policy.instead(incident.plan)
    found = list(work.whom(effect.targets, channels, instead))
    tier = seconded(incident, effect)
    if tier and (names := work.policy.people.secondaries(tier, work.duty_for(tier))):
        there = {one.target for one in found}
        beside = (one for one in work.whom(names, channels, instead) if one.target not in there)
        found += [msgspec.structs.replace(one, why=one.why or SECOND_ON_CALL) for one in beside]
    return found


def called_of(incident: Incident, effect: Notify, notified: Notified, now: int) -> Called:
    """A person who has been paged, and is to be reached further."""
    return Called(
        person=notified.target,
        step=effect.step,
        tier=effect.tier,
        round=incident.round,
        until=effect.until,
        because=effect.because,
        later=tuple(Later(left.nth, now + left.after) for left in notified.left),
    )


def _further(work: "Work", effect: Notify, channels: frozenset[str]) -> list[Notified]:
    """One further method of one person; nobody where people.yaml has it no more."""
    (person,) = effect.targets
    contact = work.policy.people.method(person, effect.method)
    return [Notified(person, contact)] if contact is not None and contact.channel in channels else []


def seconded(incident: Incident, effect: Notify) -> tuple[str, ...]:
    """The targets whose secondaries are paged beside this step.

    Those of the tier before; with the fallback its own, as no tier comes after them.
    """
    if effect.kind is not Kind.PAGE:
        return ()
    if effect.step == FALLBACK:
        return effect.targets
    before = [tier.number for tier in incident.plan.tiers if tier.number < effect.tier]
    if not before or effect.step != f"{effect.tier}.1":
        return ()
    cell = incident.plan.level(incident.severity).cell(f"{max(before)}.1")
    return cell.targets if cell is not None else incident.plan.tier(max(before)).targets

"""The recipients of a notification: people on call now, secondaries with the next tier, further contact methods."""

from collections.abc import Iterator, Sequence
from functools import cached_property

import msgspec

from tocsin.core.duration import DAY
from tocsin.core.incident.contact_attempts import Called, Later
from tocsin.core.incident.effect import Notify
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.outbox import JOB_OF, Job
from tocsin.core.incident.sla import CANCELED_MEETING_STEP, MEETING_STEP
from tocsin.core.oncall.people import Notified, People
from tocsin.core.oncall.rotation import Membership, OnCallInput
from tocsin.core.playbook.playbook import Kind
from tocsin.engine.change.policy import Policy
from tocsin.ports.store import Reader

FALLBACK = "fallback"
"""The step of repeated pages, after the last step of the ladder."""
SECOND_ON_CALL = "you are second on call"
"""The reason for a page to a secondary."""
OVERRIDES_LOOKED_BACK = 31 * DAY
"""Time for which overrides are read after their end, because the current shift may have begun at that end."""
GAPS_LOOKED_FOR = 14 * DAY
"""Range of the search for the next gap of a rotation."""


class OnCall:
    """The recipients of notifications in one transaction.

    The store is read once, and only if the recipients depend on the time.
    """

    def __init__(self, tx: Reader, policy: Policy) -> None:
        self._tx = tx
        self._policy = policy
        self._recipients: dict[tuple[object, ...], tuple[Notified, ...]] = {}
        self._listeners: dict[tuple[str, ...], Sequence[tuple[Notified, Job]]] = {}

    @cached_property
    def inputs(self) -> OnCallInput:
        """Return the stored data that decides who is on call at the transaction's time."""
        return on_call_input(self._tx, self._policy.people)

    def inputs_for(self, targets: tuple[str, ...]) -> OnCallInput:
        """Return the stored data that decides about the recipients of targets; it is read only if one is a rotation."""
        return self.inputs if self._policy.people.rotations_in(targets) else OnCallInput(self._tx.now)

    def recipients(
        self, targets: tuple[str, ...], channels: frozenset[str], instead: tuple[tuple[str, ...], ...] = ()
    ) -> tuple[Notified, ...]:
        """Return the recipients of targets now, each with a contact in one of these channels."""
        recipients = self._recipients.get((targets, channels, instead))
        if recipients is None:
            policy, inputs = (
                self._policy,
                self.inputs_for(tuple(name for names in (targets, *instead) for name in names)),
            )
            recipients = policy.people.resolve(targets, channels, policy.console, inputs, instead)
            self._recipients[targets, channels, instead] = recipients
        return recipients

    def recipients_of(self, incident: Incident, effect: Notify) -> list[Notified]:
        """Return a notification's recipients; a tier's first step includes the secondaries of the previous tier."""
        policy = self._policy
        channels = policy.channels_for(JOB_OF[effect.kind])
        if effect.method > 1:
            return self._by_further_method(effect, channels)
        instead = policy.instead(incident.plan)
        recipients = list(self.recipients(effect.targets, channels, instead))
        if effect.step.startswith((MEETING_STEP, CANCELED_MEETING_STEP)):
            return [self._by_mail(each) for each in recipients]
        tier = seconded(incident, effect)
        if tier and (names := policy.people.secondaries(tier, self.inputs_for(tier))):
            known = {recipient.target for recipient in recipients}
            secondaries = (each for each in self.recipients(names, channels, instead) if each.target not in known)
            recipients += [msgspec.structs.replace(each, why=each.why or SECOND_ON_CALL) for each in secondaries]
        return recipients

    def _by_mail(self, notified: Notified) -> Notified:
        """Return a person with the e-mail contact, which can carry an invitation; unchanged without such a contact."""
        person = self._policy.people.persons.get(notified.target)
        if person is None or notified.stranded:
            return notified
        contacts = (method.contact for method in person.methods)
        contact = next((each for each in contacts if each.channel in self._policy.invitation_channels), None)
        return notified if contact is None else msgspec.structs.replace(notified, contact=contact, left=())

    def _by_further_method(self, effect: Notify, channels: frozenset[str]) -> list[Notified]:
        """Return the person with the further contact method; empty if people.yaml no longer has that method."""
        (person,) = effect.targets
        contact = self._policy.people.method(person, effect.method)
        return [Notified(person, contact)] if contact is not None and contact.channel in channels else []

    def listeners(self, targets: tuple[str, ...]) -> Sequence[tuple[Notified, Job]]:
        """Return the recipients of an incident's own message and its history, each with the job."""
        listeners = self._listeners.get(targets)
        if listeners is None:
            policy = self._policy
            listeners = self._listeners[targets] = [
                (notified, job)
                for notified in self.recipients(targets, policy.channel_names)
                for job in (Job.ANNOUNCE, Job.HISTORY)
                if notified.contact.channel in policy.channels_for(job)
            ]
        return listeners


def on_call_input(tx: Reader, people: People, at: int | None = None) -> OnCallInput:
    """Return the overrides and rosters that decide who is on call at ``at``; None: now."""
    now = tx.now if at is None else at
    if not people.rotations:
        return OnCallInput(now)
    # Overrides that have ended are needed for the start of the current shift.
    overrides = sorted(
        tx.overrides(now - OVERRIDES_LOOKED_BACK), key=lambda override: (override.created_at, override.id)
    )
    return OnCallInput(now, overrides=tuple(overrides), rosters=_rosters(tx, people))


def _rosters(tx: Reader, people: People) -> dict[str, Membership]:
    """Return the members of each polled group, without users who are not in people.yaml."""
    if not people.polled_groups:
        return {}

    def names(users: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(person.name for user in users if (person := people.by_slack(user)) is not None)

    return {
        source: Membership(names(roster.members), roster.changed_at, names(roster.before))
        for source, roster in tx.rosters().items()
    }


def standings(tx: Reader, people: People) -> Iterator[tuple[str, int, int | None]]:
    """Yield (rotation, number of people on call now, time until the next gap or None) for each rotation.

    Only gaps within 14 days count. A rotation with a backup has none: it always pages a person.
    """
    inputs = on_call_input(tx, people)
    for name, rotation in people.rotations.items():
        gaps = [] if rotation.backup else rotation.gaps(inputs.now, inputs.now + GAPS_LOOKED_FOR, inputs)
        yield name, len(rotation.on_at(inputs.now, inputs)), gaps[0].starts_at - inputs.now if gaps else None


def unreachable(policy: Policy) -> frozenset[str]:
    """Return the people whom a playbook may page, but who have no contact method with a configured channel."""
    people = policy.people
    targets = {target for playbook in policy.playbooks.values() for target in playbook.targets}
    names = {name for target in targets for name in people.everybody(target)}
    return frozenset(
        name
        for name in names & people.persons.keys()
        if not any(method.contact.channel in policy.channel_names for method in people.persons[name].methods)
    )


def called_of(incident: Incident, effect: Notify, notified: Notified, now: int) -> Called:
    """Return a paged person with the contact methods still to be used."""
    return Called(
        person=notified.target,
        step=effect.step,
        tier=effect.tier,
        round=incident.round,
        until=effect.until,
        because=effect.because,
        later=tuple(Later(left.nth, now + left.after) for left in notified.left),
    )


def seconded(incident: Incident, effect: Notify) -> tuple[str, ...]:
    """Return the targets whose secondaries are paged together with a step.

    These are the targets of the tier before; for a repeated page, its own targets, because no tier follows.
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

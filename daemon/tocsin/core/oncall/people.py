"""People and their contact methods."""

from collections.abc import Iterable, Iterator

import msgspec

from tocsin.core.oncall.rotation import OnCallInput, RosterLayer, Rotation
from tocsin.core.typed_replace import replace


class Contact(msgspec.Struct, frozen=True):
    """One contact: a configured channel and an address on it.

    ``destination`` identifies the place in which order is kept (a PagerDuty routing
    key's name, a Slack channel); ``recipient`` is the addressee there (a Slack
    user id), "" if the destination is enough.
    """

    channel: str
    destination: str
    recipient: str = ""


class Method(msgspec.Struct, frozen=True):
    """A further contact method, and the time after the page at which it is used if the person has not responded."""

    contact: Contact
    after: int
    """Microseconds."""


class Person(msgspec.Struct, frozen=True):
    """A person who can be paged and can acknowledge."""

    name: str
    """The key in people.yaml, used in targets, tokens and the timeline."""
    full_name: str = ""
    email: str = ""
    slack_user: str = ""
    pagerduty_user: str = ""
    time_zone: str = ""
    """The person's time zone; "" if people.yaml has none."""
    contact: Contact | None = None
    """The first contact method."""
    further: tuple[Method, ...] = ()
    """The further contact methods, in the order of their ``after``."""

    @property
    def methods(self) -> tuple[Method, ...]:
        """The first and the further contact methods, in order."""
        return (Method(self.contact, 0), *self.further) if self.contact is not None else self.further


class UnusedMethod(msgspec.Struct, frozen=True, array_like=True):
    """A contact method that has not been used yet."""

    nth: int
    """Position among the person's methods; the first is 1."""
    after: int
    """Time after the page, in microseconds."""


class Notified(msgspec.Struct, frozen=True):
    """A recipient of a target, with the contact to use."""

    target: str
    contact: Contact
    stranded: bool = False
    """True if no contact works for the target: the notification goes to ``place`` instead, and says so."""
    place: str = ""
    """The target that gets a stranded notification; "" for the console."""
    left: tuple[UnusedMethod, ...] = ()
    """The person's further contact methods on configured channels."""
    why: str = ""
    """The reason for a recipient who replaces the person on call; "" for any other recipient."""


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Persons, groups of targets, rotations, and targets that are not persons (a Slack channel, a webhook)."""

    persons: dict[str, Person] = {}
    groups: dict[str, tuple[str, ...]] = {}
    places: dict[str, Contact] = {}
    spares: dict[str, tuple[Contact, ...]] = {}
    """Further contacts of a place, by its name; each is used if the earlier contacts fail."""
    rotations: dict[str, Rotation] = {}

    def knows(self, target: str) -> bool:
        """Return whether a playbook may name this target."""
        return any(target in names for names in (self.persons, self.groups, self.rotations, self.places))

    @property
    def full_names(self) -> dict[str, str]:
        """The full names of the persons who have one, by login."""
        return {name: person.full_name for name, person in self.persons.items() if person.full_name}

    @property
    def targets(self) -> frozenset[str]:
        """The targets that a playbook may name."""
        return frozenset((*self.persons, *self.groups, *self.rotations, *self.places))

    @property
    def polled_groups(self) -> frozenset[str]:
        """The keys of the groups whose members are on call, and which are polled at run time."""
        layers = (layer for rotation in self.rotations.values() for layer in rotation.layers)
        return frozenset(layer.group for layer in layers if isinstance(layer, RosterLayer))

    def everybody(self, target: str, seen: tuple[str, ...] = ()) -> frozenset[str]:
        """Return the persons and places that a target can stand for at any time, according to people.yaml."""
        if target in seen:
            return frozenset()
        if target in self.groups:
            inner: tuple[str, ...] = self.groups[target]
        elif target in self.rotations:
            inner = self.rotations[target].names
        else:
            return frozenset({target})
        return frozenset(name for member in inner for name in self.everybody(member, (*seen, target)))

    def members(self, target: str, inputs: OnCallInput) -> tuple[str, ...]:
        """Return the persons and places that a target stands for at ``inputs.now``, each once; empty during a gap."""
        return tuple(dict.fromkeys(self._named(target, inputs)))

    def rotations_in(self, targets: Iterable[str]) -> tuple[Rotation, ...]:
        """Return the rotations among targets and in their groups, each once."""
        names = dict.fromkeys(name for target in targets for name in self.groups.get(target, (target,)))
        return tuple(self.rotations[name] for name in names if name in self.rotations)

    def secondaries(self, targets: Iterable[str], inputs: OnCallInput) -> tuple[str, ...]:
        """Return the persons to page together with the next tier, for these targets of the tier before it."""
        names = (name for rotation in self.rotations_in(targets) for name in rotation.secondary_at(inputs.now, inputs))
        return tuple(dict.fromkeys(names))

    def resolve(
        self,
        targets: tuple[str, ...],
        channels: frozenset[str],
        console: Contact,
        inputs: OnCallInput,
        instead: tuple[tuple[str, ...], ...] = (),
    ) -> tuple[Notified, ...]:
        """Return the contacts for these targets at ``inputs.now``, each target once, in order.

        If none of ``channels`` reaches the person on call, or if no person is on
        call, the rotation's backup is used. A target that is unknown, or has no
        contact on ``channels``, is stranded: its notification, marked as stranded,
        goes to the first tuple of targets in ``instead`` that can be reached, or else
        to ``console``. A page is never dropped because of the configuration.
        """
        by_target: dict[str, Notified] = {}
        for target in targets:
            for name in self.groups.get(target, (target,)):
                for notified in self._resolve(name, channels, console, inputs):
                    by_target.setdefault(notified.target, notified)
        if not any(notified.stranded for notified in by_target.values()):
            return tuple(by_target.values())
        takers = self.takers(instead, channels, console, inputs)
        return tuple(taken for notified in by_target.values() for taken in _taken_by(notified, takers))

    def takers(
        self, instead: tuple[tuple[str, ...], ...], channels: frozenset[str], console: Contact, inputs: OnCallInput
    ) -> tuple[Notified, ...]:
        """Return the substitutes for stranded targets: the first targets in ``instead`` that can be reached."""
        for targets in instead:
            reachable = tuple(
                notified for notified in self.resolve(targets, channels, console, inputs) if not notified.stranded
            )
            if reachable:
                return reachable
        return ()

    def time_zone_of(self, name: str) -> str:
        """Return a person's time zone: the configured one, or the one that all their rotations share; else ""."""
        person = self.persons.get(name)
        if person is None or person.time_zone:
            return person.time_zone if person is not None else ""
        zones = {rotation.time_zone for rotation in self.rotations.values() if name in rotation.names}
        return zones.pop() if len(zones) == 1 else ""

    def backups(
        self, rotation: str, channels: frozenset[str], console: Contact, inputs: OnCallInput, seen: tuple[str, ...] = ()
    ) -> tuple[Notified, ...]:
        """Return the reachable backups of a rotation; for a backup that cannot be reached, its backups in turn."""
        definition = self.rotations.get(rotation)
        by_target: dict[str, Notified] = {}
        for target in definition.backup if definition is not None else ():
            reached = [self._reach(name, channels, console) for name in self._named(target, inputs)]
            reachable = tuple(notified for notified in reached if not notified.stranded)
            if not reachable and target not in (*seen, rotation):
                reachable = self.backups(target, channels, console, inputs, (*seen, rotation))
            by_target |= {notified.target: notified for notified in reachable}
        return tuple(by_target.values())

    def method(self, name: str, nth: int) -> Contact | None:
        """Return the nth contact of a person, counted from 1; None if people.yaml no longer has it."""
        person = self.persons.get(name)
        methods = person.methods if person is not None else ()
        return methods[nth - 1].contact if 0 < nth <= len(methods) else None

    def spare(self, name: str, failed: Contact, channels: frozenset[str]) -> Contact | None:
        """Return the next contact of a place after the failed one; None if none is left on ``channels``."""
        ways = (self.places[name], *self.spares.get(name, ())) if name in self.places else ()
        after = ways[ways.index(failed) + 1 :] if failed in ways else ()
        return next((contact for contact in after if contact.channel in channels), None)

    def _resolve(
        self, name: str, channels: frozenset[str], console: Contact, inputs: OnCallInput
    ) -> Iterator[Notified]:
        if name not in self.rotations:
            yield self._reach(name, channels, console)
            return
        reached = [self._reach(person, channels, console) for person in self._named(name, inputs)]
        stranded = [notified for notified in reached if notified.stranded]
        if reached and not stranded:
            yield from reached
            return
        reason = f"no one is on call for {name}"
        if stranded:
            reason = f"{stranded[0].target} is on call and has no contact method for this"
        backups = [replace(notified, why=reason) for notified in self.backups(name, channels, console, inputs)]
        yield from (notified for notified in reached if not notified.stranded)
        yield from backups
        if not backups:
            yield from stranded or [Notified(name, console, stranded=True, why=reason)]

    def _named(self, target: str, inputs: OnCallInput, seen: tuple[str, ...] = ()) -> Iterator[str]:
        """Yield the persons and places that a target stands for; a group or a backup may itself name a rotation."""
        if target in seen:
            return
        inner: tuple[str, ...]
        if target in self.groups:
            inner = self.groups[target]
        elif target in self.rotations:
            inner = self.rotations[target].on_at(inputs.now, inputs)
        else:
            yield target
            return
        for name in inner:
            yield from self._named(name, inputs, (*seen, target))

    def _reach(self, name: str, channels: frozenset[str], console: Contact) -> Notified:
        """Return the first contact with a channel in ``channels``, and the further methods to use later."""
        if name in self.places:
            ways = (self.places[name], *self.spares.get(name, ()))
            usable = next((contact for contact in ways if contact.channel in channels), None)
            return Notified(name, usable or console, stranded=usable is None)
        person = self.persons.get(name)
        methods = enumerate(person.methods if person is not None else (), start=1)
        working = [(nth, method) for nth, method in methods if method.contact.channel in channels]
        if not working:
            return Notified(name, console, stranded=True)
        remaining = tuple(UnusedMethod(nth, method.after) for nth, method in working[1:])
        return Notified(name, working[0][1].contact, left=remaining)

    def by_slack(self, user_id: str) -> Person | None:
        """Return the person with this Slack user id."""
        return next((p for p in self.persons.values() if user_id and p.slack_user == user_id), None)

    def by_pagerduty(self, user_id: str, email: str) -> Person | None:
        """Return the person with this PagerDuty user id, or else with this e-mail address."""
        persons = self.persons.values()
        by_id = next((p for p in persons if user_id and p.pagerduty_user == user_id), None)
        return by_id or next((p for p in persons if email and p.email.lower() == email.lower()), None)


def _taken_by(notified: Notified, takers: tuple[Notified, ...]) -> Iterator[Notified]:
    """Yield a stranded notification once for each of ``takers``; yield any other notification unchanged."""
    if not notified.stranded or not takers:
        yield notified
        return
    for taker in takers:
        yield replace(notified, contact=taker.contact, place=taker.target)

"""People, and how each is reached."""

from collections.abc import Iterable, Iterator

import msgspec

from tocsin.core.rotation import Duty, Listed, Rotation


class Contact(msgspec.Struct, frozen=True):
    """One way to reach somebody: a configured channel and an address on it.

    ``destination`` is what must be kept in order (a PagerDuty routing key's
    name, a Slack channel); ``recipient`` is who is addressed there (a Slack
    user id), "" where the destination says it all.
    """

    channel: str
    destination: str
    recipient: str = ""


class Method(msgspec.Struct, frozen=True):
    """A further way to reach somebody, and how long after the page it is used while they have not responded."""

    contact: Contact
    after: int
    """In microseconds."""


class Person(msgspec.Struct, frozen=True):
    """Somebody who may be paged and who may acknowledge."""

    name: str
    """The key in people.yaml: what targets, tokens and the timeline say."""
    full_name: str = ""
    email: str = ""
    slack_user: str = ""
    pagerduty_user: str = ""
    time_zone: str = ""
    """In which they read times; "" where people.yaml does not say."""
    contact: Contact | None = None
    """The first way."""
    further: tuple[Method, ...] = ()
    """The ways after it, in the order of their times."""

    @property
    def methods(self) -> tuple[Method, ...]:
        """All ways, in their order."""
        return (Method(self.contact, 0), *self.further) if self.contact is not None else self.further


class Left(msgspec.Struct, frozen=True, array_like=True):
    """A way that has not been used yet."""

    nth: int
    """Its place among the person's methods; the first is 1."""
    after: int
    """How long after the page, in microseconds."""


class Notified(msgspec.Struct, frozen=True):
    """One resolved target: whom to notify, and through what."""

    target: str
    contact: Contact
    stranded: bool = False
    """No contact works for this: it goes elsewhere, marked."""
    place: str = ""
    """The target that gets a stranded notification instead; "" for the console."""
    left: tuple[Left, ...] = ()
    """The further ways of a person, on channels that there are."""
    why: str = ""
    """Where it is not simply whom the target names: why."""


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Persons, groups of targets, rotations, and targets that are no persons (a Slack channel, a webhook)."""

    persons: dict[str, Person] = {}
    groups: dict[str, tuple[str, ...]] = {}
    places: dict[str, Contact] = {}
    spares: dict[str, tuple[Contact, ...]] = {}
    """Further ways to a place, each used where those before it fail."""
    rotations: dict[str, Rotation] = {}

    def knows(self, target: str) -> bool:
        """Whether a playbook may name this target."""
        return any(target in names for names in (self.persons, self.groups, self.rotations, self.places))

    @property
    def targets(self) -> frozenset[str]:
        """Everything that a playbook may name."""
        return frozenset((*self.persons, *self.groups, *self.rotations, *self.places))

    @property
    def sources(self) -> frozenset[str]:
        """The keys of the sources of people that are asked while tocsin runs."""
        layers = (layer for rotation in self.rotations.values() for layer in rotation.layers)
        return frozenset(layer.source for layer in layers if isinstance(layer, Listed))

    def everybody(self, target: str, seen: tuple[str, ...] = ()) -> frozenset[str]:
        """Every person and place that a target may ever stand for, as far as people.yaml says."""
        if target in seen:
            return frozenset()
        if target in self.groups:
            inner: tuple[str, ...] = self.groups[target]
        elif target in self.rotations:
            inner = self.rotations[target].names
        else:
            return frozenset({target})
        return frozenset(name for one in inner for name in self.everybody(one, (*seen, target)))

    def members(self, target: str, duty: Duty) -> tuple[str, ...]:
        """The persons and places that a target stands for at ``duty.now``, each once; a gap has none."""
        return tuple(dict.fromkeys(self._named(target, duty)))

    def rotations_in(self, targets: Iterable[str]) -> tuple[Rotation, ...]:
        """The rotations among targets and in their groups, each once."""
        names = dict.fromkeys(name for target in targets for name in self.groups.get(target, (target,)))
        return tuple(self.rotations[name] for name in names if name in self.rotations)

    def secondaries(self, targets: Iterable[str], duty: Duty) -> tuple[str, ...]:
        """Who is to be paged beside the next tier, for these targets of the tier before it."""
        found = (name for rotation in self.rotations_in(targets) for name in rotation.secondary_at(duty.now, duty))
        return tuple(dict.fromkeys(found))

    def resolve(
        self,
        targets: tuple[str, ...],
        channels: frozenset[str],
        console: Contact,
        duty: Duty,
        instead: tuple[tuple[str, ...], ...] = (),
    ) -> tuple[Notified, ...]:
        """Return whom these targets stand for at ``duty.now``, each once, in their order.

        A person on call whom none of ``channels`` reaches, and a time at which
        nobody is on call, give way to the rotation's backup. A target that is
        unknown, or without any way among ``channels``, is stranded: the first of
        ``instead`` whose targets can be reached gets it, marked, or else ``console``.
        A page is never dropped for a configuration's sake.
        """
        found: dict[str, Notified] = {}
        for target in targets:
            for name in self.groups.get(target, (target,)):
                for notified in self._resolve(name, channels, console, duty):
                    found.setdefault(notified.target, notified)
        if not any(notified.stranded for notified in found.values()):
            return tuple(found.values())
        takers = self.takers(instead, channels, console, duty)
        return tuple(each for notified in found.values() for each in _taken_by(notified, takers))

    def takers(
        self, instead: tuple[tuple[str, ...], ...], channels: frozenset[str], console: Contact, duty: Duty
    ) -> tuple[Notified, ...]:
        """Return who gets what cannot reach its own target: those of the first of ``instead`` that can be reached."""
        for targets in instead:
            able = tuple(one for one in self.resolve(targets, channels, console, duty) if not one.stranded)
            if able:
                return able
        return ()

    def time_zone_of(self, name: str) -> str:
        """Return a person's time zone: their own, or else the one that all their rotations share; "": neither."""
        person = self.persons.get(name)
        if person is None or person.time_zone:
            return person.time_zone if person is not None else ""
        zones = {rotation.time_zone for rotation in self.rotations.values() if name in rotation.names}
        return zones.pop() if len(zones) == 1 else ""

    def backups(
        self, rotation: str, channels: frozenset[str], console: Contact, duty: Duty, seen: tuple[str, ...] = ()
    ) -> tuple[Notified, ...]:
        """Those of a rotation's backup who can be reached; where a rotation has nobody who can, its own backup."""
        known = self.rotations.get(rotation)
        found: dict[str, Notified] = {}
        for target in known.backup if known is not None else ():
            reached = [self._reach(name, channels, console) for name in self._named(target, duty)]
            able = tuple(one for one in reached if not one.stranded)
            if not able and target not in (*seen, rotation):
                able = self.backups(target, channels, console, duty, (*seen, rotation))
            found |= {one.target: one for one in able}
        return tuple(found.values())

    def method(self, name: str, nth: int) -> Contact | None:
        """A person's nth way, the first is 1; None where there is none any more."""
        person = self.persons.get(name)
        methods = person.methods if person is not None else ()
        return methods[nth - 1].contact if 0 < nth <= len(methods) else None

    def spare(self, name: str, failed: Contact, channels: frozenset[str]) -> Contact | None:
        """The next way to a place after one that failed."""
        ways = (self.places[name], *self.spares.get(name, ())) if name in self.places else ()
        after = ways[ways.index(failed) + 1 :] if failed in ways else ()
        return next((contact for contact in after if contact.channel in channels), None)

    def _resolve(self, name: str, channels: frozenset[str], console: Contact, duty: Duty) -> Iterator[Notified]:
        if name not in self.rotations:
            yield self._reach(name, channels, console)
            return
        reached = [self._reach(one, channels, console) for one in self._named(name, duty)]
        stranded = [one for one in reached if one.stranded]
        if reached and not stranded:
            yield from reached
            return
        why = f"nobody is on call for {name}"
        if stranded:
            why = f"{stranded[0].target} is on call and has no contact method for this"
        backups = [msgspec.structs.replace(one, why=why) for one in self.backups(name, channels, console, duty)]
        yield from (one for one in reached if not one.stranded)
        yield from backups
        if not backups:
            yield from stranded or [Notified(name, console, stranded=True, why=why)]

    def _named(self, target: str, duty: Duty, seen: tuple[str, ...] = ()) -> Iterator[str]:
        """Persons and places, also where a group or a backup names a rotation."""
        if target in seen:
            return
        inner: tuple[str, ...]
        if target in self.groups:
            inner = self.groups[target]
        elif target in self.rotations:
            inner = self.rotations[target].on_at(duty.now, duty)
        else:
            yield target
            return
        for name in inner:
            yield from self._named(name, duty, (*seen, target))

    def _reach(self, name: str, channels: frozenset[str], console: Contact) -> Notified:
        """Through the first way that works; what follows it keeps its own time."""
        if name in self.places:
            ways = (self.places[name], *self.spares.get(name, ()))
            usable = next((contact for contact in ways if contact.channel in channels), None)
            return Notified(name, usable or console, stranded=usable is None)
        person = self.persons.get(name)
        methods = enumerate(person.methods if person is not None else (), start=1)
        working = [(nth, method) for nth, method in methods if method.contact.channel in channels]
        if not working:
            return Notified(name, console, stranded=True)
        left = tuple(Left(nth, method.after) for nth, method in working[1:])
        return Notified(name, working[0][1].contact, left=left)

    def by_slack(self, user_id: str) -> Person | None:
        """The person with this Slack user id."""
        return next((p for p in self.persons.values() if user_id and p.slack_user == user_id), None)

    def by_pagerduty(self, user_id: str, email: str) -> Person | None:
        """The person with this PagerDuty user id, or else this e-mail address."""
        persons = self.persons.values()
        by_id = next((p for p in persons if user_id and p.pagerduty_user == user_id), None)
        return by_id or next((p for p in persons if email and p.email.lower() == email.lower()), None)


def _taken_by(notified: Notified, takers: tuple[Notified, ...]) -> Iterator[Notified]:
    """Yield a stranded notification once for each target that takes it; any other as it is."""
    if not notified.stranded or not takers:
        yield notified
        return
    for taker in takers:
        yield msgspec.structs.replace(notified, contact=taker.contact, place=taker.target)

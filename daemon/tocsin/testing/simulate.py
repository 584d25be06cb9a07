"""Who would be paged when, and through what: a walk through one playbook without store, engine or waiting.

    walk = Walk(playbook, ways_of(bundle))
    steps = walk.run([(0, Opened(fired=("SEV-1",))), (20 * MINUTE, Acknowledge(by=...))], start=now)

Only the core is asked: `core.escalation.step` for what an event makes of the
incident, `next_due` for when to look again, `People.resolve` for who that is at
that moment. The engine does the same with a store, leases and retries around
it; tests/scenario compares the two.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec import structs

from tocsin.channels.registry import build
from tocsin.conf.bundle import Bundle
from tocsin.core.clock import REMINDER, is_beside_the_ladder
from tocsin.core.effect import Notify
from tocsin.core.escalation import next_due, step, unopened
from tocsin.core.event import AlertsChanged, Due, Event, PersonsCalled, ShiftBegan
from tocsin.core.incident import TAKEN, Incident
from tocsin.core.outbox import Job
from tocsin.core.people import Contact, Notified, People
from tocsin.core.playbook import HOUR, Kind, Playbook
from tocsin.core.reaching import Called
from tocsin.core.rotation import Duty
from tocsin.engine.handovers import concerned, is_news, strangers
from tocsin.engine.oncall import SECOND_ON_CALL, called_of, seconded

ROUNDS = 2
"""How often what repeats without end is shown, once everything else has happened."""
FOR_EVER = 366 * 24 * HOUR
"""Nothing of a playbook takes longer than this to begin."""

Script = Sequence[tuple[int, Event]]
"""What happens, and how long after the start, in microseconds; in the order of time."""


@dataclass(frozen=True)
class Step:
    """Some targets are told something, through one channel, at one moment. Microseconds."""

    after: int
    """Since the start."""
    at: int
    """Since the epoch."""
    tier: int
    targets: tuple[str, ...]
    channel: str
    kind: str
    """``page``, ``update``, or ``reminder``: an update for those who have had one."""
    because: str


@dataclass(frozen=True)
class Ways:
    """Whom there is to tell, and the ways out."""

    people: People
    channels: Mapping[Kind, frozenset[str]]
    """The channels on which a notification of each kind means something."""
    console: Contact
    own: tuple[str, ...] = ()
    """The targets that tocsin notifies about itself."""


def ways_of(bundle: Bundle) -> Ways:
    """What a configuration has."""
    handles = {configured.name: build(configured).handles for configured in bundle.channels}
    channels = {kind: frozenset(name for name, jobs in handles.items() if Job(kind) in jobs) for kind in Kind}
    return Ways(bundle.people, channels, bundle.console, bundle.settings.self_.targets)


class Walk:
    """One incident from its opening on, as the core has it."""

    def __init__(self, plan: Playbook, ways: Ways, *, service: str = "service") -> None:
        self._plan = plan
        self._ways = ways
        self._service = service
        self._told: set[tuple[int, int, str, str, int]] = set()
        self._informed: set[str] = set()

    def run(self, script: Script, *, start: int, until: int | None = None) -> list[Step]:
        """What comes of a script.

        Args:
            script: What happens; `Opened` is the first.
            start: When it begins, in microseconds since the epoch.
            until: How long to look, in microseconds; without it until everything has happened, what repeats
                without end for `ROUNDS` rounds.

        Raises:
            TocsinError: The script asks for what the playbook does not have, or for what cannot happen.
        """
        incident = self._unopened(start)
        steps: list[Step] = []
        rounds, now = 0, start
        horizon = start + (FOR_EVER if until is None else until)
        happenings = [(start + after, event) for after, event in script]
        while True:
            due_at = next_due(incident)
            shift_at, shift = self._shift(incident, now)
            if happenings and all(at is None or at > happenings[0][0] for at in (due_at, shift_at)):
                now, event = happenings.pop(0)
            elif due_at is not None and (shift_at is None or due_at <= shift_at):
                now, event = max(now, due_at), Due()  # what has happened may have made it overdue
            elif shift_at is not None and shift is not None and (until is not None or due_at or happenings):
                now, event = max(now, shift_at), shift
            else:
                return steps
            if now > horizon:
                return steps
            incident, found = self._happen(incident, event, now, start)
            steps += found
            rounds += bool(found) and not happenings and not incident.ladder
            if until is None and rounds > ROUNDS:
                return steps

    def _shift(self, incident: Incident, now: int) -> tuple[int | None, ShiftBegan | None]:
        """When somebody comes on call next who has to hear of what somebody has taken, and that they do."""
        if incident.state not in TAKEN:
            return None, None
        found: list[tuple[int, str, ShiftBegan]] = []
        told = {whom.split()[0] for occurrence, _, _, whom, _ in self._told if occurrence == incident.occurrence}
        by_now: set[str] = set()
        for rotation in concerned(self._ways.people, incident):
            shift = rotation.shift_at(now, Duty(now))
            begins = now if is_news(incident, rotation, shift) else shift.ends_at
            duty = Duty(begins)
            shift = rotation.shift_at(begins, duty)
            names = tuple(name for name in strangers(incident, rotation, shift, duty, told) if name not in by_now)
            if begins == now:
                by_now.update(names)
            found.append((begins, rotation.name, ShiftBegan(rotation=rotation.name, at=shift.starts_at, told=names)))
        if not found:
            return None, None
        at, _, event = min(found, key=lambda one: one[0])
        return at, event

    def _unopened(self, now: int) -> Incident:
        service = self._service
        name = "simulated"
        return unopened(
            incident_id=name, number=1, dedup_key=name, plan=self._plan, title=service, service=service, now=now
        )

    def _happen(self, incident: Incident, event: Event, now: int, start: int) -> tuple[Incident, list[Step]]:
        if isinstance(event, AlertsChanged) and event.ended and event.last_end_at is None:
            event = structs.replace(event, last_end_at=now)
        incident, effects = step(incident, event, now)
        steps: list[Step] = []
        called: list[Called] = []
        for effect in effects:
            if isinstance(effect, Notify):
                whom = self._whom(incident, effect, now)
                if effect.kind is Kind.PAGE:
                    called += [called_of(incident, effect, one, now) for one in whom if one.left]
                steps += _steps(effect, self._kind(effect), self._once(incident, effect, whom), now, now - start)
        if called:
            incident, _ = step(incident, PersonsCalled(called=tuple(called)), now)
        return incident, steps

    def _kind(self, effect: Notify) -> str:
        if effect.kind is Kind.PAGE:
            return effect.kind.value
        if is_beside_the_ladder(effect.step):
            return "reminder" if effect.step.startswith(REMINDER) else effect.kind.value
        again = self._informed.issuperset(effect.targets)
        self._informed.update(effect.targets)
        return "reminder" if again else effect.kind.value

    def _once(self, incident: Incident, effect: Notify, whom: Iterable[Notified]) -> Iterator[Notified]:
        """Those who are told: each once for each step, round and contact method."""
        round_ = incident.round if effect.round is None else effect.round
        for notified in whom:
            once = (incident.occurrence, round_, effect.step, f"{notified.target} {notified.place}", effect.method)
            if once not in self._told:
                self._told.add(once)
                yield notified

    def _whom(self, incident: Incident, effect: Notify, now: int) -> list[Notified]:
        ways = self._ways
        channels = ways.channels[effect.kind]
        if effect.method > 1:
            (person,) = effect.targets
            contact = ways.people.method(person, effect.method)
            return [Notified(person, contact)] if contact is not None and contact.channel in channels else []
        duty, instead = Duty(now), (incident.plan.announce, ways.own)
        found = list(ways.people.resolve(effect.targets, channels, ways.console, duty, instead))
        there = {one.target for one in found}
        seconds = ways.people.secondaries(seconded(incident, effect), duty)
        beside = ways.people.resolve(seconds, channels, ways.console, duty, instead)
        more = [structs.replace(one, why=one.why or SECOND_ON_CALL) for one in beside if one.target not in there]
        return [*found, *more]


def _steps(effect: Notify, kind: str, told: Iterable[Notified], now: int, after: int) -> Iterator[Step]:
    """One for each channel and reason."""
    together: dict[tuple[str, str], list[str]] = {}
    for notified in told:
        because = f"{effect.because}; {notified.why}" if notified.why else effect.because
        together.setdefault((notified.contact.channel, because), []).append(notified.target)
    for (channel, because), targets in together.items():
        yield Step(after, now, effect.tier, tuple(targets), channel, kind, because)

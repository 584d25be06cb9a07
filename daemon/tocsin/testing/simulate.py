"""A simulation of one playbook: who is paged when, and through which channel, without store, engine or waiting.

    walk = Walk(playbook, ways_of(bundle))
    steps = walk.run([(0, Opened(fired=("SEV-1",))), (20 * MINUTE, Acknowledge(by=...))], start=now)

Only the core is used: `core.incident.escalation.step` applies an event to the incident, `next_due` gives the next
timer, and `People.resolve` the recipients at that time. The engine does the same with a store, leases and retries;
tests/scenario compares the two.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec import structs

from tocsin.channels.registry import build
from tocsin.conf.bundle import Bundle
from tocsin.conf.settings import CONSOLE
from tocsin.core.alerts.subject import Subject
from tocsin.core.duration import HOUR
from tocsin.core.incident.contact_attempts import Called
from tocsin.core.incident.effect import Notify, Supersede, Track
from tocsin.core.incident.escalation import next_due, step, unopened
from tocsin.core.incident.event import AlertsChanged, Due, Event, PersonsCalled, ShiftBegan, TicketSettled
from tocsin.core.incident.incident import TAKEN, Incident
from tocsin.core.incident.outbox import Job, RowState
from tocsin.core.incident.sla import ACKNOWLEDGED_STEP, REMINDER, is_beside_the_ladder
from tocsin.core.incident.wording import because_acknowledged
from tocsin.core.oncall.people import Contact, Notified, People
from tocsin.core.oncall.rotation import OnCallInput
from tocsin.core.playbook.playbook import Kind, Playbook, Until
from tocsin.engine.change.oncall import SECOND_ON_CALL, called_of, seconded
from tocsin.engine.workers.handoffs import concerned, is_news, uninformed

ROUNDS = 2
"""Number of repetitions shown of steps that repeat without end, once everything else has happened."""
MAX_DURATION = 366 * 24 * HOUR
"""Upper bound for the time at which any step of a playbook begins."""

Script = Sequence[tuple[int, Event]]
"""Events and their times after the start, in microseconds, in the order of time."""


@dataclass(frozen=True)
class SimulatedStep:
    """A notification of some targets through one channel at one moment. Microseconds."""

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
    stranded: tuple[str, ...] = ()
    """The targets without a contact on a configured channel, for which the console stands in."""


@dataclass(frozen=True)
class _Paged:
    """A person who stays paged until the incident is resolved."""

    occurrence: int
    person: str
    tier: int


@dataclass(frozen=True)
class Ways:
    """The people and channels of a configuration."""

    people: People
    channels: Mapping[Kind, frozenset[str]]
    """The channels that support each kind of notification."""
    console: Contact
    own: tuple[str, ...] = ()
    """The targets that tocsin notifies about itself."""


def ways_of(bundle: Bundle) -> Ways:
    """Return the people and channels of a configuration."""
    handles = {configured.name: build(configured).handles for configured in bundle.channels}
    channels = {kind: frozenset(name for name, jobs in handles.items() if Job(kind) in jobs) for kind in Kind}
    return Ways(bundle.people, channels, bundle.console, bundle.settings.self_.targets)


class Walk:
    """One incident from its opening on, in the core only."""

    def __init__(self, plan: Playbook, ways: Ways, *, service: str = "service") -> None:
        self._plan = plan
        self._ways = ways
        self._service = service
        self._notified: set[tuple[int, int, str, str, int]] = set()
        self._informed: set[str] = set()
        self._paged: list[_Paged] = []

    def run(self, script: Script, *, start: int, until: int | None = None) -> list[SimulatedStep]:
        """Return the steps that result from a script.

        Args:
            script: The events; `Opened` is the first.
            start: The start, in microseconds since the epoch.
            until: The duration in microseconds; without it the simulation ends when everything has happened, with
                `ROUNDS` rounds of steps that repeat without end.

        Raises:
            TocsinError: The script uses what the playbook does not have, or an impossible event.
        """
        incident = self._unopened(start)
        steps: list[SimulatedStep] = []
        rounds, now = 0, start
        horizon = start + (MAX_DURATION if until is None else until)
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
            incident, result = self._happen(incident, event, now, start)
            steps += result
            rounds += bool(result) and not happenings and not incident.ladder
            if until is None and rounds > ROUNDS:
                return steps

    def _shift(self, incident: Incident, now: int) -> tuple[int | None, ShiftBegan | None]:
        """Return the next shift whose person must be notified of an acknowledged incident, with the notification."""
        if incident.state not in TAKEN:
            return None, None
        result: list[tuple[int, str, ShiftBegan]] = []
        recipients = {
            recipient.split()[0]
            for occurrence, _, _, recipient, _ in self._notified
            if occurrence == incident.occurrence
        }
        by_now: set[str] = set()
        for rotation in concerned(self._ways.people, incident):
            shift = rotation.shift_at(now, OnCallInput(now))
            begins = now if is_news(incident, rotation, shift) else shift.ends_at
            inputs = OnCallInput(begins)
            shift = rotation.shift_at(begins, inputs)
            names = tuple(
                name for name in uninformed(incident, rotation, shift, inputs, recipients) if name not in by_now
            )
            if begins == now:
                by_now.update(names)
            result.append(
                (begins, rotation.name, ShiftBegan(rotation=rotation.name, at=shift.starts_at, notified=names))
            )
        if not result:
            return None, None
        at, _, event = min(result, key=lambda one: one[0])
        return at, event

    def _unopened(self, now: int) -> Incident:
        subject = Subject(title=self._service, service=self._service)
        name = "simulated"
        return unopened(incident_id=name, number=1, dedup_key=name, plan=self._plan, subject=subject, now=now)

    def _happen(self, incident: Incident, event: Event, now: int, start: int) -> tuple[Incident, list[SimulatedStep]]:
        if isinstance(event, AlertsChanged) and event.ended and event.last_end_at is None:
            event = structs.replace(event, last_end_at=now)
        incident, effects = step(incident, event, now)
        steps: list[SimulatedStep] = []
        called: list[Called] = []
        paged = tuple(self._paged)  # a page of this same change has not been sent when others are informed
        for effect in effects:
            if isinstance(effect, Notify):
                recipient = self._whom(incident, effect, now)
                if effect.kind is Kind.PAGE:
                    called += [called_of(incident, effect, one, now) for one in recipient if one.left]
                once = tuple(self._once(incident, effect, recipient))
                self._remember(incident, effect, once)
                steps += _steps(effect, self._kind(effect), once, now, now - start)
            elif isinstance(effect, Supersede) and effect.by is Until.ACKNOWLEDGED:
                steps += self._inform_paged(incident, paged, now, now - start)
        if called:
            incident, _ = step(incident, PersonsCalled(called=tuple(called)), now)
        for effect in effects:
            if isinstance(effect, Track) and effect.job is Job.TICKET_OPEN:
                incident, more = self._happen(incident, _opened(effect), now, start)
                steps += more
        return incident, steps

    def _remember(self, incident: Incident, effect: Notify, recipients: Iterable[Notified]) -> None:
        """Remember the persons whom a page reaches and whom an acknowledgment does not release."""
        if effect.kind is Kind.PAGE and effect.until is Until.RESOLVED:
            self._paged += [
                _Paged(incident.occurrence, one.target, effect.tier)
                for one in recipients
                if one.target in self._ways.people.persons and not one.stranded
            ]

    def _inform_paged(
        self, incident: Incident, paged: Iterable[_Paged], now: int, after: int
    ) -> Iterator[SimulatedStep]:
        """Return the updates for persons who stay paged that another person has acknowledged."""
        by, ways = incident.acknowledged_by, self._ways
        if by is None:
            return
        first: dict[str, int] = {}
        for one in paged:
            if one.occurrence == incident.occurrence and one.person != by:
                first.setdefault(one.person, one.tier)
        for person, tier in first.items():
            effect = Notify(
                kind=Kind.UPDATE,
                step=f"{ACKNOWLEDGED_STEP}{tier}",
                tier=tier,
                targets=(person,),
                until=Until.RESOLVED,
                because=because_acknowledged(by),
            )
            recipients = ways.people.resolve((person,), ways.channels[Kind.UPDATE], ways.console, OnCallInput(now))
            reachable = [one for one in recipients if one.target == person and not one.stranded]
            yield from _steps(effect, self._kind(effect), self._once(incident, effect, reachable), now, after)

    def _kind(self, effect: Notify) -> str:
        if effect.kind is Kind.PAGE:
            return effect.kind.value
        if is_beside_the_ladder(effect.step):
            return "reminder" if effect.step.startswith(REMINDER) else effect.kind.value
        again = self._informed.issuperset(effect.targets)
        self._informed.update(effect.targets)
        return "reminder" if again else effect.kind.value

    def _once(self, incident: Incident, effect: Notify, recipient: Iterable[Notified]) -> Iterator[Notified]:
        """Return the recipients, each once for each step, round and contact method."""
        round_ = incident.round if effect.round is None else effect.round
        for notified in recipient:
            once = (incident.occurrence, round_, effect.step, f"{notified.target} {notified.place}", effect.method)
            if once not in self._notified:
                self._notified.add(once)
                yield notified

    def _whom(self, incident: Incident, effect: Notify, now: int) -> list[Notified]:
        ways = self._ways
        channels = ways.channels[effect.kind]
        if effect.method > 1:
            (person,) = effect.targets
            contact = ways.people.method(person, effect.method)
            return [Notified(person, contact)] if contact is not None and contact.channel in channels else []
        inputs, instead = OnCallInput(now), (incident.plan.announce, ways.own)
        result = list(ways.people.resolve(effect.targets, channels, ways.console, inputs, instead))
        there = {one.target for one in result}
        seconds = ways.people.secondaries(seconded(incident, effect), inputs)
        beside = ways.people.resolve(seconds, channels, ways.console, inputs, instead)
        more = [structs.replace(one, why=one.why or SECOND_ON_CALL) for one in beside if one.target not in there]
        return [*result, *more]


def _opened(request: Track) -> TicketSettled:
    """Return the answer of a tracker that opens a ticket at once."""
    return TicketSettled(
        tracker=request.tracker, about=request.about, job=request.job, outcome=RowState.SENT, ref="1", shown="#1"
    )


def _steps(effect: Notify, kind: str, recipients: Iterable[Notified], now: int, after: int) -> Iterator[SimulatedStep]:
    """Return one step for each channel and reason."""
    together: dict[tuple[str, str], list[Notified]] = {}
    for notified in recipients:
        because = f"{effect.because}; {notified.why}" if notified.why else effect.because
        together.setdefault((notified.contact.channel, because), []).append(notified)
    for (channel, because), group in together.items():
        targets = tuple(notified.target for notified in group)
        stranded = tuple(notified.target for notified in group if notified.stranded and channel == CONSOLE)
        yield SimulatedStep(after, now, effect.tier, targets, channel, kind, because, stranded)

"""Who would be paged when, and through what: a walk through one playbook without store, engine or waiting.

    walk = Walk(playbook, ways_of(bundle))
    steps = walk.run([(0, Opened(fired=("SEV-1",))), (20 * MINUTE, Acknowledge(by=...))], start=now)

Only the core is asked: `core.escalation.step` for what an event makes of the
incident, `next_due` for when to look again, `People.resolve` for who that is at
that moment. The engine does the same with a store, leases and retries around
it; tests/scenario compares the two.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tocsin.channels.registry import build
from tocsin.conf.bundle import Bundle
from tocsin.core.effect import Effect, Notify
from tocsin.core.escalation import next_due, step, unopened
from tocsin.core.event import Due, Event
from tocsin.core.incident import Incident
from tocsin.core.outbox import Job
from tocsin.core.people import Contact, People
from tocsin.core.playbook import HOUR, Kind, Playbook

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
    because: str


@dataclass(frozen=True)
class Ways:
    """Whom there is to tell, and the ways out."""

    people: People
    channels: Mapping[Kind, frozenset[str]]
    """The channels on which a notification of each kind means something."""
    console: Contact


def ways_of(bundle: Bundle) -> Ways:
    """What a configuration has."""
    handles = {configured.name: build(configured).handles for configured in bundle.channels}
    channels = {kind: frozenset(name for name, jobs in handles.items() if Job(kind) in jobs) for kind in Kind}
    return Ways(bundle.people, channels, bundle.console)


class Walk:
    """One incident from its opening on, as the core has it."""

    def __init__(self, plan: Playbook, ways: Ways, *, service: str = "service") -> None:
        self._plan = plan
        self._ways = ways
        self._service = service
        self._told: set[tuple[int, int, str, str]] = set()

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
        rounds = 0
        horizon = start + (FOR_EVER if until is None else until)
        happenings = [(start + after, event) for after, event in script]
        while True:
            due_at = next_due(incident)
            if happenings and (due_at is None or due_at > happenings[0][0]):
                now, event = happenings.pop(0)
            elif due_at is not None:
                now, event = due_at, Due()
            else:
                return steps
            if now > horizon:
                return steps
            incident, effects = step(incident, event, now)
            found = list(self._steps(incident, effects, now, start))
            steps += found
            rounds += bool(found) and not happenings and not incident.ladder
            if until is None and rounds > ROUNDS:
                return steps

    def _unopened(self, now: int) -> Incident:
        service = self._service
        name = "simulated"
        return unopened(
            incident_id=name, number=1, dedup_key=name, plan=self._plan, title=service, service=service, now=now
        )

    def _steps(self, incident: Incident, effects: tuple[Effect, ...], now: int, start: int) -> Iterator[Step]:
        for effect in effects:
            if isinstance(effect, Notify):
                for channel, targets in self._through(incident, effect).items():
                    yield Step(
                        after=now - start,
                        at=now,
                        tier=effect.tier,
                        targets=tuple(targets),
                        channel=channel,
                        kind=effect.kind.value,
                        because=effect.because,
                    )

    def _through(self, incident: Incident, effect: Notify) -> dict[str, list[str]]:
        """Those who are told, by the channel; each once for each step and round."""
        ways = self._ways
        through: dict[str, list[str]] = {}
        for notified in ways.people.resolve(effect.targets, ways.channels[effect.kind], ways.console):
            once = (incident.occurrence, incident.round, effect.step, notified.target)
            if once not in self._told:
                self._told.add(once)
                through.setdefault(notified.contact.channel, []).append(notified.target)
        return through

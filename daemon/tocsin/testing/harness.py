"""A complete tocsin without network, disk or waiting: send alerts, advance a clock, read the pages.

    async with Harness(playbook, people) as tocsin:
        await tocsin.fire(alertname="Down", severity="SEV-1")
        await tocsin.advance(minutes=30)
        assert tocsin.pages() == [(0, "alice"), (15, "alice"), (30, "bob")]

The engine is the real one; any store can be used (in memory by default); the channels record what was sent.
"""

import dataclasses
import itertools
from collections.abc import Awaitable, Mapping, Sequence
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from tocsin.app.build import policy_of
from tocsin.channels import registry
from tocsin.conf.bundle import Bundle
from tocsin.conf.channels import ConfiguredChannel
from tocsin.conf.templates import MessageTemplate
from tocsin.core.alerts.alert import DRILL_SOURCE, Alert, AlertStatus, fingerprint
from tocsin.core.content.page import Content
from tocsin.core.errors import Overloaded
from tocsin.core.incident.event import Actor, Entry, Event, SetFlags, SetSeverity, Unsnooze
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.outbox import Job
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.matching.placeholders import Template
from tocsin.core.oncall.maintenance_window import Window
from tocsin.core.oncall.people import Contact, People
from tocsin.core.playbook.playbook import Cell, Kind, Level, Playbook, Tier
from tocsin.core.rules.rule import Rule
from tocsin.core.rules.rules import RuleSet
from tocsin.engine.change.commit import Committer
from tocsin.engine.change.policy import Live, Policy
from tocsin.engine.change.wake import LocalWake
from tocsin.engine.deliver.dispatcher import Dispatcher, next_look_at
from tocsin.engine.intake.ingest import Ingest
from tocsin.engine.responses.declare import Declarer
from tocsin.engine.responses.overrides import OnCallSchedule
from tocsin.engine.responses.respond import Answer, Respond
from tocsin.engine.responses.windows import Windows
from tocsin.engine.selfwatch.alarm import Alarm
from tocsin.engine.workers.drills import Drills
from tocsin.engine.workers.handoffs import Handoffs
from tocsin.engine.workers.housekeeper import Housekeeper
from tocsin.engine.workers.measures import MeasureGauges
from tocsin.engine.workers.reminders import Reminders
from tocsin.engine.workers.timers import Timers
from tocsin.ports.store import Store
from tocsin.store.sqlite.memory_store import MemoryStore
from tocsin.testing.clock import VirtualClock
from tocsin.testing.recording import RecordingChannel, RecordingObserver, RecordingTracker
from tocsin.web.alertmanager import payload

CONSOLE = Contact("console", "console")


def rules_by_label(playbook: Playbook, *more: Rule) -> RuleSet:
    """Return rules that take the severity from the ``severity`` label, for each level of a playbook."""
    levels = [
        Rule(
            name=level.name,
            matchers=parse_matchers(f'severity="{level.name}"'),
            actions={"severity": Template.parse(level.name)},
        )
        for level in playbook.levels
    ]
    return RuleSet(
        [*levels, *more],
        playbook.name,
        {playbook.name: [level.name for level in playbook.levels]},
        {playbook.name: playbook.unrouted},
    )


def self_playbook(targets: tuple[str, ...] = ("console",)) -> Playbook:
    """Return a playbook for tocsin's own incidents, like that of the configuration."""
    cell = Cell(tier=1, nth=1, kind=Kind.PAGE, after=0, targets=targets)
    notice = Cell(tier=1, nth=1, kind=Kind.UPDATE, after=0, targets=targets)
    levels = (
        Level("self", 0, 3_600_000_000, None, (cell,)),
        Level("self-notice", 1, 3_600_000_000, None, (notice,)),
    )
    return Playbook(name="tocsin", title="tocsin", levels=levels, tiers=(Tier(1, "tocsin", targets),), unrouted="self")


def _recording(configured: ConfiguredChannel, jobs: frozenset[Job]) -> RecordingChannel:
    """Return a double that handles the jobs of the configured channel, as far as they are in ``jobs``."""
    real = registry.build(configured)
    return RecordingChannel(configured.name, configured.kind, real.handles & jobs, real.keyed)


class Harness:
    """See the module's docstring."""

    def __init__(  # noqa: PLR0913 - what a tocsin is made of, each named at the call
        self,
        playbook: Playbook,
        people: People,
        *,
        rules: RuleSet | None = None,
        channels: Sequence[RecordingChannel] = (),
        store: Store | None = None,
        clock: VirtualClock | None = None,
        first_id: int = 1,
        windows: Sequence[Window] = (),
        templates: Mapping[str, MessageTemplate] | None = None,
        trackers: Sequence[RecordingTracker] = (),
    ) -> None:
        """Create a harness.

        ``first_id`` numbers the ids of incidents: give the second harness on one store a larger one.
        """
        recording = {channel.name: channel for channel in (RecordingChannel(), *channels)}
        policy = Policy(
            instance="test",
            rules=rules or rules_by_label(playbook),
            playbooks={playbook.name: playbook},
            self_playbook=self_playbook(),
            people=people,
            channels=recording,
            console=CONSOLE,
            self_targets=("console",),
            windows=tuple(windows),
            templates=templates or {},
            trackers={tracker.name: tracker for tracker in trackers},
        )
        self._assemble(policy, recording, clock or VirtualClock(), store, first_id)

    @classmethod
    def of(
        cls,
        bundle: Bundle,
        *,
        clock: VirtualClock | None = None,
        store: Store | None = None,
        first_id: int = 1,
        jobs: frozenset[Job] = frozenset(Job),
    ) -> Self:
        """Return a harness with a whole configuration; every channel is replaced by a recording one.

        ``jobs`` are those that the channels handle. Recurring reminders and drills are left out, because they come from
        the calendar and not from an alert.
        """
        playbooks = {name: replace(plan, reminders=(), drills=()) for name, plan in bundle.playbooks.items()}
        bundle = dataclasses.replace(bundle, playbooks=playbooks)
        recording = {configured.name: _recording(configured, jobs) for configured in bundle.channels}
        harness = cls.__new__(cls)
        trackers = {configured.name: RecordingTracker(configured.name) for configured in bundle.trackers}
        policy = policy_of(bundle, recording, trackers)
        harness._assemble(policy, recording, clock or VirtualClock(), store, first_id)  # noqa: SLF001 - its own
        return harness

    def _assemble(
        self,
        policy: Policy,
        channels: Mapping[str, RecordingChannel],
        clock: VirtualClock,
        store: Store | None,
        first_id: int = 1,
    ) -> None:
        self.clock = clock
        self.observer = RecordingObserver()
        self.channels = channels
        self.console = channels[policy.console.channel]
        self.store: Store = store or MemoryStore(self.clock)
        self.live = Live(policy)
        ids = itertools.count(first_id)
        wake = LocalWake()
        committer = Committer(self.store, self.live, self.observer, wake, self.clock)
        self.alarm = Alarm(self.live, self.clock, "tocsin-1")
        self.ingest = Ingest(committer, self.clock, self.alarm, new_id=lambda: f"incident-{next(ids)}")
        self.respond = Respond(committer)
        self.declarer = Declarer(committer, lambda: f"incident-{next(ids)}")
        self.windows = Windows(committer, lambda: f"window-{next(ids)}")
        self.timers = Timers(committer, self.ingest, self.clock, wake.timers_event)
        self.dispatcher = Dispatcher(committer, self.ingest, self.clock, wake.outbox_event, jitter=lambda: 0.0)
        self.housekeeper = Housekeeper(committer, self.ingest, self.clock)
        self.measures = MeasureGauges(committer, self.clock)
        self.handoffs = Handoffs(committer, self.clock)
        self.reminders_due = Reminders(committer, self.clock, lambda: f"incident-{next(ids)}")
        self.refuses_drills = False
        self.drills_due = Drills(committer, self.ingest, self.clock, self.receive_drill)
        self.oncall_schedule = OnCallSchedule(committer, lambda: f"override-{next(ids)}")

    async def __aenter__(self) -> Self:
        await self.store.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.ingest.close()
        await self.alarm.close()
        await self.store.close()

    # What happens.

    async def fire(self, *, source: str = "default", starts_at: int | None = None, **labels: str) -> None:
        """Fire one alert, and deliver its pages."""
        await self.take(self.alert(AlertStatus.FIRING, labels, source=source, starts_at=starts_at))

    async def resolve(self, *, source: str = "default", **labels: str) -> None:
        """Resolve one alert."""
        await self.take(self.alert(AlertStatus.RESOLVED, labels, source=source))

    async def receive_drill(self, body: bytes) -> None:
        """Receive a webhook that the worker of scheduled drills sends to tocsin itself; `refuses_drills` refuses it."""
        if self.refuses_drills:
            raise Overloaded("too many alerts wait")
        await self.ingest.take(payload.read(body, DRILL_SOURCE, self.clock.now).alerts)

    async def take(self, *alerts: Alert) -> None:
        """Receive a webhook with these alerts."""
        await self.ingest.take(alerts)
        await self.settle()

    def alert(
        self,
        status: AlertStatus,
        labels: dict[str, str],
        *,
        source: str = "default",
        starts_at: int | None = None,
        annotations: dict[str, str] | None = None,
    ) -> Alert:
        """Return an alert as of now."""
        return Alert(
            source=source,
            fingerprint=fingerprint(labels),
            status=status,
            labels=labels,
            annotations=annotations or {},
            starts_at=self.clock.now() if starts_at is None and status is AlertStatus.FIRING else starts_at,
            ends_at=self.clock.now() if status is AlertStatus.RESOLVED else None,
        )

    async def acknowledge(self, by: str = "alice", incident: str = "1", *, occurrence: int | None = None) -> Answer:
        """Acknowledge as a person."""
        return await self._answered(self.respond.acknowledge(incident, Actor(by, "api"), occurrence=occurrence))

    async def close(self, by: str = "alice", incident: str = "1", *, occurrence: int | None = None) -> Answer:
        """Resolve as a person."""
        return await self._answered(self.respond.resolve(incident, Actor(by, "api"), occurrence=occurrence))

    async def snooze(self, minutes: float, by: str = "alice", incident: str = "1") -> Answer:
        """Snooze as a person."""
        length = round(minutes * 60_000_000)
        return await self._answered(self.respond.snooze(incident, Actor(by, "api"), length=length))

    async def unsnooze(self, by: str = "alice", incident: str = "1") -> Answer:
        """End a snooze early, as a person."""
        return await self._answered(self.respond.apply(incident, Unsnooze(by=Actor(by, "api"))))

    async def escalate(self, by: str = "alice", incident: str = "1") -> Answer:
        """Escalate to the next tier, as a person."""
        return await self._answered(self.respond.escalate(incident, Actor(by, "api")))

    async def set_severity(self, severity: str | None, by: str = "alice", incident: str = "1") -> Answer:
        """Pin the severity as a person; None unpins it."""
        return await self._answered(self.respond.apply(incident, SetSeverity(by=Actor(by, "api"), severity=severity)))

    async def flag(self, *flags: str, remove: tuple[str, ...] = (), by: str = "alice", incident: str = "1") -> Answer:
        """Set or clear flags as a person."""
        return await self.say(SetFlags(by=Actor(by, "api"), add=flags, remove=remove), incident)

    async def say(self, event: Event, incident: str = "1") -> Answer:
        """Apply a person's event that needs no other data."""
        return await self._answered(self.respond.apply(incident, event))

    async def _answered(self, response: Awaitable[Answer]) -> Answer:
        answer = await response
        await self.settle()
        return answer

    async def advance(self, *, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Advance the time; everything due happens at its time."""
        await self.advance_to(self.clock.now() + round((hours * 3600 + minutes * 60 + seconds) * 1_000_000))

    async def advance_to(self, target: int) -> None:
        """Advance the time to this moment, in microseconds since the epoch."""
        while (due_at := await self._next_due_at()) is not None and due_at <= target:
            self.clock.set(max(due_at, self.clock.now()))
            await self.settle()
        self.clock.set(target)
        await self.settle()

    async def settle(self) -> None:
        """Fire what is due and deliver what waits, until nothing is left to do at this moment."""
        while True:
            await self.timers.run_once()
            await self.handoffs.run_once()
            await self.reminders_due.run_once()
            await self.drills_due.run_once()
            await self.dispatcher.run_once()
            await self.dispatcher.wait_until_idle()
            await self.ingest.close()
            due_at = await self._next_due_at()
            if due_at is None or due_at > self.clock.now():
                return

    async def _next_due_at(self) -> int | None:
        moments = await self.store.read(
            lambda tx: (
                self.timers.next_due_at(tx),
                next_look_at(tx),
                self.handoffs.next_due_at(tx),
                self.reminders_due.next_due_at(tx),
                self.drills_due.next_due_at(tx),
            )
        )
        return min((moment for moment in moments if moment is not None), default=None)

    # What can be seen.

    def sent(self, *jobs: Job) -> list[Content]:
        """Return what the channels have accepted, in the order of time."""
        taken = (content for channel in self.channels.values() for content in channel.sent)
        return sorted(
            (content for content in taken if not jobs or content.job in jobs), key=lambda content: content.now
        )

    def pages(self, job: Job = Job.PAGE) -> list[tuple[float, str]]:
        """Return (minutes since the start, target) of what the ladder has sent."""
        sent = (content for content in self.sent(job) if not content.beside_the_ladder)
        return [((content.now - self.clock.start) / 60_000_000, content.target) for content in sent]

    def reminders(self) -> list[tuple[float, str, str]]:
        """Return (minutes since the start, target, reason) of what an incident's obligations have sent."""
        sent = (content for content in self.sent(Job.UPDATE) if content.beside_the_ladder and content.text is None)
        return [((content.now - self.clock.start) / 60_000_000, content.target, content.because) for content in sent]

    def messages(self) -> list[tuple[float, str, str]]:
        """Return (minutes since the start, target, text) of a playbook's own messages."""
        sent = [(content, content.text) for content in self.sent(Job.UPDATE)]
        start = self.clock.start
        return [((one.now - start) / 60_000_000, one.target, text.plain) for one, text in sent if text is not None]

    async def incident(self, ref: str = "1") -> Incident:
        """Return the stored incident."""
        result = await self.store.read(lambda tx: tx.incident(ref))
        assert result is not None, f"there is no incident {ref}"  # noqa: S101 - a harness for tests
        return result

    async def timeline(self, ref: str = "1") -> list[Entry]:
        """Return the incident's timeline."""
        incident = await self.incident(ref)
        return await self.store.read(lambda tx: tx.entries(incident.id))

"""A whole tocsin without network, disk or waiting: alerts in, a clock to turn, pages out.

    async with Harness(playbook, people) as tocsin:
        await tocsin.fire(alertname="Down", severity="SEV-1")
        await tocsin.advance(minutes=30)
        assert tocsin.pages() == [(0, "alice"), (15, "alice"), (30, "bob")]

The engine is the real one; the store is any store (in memory by default), the
channels remember what they were given.
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
from tocsin.conf.templates import Template as MessageTemplate
from tocsin.core.alert import Alert, AlertStatus, fingerprint
from tocsin.core.event import Actor, Entry, Event
from tocsin.core.incident import Incident
from tocsin.core.matcher import parse_matchers
from tocsin.core.outbox import Job
from tocsin.core.page import Content
from tocsin.core.people import Contact, People
from tocsin.core.placeholder import Template
from tocsin.core.playbook import Cell, Kind, Level, Playbook, Tier
from tocsin.core.rules import Rule, RuleSet
from tocsin.core.window import Window
from tocsin.engine.alarm import Alarm
from tocsin.engine.commit import Committer
from tocsin.engine.declaring import Declarer
from tocsin.engine.dispatcher import Dispatcher, next_look_at
from tocsin.engine.handovers import Handovers
from tocsin.engine.housekeeper import Housekeeper
from tocsin.engine.ingest import Ingest
from tocsin.engine.overrides import Rotas
from tocsin.engine.policy import Delivery, Live, Policy
from tocsin.engine.reminders import Reminders
from tocsin.engine.respond import Answer, Respond
from tocsin.engine.timers import Timers
from tocsin.engine.wake import LocalWake
from tocsin.engine.windows import Windows
from tocsin.ports.store import Store
from tocsin.store.memory import MemoryStore
from tocsin.testing.clock import VirtualClock
from tocsin.testing.recording import RecordingChannel, RecordingObserver, RecordingTracker

CONSOLE = Contact("console", "console")


def rules_by_label(playbook: Playbook, *more: Rule) -> RuleSet:
    """Rules that take the severity from the ``severity`` label, for each level of a playbook."""
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
    """A playbook for tocsin's own incidents, as the configuration makes one."""
    cell = Cell(tier=1, nth=1, kind=Kind.PAGE, after=0, targets=targets)
    notice = Cell(tier=1, nth=1, kind=Kind.UPDATE, after=0, targets=targets)
    levels = (
        Level("self", 0, 3_600_000_000, None, (cell,)),
        Level("self-notice", 1, 3_600_000_000, None, (notice,)),
    )
    return Playbook(name="tocsin", title="tocsin", levels=levels, tiers=(Tier(1, "tocsin", targets),), unrouted="self")


def _recording(configured: ConfiguredChannel, jobs: frozenset[Job]) -> RecordingChannel:
    """A double that takes what the configured channel takes, as far as it is among these jobs."""
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
        """``first_id`` numbers the ids of incidents: give the second of two on one store a larger one."""
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
            delivery=Delivery(),
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
        """A tocsin with a whole configuration; every channel of it is replaced by one that remembers.

        ``jobs`` are those that the channels take: what is not looked at need not be sent. Recurring reminders are left
        out: what comes by the calendar comes of no alert.
        """
        playbooks = {name: replace(plan, reminders=()) for name, plan in bundle.playbooks.items()}
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
        self.alarm = Alarm(self.live, self.clock)
        self.ingest = Ingest(committer, self.clock, self.alarm, new_id=lambda: f"incident-{next(ids)}")
        self.respond = Respond(committer)
        self.declarer = Declarer(committer, lambda: f"incident-{next(ids)}")
        self.windows = Windows(committer, lambda: f"window-{next(ids)}")
        self.timers = Timers(committer, self.ingest, self.clock, wake.timers_event)
        self.dispatcher = Dispatcher(committer, self.ingest, self.clock, wake.outbox_event, jitter=lambda: 0.0)
        self.housekeeper = Housekeeper(committer, self.ingest, self.clock)
        self.handovers = Handovers(committer, self.clock)
        self.reminders_due = Reminders(committer, self.clock, lambda: f"incident-{next(ids)}")
        self.rotas = Rotas(committer, lambda: f"override-{next(ids)}")

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
        """One alert fires; pages go out."""
        await self.take(self.alert(AlertStatus.FIRING, labels, source=source, starts_at=starts_at))

    async def resolve(self, *, source: str = "default", **labels: str) -> None:
        """One alert resolves."""
        await self.take(self.alert(AlertStatus.RESOLVED, labels, source=source))

    async def take(self, *alerts: Alert) -> None:
        """A webhook with these alerts arrives."""
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
        """An alert as it is now."""
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
        """A person acknowledges."""
        return await self._answered(self.respond.acknowledge(incident, Actor(by, "api"), occurrence=occurrence))

    async def close(self, by: str = "alice", incident: str = "1", *, occurrence: int | None = None) -> Answer:
        """A person resolves."""
        return await self._answered(self.respond.resolve(incident, Actor(by, "api"), occurrence=occurrence))

    async def snooze(self, minutes: float, by: str = "alice", incident: str = "1") -> Answer:
        """A person leaves it alone for so long."""
        length = round(minutes * 60_000_000)
        return await self._answered(self.respond.snooze(incident, Actor(by, "api"), length=length))

    async def unsnooze(self, by: str = "alice", incident: str = "1") -> Answer:
        """A person goes on with it before that."""
        return await self._answered(self.respond.unsnooze(incident, Actor(by, "api")))

    async def escalate(self, by: str = "alice", incident: str = "1") -> Answer:
        """A person asks for the next tier."""
        return await self._answered(self.respond.escalate(incident, Actor(by, "api")))

    async def set_severity(self, severity: str | None, by: str = "alice", incident: str = "1") -> Answer:
        """A person pins the severity, or with None unpins it."""
        return await self._answered(self.respond.set_severity(incident, Actor(by, "api"), severity, ""))

    async def flag(self, *flags: str, remove: tuple[str, ...] = (), by: str = "alice", incident: str = "1") -> Answer:
        """A person sets flags, or clears some."""
        return await self._answered(self.respond.set_flags(incident, Actor(by, "api"), flags, remove))

    async def say(self, event: Event, incident: str = "1") -> Answer:
        """A person says or does something that needs nothing but itself."""
        return await self._answered(self.respond.say(incident, event))

    async def _answered(self, response: Awaitable[Answer]) -> Answer:
        answer = await response
        await self.settle()
        return answer

    async def advance(self, *, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Let time pass; everything that is due happens at its moment."""
        await self.advance_to(self.clock.now() + round((hours * 3600 + minutes * 60 + seconds) * 1_000_000))

    async def advance_to(self, target: int) -> None:
        """Let time pass until this moment, in microseconds since the epoch."""
        while (due_at := await self._next_due_at()) is not None and due_at <= target:
            self.clock.set(max(due_at, self.clock.now()))
            await self.settle()
        self.clock.set(target)
        await self.settle()

    async def settle(self) -> None:
        """Fire what is due and deliver what waits, until there is nothing left to do at this moment."""
        while True:
            await self.timers.run_once()
            await self.handovers.run_once()
            await self.reminders_due.run_once()
            await self.dispatcher.run_once()
            await self.dispatcher.idle()
            await self.ingest.close()
            due_at = await self._next_due_at()
            if due_at is None or due_at > self.clock.now():
                return

    async def _next_due_at(self) -> int | None:
        moments = await self.store.read(
            lambda tx: (
                self.timers.next_due_at(tx),
                next_look_at(tx),
                self.handovers.next_due_at(tx),
                self.reminders_due.next_due_at(tx),
            )
        )
        return min((moment for moment in moments if moment is not None), default=None)

    # What can be seen.

    def sent(self, *jobs: Job) -> list[Content]:
        """What the channels have taken, in the order of time."""
        taken = (content for channel in self.channels.values() for content in channel.sent)
        return sorted(
            (content for content in taken if not jobs or content.job in jobs), key=lambda content: content.now
        )

    def pages(self, job: Job = Job.PAGE) -> list[tuple[float, str]]:
        """(minutes since the start, target) of what steps of the ladder have sent."""
        sent = (content for content in self.sent(job) if not content.beside_the_ladder)
        return [((content.now - self.clock.start) / 60_000_000, content.target) for content in sent]

    def reminders(self) -> list[tuple[float, str, str]]:
        """(minutes since the start, target, why) of what the clock of an incident has sent."""
        sent = (content for content in self.sent(Job.UPDATE) if content.beside_the_ladder and content.text is None)
        return [((content.now - self.clock.start) / 60_000_000, content.target, content.because) for content in sent]

    def messages(self) -> list[tuple[float, str, str]]:
        """(minutes since the start, target, text) of what a playbook has said in its own words."""
        sent = [(content, content.text) for content in self.sent(Job.UPDATE)]
        start = self.clock.start
        return [((one.now - start) / 60_000_000, one.target, text.plain) for one, text in sent if text is not None]

    async def incident(self, ref: str = "1") -> Incident:
        """The incident as it is stored."""
        found = await self.store.read(lambda tx: tx.incident(ref))
        assert found is not None, f"there is no incident {ref}"  # noqa: S101 - a harness for tests
        return found

    async def timeline(self, ref: str = "1") -> list[Entry]:
        """Its timeline."""
        incident = await self.incident(ref)
        return await self.store.read(lambda tx: tx.entries(incident.id))

"""The composition root: it builds a daemon from a configuration, without globals."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from getpass import getuser
from random import SystemRandom
from socket import gethostname
from typing import TypeVar

from pydantic import BaseModel

from tocsin.app.commit_process import CommitProcess
from tocsin.app.ids import new_id
from tocsin.app.own_webhook import OwnWebhook
from tocsin.channels import registry
from tocsin.conf.bundle import Bundle
from tocsin.conf.channels import ConfiguredChannel, ConfiguredTracker
from tocsin.conf.secrets import Secret
from tocsin.core.errors import SourceUnavailable
from tocsin.core.measures.goals import RecoveryObjectives
from tocsin.engine.change.commit import Committer
from tocsin.engine.change.policy import Live, Policy, Watched
from tocsin.engine.change.wake import LocalWake
from tocsin.engine.deliver.dispatcher import Dispatcher
from tocsin.engine.intake.ingest import Ingest
from tocsin.engine.intake.reconcile import Reconciler
from tocsin.engine.intake.senders import KnownSenders
from tocsin.engine.intake.shadow import Shadow, ShadowRules
from tocsin.engine.responses.declare import Declarer
from tocsin.engine.responses.overrides import OnCallSchedule
from tocsin.engine.responses.respond import Respond
from tocsin.engine.responses.windows import Windows
from tocsin.engine.selfwatch.alarm import Alarm
from tocsin.engine.service import Service
from tocsin.engine.workers.auditor import RULES, Auditor
from tocsin.engine.workers.drills import Drills
from tocsin.engine.workers.handoffs import Handoffs
from tocsin.engine.workers.housekeeper import Housekeeper
from tocsin.engine.workers.measures import MeasureGauges
from tocsin.engine.workers.reminders import Reminders
from tocsin.engine.workers.rosters import Rosters
from tocsin.engine.workers.timers import Timers
from tocsin.ports.channel import Channel
from tocsin.ports.clock import Clock
from tocsin.ports.store import Store
from tocsin.ports.tracker import Tracker
from tocsin.sources.alertmanager import Alertmanager
from tocsin.store.sqlite.sqlite_store import SqliteStore
from tocsin.telemetry.metrics import Metrics
from tocsin.trackers import registry as tracker_registry

W = TypeVar("W")

WORKERS = (
    "timers",
    "dispatcher",
    "handovers",
    "reminders",
    "drills",
    "rosters",
    "housekeeper",
    "measures",
    "auditor",
    "reconciler",
)


@dataclass
class Daemon:
    """A running daemon. A reload replaces ``bundle`` and the content of ``live``."""

    bundle: Bundle
    live: Live
    channels: dict[str, tuple[ConfiguredChannel, Channel]]
    trackers: dict[str, tuple[ConfiguredTracker, Tracker]]
    store: Store
    clock: Clock
    metrics: Metrics
    alarm: Alarm
    ingest: Ingest
    senders: KnownSenders
    respond: Respond
    timers: Timers
    dispatcher: Dispatcher
    housekeeper: Housekeeper
    measures: MeasureGauges
    auditor: Auditor
    reconciler: Reconciler
    declarer: Declarer
    windows: Windows
    handoffs: Handoffs
    reminders: Reminders
    drills: Drills
    own_webhook: OwnWebhook
    rosters: Rosters
    oncall_schedule: OnCallSchedule
    wake: LocalWake
    shadow: Shadow | None = None
    """Shadow rules, evaluated beside the live ones; None unless the command line names them."""
    commit_process: CommitProcess | None = None
    stopping: bool = field(default=False)

    @property
    def services(self) -> tuple[Service, ...]:
        """The workers, each of which has its own loop."""
        return (
            self.timers,
            self.dispatcher,
            self.handoffs,
            self.reminders,
            self.drills,
            self.rosters,
            self.housekeeper,
            self.measures,
            self.auditor,
            self.reconciler,
        )


def build(
    bundle: Bundle,
    store: Store,
    clock: Clock,
    metrics: Metrics,
    *,
    shadow: ShadowRules | None = None,
    wake: LocalWake | None = None,
) -> Daemon:
    """Build a daemon without starting it.

    Pass ``wake`` if the clock wakes the workers as well.
    """
    channels = {configured.name: (configured, registry.build(configured)) for configured in bundle.channels}
    trackers = {configured.name: (configured, tracker_registry.build(configured)) for configured in bundle.trackers}
    live = Live(policy_of(bundle, running(channels), running(trackers)))
    prepare(metrics, bundle)
    wake = wake or LocalWake()
    committer = Committer(store, live, metrics, wake, clock)
    alarm = Alarm(live, clock, gethostname())
    running_shadow = Shadow(shadow, metrics, clock.now) if shadow is not None else None
    commit_process = _commit_process(bundle, store, metrics)
    ingest = Ingest(
        committer,
        clock,
        alarm,
        new_id=lambda: new_id(clock.now()),
        limits=bundle.settings.webhook,
        shadow=running_shadow,
        other_committer=commit_process,
    )

    own_webhook = OwnWebhook()

    async def members(channel: str, group: str) -> tuple[str, ...]:
        entry = daemon.channels.get(channel)
        if entry is None:
            raise SourceUnavailable(f"the channel {channel} is not configured")
        configured, _ = entry
        return await registry.group_members(configured, group, clock.now())

    daemon = Daemon(
        bundle=bundle,
        live=live,
        channels=channels,
        trackers=trackers,
        store=store,
        clock=clock,
        metrics=metrics,
        alarm=alarm,
        ingest=ingest,
        senders=KnownSenders(store, clock, metrics),
        respond=Respond(committer),
        timers=Timers(committer, ingest, clock, wake.timers_event),
        dispatcher=Dispatcher(committer, ingest, clock, wake.outbox_event, jitter=SystemRandom().random),
        housekeeper=Housekeeper(committer, ingest, clock),
        measures=MeasureGauges(committer, clock),
        auditor=Auditor(committer, ingest, clock),
        reconciler=Reconciler(committer, clock, lambda: new_id(clock.now())),
        declarer=Declarer(committer, lambda: new_id(clock.now())),
        windows=Windows(committer, lambda: new_id(clock.now())),
        handoffs=Handoffs(committer, clock),
        reminders=Reminders(committer, clock, lambda: new_id(clock.now())),
        drills=Drills(committer, ingest, clock, own_webhook.post),
        own_webhook=own_webhook,
        rosters=Rosters(committer, clock, members),
        oncall_schedule=OnCallSchedule(committer, lambda: new_id(clock.now())),
        wake=wake,
        shadow=running_shadow,
        commit_process=commit_process,
    )
    wake.register(daemon.services)
    return daemon


def _commit_process(bundle: Bundle, store: Store, metrics: Metrics) -> CommitProcess | None:
    """Return the commit process; None for a store that is not a file, or without a second processor."""
    is_useful = bundle.settings.store.commit_process and len(os.sched_getaffinity(0)) > 1
    return CommitProcess(store, metrics) if is_useful and isinstance(store, SqliteStore) else None


def running(configured: Mapping[str, tuple[object, W]]) -> dict[str, W]:
    """Return the running channels or trackers by name, without their configuration."""
    return {name: instance for name, (_, instance) in configured.items()}


def ways_out(daemon: "Daemon") -> list[Channel | Tracker]:
    """Return the running integrations: channels, then trackers."""
    return [*running(daemon.channels).values(), *running(daemon.trackers).values()]


def policy_of(bundle: Bundle, channels: Mapping[str, Channel], trackers: Mapping[str, Tracker]) -> Policy:
    """Return the part of a configuration that the engine needs."""
    settings = bundle.settings
    return Policy(
        instance=settings.instance,
        rules=bundle.rules,
        playbooks=bundle.playbooks,
        self_playbook=bundle.self_playbook,
        people=bundle.people,
        channels=channels,
        trackers=trackers,
        console=bundle.console,
        self_targets=settings.self_.targets,
        external_url=settings.external_url,
        windows=bundle.windows,
        templates=bundle.templates,
        delivery=settings.delivery,
        limits=settings.limits,
        sources={
            name: Watched(source.look_every, tuple(Alertmanager(url, source) for url in source.alertmanager))
            for name, source in settings.sources.items()
        },
        report_zone=settings.reports.time_zone,
        objectives={
            name: RecoveryObjectives(rto=service.rto, rpo=service.rpo)
            for name, service in settings.reports.services.items()
        },
    )


def prepare(metrics: Metrics, bundle: Bundle) -> None:
    """Create the series of every metric whose label values this configuration determines."""
    metrics.prepare(
        playbooks=(*bundle.playbooks.values(), bundle.self_playbook),
        channels=[*(channel.name for channel in bundle.channels), *(tracker.name for tracker in bundle.trackers)],
        workers=WORKERS,
        rules=RULES,
    )


def secrets_of(bundle: Bundle) -> list[str]:
    """Return all secrets of a configuration, which the log redacts."""
    return [
        *_secrets_in(bundle.settings),
        *(secret for configured in bundle.channels for secret in _secrets_in(configured.settings)),
        *(secret for configured in bundle.trackers for secret in _secrets_in(configured.settings)),
    ]


def _secrets_in(value: object) -> Iterator[str]:
    match value:
        case Secret():
            yield value.reveal()
        case BaseModel():
            for _, field_value in value:
                yield from _secrets_in(field_value)
        case Mapping():
            for item in value.values():
                yield from _secrets_in(item)
        case tuple() | list():
            for item in value:
                yield from _secrets_in(item)
        case _:
            pass


def operator(environ: Mapping[str, str]) -> str:
    """Return the user name for callers on loopback while no token is configured."""
    try:
        return environ.get("USER") or getuser()
    except (OSError, KeyError):
        return f"uid-{os.getuid()}"

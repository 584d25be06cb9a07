"""The composition root: from a configuration to a daemon, in one straight line, without globals."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from getpass import getuser
from random import SystemRandom
from typing import TypeVar

from pydantic import BaseModel

from tocsin.app.commit_process import CommitProcess
from tocsin.app.ids import new_id
from tocsin.channels import registry
from tocsin.conf.bundle import Bundle
from tocsin.conf.channels import ConfiguredChannel, ConfiguredTracker
from tocsin.conf.secrets import Secret
from tocsin.core.errors import SourceUnavailable
from tocsin.engine.alarm import Alarm
from tocsin.engine.auditor import RULES, Auditor
from tocsin.engine.commit import Committer
from tocsin.engine.declaring import Declarer
from tocsin.engine.dispatcher import Dispatcher
from tocsin.engine.handovers import Handovers
from tocsin.engine.housekeeper import Housekeeper
from tocsin.engine.ingest import Ingest, Limits
from tocsin.engine.overrides import Rotas
from tocsin.engine.policy import Delivery, Live, Policy, Watched
from tocsin.engine.reconcile import Reconciler
from tocsin.engine.reminders import Reminders
from tocsin.engine.respond import Respond
from tocsin.engine.rosters import Rosters
from tocsin.engine.senders import KnownSenders
from tocsin.engine.service import Service
from tocsin.engine.shadow import Shadow, ShadowRules
from tocsin.engine.timers import Timers
from tocsin.engine.wake import LocalWake
from tocsin.engine.windows import Windows
from tocsin.ports.channel import Channel
from tocsin.ports.clock import Clock
from tocsin.ports.store import Store
from tocsin.ports.tracker import Tracker
from tocsin.sources.alertmanager import Alertmanager
from tocsin.store.engine import SqliteStore
from tocsin.telemetry.metrics import Metrics
from tocsin.trackers import registry as tracker_registry

W = TypeVar("W")

WORKERS = ("timers", "dispatcher", "handovers", "reminders", "rosters", "housekeeper", "auditor", "reconciler")


@dataclass
class Daemon:
    """Everything that runs. ``bundle`` and what is in ``live`` are replaced by a reload."""

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
    auditor: Auditor
    reconciler: Reconciler
    declarer: Declarer
    windows: Windows
    handovers: Handovers
    reminders: Reminders
    rosters: Rosters
    rotas: Rotas
    wake: LocalWake
    shadow: Shadow | None = None
    """Judges beside the live rules, where the command line asked for it."""
    commit_process: CommitProcess | None = None
    stopping: bool = field(default=False)

    @property
    def services(self) -> tuple[Service, ...]:
        """The workers that have a loop of their own."""
        return (
            self.timers,
            self.dispatcher,
            self.handovers,
            self.reminders,
            self.rosters,
            self.housekeeper,
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
    """Put a daemon together; nothing is started yet.

    ``wake`` is given where the clock wakes the workers too.
    """
    channels = {configured.name: (configured, registry.build(configured)) for configured in bundle.channels}
    trackers = {configured.name: (configured, tracker_registry.build(configured)) for configured in bundle.trackers}
    live = Live(policy_of(bundle, running(channels), running(trackers)))
    prepare(metrics, bundle)
    wake = wake or LocalWake()
    committer = Committer(store, live, metrics, wake, clock)
    alarm = Alarm(live, clock)
    webhook = bundle.settings.webhook
    beside = Shadow(shadow, metrics, clock.now) if shadow is not None else None
    commit_process = _commit_process(bundle, store, metrics)
    ingest = Ingest(
        committer,
        clock,
        alarm,
        new_id=lambda: new_id(clock.now()),
        limits=Limits(webhook.max_queue, webhook.commit_alerts, webhook.max_quarantine),
        shadow=beside,
        elsewhere=commit_process,
    )

    async def ask(channel: str, group: str) -> tuple[str, ...]:
        known = daemon.channels.get(channel)
        if known is None:
            raise SourceUnavailable(f"the channel {channel} is not configured")
        return await registry.group_members(known[0], group, clock.now())

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
        senders=KnownSenders(store, clock),
        respond=Respond(committer),
        timers=Timers(committer, ingest, clock, wake.timers_event),
        dispatcher=Dispatcher(committer, ingest, clock, wake.outbox_event, jitter=SystemRandom().random),
        housekeeper=Housekeeper(committer, ingest, clock),
        auditor=Auditor(committer, ingest, clock),
        reconciler=Reconciler(committer, clock, lambda: new_id(clock.now())),
        declarer=Declarer(committer, lambda: new_id(clock.now())),
        windows=Windows(committer, lambda: new_id(clock.now())),
        handovers=Handovers(committer, clock),
        reminders=Reminders(committer, clock, lambda: new_id(clock.now())),
        rosters=Rosters(committer, clock, ask),
        rotas=Rotas(committer, lambda: new_id(clock.now())),
        wake=wake,
        shadow=beside,
        commit_process=commit_process,
    )
    wake.register(daemon.services)
    return daemon


def _commit_process(bundle: Bundle, store: Store, metrics: Metrics) -> CommitProcess | None:
    """The process that commits batches: for a file, and where there is a second processor for it."""
    is_of_use = bundle.settings.store.commit_process and len(os.sched_getaffinity(0)) > 1
    return CommitProcess(store, metrics) if is_of_use and isinstance(store, SqliteStore) else None


def running(ways: Mapping[str, tuple[object, W]]) -> dict[str, W]:
    """What runs, without its configuration."""
    return {name: way for name, (_, way) in ways.items()}


def ways_out(daemon: "Daemon") -> list[Channel | Tracker]:
    """Return everything that runs and sends: channels, then trackers."""
    return [*running(daemon.channels).values(), *running(daemon.trackers).values()]


def policy_of(bundle: Bundle, channels: Mapping[str, Channel], trackers: Mapping[str, Tracker]) -> Policy:
    """What the engine needs of a configuration."""
    settings = bundle.settings
    delivery = settings.delivery
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
        delivery=Delivery(
            timeout=delivery.timeout,
            lease=delivery.lease,
            give_up_after=delivery.give_up_after,
            concurrency=delivery.concurrency,
        ),
        sources={
            name: Watched(source.look_every, tuple(Alertmanager(url, source) for url in source.alertmanager))
            for name, source in settings.sources.items()
        },
    )


def prepare(metrics: Metrics, bundle: Bundle) -> None:
    """Create the children of every metric whose labels this configuration closes."""
    metrics.prepare(
        playbooks=(*bundle.playbooks.values(), bundle.self_playbook),
        channels=[*(one.name for one in bundle.channels), *(one.name for one in bundle.trackers)],
        workers=WORKERS,
        rules=RULES,
    )


def secrets_of(bundle: Bundle) -> list[str]:
    """Every secret of a configuration, for the log to blot out."""
    return [
        *_secrets_in(bundle.settings),
        *(found for entry in bundle.channels for found in _secrets_in(entry.settings)),
        *(found for entry in bundle.trackers for found in _secrets_in(entry.settings)),
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
    """Whom a caller on loopback acts as while no token is configured."""
    try:
        return environ.get("USER") or getuser()
    except (OSError, KeyError):
        return f"uid-{os.getuid()}"

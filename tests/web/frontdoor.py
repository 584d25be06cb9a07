"""The whole HTTP server on a real socket, with the real engine and a store in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import aiohttp
from aiohttp import web

from tocsin.conf.secrets import Secret
from tocsin.conf.settings import (
    Inbound,
    InboundSettings,
    Listen,
    PagerDutyInbound,
    Scope,
    Settings,
    SharedSecret,
    TokenSettings,
)
from tocsin.core.alerts.alert import Alert
from tocsin.core.alerts.quarantine import Quarantined
from tocsin.core.duration import MINUTE
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.matching.placeholders import Template
from tocsin.core.oncall.people import Contact, People, Person
from tocsin.core.playbook.playbook import Cell, Kind, Level, Playbook, Tier
from tocsin.core.rules.rule import Rule
from tocsin.core.rules.rules import RuleSet
from tocsin.engine.intake.ingest import Ingest
from tocsin.engine.intake.senders import KnownSenders
from tocsin.engine.intake.shadow import Shadow
from tocsin.ports.store import Reader, Store, Transaction
from tocsin.store.sqlite.memory_store import MemoryStore
from tocsin.store.sqlite.sqlite_store import SqliteStore
from tocsin.telemetry.metrics import Metrics
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingChannel
from tocsin.web.application import Server, bind, build_app
from tocsin.web.edge import Deadlines, Edge, Health, ReloadResult
from tocsin.web.server.connections import ConnectionLimits

T = TypeVar("T")

OWN_TOKEN = "the-token-that-only-tocsin-knows"
HANGING = 300
"""Seconds after which a request counts as hanging; a machine with other work may need a minute for a large one."""

PEOPLE = People(
    persons={
        "alice": Person(name="alice", slack_user="U1", pagerduty_user="PALICE", contact=Contact("pager", "alice")),
        "bob": Person(name="bob", contact=Contact("gone", "bob")),
    },
    places={"room": Contact("slack", "C1"), "console": Contact("console", "console")},
)

PLAN = Playbook(
    name="er",
    title="Emergency response",
    levels=(
        Level(
            "SEV-1",
            0,
            15 * MINUTE,
            None,
            (
                Cell(tier=1, nth=1, after=0, targets=("alice",)),
                Cell(tier=2, nth=1, after=15 * MINUTE, targets=("bob",)),
                Cell(tier=2, nth=2, flags=("data_breach",), targets=("bob",)),
            ),
        ),
        Level("SEV-4", 1, 60 * MINUTE, None, ()),
        Level("SEV-5", 2, 60 * MINUTE, None, (Cell(tier=1, nth=1, kind=Kind.UPDATE, after=0, targets=("alice",)),)),
    ),
    tiers=(Tier(1, "on call", ("alice",)), Tier(2, "manager", ("bob",))),
    unrouted="SEV-1",
    flags=("data_breach",),
    announce=("room",),
)


def _rule(name: str, matchers: str, line: int, **actions: object) -> Rule:
    parsed = parse_matchers(matchers) if matchers else ()
    return Rule(name=name, matchers=parsed, actions=actions, path="rules/00.yaml", line=line)  # type: ignore[arg-type]


RULES = RuleSet(
    [
        _rule("everything", "", 2, severity=Template.parse("SEV-1")),
        _rule("minor", 'severity="info"', 5, severity=Template.parse("SEV-4")),
        _rule("patient", 'patient="yes"', 8, self_heal=2 * MINUTE),
        _rule("watchdog", 'alertname="Watchdog"', 11, heartbeat=True, stop=True),
        _rule("noise", 'severity="none"', 14, suppress=True, stop=True),
        _rule("many", 'severity="notice"', 17, severity=Template.parse("SEV-5")),
    ],
    "er",
    {"er": ["SEV-1", "SEV-4", "SEV-5"]},
    {"er": "SEV-1"},
)

GOOD = Health(healthy=True, ready=True)
RELOADED = ReloadResult(ok=True)
TOKENS = {scope: f"the-{scope.value}-token" for scope in Scope}
PAGERDUTY_SECRETS = ("pd-secret-old", "pd-secret-new")
SLACK_SECRET = "slack-secret"


def token(name: str, value: str, *scopes: Scope, **more: str) -> TokenSettings:
    return TokenSettings(name=name, token=Secret(value), scopes=scopes, **more)


def inbound(*secrets: str) -> Inbound:
    return Inbound(secrets=tuple(SharedSecret(secret=Secret(secret)) for secret in secrets))


SETTINGS = Settings(
    tokens=(
        *(token(f"{scope.value}-only", value, scope) for scope, value in TOKENS.items()),
        token("alices", "alices-token", *Scope, person="alice"),
        token("prometheus", "basic-password", Scope.INGEST, username="am"),
    ),
    inbound=InboundSettings(
        pagerduty=PagerDutyInbound(secrets=inbound(*PAGERDUTY_SECRETS).secrets), slack=inbound(SLACK_SECRET)
    ),
)


class WatchedStore:
    """A store that fails with ``failure``, or writes only once ``gate`` is open, where a test says so."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.failure: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def open(self) -> None:
        await self._store.open()

    async def read(self, work: Callable[[Reader], T]) -> T:
        if self.failure is not None:
            raise self.failure
        return await self._store.read(work)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        if self.failure is not None:
            raise self.failure
        if self.gate is not None:
            await self.gate.wait()
        return await self._store.write(work)

    async def close(self) -> None:
        await self._store.close()


@dataclass
class Intake(Ingest):
    """The engine's intake, watched; fails with ``failure``, or waits for ``gate``, where a test says so."""

    engine: Harness
    failure: Exception | None = None
    gate: asyncio.Event | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Something waits for the gate."""
    waiting: int = 0
    """The number of requests that have waited for it."""
    taken: list[Alert] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    reports: list[tuple[str, str, str]] = field(default_factory=list)

    async def take(
        self,
        alerts: Sequence[Alert],
        quarantined: Sequence[Quarantined] = (),
        *,
        is_part: bool = False,
        received_at: int | None = None,
    ) -> None:
        if self.gate is not None:
            self.waiting += 1
            self.arrived.set()
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        await self.engine.ingest.take(alerts, quarantined, is_part=is_part, received_at=received_at)
        self.taken += alerts
        self.quarantined += quarantined

    def report(self, reason: str, source: str, detail: str, fault: str = "", title: str = "") -> None:
        del fault, title
        self.reports.append((reason, source, detail))


@dataclass
class FrontDoor:
    """A running edge and a client before it."""

    engine: Harness
    store: WatchedStore
    intake: Intake
    metrics: Metrics
    url: str
    client: aiohttp.ClientSession
    settings: Settings
    app: web.Application
    server: Server
    health: Health = GOOD
    reloaded: ReloadResult = RELOADED
    last_reload: ReloadResult | None = None
    forced: list[bool] = field(default_factory=list)
    """For each reload, whether it was forced."""
    shadow: Shadow | None = None

    def call(
        self, method: str, path: str, *, token: str | None = "alices-token", **how: object
    ) -> "aiohttp.client._RequestContextManager":
        headers = dict(how.pop("headers", {}))  # type: ignore[call-overload]
        if token is not None:
            headers.setdefault("Authorization", f"Bearer {token}")
        return self.client.request(method, self.url + path, headers=headers, allow_redirects=False, **how)  # type: ignore[arg-type]

    async def status(self, method: str, path: str, **how: object) -> int:
        async with self.call(method, path, **how) as answer:  # type: ignore[arg-type]
            await answer.read()
            return answer.status

    def figure(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"tocsin_{name}", labels) or 0.0


@asynccontextmanager
async def front_door(
    settings: Settings = SETTINGS,
    deadlines: Deadlines = Deadlines(),  # noqa: B008 - immutable
    limits: ConnectionLimits = ConnectionLimits(),  # noqa: B008 - immutable
    database: Path | None = None,
) -> AsyncIterator[FrontDoor]:
    """Open it on a free port of 127.0.0.1; in memory, unless a file for the database is named."""
    pager = RecordingChannel("pager", keyed=True)
    clock = VirtualClock()
    store = WatchedStore(MemoryStore(clock) if database is None else SqliteStore(database, clock))
    channels = (pager, RecordingChannel("slack"))
    async with Harness(PLAN, PEOPLE, rules=RULES, channels=channels, store=store, clock=clock) as engine:
        intake, metrics = Intake(engine), Metrics(playbooks=[PLAN])
        senders = KnownSenders(engine.store, clock, metrics)

        door: FrontDoor | None = None

        async def reload(*, force: bool = False) -> ReloadResult:
            assert door is not None
            door.forced.append(force)
            door.last_reload = door.reloaded
            return door.reloaded

        edge = Edge(
            intake=intake,
            senders=senders,
            respond=engine.respond,
            declarer=engine.declarer,
            windows=engine.windows,
            oncall_schedule=engine.oncall_schedule,
            store=engine.store,
            settings=lambda: door.settings if door else settings,
            policy=lambda: engine.live.policy,
            observer=metrics,
            exposition=metrics,
            now=engine.clock.now,
            reload=reload,
            health=lambda: door.health if door else GOOD,
            operator="op",
            own_token=OWN_TOKEN,
            deadlines=deadlines,
            last_reload=lambda: door.last_reload if door else None,
            shadow=lambda: door.shadow.report() if door and door.shadow else None,
        )
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=HANGING)) as client:
            app = build_app(edge)
            server = Server(app, grace=1, limits=lambda: limits)
            await server.start(bind(Listen("127.0.0.1", 0)))
            url = f"http://{server.addresses[0]}"
            door = FrontDoor(engine, store, intake, metrics, url, client, settings, app, server)
            try:
                yield door
            finally:
                await server.close()
                await senders.close()


def with_tokens(*tokens: TokenSettings) -> Settings:
    return SETTINGS.model_copy(update={"tokens": tokens})

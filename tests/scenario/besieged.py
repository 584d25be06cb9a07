"""A whole daemon on a virtual clock, with its HTTP server on a real socket and its files on disk, for attacks.

One sender (or file, or provider) goes past a limit; meanwhile another sender's alert is to get its 200 and its page,
and a page that falls due is to go out at that moment.
"""

import asyncio
import dataclasses
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import structlog.testing
from aiohttp import web

from tocsin.app.build import Daemon, build, ways_out
from tocsin.app.kinds import KINDS
from tocsin.app.lifecycle import edge_of
from tocsin.app.notify import Notifier
from tocsin.app.pulse import Pulse
from tocsin.app.reload import Reloader
from tocsin.conf.bundle import Bundle, load
from tocsin.conf.settings import Listen
from tocsin.core.duration import MINUTE
from tocsin.engine.deliver.dispatcher import next_look_at
from tocsin.store.sqlite.sqlite_store import SqliteStore
from tocsin.telemetry.metrics import Metrics
from tocsin.testing.clock import VirtualClock
from tocsin.web.application import Server, bind, build_app
from tocsin.web.edge import Deadlines, ReloadResult
from tocsin.web.server.connections import ConnectionLimits

HONEST, ATTACKER = "127.0.0.2", "127.0.0.3"
TOKEN = "the-token-of-these-tests"
SECRET = "the-signing-secret-of-these-tests"
EXTERNAL = "https://tocsin.example.com"
SECOND_PAGE = 5 * MINUTE
PATH = "/webhooks/alertmanager"

PLAYBOOK: dict[str, Any] = {
    "title": "Emergency response",
    "unrouted": "SEV-1",
    "flags": ["data_breach"],
    "announce": ["room"],
    "action_items": {"fix": "7d"},
    # Every alert is to be seen by itself.
    "storm": {"more_than": 1_000_000},
    "tiers": {
        1: {"name": "On call", "targets": ["primary"]},
        2: {"name": "Manager", "targets": ["morgan"]},
    },
    "severities": {
        "SEV-1": {"respond_within": "1h", "matrix": [{"tier": 1, "after": "0s"}, {"tier": 2, "after": "5m"}]},
        "SEV-2": {"respond_within": "1h", "matrix": [{"tier": 1, "after": "0s", "targets": ["other"]}]},
    },
}
PEOPLE: dict[str, Any] = {
    "people": {
        "alex": {"contact": {"channel": "wire"}},
        "morgan": {"contact": {"channel": "wire"}},
        "taylor": {"contact": {"channel": "odd"}},
    },
    "rotations": {"primary": {"members": ["alex"], "starts": "2026-01-05 09:00", "every": "weekly"}},
    "groups": {"other": ["taylor"]},
    "targets": {"room": {"channel": "wire"}},
}
RULES: dict[str, Any] = {
    "rules": [
        {"name": "everything", "match": {}, "set": {"severity": "SEV-1", "dedup_key": "{alertname|?}/{n|-}/{join|-}"}},
        {"name": "odd", "match": 'severity="odd"', "set": {"severity": "SEV-2"}},
        {"name": "joined", "match": 'join!=""', "set": {"dedup_key": "{join}"}},
        {"name": "watchdog", "match": 'alertname="Watchdog"', "heartbeat": True, "stop": True},
    ]
}
CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:good
SUMMARY:alex
DTSTART:20260101T000000Z
DTEND:20281231T000000Z
END:VEVENT
{more}END:VCALENDAR
"""


@dataclasses.dataclass
class Besieged:
    """The daemon and the world around it."""

    folder: Path
    clock: VirtualClock
    daemon: Daemon
    reloader: Reloader
    app: web.Application
    server: Server
    received: list[tuple[int, str, dict[str, Any]]]
    """(time, channel, body) of every page that has arrived."""
    odd: "OddProvider"
    log: list[Any]
    statuses: list[int] = dataclasses.field(default_factory=list)
    """The answers that the attacker got."""
    answer: Any = None
    """The last of them, decoded if it was JSON."""
    peers: list[asyncio.StreamWriter] = dataclasses.field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.server.addresses[0]}"

    # What the attacker does.

    async def call(
        self,
        method: str,
        path: str,
        *,
        by: str = ATTACKER,
        token: str = TOKEN,
        headers: Mapping[str, str] | None = None,
        **how: Any,
    ) -> int:
        """Make a request as the attacker; its status and answer are remembered."""
        if isinstance(how.get("data"), bytes):
            how["data"] = io.BytesIO(how["data"])
        sent = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        async with (
            session_of(by) as session,
            session.request(method, self.url + path, headers=sent, **how) as answer,
        ):
            raw = await answer.read()
        if by == ATTACKER:
            self.statuses.append(answer.status)
            with suppress(ValueError):
                self.answer = json.loads(raw)
        return answer.status

    async def webhook(self, *alerts: Any, path: str = PATH, **envelope: Any) -> int:
        """Send a webhook as the attacker."""
        return await self.call("POST", path, json={"alerts": list(alerts), **envelope})

    async def api(self, path: str, body: Any) -> int:
        """Call the API as the attacker."""
        return await self.call("POST", f"/api/v1{path}", json=body)

    async def connect(self, first: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection as the attacker, which is held until the end."""
        host, port = self.server.addresses[0].split(":")
        reader, writer = await asyncio.open_connection(host, int(port), local_addr=(ATTACKER, 0))
        self.peers.append(writer)
        writer.write(first)
        return reader, writer

    async def status_from(self, reader: asyncio.StreamReader) -> int:
        """Wait for the attacker's answer on a connection; 0 where it is closed without one."""
        with suppress(ConnectionResetError):
            line = await reader.readline()
            if line:
                self.statuses.append(int(line.split(b" ")[1]))
                return self.statuses[-1]
        return 0

    # Files.

    def write(self, name: str, content: Any) -> None:
        """Write a file of the configuration, as JSON if it is not text."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_text(content))

    async def reload(self) -> ReloadResult:
        """Reload the files, as SIGHUP does."""
        return await self.reloader.reload()

    # What the others see.

    async def send(self, name: str) -> int:
        """Send an alert as the honest sender, and deliver what is due; the status of the answer."""
        alert = {"status": "firing", "labels": {"alertname": name}, "annotations": {"summary": f"{name} is broken"}}
        status = await self.call("POST", PATH, by=HONEST, json={"alerts": [alert]})
        await self.settle()
        return status

    def pages(self, name: str) -> list[int]:
        """Return the times at which pages about an alert have arrived."""
        return [at for at, channel, body in self.received if channel == "wire" and is_page(body, name)]

    async def settle(self) -> None:
        """Deliver what is due now."""
        daemon = self.daemon
        while True:
            await daemon.timers.run_once()
            await daemon.dispatcher.run_once()
            await daemon.dispatcher.wait_until_idle()
            await daemon.ingest.close()
            due = await self._next_due()
            if due is None or due > self.clock.now():
                return

    async def advance_to(self, moment: int) -> None:
        """Advance the clock; everything happens at its time."""
        while (due := await self._next_due()) is not None and due <= moment:
            self.clock.set(max(due, self.clock.now()))
            await self.settle()
        self.clock.set(moment)
        await self.settle()

    async def _next_due(self) -> int | None:
        due = await self.daemon.store.read(lambda tx: (self.daemon.timers.next_due_at(tx), next_look_at(tx)))
        return min((moment for moment in due if moment is not None), default=None)

    def figure(self, metric: str) -> float:
        """Return a metric, written as ``name`` or ``name{label="value"}``: the sum of the series that match."""
        name, _, rest = metric.partition("{")
        wanted = dict(part.split("=") for part in rest.rstrip("}").split(",") if part)
        labels = {key: value.strip('"') for key, value in wanted.items()}
        samples = [sample for family in self.daemon.metrics.registry.collect() for sample in family.samples]
        names = (f"tocsin_{name}", f"tocsin_{name}_count")
        return sum(
            sample.value for sample in samples if sample.name in names and labels.items() <= sample.labels.items()
        )

    def logged(self, event: str) -> list[Any]:
        """Return the lines of the log with this event."""
        return [entry for entry in self.log if entry["event"] == event]


def as_text(content: Any) -> str:
    """Return the content of a file: as JSON, which is YAML, if it is not text."""
    return content if isinstance(content, str) else json.dumps(content, indent=1)


def is_page(body: dict[str, Any], name: str) -> bool:
    return bool(body["job"] == "page" and name in body["text"])


def session_of(address: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(local_addr=(address, 0)), timeout=aiohttp.ClientTimeout(total=60)
    )


@dataclasses.dataclass
class OddProvider:
    """A receiver of pages that answers ``wire`` well and ``odd`` as a test says."""

    clock: VirtualClock
    received: list[tuple[int, str, dict[str, Any]]]
    status: int = 200
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    chunk: bytes = b""
    chunks: int = 0
    written: int = 0
    """Chunks of its answers that it could write."""
    answers: dict[str, bytes] = dataclasses.field(default_factory=dict)
    """Other answers, by the end of the path."""
    gate: asyncio.Event | None = None
    arrivals: list[int] = dataclasses.field(default_factory=list)
    url: str = ""

    async def take(self, request: web.Request) -> web.StreamResponse:
        channel = request.match_info["channel"]
        body = await request.read()
        if channel == "wire":
            self.received.append((self.clock.now(), channel, json.loads(body)))
            return web.Response(text="ok")
        for ending, content in self.answers.items():
            if request.path.endswith(ending):
                return web.Response(body=content)
        self.arrivals.append(self.clock.now())
        if self.gate is not None:
            await self.gate.wait()
        answer = web.StreamResponse(status=self.status, headers=self.headers)
        with suppress(ConnectionError):
            await answer.prepare(request)
            for _ in range(self.chunks):
                await answer.write(self.chunk)
                self.written += 1
            await answer.write_eof()
        return answer

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_route("*", "/{channel}{rest:.*}", self.take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield
        finally:
            if self.gate is not None:
                self.gate.set()
            await runner.cleanup()


def _settings(url: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    signed = {"secrets": [{"secret_file": "secret"}]}
    return {
        "external_url": EXTERNAL,
        "tokens": [{"name": "test", "token_file": "token", "scopes": ["ingest", "read", "respond", "admin"]}],
        "channels": {
            "wire": {"kind": "webhook", "url": f"{url}/wire"},
            "odd": {"kind": "webhook", "url": f"{url}/odd"},
        },
        "inbound": {"slack": signed, "twilio": signed, "pagerduty": signed},
        "self": {"targets": ["alex"]},
        "store": {"commit_process": False},
        **settings,
    }


def write_files(folder: Path, url: str, settings: Mapping[str, Any], files: Mapping[str, Any]) -> None:
    """Write the configuration; ``files`` are added to it, or replace its own."""
    contents = {
        "config/tocsin.yaml": _settings(url, settings),
        "config/people.yaml": PEOPLE,
        "config/playbooks/emergency-response.yaml": PLAYBOOK,
        "config/token": TOKEN,
        "config/secret": SECRET,
        "rules/00-rules.yaml": RULES,
        **files,
    }
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_text(content).replace("{odd}", url))
        path.chmod(0o600)


@asynccontextmanager
async def besieged(
    folder: Path,
    *,
    settings: Mapping[str, Any] | None = None,
    files: Mapping[str, Any] | None = None,
    deadlines: Deadlines = Deadlines(commit=60, slack=60, twilio=60),  # noqa: B008 - immutable
    limits: ConnectionLimits | None = None,
) -> AsyncIterator[Besieged]:
    """Start it; ``deadlines`` and ``limits`` replace those that would take a test too long."""
    clock = VirtualClock()
    odd = OddProvider(clock, [])
    async with odd.serving():
        write_files(folder, odd.url, settings or {}, files or {})

        def read() -> Bundle:
            return load(folder / "config", folder / "rules", KINDS, {})

        store = SqliteStore(folder / "tocsin.db", clock)
        await store.open()
        with structlog.testing.capture_logs() as log:
            daemon = build(read(), store, clock, Metrics())
            reloader = Reloader(daemon, read, lambda _: None)
            pulse = Pulse(daemon, Notifier({}))
            edge = dataclasses.replace(edge_of(daemon, reloader, pulse, {}), deadlines=deadlines)
            configured = daemon.bundle.settings.limits
            allowed = limits or ConnectionLimits(
                configured.connections, configured.connections_per_peer, configured.request_head / 1_000_000
            )
            app = build_app(edge)
            server = Server(app, grace=1, limits=lambda: allowed)
            for integration in ways_out(daemon):
                await integration.start()
            await server.start(bind(Listen("127.0.0.1", 0)))
            tocsin = Besieged(folder, clock, daemon, reloader, app, server, odd.received, odd, log)
            try:
                yield tocsin
            finally:
                for writer in tocsin.peers:
                    writer.transport.abort()
                await server.close()
                await daemon.ingest.close()
                await daemon.senders.close()
                await daemon.dispatcher.stop()
                await daemon.alarm.close()
                await reloader.close()
                for integration in ways_out(daemon):
                    await integration.close()
                await store.close()


@asynccontextmanager
async def in_background(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Repeat something while the block runs; an error of it is raised at the end."""
    is_over = False

    async def repeat() -> None:
        while not is_over:
            await work()
            await asyncio.sleep(0)

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        is_over = True
        await task

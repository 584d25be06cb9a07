"""The common parts of the stand-ins: a server on loopback, scripted faults, and a log of accepted requests.

A stand-in replaces a provider in tests and in trials without an account. It is stricter than the provider wherever that
detects mistakes.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TextIO

from aiohttp import web

DROP_AT = 32 << 20
"""The largest body that is read at all."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class ErrorStatus:
    """Answer with a status, without doing anything."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"scripted fault"


@dataclass(frozen=True)
class Hang:
    """Never answer. ``accept``: perform the request first."""

    accept: bool = False


@dataclass(frozen=True)
class Drop:
    """Close the connection without a response. ``accept``: perform the request first."""

    accept: bool = False


@dataclass(frozen=True)
class Junk:
    """Perform the request, then answer with the right status and this body."""

    body: bytes = b"\xff\x00 not what you expect"
    content_type: str = "application/json"


@dataclass(frozen=True)
class Pass:
    """Answer as always: the fault after it hits a later request."""


@dataclass(frozen=True)
class Drip:
    """Perform the request, then begin a response that never ends, a byte at a time."""

    status: int = 200


Fault = ErrorStatus | Hang | Drop | Junk | Drip | Pass


class StandIn(ABC):
    """A server on 127.0.0.1. ``async with`` starts and stops it; ``url`` is its address.

    ``accepted`` holds the accepted requests in order, each with ``at``: microseconds of the wall clock. With ``log``
    they are also written to a file, one JSON line each, as soon as they are accepted, so that they survive a kill of
    the process.
    """

    def __init__(self, *, port: int = 0, log: Path | None = None) -> None:
        self.accepted: list[dict[str, Any]] = []
        self.requests = 0
        """Every request, refused and faulted ones included."""
        self._port = port
        self._log_path = log
        self._log: TextIO | None = None
        self._faults: deque[Fault] = deque()
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Return ``http://127.0.0.1:<port>``."""
        return f"http://127.0.0.1:{self._port}"

    def fail(self, *faults: Fault) -> None:
        """Make the next requests fail, one fault each, in this order."""
        self._faults.extend(faults)

    def recover(self) -> None:
        """Discard the faults that have not happened."""
        self._faults.clear()

    async def accepts(self, count: int, within: float = 10.0) -> list[dict[str, Any]]:
        """Wait until at least ``count`` were accepted.

        Raises:
            TimeoutError: They were not, ``within`` so many seconds.
        """
        async with asyncio.timeout(within):
            while len(self.accepted) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.accepted

    async def __aenter__(self) -> Self:
        self.open_log()
        app = web.Application(client_max_size=DROP_AT)
        self.routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()
        self.close_log()

    def open_log(self) -> None:
        """Open the log, where there is one, for as long as the server runs."""
        if self._log_path is not None:
            # One line at a time, so nothing waits in a buffer.
            self._log = self._log_path.open("a", buffering=1, encoding="utf-8")

    def close_log(self) -> None:
        """Close it."""
        if self._log is not None:
            self._log.close()

    @abstractmethod
    def routes(self, app: web.Application) -> None:
        """Add the routes."""

    def accept(self, **entry: Any) -> dict[str, Any]:
        """Record an accepted request; call it before answering."""
        entry = {"at": time.time_ns() // 1000, **entry}
        self.accepted.append(entry)
        if self._log is not None:
            self._log.write(json.dumps(entry) + "\n")
        self._changed.set()
        return entry

    def faulty(self, handler: Handler) -> Handler:
        """Return the handler, preceded by the next scripted fault."""

        async def handle(request: web.Request) -> web.StreamResponse:
            self.requests += 1
            await request.read()
            fault = self._faults.popleft() if self._faults else None
            match fault:
                case None | Pass():
                    return await handler(request)
                case ErrorStatus(status, headers, body):
                    return web.Response(status=status, headers=headers, body=body)
                case Hang(accept):
                    return await self._hang(request, handler if accept else None)
                case Drop(accept):
                    return await self._drop(request, handler if accept else None)
                case Junk(body, content_type):
                    status = (await handler(request)).status
                    return web.Response(status=status, body=body, content_type=content_type)
                case Drip(status):
                    await handler(request)
                    return await self._drip(request, status)

        return handle

    async def _hang(self, request: web.Request, handler: Handler | None) -> web.StreamResponse:
        if handler is not None:
            await handler(request)
        await self._stopping.wait()
        return web.Response(status=503)

    async def _drop(self, request: web.Request, handler: Handler | None) -> web.StreamResponse:
        if handler is not None:
            await handler(request)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=503)

    async def _drip(self, request: web.Request, status: int) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"Content-Type": "application/json"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while not self._stopping.is_set():
                await response.write(b" ")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), 0.05)
        return response


def arguments(description: str) -> argparse.ArgumentParser:
    """Return the command line parser of every stand-in; the caller adds its own options."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0, help="where to listen on 127.0.0.1; 0 takes any free port")
    parser.add_argument("--log", type=Path, help="append each accepted event to this file, as a line of JSON")
    return parser


def serve(stand_in: Callable[[], StandIn]) -> None:
    """Run a stand-in until SIGINT or SIGTERM, and print its URL on standard output."""

    async def run() -> None:
        stop = asyncio.Event()
        for signum in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(signum, stop.set)
        async with stand_in() as running:
            print(running.url, flush=True)  # noqa: T201 - the caller needs the address
            await stop.wait()

    asyncio.run(run())

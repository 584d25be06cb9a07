"""Real processes on loopback: started, waited for, stopped; each writes its output into a file of its own."""

import asyncio
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import aiohttp
import pytest

T = TypeVar("T")

LOOK_EVERY = 0.03
"""Seconds between two looks at a condition."""
PACKAGES = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "wrk": "wrk",
    "cc": "gcc",
    "openssl": "openssl",
}
# Below the ports that the kernel gives to outgoing connections: while a server is down, a client that
# tries to reach it could otherwise be given its port, and be connected to itself.
_PORTS = range(20_000, 32_000)


def binary(name: str) -> str:
    """Where a Debian binary is; a machine without it fails the test: a test that is left out proves nothing."""
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"{name} is missing: apt-get install {PACKAGES[name]}", pytrace=False)
    return path


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


async def until(condition: Callable[[], Awaitable[T] | T], within: float, what: str) -> T:
    """Wait for a condition to hold; what it then gives.

    Raises:
        TimeoutError: It did not, ``within`` so many seconds.
    """
    try:
        async with asyncio.timeout(within):
            while True:
                held = condition()
                if isinstance(held, Awaitable):
                    held = await held
                if held:
                    return held
                await asyncio.sleep(LOOK_EVERY)
    except TimeoutError:
        raise TimeoutError(f"not within {within:g} s: {what}") from None


async def get_json(url: str, token: str | None = None, **query: str) -> Any:
    """Return the answer of an HTTP API; None while there is none."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(url, params=query) as answer,
        ):
            return await answer.json() if answer.status == 200 else None
    except (aiohttp.ClientError, TimeoutError):
        return None


async def is_ready(url: str) -> bool:
    """Return whether a GET is answered with 200."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session,
            session.get(url) as answer,
        ):
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


class Process:
    """One process. ``async with`` starts it, waits until it is ready, and stops it."""

    ready_url: str | None = None
    ready_within = 20.0

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.folder = folder
        self.output_path = folder / f"{name}.log"
        self._command = list(command)
        self._environ = environ or {}
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def output(self) -> str:
        """All that it has written so far, over all its lives."""
        return self.output_path.read_text(errors="replace") if self.output_path.exists() else ""

    @property
    def pid(self) -> int:
        """The daemon's process id."""
        assert self._running is not None
        return self._running.pid

    def start(self) -> None:
        """Start it, without waiting for anything."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "USER", "LANG") if name in os.environ}
        with self.output_path.open("ab") as output:
            self._running = subprocess.Popen(
                self._command,
                cwd=self.folder,
                env={**kept, **self._environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def ready(self) -> None:
        """Wait until it serves."""

        async def serves() -> bool:
            assert self._running is not None
            if self._running.poll() is not None:
                pytest.fail(f"{self.name} ended with {self._running.returncode}:\n{self.output}", pytrace=False)
            return self.ready_url is None or await is_ready(self.ready_url)

        try:
            await until(serves, self.ready_within, f"{self.name} is ready")
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.output}") from None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._running is not None
        self._running.send_signal(number)

    async def ended(self, within: float = 30.0) -> int:
        """Wait for its end; its exit code."""
        running = self._running
        assert running is not None
        return await asyncio.to_thread(running.wait, within)

    async def stop(self, within: float = 30.0) -> int:
        """Ask it to end; its exit code."""
        if self._running is None:
            return 0
        if self._running.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return await self.ended(within)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"{self.name} did not end within {within:g} s of SIGTERM:\n{self.output}", pytrace=False)

    def kill(self) -> None:
        """End it as a power cut would: kill -9."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()

    async def __aenter__(self) -> Self:
        self.start()
        try:
            await self.ready()
        except BaseException:
            self.kill()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


async def run(
    *command: str, stdin: bytes = b"", environ: Mapping[str, str] | None = None, within: float = 60.0
) -> tuple[int, str]:
    """Run a command to its end: (exit code, all that it said)."""
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=within,
        check=False,
        env={**os.environ, **(environ or {})},
    )
    return done.returncode, done.stdout.decode(errors="replace")


def tocsin_command() -> str:
    """The installed ``tocsin`` of this Python."""
    return str(Path(sys.executable).with_name("tocsin"))

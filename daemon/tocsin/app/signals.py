"""Signals to the running daemon: SIGTERM and SIGINT stop it, SIGHUP reloads the configuration."""

import asyncio
import signal
from collections.abc import Callable

STOPPING = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """The signals of one event loop, from the moment when it is made: none is lost while the daemon starts."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._asked: asyncio.Future[str] = self._loop.create_future()
        self._reload: Callable[[], None] | None = None
        self._is_reload_due = False
        for number in STOPPING:
            self._loop.add_signal_handler(number, self.stop, number.name)
        self._loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # see `cli.entry`

    def stop(self, because: str) -> None:
        """Ask for the end; the first reason counts."""
        if not self._asked.done():
            self._asked.set_result(because)

    @property
    def has_started(self) -> bool:
        """Return whether the daemon serves, so that it can stop in its own order."""
        return self._reload is not None

    async def asked_to_stop(self) -> str:
        """Wait until the end is asked for; return why."""
        return await asyncio.shield(self._asked)

    def on_reload(self, reload: Callable[[], None]) -> None:
        """Call ``reload`` at each SIGHUP, and now if one came before."""
        self._reload = reload
        if self._is_reload_due:
            self._hang_up()

    def _hang_up(self) -> None:
        self._is_reload_due = self._reload is None
        if self._reload is not None:
            self._reload()

    def release(self) -> None:
        """Ignore every further signal: the daemon has stopped, and one more would make a failure of that."""
        for number in (*STOPPING, signal.SIGHUP):
            self._loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)

"""Signals to the running daemon: SIGTERM and SIGINT stop the daemon, SIGHUP reloads the configuration."""

import asyncio
import signal
from collections.abc import Callable

STOPPING = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """The signal handlers of one event loop. They are set on creation, so that no signal is lost during the start."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop_reason: asyncio.Future[str] = self._loop.create_future()
        self._reload: Callable[[], None] | None = None
        self._is_reload_due = False
        for number in STOPPING:
            self._loop.add_signal_handler(number, self.stop, number.name)
        self._loop.add_signal_handler(signal.SIGHUP, self._on_sighup)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # see `cli.entry`

    def stop(self, reason: str) -> None:
        """Request a stop; only the first reason is kept."""
        if not self._stop_reason.done():
            self._stop_reason.set_result(reason)

    @property
    def has_started(self) -> bool:
        """True once the daemon serves, so that a stop takes place in stages."""
        return self._reload is not None

    async def asked_to_stop(self) -> str:
        """Wait until a stop is requested; return the reason."""
        return await asyncio.shield(self._stop_reason)

    def on_reload(self, reload: Callable[[], None]) -> None:
        """Call ``reload`` at each SIGHUP, and now if a SIGHUP came before."""
        self._reload = reload
        if self._is_reload_due:
            self._on_sighup()

    def _on_sighup(self) -> None:
        self._is_reload_due = self._reload is None
        if self._reload is not None:
            self._reload()

    def release(self) -> None:
        """Ignore all further signals: the daemon has stopped, and another signal would make that a failure."""
        for number in (*STOPPING, signal.SIGHUP):
            self._loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)

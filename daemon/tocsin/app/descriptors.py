"""The limit of open files, and the number of connections that it allows."""

import asyncio
import resource
from typing import Any

import structlog

from tocsin.app import fatal
from tocsin.conf.settings import LimitSettings, Settings
from tocsin.core.duration import SECOND
from tocsin.ports.observer import Observer
from tocsin.web.server.connections import ACCEPTS_AT_A_TIME, ConnectionLimits

OWN_FILES = 64
"""File descriptors reserved for the daemon itself: store, logs, pipes, sockets, a backup and a reload."""
FEWEST_CONNECTIONS = 16
"""Minimum number of connections, even if the limit of open files is low."""
LOG_AGAIN_AFTER = 60.0
"""Minimum seconds between two log lines about connections that cannot be accepted."""

_ACCEPT_FAILED = "socket.accept() out of system resource"
"""The message of asyncio for a connection that it cannot accept because file descriptors or memory are exhausted."""

_log = structlog.get_logger("tocsin.app.descriptors")


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard limit; return the resulting limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as error:
        _log.warning("file_limit_not_raised", soft=soft, hard=hard, error=str(error))
        return soft
    return hard


def connection_limits(settings: Settings, files: int) -> ConnectionLimits:
    """Return the connection limits of the settings, reduced to what ``files`` file descriptors allow.

    Descriptors for the store and the providers are reserved, so that clients cannot use them up.
    """
    limits: LimitSettings = settings.limits
    # Connections being accepted and connections being closed each hold a descriptor for one more loop iteration.
    reserve = OWN_FILES + 2 * ACCEPTS_AT_A_TIME + settings.delivery.concurrency * (len(settings.channels) + 1)
    connections = min(limits.connections, max(FEWEST_CONNECTIONS, files - reserve))
    return ConnectionLimits(
        connections=connections,
        per_peer=min(limits.connections_per_peer, max(1, connections // 2)),
        head_within=limits.request_head / SECOND,
        proxies=settings.trusted_proxies,
    )


class AcceptErrors:
    """Exception handler of the event loop that counts connections that cannot be accepted and logs one per minute.

    asyncio reports every failed attempt with a traceback, and thousands of them would fill the disk.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._logged_at: float | None = None

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """See `asyncio.loop.set_exception_handler`."""
        if context.get("message") != _ACCEPT_FAILED:
            fatal.handle(loop, context)
            return
        self._observer.count("accept_errors_total")
        if self._logged_at is None or loop.time() - self._logged_at >= LOG_AGAIN_AFTER:
            self._logged_at = loop.time()
            _log.error("connection_not_accepted", error=repr(context.get("exception")))

"""File descriptors: how many this process may have, and how many connections that leaves."""

import asyncio
import resource
from typing import Any

import structlog

from tocsin.app import fatal
from tocsin.conf.settings import LimitSettings, Settings
from tocsin.ports.observer import Observer
from tocsin.web.connections import ACCEPTS_AT_A_TIME, Limits

SECOND = 1_000_000

OWN_FILES = 64
"""The store's files, logs, pipes and sockets of the daemon itself, with room for a backup and a reload."""
FEWEST_CONNECTIONS = 16
LOG_AGAIN_AFTER = 60.0
"""Seconds between two log lines about connections that cannot be accepted."""

_ACCEPT_FAILED = "socket.accept() out of system resource"
"""How asyncio names a connection that it cannot accept for want of file descriptors or memory."""

_log = structlog.get_logger("tocsin.app.descriptors")


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one; return what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as error:
        _log.warning("file_limit_not_raised", soft=soft, hard=hard, error=str(error))
        return soft
    return hard


def connection_limits(settings: Settings, files: int) -> Limits:
    """Return the limits of connections: those of the settings, as far as ``files`` descriptors allow.

    The store and the providers keep what they need: strangers must not be able to use it up.
    """
    limits: LimitSettings = settings.limits
    # A connection that is accepted, and one that is closed, each has a descriptor for one more turn of the event loop.
    reserve = OWN_FILES + 2 * ACCEPTS_AT_A_TIME + settings.delivery.concurrency * (len(settings.channels) + 1)
    connections = min(limits.connections, max(FEWEST_CONNECTIONS, files - reserve))
    return Limits(
        connections=connections,
        per_peer=min(limits.connections_per_peer, max(1, connections // 2)),
        head_within=limits.request_head / SECOND,
        proxies=settings.trusted_proxies,
    )


class AcceptErrors:
    """The event loop's exception handler: connections that cannot be accepted are counted, and logged once a minute.

    asyncio reports each of a thousand attempts with a traceback; the log would fill the disk.
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

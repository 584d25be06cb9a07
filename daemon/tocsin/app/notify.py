"""Status notifications to systemd, by the protocol of sd_notify(3)."""

import os
import socket
from collections.abc import Mapping


class Notifier:
    """Sender of datagrams to ``$NOTIFY_SOCKET``; without that variable, all methods do nothing.

    Sending never blocks and never raises, because a supervisor that does not listen
    must not delay the event loop. A datagram that cannot be sent is lost, so callers
    ping the watchdog often enough to tolerate a lost ping.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        address = environ.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the NUL byte of Linux's abstract namespace.
        self._address = "\0" + address[1:] if address.startswith("@") else address

    @property
    def watchdog_interval(self) -> float | None:
        """Seconds between two pings: half of systemd's timeout. None if systemd does not watch this process."""
        if self._environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
            return None
        timeout = self._environ.get("WATCHDOG_USEC", "")
        return int(timeout) / 2_000_000 if timeout.isdecimal() and int(timeout) else None

    def ready(self, status: str = "") -> None:
        """Report that the service is up, or that its reload has finished."""
        self._send("READY=1", status)

    def reloading(self, monotonic: int) -> None:
        """Report that a reload began at ``monotonic`` microseconds of CLOCK_MONOTONIC; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic}")

    def stopping(self, status: str = "") -> None:
        """Report that the service is stopping."""
        self._send("STOPPING=1", status)

    def status(self, text: str) -> None:
        """Set the line that ``systemctl status`` shows."""
        self._send("", text)

    def watchdog(self) -> None:
        """Report that the service makes progress."""
        self._send("WATCHDOG=1")

    def extend_timeout(self, microseconds: int) -> None:
        """Extend the timeout of the start or the stop by ``microseconds`` from now."""
        self._send(f"EXTEND_TIMEOUT_USEC={microseconds}")

    def _send(self, state: str, status: str = "") -> None:
        if not self._address:
            return
        lines = [state] if state else []
        if status:
            lines.append(f"STATUS={' '.join(status.split())}")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.sendto("\n".join(lines).encode("utf-8", "replace"), self._address)
        except (OSError, ValueError):
            # No supervisor listens, its queue is full, or the address is malformed. The daemon can do nothing about it.
            return

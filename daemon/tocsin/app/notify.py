"""Telling systemd how the service is, by the protocol of sd_notify(3)."""

import os
import socket
from collections.abc import Mapping


class Notifier:
    """Sends datagrams to ``$NOTIFY_SOCKET``; does nothing where there is none.

    It never blocks and never raises: a supervisor that does not listen must not
    hold up the event loop. A datagram that cannot be sent is lost; ping the
    watchdog often enough that one may be.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        address = environ.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the NUL of Linux's abstract namespace.
        self._address = "\0" + address[1:] if address.startswith("@") else address

    @property
    def watchdog_interval(self) -> float | None:
        """How often to ping, in seconds: half of what systemd waits. None where it does not watch us."""
        if self._environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
            return None
        timeout = self._environ.get("WATCHDOG_USEC", "")
        return int(timeout) / 2_000_000 if timeout.isdecimal() and int(timeout) else None

    def ready(self, status: str = "") -> None:
        """The service is up, or its reload is finished."""
        self._send("READY=1", status)

    def reloading(self, monotonic: int) -> None:
        """A reload began at ``monotonic`` microseconds of CLOCK_MONOTONIC; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic}")

    def stopping(self, status: str = "") -> None:
        """The service is going down."""
        self._send("STOPPING=1", status)

    def status(self, text: str) -> None:
        """What ``systemctl status`` shows; one line."""
        self._send("", text)

    def watchdog(self) -> None:
        """The service makes progress."""
        self._send("WATCHDOG=1")

    def extend_timeout(self, microseconds: int) -> None:
        """Starting or stopping may take this much longer from now on."""
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
            # No supervisor listens, its queue is full, or the address is malformed: nothing that we could mend.
            return

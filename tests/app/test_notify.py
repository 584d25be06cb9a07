"""The sd_notify protocol."""

import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tocsin.app.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    """A bound datagram socket, as systemd's."""
    address = str(tmp_path / "notify") if request.param == "path" else f"\0tocsin-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(address)
        bound.settimeout(5)
        yield bound


def notifier(systemd: socket.socket) -> Notifier:
    address = systemd.getsockname()
    name = "@" + address[1:].decode() if isinstance(address, bytes) else address
    return Notifier({"NOTIFY_SOCKET": name})


def test_systemd_is_notified_of_every_state(systemd: socket.socket) -> None:
    told = notifier(systemd)
    told.ready("serving")
    told.status("3 open")
    told.watchdog()
    told.extend_timeout(30_000_000)
    told.reloading(123)
    told.stopping("draining")

    assert [systemd.recv(4096).decode() for _ in range(6)] == [
        "READY=1\nSTATUS=serving",
        "STATUS=3 open",
        "WATCHDOG=1",
        "EXTEND_TIMEOUT_USEC=30000000",
        "RELOADING=1\nMONOTONIC_USEC=123",
        "STOPPING=1\nSTATUS=draining",
    ]


def test_a_status_is_utf8_and_cannot_smuggle_another_state(systemd: socket.socket) -> None:
    notifier(systemd).status("wartet auf Änderung\nREADY=1")

    assert systemd.recv(4096).decode() == "STATUS=wartet auf Änderung READY=1"


def test_a_full_queue_neither_blocks_nor_raises(systemd: socket.socket) -> None:
    told = notifier(systemd)
    systemd.setblocking(False)

    for _ in range(2000):  # far more than any kernel queues unread
        told.watchdog()

    assert systemd.recv(64) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "@nobody-listens", "/" + "x" * 200, "has\0nul"])
def test_a_missing_notify_socket_is_no_error(address: str) -> None:
    Notifier({"NOTIFY_SOCKET": address}).ready()


def test_without_systemd_nothing_is_watched() -> None:
    assert Notifier({}).watchdog_interval is None


def test_the_watchdog_is_pinged_twice_as_often_as_systemd_looks() -> None:
    ours = {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}

    assert Notifier(ours).watchdog_interval == 15
    assert Notifier({"WATCHDOG_USEC": "30000000"}).watchdog_interval == 15


@pytest.mark.parametrize(
    "environ", [{"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "9", "WATCHDOG_PID": "1"}]
)
def test_a_watchdog_that_is_off_or_for_another_process_is_not_pinged(environ: dict[str, str]) -> None:
    assert Notifier(environ).watchdog_interval is None

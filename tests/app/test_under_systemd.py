"""The daemon under systemd: notifications and inherited sockets."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from app.rig import REPOSITORY

SERVE = (
    "import os, sys\n"
    "from tocsin.cli.main import main\n"
    "if len(sys.argv) > 2:\n"
    "    os.dup2(int(sys.argv.pop()), 3)\n"
    "    os.environ |= {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1'}\n"
    "main()\n"
)
"""``tocsin serve``, with an inherited socket where one is named."""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("TOCSIN_", "LISTEN_", "NOTIFY_"))}
    return own | {"TOCSIN_LISTEN": "127.0.0.1:0", "TOCSIN_STORE_URL": f"sqlite:///{tmp_path}/tocsin.db"}


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.settimeout(20)
        yield bound


def serve(environ: Mapping[str, str], *inherited: socket.socket) -> "subprocess.Popen[str]":
    numbers = [bound.fileno() for bound in inherited]
    command = [sys.executable, "-c", SERVE, "serve", *map(str, numbers)]
    return subprocess.Popen(
        command, cwd=REPOSITORY, env=dict(environ), pass_fds=numbers, stderr=subprocess.PIPE, text=True
    )


def heard(systemd: socket.socket, beginning: str) -> str:
    """The next datagram that begins so."""
    while not (told := systemd.recv(4096).decode()).startswith(beginning):
        pass
    return told


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    with process:
        try:
            _, log = process.communicate(timeout=30)
        finally:
            process.kill()
    return process.returncode, log


def test_a_reload_while_the_store_cannot_be_reached_ends_for_systemd_too(
    environ: dict[str, str], systemd: socket.socket, tmp_path: Path
) -> None:
    process = serve(environ | {"NOTIFY_SOCKET": systemd.getsockname()})
    try:
        heard(systemd, "EXTEND_TIMEOUT_USEC=")
        heard(systemd, "READY=1")
        (tmp_path / "tocsin.db").rename(tmp_path / "away.db")
        (tmp_path / "tocsin.db").symlink_to("tocsin.db")  # it cannot be reached, which says nothing of what it holds
        process.send_signal(signal.SIGHUP)
        heard(systemd, "RELOADING=1")
        assert heard(systemd, "READY=1") == "READY=1\nSTATUS=configuration reloaded"
    finally:
        process.terminate()
        code, log = ended(process)
    assert code == 0
    assert "never retrieved" not in log


def test_an_inherited_socket_that_everybody_reaches_needs_a_token(environ: dict[str, str]) -> None:
    with socket.create_server(("0.0.0.0", 0)) as everywhere:
        code, log = ended(serve(environ, everywhere))
    assert code == 1
    assert "add tokens:" in log
    assert "Traceback" not in log


def test_an_inherited_socket_on_loopback_needs_none(environ: dict[str, str], systemd: socket.socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as here:
        process = serve(environ | {"NOTIFY_SOCKET": systemd.getsockname()}, here)
        try:
            assert f"127.0.0.1:{here.getsockname()[1]}" in heard(systemd, "READY=1")
        finally:
            process.terminate()
            code, _ = ended(process)
    assert code == 0

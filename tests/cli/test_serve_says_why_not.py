"""A daemon that cannot start says why: in a sentence on a terminal, as a line of JSON elsewhere."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tocsin.cli.main import cli


@pytest.fixture
def taken() -> Iterator[str]:
    """An address at which another program listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield f"127.0.0.1:{other.getsockname()[1]}"


def serve(folder: Path, listen: str, stderr: int) -> "subprocess.Popen[bytes]":
    CliRunner().invoke(cli, ["init", "--minimal", str(folder)])
    return subprocess.Popen(
        [sys.executable, "-m", "tocsin", "serve"],
        cwd=folder,
        env={**os.environ, "TOCSIN_LISTEN": listen},
        stdout=subprocess.DEVNULL,
        stderr=stderr,
    )


def told(listen: str) -> str:
    return (
        f"cannot listen on {listen}: another program uses this port, perhaps another tocsin: stop it, or set another "
        "address: listen: in tocsin.yaml, or for example TOCSIN_LISTEN=127.0.0.1:9100"
    )


def test_on_a_terminal_it_is_one_sentence(tmp_path: Path, taken: str) -> None:
    ours, theirs = os.openpty()
    daemon = serve(tmp_path, taken, theirs)
    assert daemon.wait(60) == 1
    os.close(theirs)
    assert os.read(ours, 4096).decode().strip() == f"tocsin does not start: {told(taken)}"
    os.close(ours)


def test_elsewhere_it_is_one_line_of_json(tmp_path: Path, taken: str) -> None:
    daemon = serve(tmp_path, taken, subprocess.PIPE)
    _, said = daemon.communicate(timeout=60)
    assert daemon.returncode == 1
    assert json.loads(said)["error"] == told(taken)

"""``make run`` in a fresh copy with an empty pip cache: progress, then the hint once it serves."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.processes import free_port

ROOT = Path(__file__).parents[2]
BUILT = shutil.ignore_patterns("__pycache__", "*.pyc")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the files that are needed, and nothing that was built."""
    for name in (".ci", "daemon", "config", "rules"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=BUILT)
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, tmp_path)
    return tmp_path


@pytest.fixture
def started(copy: Path) -> Iterator["subprocess.Popen[str]"]:
    kept = (
        "PATH",
        "HOME",
        "LANG",
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_CERT",
        "PIP_FIND_LINKS",
        "SSL_CERT_FILE",
    )
    environ = {name: os.environ[name] for name in kept if name in os.environ}
    environ |= {"PIP_CACHE_DIR": str(copy / "cold-cache"), "TOCSIN_LISTEN": f"127.0.0.1:{free_port()}"}
    with subprocess.Popen(
        ["make", "run"],
        cwd=copy,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


def test_a_cold_make_run_prints_progress_then_the_hint_once_it_serves(started: "subprocess.Popen[str]") -> None:
    assert started.stdout is not None
    before: list[str] = []
    hint: list[str] = []
    for line in started.stdout:
        (hint if hint or line.startswith("tocsin serves on ") else before).append(line.rstrip("\n"))
        if line.strip().endswith(" drill"):
            break

    progress = [line for line in before if line.strip() and "[info" not in line and '"level": "info"' not in line]
    assert progress == ["Setting up .venv (build runtime) ..."], "no warning, no notice, no word of pip's"
    assert not re.search(r"warn|error|defect|deprecat|notice|fail", "\n".join(before), re.IGNORECASE)
    (curl,) = (shlex.split(line) for line in hint if line.strip().startswith("curl"))
    (url,) = (word for word in curl if word.startswith("http://"))
    body = curl[curl.index("-d") + 1]
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200, "the very moment in which the hint is printed"
    assert json.loads(body)["alerts"]
    assert any(line.startswith("PAGE [SEV-2] #1 checkout: Customers cannot pay") for line in started.stdout)
    threading.Thread(target=started.stdout.read, daemon=True).start()  # so that a full pipe does not hold it up
    (drill,) = (line.strip() for line in hint if line.strip().endswith(" drill"))
    for command in (drill, drill.replace(" drill", " incidents ack 1")):
        done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done

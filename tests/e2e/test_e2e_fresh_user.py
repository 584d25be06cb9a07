"""A new user's first steps: serve the shipped configuration, run the printed command, see the page."""

import json
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from e2e.processes import run, tocsin_command, until
from e2e.tocsin_process import Tocsin
from tocsin.cli.hint import hint

WITHIN = 60.0
"""The promise: within a minute."""


@pytest_asyncio.fixture
async def tocsin(tmp_path: Path) -> AsyncIterator[Tocsin]:
    """The shipped configuration as it is, without any account or token."""
    async with Tocsin(tmp_path / "clone", token=False) as running:
        yield running


def printed_curl() -> list[str]:
    """The `curl` line that `make run` prints, in words."""
    (line,) = [line for line in hint("127.0.0.1:9099").splitlines() if line.strip().startswith("curl")]
    return shlex.split(line)


async def test_the_printed_curl_line_pages_on_the_console(tocsin: Tocsin) -> None:
    words = printed_curl()
    body = json.loads(words[words.index("-d") + 1])
    (url,) = [word for word in words if word.startswith("http://127.0.0.1:9099/")]
    status, said = await tocsin.post(url.removeprefix("http://127.0.0.1:9099"), body)
    assert status == 200, said
    await until(
        lambda: "PAGE [SEV-2] #1 checkout: Customers cannot pay" in tocsin.output, WITHIN, "the console shows it"
    )


async def test_a_drill_reaches_the_console_and_says_so(tocsin: Tocsin) -> None:
    code, said = await run(tocsin_command(), "drill", environ=tocsin.cli_environ, within=WITHIN)
    assert code == 0, said
    assert "delivered" in said
    assert "PAGE DRILL" in tocsin.output


async def test_init_gives_the_configuration_that_serve_then_runs(tmp_path: Path) -> None:
    code, said = await run(tocsin_command(), "init", str(tmp_path / "mine"))
    assert code == 0, said
    started = Tocsin(tmp_path / "served", token=False)
    for folder in ("config", "rules"):
        shipped, given = started.folder / folder, tmp_path / "mine" / folder
        assert {p.relative_to(shipped) for p in shipped.rglob("*.yaml")} <= {
            p.relative_to(given) for p in given.rglob("*.yaml")
        }
    started.config.rename(tmp_path / "not used")
    (tmp_path / "mine" / "config").rename(started.config)
    async with started:
        assert await started.fire({"status": "firing", "labels": {"alertname": "X", "severity": "critical"}}) == 200

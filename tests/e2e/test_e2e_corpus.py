"""Every recorded webhook body, posted to a running daemon: accepted or refused, without an error.

``TOCSIN_CORPUS`` names a folder of bodies found in the wild and captured from Alertmanagers; unset, the
project's own fixtures are posted.
"""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from e2e.processes import is_ready
from e2e.tocsin_process import Tocsin, alert

CORPUS = os.environ.get("TOCSIN_CORPUS")
OWN = Path(__file__).parents[1] / "fixtures" / "alertmanager"
FOLDERS = (
    [Path(CORPUS) / "alertmanager" / part for part in ("payloads", "captured", "synthetic-0.34")] if CORPUS else [OWN]
)


def bodies() -> list[Path]:
    return sorted(path for folder in FOLDERS for path in folder.iterdir() if path.is_file())


def is_webhook(body: bytes) -> bool:
    """Return whether a body is a webhook: JSON, an object, with a list of alerts."""
    try:
        content = json.loads(body)
    except ValueError:
        return False
    return isinstance(content, dict) and isinstance(content.get("alerts"), list)


@pytest_asyncio.fixture
async def tocsin(tmp_path: Path) -> AsyncIterator[Tocsin]:
    async with Tocsin(tmp_path) as running:
        yield running


async def test_every_body_is_taken_or_refused_and_none_breaks_the_daemon(tocsin: Tocsin) -> None:
    found = bodies()
    assert len(found) >= (60 if CORPUS else 10)
    answers: dict[str, tuple[int, str]] = {}
    for path in found:
        for _ in range(2):  # the second time it is a repetition
            answers[path.name] = await tocsin.post("/webhooks/alertmanager/corpus", None, raw=path.read_bytes())
            expected = 200 if is_webhook(path.read_bytes()) else 400
            assert answers[path.name][0] == expected, (path.name, answers[path.name])
    assert {status for status, _ in answers.values()} == {200, 400}
    for status, text in answers.values():
        if status == 400:
            assert "$" in json.loads(text)["error"]["message"]
    assert await is_ready(f"{tocsin.url}/-/healthy")
    assert await is_ready(f"{tocsin.url}/-/ready")
    assert await tocsin.fire(alert("AfterAllThat", service="last")) == 200
    assert [i["title"] for i in await tocsin.incidents(service="last")] == ["AfterAllThat is broken"]
    for trouble in ("Traceback", "handler_failed", "batch_failed", "worker_died", "quarantine_failed"):
        assert trouble not in tocsin.output

"""The webhooks of a real Alertmanager about one alert of each playbook.

The scenario of tests/scenario/one_incident.py begins with them; ``TOCSIN_E2E_WRITE=1`` records them anew.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from e2e.observability import Alertmanager, posts_at_once
from e2e.processes import until
from scenario.one_incident import WEBHOOKS
from scenario.stories import STORIES, alert_of
from tocsin.testing.webhook_sink import WebhookSink


async def test_the_recorded_webhooks_are_what_alertmanager_posts(tmp_path: Path) -> None:
    async with WebhookSink() as sink, Alertmanager(tmp_path, posts_at_once(f"{sink.url}/hook", "token")) as source:
        for is_over in (False, True):
            await _post(source, is_over=is_over)
            await until(lambda n=is_over: len(_bodies(sink)) == len(STORIES) * (1 + n), 30, "Alertmanager posts")
    found = {_name(body): body for body in _bodies(sink)}
    assert len(found) == 2 * len(STORIES)
    for name, body in found.items():
        path = WEBHOOKS / name
        if os.environ.get("TOCSIN_E2E_WRITE"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(_settled(body), indent=1, ensure_ascii=False) + "\n")
        else:
            assert _settled(body) == json.loads(path.read_text())


def _bodies(sink: WebhookSink) -> list[dict[str, Any]]:
    return [entry["body"] for entry in sink.accepted]


async def _post(source: Alertmanager, *, is_over: bool) -> None:
    """Tell Alertmanager of the alerts, as Prometheus does."""
    ends = {"endsAt": datetime.now(UTC).isoformat()} if is_over else {}
    alerts = [{**alert_of(playbook), **ends} for playbook in STORIES]
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{source.url}/api/v2/alerts", json=alerts) as answer,
    ):
        assert answer.status == 200, await answer.text()


def _name(body: dict[str, Any]) -> str:
    return f"{body['commonLabels']['playbook']}.{body['status']}.json"


def _settled(body: dict[str, Any]) -> dict[str, Any]:
    """Return a webhook with the same times and addresses on every machine."""
    settled = {**body, "externalURL": "http://alertmanager.example.com:9093"}
    settled["alerts"] = [
        {
            **alert,
            "startsAt": "2026-11-16T09:00:00Z",
            "endsAt": "2026-11-16T10:00:00Z" if alert["status"] == "resolved" else alert["endsAt"],
        }
        for alert in body["alerts"]
    ]
    return settled

"""Prometheus and Alertmanager from their Debian packages, and something for Prometheus to watch."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml
from aiohttp import web

from e2e.processes import Process, binary, free_port, get_json


class Alertmanager(Process):
    """One Alertmanager by itself."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        self.url = f"http://{self.address}"
        self.ready_url = f"{self.url}/-/ready"
        file = folder / "alertmanager.yml"
        file.write_text(yaml.safe_dump(dict(config)))
        super().__init__(
            "alertmanager",
            [
                binary("prometheus-alertmanager"),
                f"--config.file={file}",
                f"--storage.path={folder / 'alertmanager'}",
                f"--web.listen-address={self.address}",
                "--cluster.listen-address=",
            ],
            folder,
        )


def posts_at_once(webhook_url: str, token: str) -> dict[str, Any]:
    """Return the configuration of an Alertmanager that posts at once to one webhook, with a bearer token."""
    receiver = {
        "name": "tocsin",
        "webhook_configs": [
            {
                "url": webhook_url,
                "send_resolved": True,
                "http_config": {"authorization": {"credentials": token}, "follow_redirects": False},
            }
        ],
    }
    route = {
        "receiver": "tocsin",
        "group_by": ["alertname"],
        "group_wait": "0s",
        "group_interval": "1s",
        "repeat_interval": "1h",
    }
    return {"route": route, "receivers": [receiver]}


class Prometheus(Process):
    """Scrapes and evaluates once a second."""

    def __init__(
        self,
        folder: Path,
        alertmanager: str,
        targets: dict[str, str],
        rules: Sequence[dict[str, Any]],
        rule_files: Sequence[Path] = (),
    ) -> None:
        """``targets``: addresses by job; ``rules``: alerting rules of one group; ``rule_files``: further ones."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.ready_url = f"{self.url}/-/ready"
        rule_file = folder / "alerts.yml"
        rule_file.write_text(yaml.safe_dump({"groups": [{"name": "e2e", "rules": list(rules)}]}))
        config = folder / "prometheus.yml"
        content = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rule_file), *map(str, rule_files)],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [address]}]} for job, address in targets.items()
            ],
        }
        config.write_text(yaml.safe_dump(content))
        super().__init__(
            "prometheus",
            [
                binary("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'prometheus'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            folder,
        )

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The vector that an expression gives now."""
        answer = await get_json(f"{self.url}/api/v1/query", query=expression)
        return list(answer["data"]["result"]) if answer else []

    async def query_range(self, expression: str, seconds: float, step: float) -> list[dict[str, Any]]:
        """The matrix that an expression gives over the last seconds."""
        now = time.time()
        answer = await get_json(
            f"{self.url}/api/v1/query_range",
            query=expression,
            start=str(now - seconds),
            end=str(now),
            step=str(step),
        )
        return list(answer["data"]["result"]) if answer else []

    async def label_values(self, label: str, series: str) -> list[str]:
        """The values of a label of a series."""
        answer = await get_json(f"{self.url}/api/v1/label/{label}/values", **{"match[]": series})
        return list(answer["data"]) if answer else []

    async def value(self, expression: str) -> float | None:
        """The one value that an expression gives now."""
        found = await self.query(expression)
        return float(found[0]["value"][1]) if found else None


class Patient:
    """An endpoint with a gauge ``broken{service}``: what is in ``broken`` is."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.address = ""
        self._runner: web.AppRunner | None = None

    async def _metrics(self, _: web.Request) -> web.Response:
        lines = "".join(f'broken{{service="{name}"}} 1\n' for name in sorted(self.broken))
        return web.Response(text=f"# HELP broken What is.\n# TYPE broken gauge\n{lines}")

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

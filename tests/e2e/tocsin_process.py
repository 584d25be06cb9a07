"""``tocsin serve`` as a process, on a configuration of the test's own and the rules that are shipped."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from e2e.processes import Process, free_port, get_json, tocsin_command

ROOT = Path(__file__).parents[2]
TOKEN = "e2e-" + "t0ken" * 5

Section = Mapping[str, Any]


class _Plain(yaml.SafeDumper):
    """Writes every value out: the configuration knows no anchors."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the shape that PyYAML calls
        return True

    def text(self, data: str) -> yaml.ScalarNode:
        """Put dates in quotes, which tocsin demands and PyYAML leaves out."""
        return self.represent_scalar("tag:yaml.org,2002:str", data, style='"' if data[:1].isdigit() else None)


_Plain.add_representer(str, _Plain.text)


def alert(name: str, status: str = "firing", **labels: str) -> dict[str, Any]:
    """One alert as Alertmanager puts it into a webhook."""
    return {
        "status": status,
        "labels": {"alertname": name, "severity": "critical", **labels},
        "annotations": {"summary": f"{name} is broken"},
        "startsAt": "2026-11-20T14:00:00Z",
        "endsAt": "2026-11-20T15:00:00Z" if status == "resolved" else "0001-01-01T00:00:00Z",
        "generatorURL": "http://127.0.0.1/graph",
    }


def webhook(*alerts: Section) -> dict[str, Any]:
    """A webhook with these alerts."""
    firing = any(one["status"] == "firing" for one in alerts)
    return {"version": "4", "status": "firing" if firing else "resolved", "receiver": "tocsin", "alerts": list(alerts)}


class Tocsin(Process):
    """One daemon. Its files stand in ``folder``: config/, rules/, tocsin.db."""

    def __init__(
        self,
        folder: Path,
        *,
        settings: Section | None = None,
        people: Section | None = None,
        playbook: Section | None = None,
        port: int | None = None,
        entry: Sequence[str] | None = None,
        environ: Mapping[str, str] | None = None,
        token: bool = True,
    ) -> None:
        """``settings``, ``people``, ``playbook`` take the place of what is shipped, ``entry`` that of the command."""
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ready_url = f"{self.url}/-/ready"
        self.config = folder / "config"
        self.rules = folder / "rules"
        self.database = folder / "tocsin.db"
        self.token = TOKEN if token else None
        command = [sys.executable, *entry] if entry else [tocsin_command(), "serve"]
        super().__init__(
            "tocsin",
            [*command, "--config", str(self.config), "--rules", str(self.rules)],
            folder,
            {
                "TOCSIN_LISTEN": f"127.0.0.1:{self.port}",
                "TOCSIN_STORE_URL": f"sqlite:///{self.database}",
                **(environ or {}),
            },
        )
        self._write(settings, people, playbook)

    def _write(self, settings: Section | None, people: Section | None, playbook: Section | None) -> None:
        shutil.copytree(ROOT / "config", self.config, dirs_exist_ok=True)
        shutil.copytree(ROOT / "rules", self.rules, dirs_exist_ok=True, ignore=shutil.ignore_patterns("tests"))
        if settings is not None or self.token:
            tokens = [{"name": "e2e", "token_file": "token", "scopes": ["ingest", "read", "respond", "admin"]}]
            self.write_yaml("tocsin.yaml", {**({"tokens": tokens} if self.token else {}), **(settings or {})})
        if self.token:
            self.write_secret("token", self.token)
        if people is not None:
            self.write_yaml("people.yaml", people)
        if people is not None or playbook is not None:
            self.keep_one_playbook()
        if playbook is not None:
            self.write_yaml("playbooks/emergency-response.yaml", playbook)

    def keep_one_playbook(self) -> None:
        """The others name people whom a configuration of one's own need not have."""
        (self.rules / "07-playbooks.yaml").unlink()
        for path in (self.config / "playbooks").glob("*.yaml"):
            if path.stem != "emergency-response":
                path.unlink()

    def write_yaml(self, name: str, content: Section) -> None:
        """Replace a file of the configuration."""
        (self.config / name).write_text(yaml.dump(dict(content), Dumper=_Plain, sort_keys=False))

    def write_secret(self, name: str, secret: str) -> None:
        """Put a secret where the configuration may refer to it."""
        path = self.config / name
        path.write_text(secret)
        path.chmod(0o600)

    @property
    def cli_environ(self) -> dict[str, str]:
        """Return the environment with which the command line talks to this daemon."""
        environ = {"TOCSIN_URL": self.url}
        if self.token:
            environ["TOCSIN_TOKEN_FILE"] = str(self.config / "token")
        return environ

    async def get(self, path: str, **query: str) -> Any:
        """Return the API's answer to a GET; None while there is none."""
        return await get_json(self.url + path, self.token, **query)

    async def incidents(self, **query: str) -> list[dict[str, Any]]:
        """The incidents, newest first; none while it does not answer."""
        page = await self.get("/api/v1/incidents", limit="200", **query)
        return list(page["incidents"]) if page else []

    async def post(self, path: str, body: Any, *, raw: bytes | None = None) -> tuple[int, str]:
        """POST JSON: (status, text).

        Raises:
            aiohttp.ClientError: It does not answer.
        """
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        sent: dict[str, Any] = {"json": body} if raw is None else {"data": raw}
        if raw is not None:
            headers["Content-Type"] = "application/json"
        async with (
            aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=20)) as session,
            session.post(self.url + path, **sent) as answer,
        ):
            return answer.status, await answer.text()

    async def fire(self, *alerts: Section, source: str = "default") -> int:
        """POST a webhook with these alerts; the answer's status."""
        status, _ = await self.post(f"/webhooks/alertmanager/{source}", webhook(*alerts))
        return status

"""A stand-in for Alertmanager's API v2: its alerts, and the time of its start.

``python -m tocsin.testing.alertmanager_server --port 9093``
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

from tocsin.core.alerts.alert import fingerprint
from tocsin.testing.standin import StandIn, arguments, serve

_SWITCHES = ("active", "silenced", "inhibited", "unprocessed")
_TAKES = {*_SWITCHES, "filter", "receiver", "receiver_matchers"}


class AlertmanagerServer(StandIn):
    """Server of ``/api/v2/alerts`` and ``/api/v2/status``.

    ``silenced`` and ``inhibited`` are alerts too; if a request does not say whether to include them, Alertmanager's
    defaults apply.
    """

    def __init__(self, *, port: int = 0, log: Path | None = None, token: str = "", up_for: float = 86_400) -> None:
        """Create a server. ``up_for``: seconds since its start. With a ``token``, requests without it are refused."""
        super().__init__(port=port, log=log)
        self.token = token
        self.started = datetime.now(UTC) - timedelta(seconds=up_for)
        self.cluster = "ready"
        self._alerts: dict[str, tuple[dict[str, str], str]] = {}

    def know(self, labels: Mapping[str, str], state: str = "active") -> None:
        """Add an alert. ``state``: ``active``, ``silenced``, ``inhibited`` or ``unprocessed``."""
        self._alerts[fingerprint(dict(labels))] = (dict(labels), state)

    def forget(self, labels: Mapping[str, str]) -> None:
        """Resolve the alert."""
        del self._alerts[fingerprint(dict(labels))]

    def restart(self) -> None:
        """Restart: lose all alerts."""
        self._alerts.clear()
        self.started = datetime.now(UTC)

    def routes(self, app: web.Application) -> None:
        """Serve both."""
        app.router.add_get("/api/v2/alerts", self.faulty(self._list))
        app.router.add_get("/api/v2/status", self.faulty(self._status))

    def _is_refused(self, request: web.Request) -> bool:
        return bool(self.token) and request.headers.get("Authorization") != f"Bearer {self.token}"

    async def _list(self, request: web.Request) -> web.Response:
        if self._is_refused(request):
            return web.Response(status=401, text="Unauthorized")
        if set(request.query) - _TAKES or any(
            request.query.get(name, "true") not in ("true", "false") for name in _SWITCHES
        ):
            return web.json_response("bad query", status=400)
        shown = {name for name in _SWITCHES if request.query.get(name, "true") == "true"}
        result = [
            _shown(name, labels, state, self.started)
            for name, (labels, state) in self._alerts.items()
            if state in shown
        ]
        return web.json_response(result)

    async def _status(self, request: web.Request) -> web.Response:
        if self._is_refused(request):
            return web.Response(status=401, text="Unauthorized")
        cluster = {"name": "01JD", "peers": [], "status": self.cluster}
        version = dict.fromkeys(("branch", "buildDate", "buildUser", "goVersion", "revision"), "") | {
            "version": "0.34.0"
        }
        config = {"original": "route: {receiver: tocsin}"}
        return web.json_response(
            {"cluster": cluster, "config": config, "uptime": _time(self.started), "versionInfo": version}
        )


def _shown(name: str, labels: dict[str, str], state: str, started: datetime) -> dict[str, object]:
    hidden = state in ("silenced", "inhibited")
    status = {"state": "suppressed" if hidden else state, "silencedBy": [], "inhibitedBy": [], "mutedBy": []}
    if hidden:
        status[f"{state}By"] = ["b0f2c5c6-0000-4000-8000-000000000000"]
    return {
        "annotations": {},
        "startsAt": _time(started),
        "endsAt": _time(datetime.now(UTC) + timedelta(minutes=4)),
        "updatedAt": _time(datetime.now(UTC)),
        "fingerprint": name,
        "receivers": [{"name": "tocsin"}],
        "status": status,
        "labels": labels,
        "generatorURL": "",
    }


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def main() -> None:
    """Run it by itself."""
    fields = arguments("A stand-in for Alertmanager's API v2 on loopback.").parse_args()
    serve(lambda: AlertmanagerServer(port=fields.port, log=fields.log))


if __name__ == "__main__":
    main()

"""A stand-in for Atlassian Statuspage: the realtime incidents of one page (contract: Statuspage's OpenAPI document).

``python -m tocsin.testing.statuspage_server --port 8087 --log statuspage.jsonl``
"""

from pathlib import Path
from typing import Any

from aiohttp import web

from tocsin.testing.rate_limit import RateLimit
from tocsin.testing.standin import StandIn, arguments, serve

PAGE = "kctbh9vrtdwd"
TOKEN = "statuspage-key-0123456789"  # noqa: S105 - of a stand-in
COMPONENTS = frozenset({"ftgks51sfs2d", "8kbf7d35c070"})
RATE = 60
"""Maximum number of requests per minute and token: one per second, measured over a minute."""
_STATUSES = frozenset({"investigating", "identified", "monitoring", "resolved"})
_IMPACTS = frozenset({"none", "maintenance", "minor", "major", "critical"})
_OF_COMPONENTS = frozenset(
    {"operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage", ""}
)
_KEYS = frozenset(
    {
        *("name", "status", "impact_override", "metadata", "deliver_notifications", "body", "components"),
        *("component_ids", "backfilled", "scheduled_for", "scheduled_until"),
    }
)


class StatuspageServer(StandIn):
    """Server of one page's incidents.

    An ``accepted`` entry holds ``kind`` (``incident`` or ``update``), ``id`` and the request's content.
    """

    def __init__(self, *, port: int = 0, log: Path | None = None) -> None:
        super().__init__(port=port, log=log)
        self.incidents: dict[str, dict[str, Any]] = {}
        self.rate = RateLimit(RATE, 60.0)

    def routes(self, app: web.Application) -> None:
        """Serve the page's incidents."""
        incidents = "/v1/pages/{page}/incidents"
        for method, path, handler in (
            ("POST", incidents, self._create),
            ("GET", f"{incidents}/unresolved", self._unresolved),
            ("GET", f"{incidents}/{{incident}}", self._get),
            ("PATCH", f"{incidents}/{{incident}}", self._update),
        ):
            app.router.add_route(method, path, self.faulty(handler))

    async def _create(self, request: web.Request) -> web.Response:
        fields, refusal = await self._body(request)
        if refusal is not None:
            return refusal
        if not fields.get("name", "").strip():
            return _refusal(422, "name can't be blank")
        name = f"p31zjtct2jer{len(self.incidents)}"
        link = f"http://stspg.io/{name}"
        self.incidents[name] = {"incident_updates": [], **fields, "id": name, "shortlink": link}
        _append(self.incidents[name], fields)
        self.accept(kind="incident", id=name, **fields)
        return web.json_response(self.incidents[name], status=201)

    async def _unresolved(self, request: web.Request) -> web.Response:
        open_ = [each for each in self.incidents.values() if each.get("status") != "resolved"]
        return self._refuses(request) or web.json_response(open_)

    async def _get(self, request: web.Request) -> web.Response:
        incident = self.incidents.get(request.match_info["incident"])
        if incident is None:
            return _refusal(404, "not found")
        return self._refuses(request) or web.json_response(incident)

    async def _update(self, request: web.Request) -> web.Response:
        fields, refusal = await self._body(request)
        incident = self.incidents.get(request.match_info["incident"])
        if refusal is not None or incident is None:
            return refusal or _refusal(404, "not found")
        incident |= fields
        _append(incident, fields)
        self.accept(kind="update", id=incident["id"], **fields)
        return web.json_response(incident)

    def _refuses(self, request: web.Request) -> web.Response | None:
        """Return the refusal of a caller who may not do this, or not now."""
        if request.headers.get("Authorization") != f"OAuth {TOKEN}":
            return _refusal(401, "Could not authenticate")
        if self.rate.wait(TOKEN) is not None:
            return _refusal(420, "Rate limit exceeded")
        return (
            None if request.match_info["page"] == PAGE else _refusal(404, "The requested resource could not be found.")
        )

    async def _body(self, request: web.Request) -> tuple[dict[str, Any], web.Response | None]:
        refusal = self._refuses(request)
        if refusal is not None:
            return {}, refusal
        try:
            fields = (await request.json())["incident"]
        except (ValueError, KeyError, TypeError):
            return {}, _refusal(400, "incident is missing")
        if not isinstance(fields, dict):
            return {}, _refusal(400, "incident is missing")
        wrong = _error(fields)
        return fields, _refusal(422, f"{wrong} is invalid") if wrong else None


def _error(fields: dict[str, Any]) -> str | None:
    """Return the first key whose value Statuspage refuses."""
    components = fields.get("components", {})
    checks = {
        "incident": set(fields) <= _KEYS,
        "name": isinstance(fields.get("name", ""), str) and len(fields.get("name", "")) <= 255,
        "status": fields.get("status", "investigating") in _STATUSES,
        "impact_override": fields.get("impact_override", "none") in _IMPACTS,
        "body": isinstance(fields.get("body", ""), str) and len(fields.get("body", "")) <= 25_000,
        "metadata": all(isinstance(value, dict) for value in fields.get("metadata", {}).values()),
        "component_ids": set(fields.get("component_ids", ())) <= COMPONENTS,
        "components": set(components) <= COMPONENTS and set(components.values()) <= _OF_COMPONENTS,
        "deliver_notifications": isinstance(fields.get("deliver_notifications", True), bool),
    }
    return next((name for name, good in checks.items() if not good), None)


def _append(incident: dict[str, Any], fields: dict[str, Any]) -> None:
    """Add an update for a status or a text; the newest comes first."""
    if "body" in fields or "status" in fields:
        update = {"status": fields.get("status", incident.get("status")), "body": fields.get("body", "")}
        incident["incident_updates"].insert(0, update)


def _refusal(status: int, message: str) -> web.Response:
    return web.json_response({"error": [message]}, status=status)


def main() -> None:
    """Run it by itself."""
    fields = arguments("A stand-in for Statuspage on loopback.").parse_args()
    serve(lambda: StatuspageServer(port=fields.port, log=fields.log))


if __name__ == "__main__":
    main()

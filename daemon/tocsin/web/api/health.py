"""State of the daemon: ``/-/healthy``, ``/-/ready``, ``/-/reload`` and ``/metrics``, as in Prometheus; shadow rules."""

from aiohttp import web

import tocsin
from tocsin.web.api.views import ShadowView, public
from tocsin.web.edge import EDGE
from tocsin.web.server.answers import json_answer, text_answer
from tocsin.web.server.metrics_endpoint import Exposed
from tocsin.web.server.query import expect_known, flag

RELOAD_QUERY = {"force": "`true`: accept a configuration that removes every token, channel or contact"}
EXPOSED: web.AppKey[Exposed] = web.AppKey("exposed", Exposed)


async def healthy(request: web.Request) -> web.Response:
    """Answer 200 while the daemon makes progress, else 503 with the reason."""
    health = request.app[EDGE].health()
    return _state_answer("healthy", health.why, is_true=health.healthy)


async def ready(request: web.Request) -> web.Response:
    """Answer 200 while the daemon accepts alerts, else 503 with the reason."""
    health = request.app[EDGE].health()
    return _state_answer("ready", health.why, is_true=health.ready)


def _state_answer(state: str, reason: str, *, is_true: bool) -> web.Response:
    if is_true:
        return text_answer(f"tocsin is {state}.\n")
    return text_answer(f"tocsin is not {state}{f': {reason}' if reason else ''}.\n", 503)


async def reload(request: web.Request) -> web.Response:
    """Reload the configuration; a configuration with errors changes nothing, and the answer lists the errors."""
    expect_known(request, frozenset(RELOAD_QUERY))
    result = await request.app[EDGE].reload(force=flag(request.query, "force"))
    return json_answer(public(result), 200 if result.ok else 400)


async def metrics(request: web.Request) -> web.Response:
    """Return the metrics in the format of Prometheus."""
    return request.app[EXPOSED].answer(request)


async def status(request: web.Request) -> web.Response:
    """Return the version and the detailed state of the daemon."""
    edge = request.app[EDGE]
    health = edge.health()
    return json_answer(
        public(
            {
                "version": tocsin.__version__,
                "healthy": health.healthy,
                "ready": health.ready,
                "detail": dict(health.detail),
                "last_reload": edge.last_reload(),
            }
        )
    )


async def shadow(request: web.Request) -> web.Response:
    """Return the results of the shadow rules; null unless `serve --shadow` runs some."""
    return json_answer(public(ShadowView(request.app[EDGE].shadow())))


async def index(_: web.Request) -> web.Response:
    """Return a page with the entry points."""
    return text_answer(_INDEX, content_type="text/html")


_INDEX = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>tocsin</title>
<h1>tocsin</h1>
<p>Receives alerts from Prometheus Alertmanager and pages the people on call.</p>
<ul>
<li>Alertmanager posts to <code>/webhooks/alertmanager</code>
<li>The API is at <code>/api/v1/incidents</code>, its OpenAPI document at
<a href="/api/v1/openapi.json">/api/v1/openapi.json</a>
<li>Metrics are at <a href="/metrics">/metrics</a>, health at
<a href="/-/healthy">/-/healthy</a> and <a href="/-/ready">/-/ready</a>
<li>On the command line: <code>tocsin incidents list</code>
</ul>
</html>
"""

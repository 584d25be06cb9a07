"""How the daemon is: ``/-/healthy``, ``/-/ready``, ``/-/reload``, ``/metrics``, by Prometheus's own conventions.

And what the shadow rules have seen.
"""

from aiohttp import web

import tocsin
from tocsin.web.answers import json_answer, text_answer
from tocsin.web.exposed import Exposed
from tocsin.web.keys import EDGE
from tocsin.web.query import expect_known, flag
from tocsin.web.views import ShadowView, public

RELOAD_QUERY = {"force": "`true`: accept a configuration that removes every token, channel or contact"}
EXPOSED: web.AppKey[Exposed] = web.AppKey("exposed", Exposed)


async def healthy(request: web.Request) -> web.Response:
    """200 while the daemon makes progress."""
    health = request.app[EDGE].health()
    return _told("healthy", health.why, is_so=health.healthy)


async def ready(request: web.Request) -> web.Response:
    """200 while alerts are taken."""
    health = request.app[EDGE].health()
    return _told("ready", health.why, is_so=health.ready)


def _told(state: str, why: str, *, is_so: bool) -> web.Response:
    if is_so:
        return text_answer(f"tocsin is {state}.\n")
    return text_answer(f"tocsin is not {state}{f': {why}' if why else ''}.\n", 503)


async def reload(request: web.Request) -> web.Response:
    """Read the configuration again; a bad one changes nothing, and the answer says what is wrong with it."""
    expect_known(request, frozenset(RELOAD_QUERY))
    result = await request.app[EDGE].reload(force=flag(request.query, "force"))
    return json_answer(public(result), 200 if result.ok else 400)


async def metrics(request: web.Request) -> web.Response:
    """The figures."""
    return request.app[EXPOSED].answer(request)


async def status(request: web.Request) -> web.Response:
    """Version, and how the daemon is, in detail."""
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
    """What other rules would have decided, where `serve --shadow` runs some; null elsewhere."""
    return json_answer(public(ShadowView(request.app[EDGE].shadow())))


async def index(_: web.Request) -> web.Response:
    """Say what this is."""
    return text_answer(_INDEX, content_type="text/html")


_INDEX = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>tocsin</title>
<h1>tocsin</h1>
<p>Takes alerts from Prometheus Alertmanager and pages the people on call.</p>
<ul>
<li>Alertmanager posts to <code>/webhooks/alertmanager</code>
<li>The API is at <code>/api/v1/incidents</code>, its description at
<a href="/api/v1/openapi.json">/api/v1/openapi.json</a>
<li>Figures are at <a href="/metrics">/metrics</a>, health at
<a href="/-/healthy">/-/healthy</a> and <a href="/-/ready">/-/ready</a>
<li>On the command line: <code>tocsin incidents list</code>
</ul>
</html>
"""

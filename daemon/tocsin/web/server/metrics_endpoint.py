"""``GET /metrics``, which needs no token and is therefore rendered at most a few times per second."""

import gzip
from collections.abc import Callable
from time import monotonic

from aiohttp import hdrs, web

from tocsin.ports.observer import Limit
from tocsin.telemetry.metrics import Metrics
from tocsin.web.server.answers import SECURITY_HEADERS

FRESH_FOR = 0.5
"""Seconds for which rendered metrics are served again."""
OPENMETRICS = "application/openmetrics-text"
"""The media type of OpenMetrics."""

_Rendered = tuple[bytes, str]


class Exposed:
    """The answers to ``GET /metrics``, with a cache of the rendered metrics."""

    def __init__(self, exposition: Metrics, now: Callable[[], float] = monotonic) -> None:
        self._exposition = exposition
        self._now = now
        self._rendered_at = 0.0
        self._rendered: dict[tuple[str, bool], _Rendered] = {}

    def answer(self, request: web.Request) -> web.Response:
        """Return the metrics in the format that a request accepts."""
        accept = ",".join(request.headers.getall(hdrs.ACCEPT, []))
        is_compressed = "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "")
        body, content_type = self._render(accept, is_compressed=is_compressed)
        headers = {**SECURITY_HEADERS, hdrs.CONTENT_TYPE: content_type, hdrs.VARY: "Accept, Accept-Encoding"}
        if is_compressed:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=body, headers=headers)

    def _render(self, accept: str, *, is_compressed: bool) -> _Rendered:
        now = self._now()
        if now - self._rendered_at >= FRESH_FOR:
            self._rendered_at = now
            self._rendered.clear()
        form = (_format_for(accept), is_compressed)
        rendered = self._rendered.get(form)
        if rendered is not None:
            self._exposition.count("limits_exceeded_total", limit=Limit.METRICS_RENDERINGS)
        if rendered is None:
            body, content_type = self._exposition.render(form[0])
            rendered = self._rendered[form] = (gzip.compress(body, 1) if is_compressed else body, content_type)
        return rendered


def _format_for(accept: str) -> str:
    """Return the format for an Accept header: one version of OpenMetrics, or "" for the text format of Prometheus."""
    for offer in accept.split(","):
        media_type, *parameters = (part.strip() for part in offer.split(";"))
        versions = [part for part in parameters if part.startswith("version=")]
        if media_type == OPENMETRICS and versions in ([], ["version=1.0.0"]):
            return f"{OPENMETRICS}; version=1.0.0"
    return ""

"""``GET /metrics``, which anyone may ask for: rendered at most a few times a second, however often it is asked for."""

import gzip
from collections.abc import Callable
from time import monotonic

from aiohttp import hdrs, web

from tocsin.web.answers import SECURITY_HEADERS
from tocsin.web.keys import Exposition

FRESH_FOR = 0.5
"""Seconds for which one rendering is given out."""
OPENMETRICS = "application/openmetrics-text"

_Rendered = tuple[bytes, str]


class Exposed:
    """The metrics as they were asked for a moment ago."""

    def __init__(self, exposition: Exposition, now: Callable[[], float] = monotonic) -> None:
        self._exposition = exposition
        self._now = now
        self._rendered_at = 0.0
        self._rendered: dict[tuple[str, bool], _Rendered] = {}

    def answer(self, request: web.Request) -> web.Response:
        """Return the metrics in the form that a request asks for."""
        accept = ",".join(request.headers.getall(hdrs.ACCEPT, []))
        is_packed = "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "")
        body, content_type = self._render(accept, is_packed=is_packed)
        headers = {**SECURITY_HEADERS, hdrs.CONTENT_TYPE: content_type, hdrs.VARY: "Accept, Accept-Encoding"}
        if is_packed:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=body, headers=headers)

    def _render(self, accept: str, *, is_packed: bool) -> _Rendered:
        now = self._now()
        if now - self._rendered_at >= FRESH_FOR:
            self._rendered_at = now
            self._rendered.clear()
        form = (_form_for(accept), is_packed)
        rendered = self._rendered.get(form)
        if rendered is None:
            body, content_type = self._exposition.render(form[0])
            rendered = self._rendered[form] = (gzip.compress(body, 1) if is_packed else body, content_type)
        return rendered


def _form_for(accept: str) -> str:
    """Return which of two forms an Accept header gets, however it is written; "" is the text of Prometheus."""
    for offer in accept.split(","):
        media_type, *parameters = (part.strip() for part in offer.split(";"))
        versions = [part for part in parameters if part.startswith("version=")]
        if media_type == OPENMETRICS and versions in ([], ["version=1.0.0"]):
            return f"{OPENMETRICS}; version=1.0.0"
    return ""

"""A stand-in for the receiver of tocsin's webhook: records each request, answers 200.

``python -m tocsin.testing.webhook_sink --port 8083 --log webhook.jsonl``
"""

import json
from pathlib import Path

from aiohttp import web

from tocsin.testing.standin import StandIn, arguments, serve

BODY_LIMIT = 1 << 20
"""Maximum number of bytes of a body, as many proxies limit it."""


class WebhookSink(StandIn):
    """Takes a POST at any path.

    An ``accepted`` entry holds ``path``, ``headers`` and ``body`` (parsed; a body that is no JSON is refused).
    """

    def __init__(self, *, port: int = 0, log: Path | None = None, form: bool = False) -> None:
        """Create a sink; ``form``: accept only forms."""
        super().__init__(port=port, log=log)
        self._form = form

    def routes(self, app: web.Application) -> None:
        """Serve every path."""
        app.router.add_post("/{path:.*}", self.faulty(self._take))

    async def _take(self, request: web.Request) -> web.Response:
        raw = await request.read()
        if self._form:
            fields = {name: str(value) for name, value in (await request.post()).items()}
            self.accept(path=request.path, headers=dict(request.headers), body=fields)
            return web.Response(text="ok")
        if len(raw) > BODY_LIMIT:
            return web.Response(status=413, text=f"the body has more than {BODY_LIMIT} bytes")
        if request.content_type != "application/json":
            return web.Response(status=415, text="the body is to be application/json")
        try:
            body = json.loads(raw)
        except ValueError:
            return web.Response(status=400, text="the body is no JSON")
        self.accept(path=request.path, headers=dict(request.headers), body=body)
        return web.Response(text="ok")


def main() -> None:
    """Run it by itself."""
    given = arguments("Records webhooks on loopback.").parse_args()
    serve(lambda: WebhookSink(port=given.port, log=given.log))


if __name__ == "__main__":
    main()

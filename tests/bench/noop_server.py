"""A POST server that reads the body and does nothing, to measure aiohttp's own cost. ``noop_server.py PORT``"""

import sys

from aiohttp import web


async def take(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(text="ok")


async def ready(_: web.Request) -> web.Response:
    return web.Response(text="ok")


def main() -> None:
    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/{path:.*}", take)
    app.router.add_get("/-/ready", ready)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)


if __name__ == "__main__":
    main()

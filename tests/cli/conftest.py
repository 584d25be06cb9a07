"""Daemons for the command line: the real one, and one that deliberately misbehaves."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from cli.daemons import Running, Seen, StandIn

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    output = tmp_path_factory.mktemp("daemon") / "output"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    environ |= {
        "TOCSIN_LISTEN": "127.0.0.1:0",
        "TOCSIN_STORE_URL": "memory:",
        "TOCSIN_LOG_FORMAT": "json",
        "USER": "sam",
    }
    command = [sys.executable, "-c", "from tocsin.cli.main import main; main()", "serve"]
    with (
        output.open("w") as out,
        subprocess.Popen(
            command, cwd=REPOSITORY, env=environ, stdout=out, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stderr is not None
        try:
            yield Running(_address(process), output)
        finally:
            process.terminate()
            process.stderr.read()  # so that a full pipe does not hold up its stop
            assert process.wait(60) == 0


def _address(process: "subprocess.Popen[str]") -> str:
    """Where it serves, as its log says once it does."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if line.startswith("{") and (event := json.loads(line))["event"] == "serving":
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return f"http://{event['addresses'][0]}"
    pytest.fail(f"the daemon did not start: {''.join(seen)}")


@pytest.fixture
def answering() -> Iterator[Callable[[int, object], StandIn]]:
    """Start servers that answer with a status and a body: JSON, text as it is, or what a function of the seen says."""
    servers: list[HTTPServer] = []

    def start(status: int, body: object) -> StandIn:
        seen: list[Seen] = []

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                seen.append(Seen(self.command, self.path, dict(self.headers), self.rfile.read(length)))
                told = body(seen) if callable(body) else body
                raw = told.encode() if isinstance(told, str) else json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.send_header("Location", "/elsewhere")  # means something with a 3xx only
                self.end_headers()
                self.wfile.write(raw)

            do_GET = answer  # noqa: N815 - the name that the server looks for
            do_POST = answer  # noqa: N815 - the same

            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return StandIn(f"http://127.0.0.1:{server.server_port}", seen)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()

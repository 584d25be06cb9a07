"""``tocsin reload`` against a real daemon when tocsin.yaml is emptied, truncated and restored."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.daemons import StandIn
from tocsin.cli.main import cli

REPOSITORY = Path(__file__).parents[2]
SERVE = [sys.executable, "-c", "from tocsin.cli.main import main; main()", "serve"]
TOKEN = "the-token-of-the-administrator"
SETTINGS = """\
tokens:
  - name: admin
    token_env: ADMIN_TOKEN
    scopes: [ingest, read, respond, admin]
channels:
  hook: {kind: webhook, url: "http://127.0.0.1:9/"}
"""


@dataclass
class Reloaded:
    """A daemon with a token and a channel of its own."""

    process: "subprocess.Popen[str]"
    settings: Path
    token: Path
    url: str = ""

    def next_event(self, *events: str) -> dict[str, object]:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.startswith("{") and (found := json.loads(line))["event"] in events:
                return dict(found)
        pytest.fail(f"the daemon ended without {events}")

    def run(self, *arguments: str) -> Result:
        given = {"TOCSIN_URL": self.url, "TOCSIN_TOKEN_FILE": str(self.token)}
        return CliRunner().invoke(cli, arguments, env=given, catch_exceptions=False)


@contextmanager
def serving(tmp_path: Path, listen: str) -> Iterator[Reloaded]:
    for part in ("config", "rules"):
        shutil.copytree(REPOSITORY / part, tmp_path / part)
    settings, token = tmp_path / "config" / "tocsin.yaml", tmp_path / "token"
    settings.write_text(f"{SETTINGS}listen: {listen}\n")
    token.write_text(TOKEN)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    environ |= {"TOCSIN_STORE_URL": "memory:", "TOCSIN_LOG_FORMAT": "json"}
    with subprocess.Popen(
        SERVE,
        cwd=tmp_path,
        env=environ | {"ADMIN_TOKEN": TOKEN},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        running = Reloaded(process, settings, token)
        try:
            addresses = running.next_event("serving")["addresses"]
            running.url = f"http://{addresses[0]}".replace("0.0.0.0", "127.0.0.1")  # type: ignore[index]
            yield running
        finally:
            process.terminate()
            assert process.stderr is not None
            process.stderr.read()
            assert process.wait(60) == 0


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Reloaded]:
    with serving(tmp_path, "127.0.0.1:0") as running:
        yield running


@pytest.mark.parametrize("text", ["", "# tokens:\n", "{}"])
def test_an_emptied_file_and_sighup_leave_tokens_and_channels_in_force(daemon: Reloaded, text: str) -> None:
    daemon.settings.write_text(text)
    daemon.process.send_signal(signal.SIGHUP)

    refused = daemon.next_event("reload_failed", "reloaded")
    assert refused["event"] == "reload_failed"
    assert any("no token is left: this removes admin" in str(problem) for problem in refused["problems"])  # type: ignore[attr-defined]
    assert daemon.run("incidents", "list").exit_code == 0
    assert CliRunner().invoke(cli, ["incidents", "list"], env={"TOCSIN_URL": daemon.url}).exit_code == 1


def test_reload_says_what_it_refuses_and_force_takes_it_over_on_purpose(daemon: Reloaded) -> None:
    good = daemon.run("reload")
    assert (good.exit_code, good.output.splitlines()[0]) == (0, "reloaded: 0 changes")

    daemon.settings.write_text(SETTINGS[: SETTINGS.index("channels:")] + "listen: 127.0.0.1:0\n")
    refused = daemon.run("reload")
    assert refused.exit_code == 1
    assert refused.output == (
        "config/tocsin.yaml: no channel but the console is left: this removes hook; "
        "if this is intended, run `tocsin reload --force`\nThe daemon keeps the running configuration: 1 problem.\n"
    )
    as_json = daemon.run("reload", "--json")
    assert (as_json.exit_code, json.loads(as_json.output)["ok"]) == (1, False)

    forced = daemon.run("reload", "--force")
    assert forced.exit_code == 0, forced.output
    assert forced.output.splitlines()[:2] == ["reloaded: 1 change", "  channel hook removed"]
    assert re.search(r"forced: config/tocsin.yaml: no channel but the console", forced.output)


def test_a_mistake_is_refused_with_its_place_and_other_errors_are_explained(
    daemon: Reloaded, answering: Callable[[int, object], StandIn]
) -> None:
    daemon.settings.write_text(SETTINGS + "listen_on: nowhere\n")
    refused = daemon.run("reload", "--force")
    assert refused.exit_code == 1
    assert refused.output.startswith("config/tocsin.yaml:7:1: unknown key 'listen_on'")

    for status in (401, 403, 500):
        other = answering(status, {"error": {"code": "x", "message": "not you"}}).run("reload")
        assert other.exit_code == 1
        assert f"not you (HTTP {status})" in other.output


def test_not_even_force_leaves_a_daemon_without_a_token_open_to_other_machines(tmp_path: Path) -> None:
    with serving(tmp_path, "0.0.0.0:0") as daemon:
        daemon.settings.write_text("")
        refused = daemon.run("reload", "--force")
        assert refused.exit_code == 1
        assert "can be reached from other machines, and no token is configured" in refused.output
        assert "NotServed" not in refused.output
        assert daemon.run("incidents", "list").exit_code == 0

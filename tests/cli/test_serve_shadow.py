"""``tocsin serve --shadow`` and a reload, with a real daemon."""

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
SERVE = [sys.executable, "-c", "from tocsin.cli.main import main; main()", "serve", "--shadow", "branch"]
ENVIRON = {
    **{name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")},
    "TOCSIN_LISTEN": "127.0.0.1:0",
    "TOCSIN_STORE_URL": "memory:",
    "TOCSIN_LOG_FORMAT": "json",
}
ALERT = {"status": "firing", "labels": {"alertname": "HighLatency", "severity": "critical", "service": "shop"}}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    shutil.copytree(REPOSITORY / "rules", tmp_path / "rules")
    shutil.copytree(REPOSITORY / "rules", tmp_path / "branch")
    (tmp_path / "branch/90-mine.yaml").write_text(
        "rules: [{name: shop, match: 'service=\"shop\"', set: {severity: SEV-1}}]\n"
    )
    return tmp_path


@pytest.fixture
def process(here: Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        SERVE, cwd=here, env=ENVIRON, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.terminate()
            assert running.stderr is not None
            running.stderr.read()
            assert running.wait(60) == 0


def logged(process: "subprocess.Popen[str]", event: str) -> dict[str, Any]:
    """The next line of the log about this."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("{") and (found := json.loads(line))["event"] == event:
            return dict(found)
    pytest.fail(f"the daemon ended without {event}")


def ask(url: str, body: object = None) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read().decode()
    return json.loads(text) if text.startswith("{") else text


def test_the_shadow_judges_beside_the_live_rules_and_a_reload_takes_its_rules_over(
    here: Path, process: "subprocess.Popen[str]"
) -> None:
    url = f"http://{logged(process, 'serving')['addresses'][0]}"
    ask(f"{url}/webhooks/alertmanager", {"version": "4", "alerts": [ALERT]})

    said = logged(process, "shadow_difference_found")
    assert (said["alertname"], said["field"], said["live"], said["shadow"]) == (
        "HighLatency",
        "severity",
        "SEV-2",
        "SEV-1",
    )
    shadow = ask(f"{url}/api/v1/shadow")["shadow"]
    assert (shadow["rules"], shadow["judged"], shadow["differing"]) == ("branch", 1, 1)
    assert 'tocsin_shadow_alerts_total{outcome="differs"} 1.0' in ask(f"{url}/metrics")
    assert ask(f"{url}/api/v1/incidents")["incidents"][0]["severity"] == "SEV-2"

    shutil.copy(here / "branch/90-mine.yaml", here / "rules")
    process.send_signal(signal.SIGHUP)

    told = logged(process, "reloaded")
    assert told["changes"] == ["rule shop added (rules/90-mine.yaml:1)"]
    assert told["incidents"] == ["incident 1 (shop: HighLatency (shop)): severity SEV-2 -> SEV-1"]
    status = ask(f"{url}/api/v1/status")
    assert status["last_reload"]["fingerprint"] == status["detail"]["configuration"] == told["fingerprint"]
    assert ask(f"{url}/api/v1/shadow")["shadow"]["judged"] == 0, "the shadow is compared with other rules now"
    assert ask(f"{url}/api/v1/incidents")["incidents"][0]["severity"] == "SEV-2", "it goes on as it is"


def test_a_shadow_with_a_mistake_refuses_to_start(here: Path) -> None:
    (here / "branch/91-more.yaml").write_text("rules: [{name: more, match: {}, sett: {}}]\n")
    ended = subprocess.run(SERVE, cwd=here, env=ENVIRON, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("branch/91-more.yaml:1:33: unknown key 'sett'; did you mean set?\n")

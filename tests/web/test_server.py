"""The HTTP application: its sockets and its health endpoints."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys

import msgspec
import pytest

from tocsin.conf.changes import ConfigChange
from tocsin.conf.settings import Listen
from tocsin.core.alerts.alert import Alert, AlertStatus
from tocsin.core.rules.comparison import Difference
from tocsin.engine.intake.shadow import Shadow, ShadowRules
from tocsin.engine.reload_impact import AffectedIncident, ReloadImpact
from tocsin.testing.recording import RecordingObserver
from tocsin.web.application import NotServed, bind, expect_loopback, inherited
from tocsin.web.edge import Health, ReloadResult
from tocsin.web.openapi import document, plain_path
from tocsin.web.routes import ROUTES
from tocsin.web.server.answers import rfc3339
from web.frontdoor import RULES, front_door


async def test_healthy_and_ready_tell_the_daemons_state(door):
    for path, field in (("/-/healthy", "healthy"), ("/-/ready", "ready")):
        assert await door.status("GET", path, token=None) == 200
        door.health = Health(**{"healthy": True, "ready": True, field: False})
        assert await door.status("GET", path, token=None) == 503
        door.health = Health(healthy=True, ready=True)


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
async def test_errors_name_the_problem(door, path):
    door.health = Health(healthy=False, ready=False, why="the store does not accept writes")
    async with door.call("GET", path, token=None) as answer:
        assert answer.status == 503
        assert ": the store does not accept writes.\n" in await answer.text()


async def test_the_status_has_version_and_detail(door):
    door.health = Health(True, False, {"fingerprint": "abc", "heartbeat_at": 5})
    async with door.call("GET", "/api/v1/status") as answer:
        found = await answer.json()
    assert (found["healthy"], found["ready"], found["detail"]["fingerprint"]) == (True, False, "abc")
    assert found["version"]


async def test_a_reload_that_fails_says_what_is_wrong(door):
    assert await door.status("POST", "/-/reload") == 200
    door.reloaded = ReloadResult(ok=False, errors=("rules/00.yaml:3:5: unknown key 'sett'; did you mean set?",))
    async with door.call("POST", "/-/reload") as answer:
        assert answer.status == 400
        assert "did you mean" in (await answer.json())["errors"][0]


async def test_the_document_has_both_answers_to_a_reload_that_fails(door):
    async with door.call("GET", "/api/v1/openapi.json") as answer:
        responses = (await answer.json())["paths"]["/-/reload"]["post"]["responses"]
    schema = responses["400"]["content"]["application/json"]["schema"]
    assert [each["$ref"].rpartition("/")[2] for each in schema["oneOf"]] == ["ReloadResult", "Problem"]


@pytest.mark.parametrize(
    ("query", "status", "forced"),
    [("", 200, [False]), ("?force=false", 200, [False]), ("?force=true", 200, [True])]
    + [(query, 400, []) for query in ("?force=1", "?force", "?force=yes", "?forced=true")],
)
async def test_only_the_whole_word_forces_a_reload(door, query, status, forced):
    assert await door.status("POST", f"/-/reload{query}") == status
    assert door.forced == forced


async def test_a_reload_is_answered_with_its_changes_and_remains_in_the_status(door):
    assert (await (await door.call("GET", "/api/v1/status")).json())["last_reload"] is None
    difference = Difference("severity", "SEV-2", "SEV-1")
    door.reloaded = ReloadResult(
        ok=True,
        at=1_000_000,
        fingerprint="abc",
        changes=(ConfigChange("rule", "shop", "added", "rules/10-shop.yaml:3"),),
        treatment=ReloadImpact((AffectedIncident(1, "Down", "SEV-2", "shop", (difference,)),), judged=1),
    )
    told = {
        "ok": True,
        "errors": [],
        "notes": [],
        "at": "1970-01-01T00:00:01.000000Z",
        "fingerprint": "abc",
        "changes": [{"kind": "rule", "name": "shop", "how": "added", "place": "rules/10-shop.yaml:3"}],
        "treatment": {
            "incidents": [
                {
                    "number": 1,
                    "title": "Down",
                    "severity": "SEV-2",
                    "service": "shop",
                    "differences": [{"field": "severity", "before": "SEV-2", "after": "SEV-1"}],
                }
            ],
            "judged": 1,
            "cut": "",
        },
    }
    async with door.call("POST", "/-/reload") as answer:
        assert await answer.json() == told
    async with door.call("GET", "/api/v1/status") as answer:
        assert (await answer.json())["last_reload"] == told


async def test_what_the_shadow_has_seen_is_served_and_null_where_there_is_none(door):
    async with door.call("GET", "/api/v1/shadow") as answer:
        assert await answer.json() == {"shadow": None}
    shadow = door.shadow = Shadow(ShadowRules("branch", RULES), RecordingObserver(), door.engine.clock.now)
    alert = Alert("default", "f", AlertStatus.FIRING, {"alertname": "A", "severity": "P1"})
    live = RULES.evaluate(alert)
    await shadow.judge([(alert, msgspec.structs.replace(live, service="shop"))])
    async with door.call("GET", "/api/v1/shadow") as answer:
        found = (await answer.json())["shadow"]
    (row,) = found.pop("differences")
    assert (row["alertname"], row["field"], row["live"], row["shadow"]) == ("A", "service", "shop", live.service)
    assert row["first_at"] == row["last_at"] == found["since_at"] == rfc3339(door.engine.clock.now())
    assert (found["rules"], found["judged"], found["differing"]) == ("branch", 1, 1)


async def test_metrics_are_exposed_in_the_form_that_is_asked_for(door):
    async with door.call("GET", "/metrics", token=None) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert "tocsin_webhooks_received_total" in await answer.text()
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    async with door.call("GET", "/metrics", token=None, headers=accept) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        assert (await answer.text()).endswith("# EOF\n")


async def test_the_root_says_what_this_is(door):
    async with door.call("GET", "/", token=None) as answer:
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "/api/v1/incidents" in await answer.text()


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/nothing", 404, None),
        ("POST", "/api/v1/nothing", 404, None),
        ("POST", "/api/v1/playbooks", 405, "GET"),
        ("GET", "/webhooks/alertmanager", 405, "POST"),
        ("GET", "/webhooks/alertmanager/east", 405, "POST"),
        ("GET", "/webhooks/nothing", 404, None),
        ("DELETE", "/", 405, "GET"),
        ("GET", "/-/reload", 405, "POST"),
        ("GET", "/api/v1/incidents/1/acknowledge", 405, "POST"),
    ],
)
async def test_an_unknown_path_is_a_json_404(door, method, path, status, allow):
    async with door.call(method, path) as answer:
        assert answer.status == status
        assert set((await answer.json())["error"]) == {"code", "message"}
        assert answer.headers.get("Allow") == allow


@pytest.mark.parametrize("path", ["/", "/api/v1/incidents", "/nothing", "/-/healthy", "/metrics"])
async def test_every_answer_a_browser_may_see_is_hardened(door, path):
    async with door.call("GET", path) as answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Server"] == "tocsin"


# The OpenAPI document.

INCIDENT = (
    "id number title playbook severity service state dedup_key alerts_firing opened_at acknowledged_at "
    "acknowledged_by resolved_at due_at next_tier next_step waits storm members "
    "flags can_declare open_duties unticked"
)


async def test_the_document_is_served_and_describes_every_route(door):
    async with door.call("GET", "/api/v1/openapi.json") as answer:
        served = await answer.json()
    described = {(method.upper(), path) for path, item in served["paths"].items() for method in item}
    assert described == {(route.method, plain_path(route.path)) for route in ROUTES}
    assert served["openapi"] == "3.1.0"


async def test_the_router_has_no_route_that_the_table_has_not(door):
    app = door.app
    there = {(route.method, route.resource.canonical) for route in app.router.routes() if route.method != "*"}
    described = {(route.method, plain_path(route.path)) for route in ROUTES}
    assert there == described


def test_the_documents_incident_is_the_issues():
    schemas = document(ROUTES)["components"]["schemas"]
    promised = INCIDENT.split()
    assert list(schemas["IncidentView"]["properties"]) == promised
    from_rules = ["team", "summary", "runbook", "automation"]
    of_people = ["declared_at", "declared_by", "status", "roles", "checklists"]
    of_the_clock = ["targets", "update_due_at", "post_mortem", "duties"]
    of_the_clock += ["closed_at", "action_items", "tickets", "drafts"]
    detail = [*promised, *from_rules, *of_people, *of_the_clock, "alerts", "timeline", "names", "tiers", "cut"]
    assert list(schemas["IncidentDetail"]["properties"]) == detail
    alert = ["source", "fingerprint", "episode", "status", "labels", "annotations", "starts_at", "ends_at", "remarks"]
    assert list(schemas["AlertView"]["properties"]) == alert
    assert schemas["IncidentView"]["properties"]["opened_at"] == {"type": "string", "format": "date-time"}
    assert {"type": "null"} in schemas["IncidentView"]["properties"]["due_at"]["anyOf"]


def test_every_reference_in_the_document_leads_somewhere():
    described = document(ROUTES)
    text = json.dumps(described)
    names = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names
    assert names <= set(described["components"]["schemas"])


def test_every_operation_says_what_it_does_and_describes_its_path():
    for path, item in document(ROUTES)["paths"].items():
        for operation in item.values():
            assert operation["summary"].endswith("."), path
            named = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
            assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}


# Sockets.


def test_port_0_is_the_same_free_port_on_every_address():
    sockets = bind(Listen("localhost", 0))
    assert len({bound.getsockname()[1] for bound in sockets}) == 1
    for bound in sockets:
        bound.close()


def test_a_port_in_use_is_reported_with_its_address():
    [first] = bind(Listen("127.0.0.1", 0))
    first.listen()
    port = first.getsockname()[1]
    message = (
        f"cannot listen on 127.0.0.1:{port}: another program uses this port, perhaps another tocsin: stop it, or set "
        "another address: listen: in tocsin.yaml, or for example TOCSIN_LISTEN=127.0.0.1:9100"
    )
    with pytest.raises(NotServed, match=re.escape(message)):
        bind(Listen("127.0.0.1", port))
    first.close()


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("no.such.host.invalid", "there is no host 'no.such.host.invalid'; set another address"),
        ("192.0.2.1", "this machine does not have this address; set another address"),
    ],
)
def test_an_unavailable_address_is_reported_with_instructions(host, why):
    with pytest.raises(NotServed, match=re.escape(why)):
        bind(Listen(host, 9099))


def test_without_a_token_no_socket_may_be_reached_from_elsewhere(tmp_path):
    with socket.socket() as everywhere, socket.socket() as here, socket.socket(socket.AF_UNIX) as local:
        everywhere.bind(("0.0.0.0", 0))
        here.bind(("127.0.0.1", 0))
        local.bind(str(tmp_path / "socket"))
        expect_loopback([here, local])
        with pytest.raises(NotServed, match="add tokens:"):
            expect_loopback([here, everywhere])


def test_without_a_socket_unit_nothing_is_inherited():
    assert inherited({}) == []
    assert inherited({"LISTEN_PID": str(os.getpid() + 1), "LISTEN_FDS": "1"}) == []


def test_what_systemd_announces_wrongly_is_an_error():
    with pytest.raises(NotServed, match="many"):
        inherited({"LISTEN_PID": "7", "LISTEN_FDS": "many"}, pid=7)


def test_a_socket_that_systemd_hands_over_is_used():
    listening = socket.create_server(("127.0.0.1", 0))
    program = (
        "import os, sys; from tocsin.web.application import inherited\n"
        "os.dup2(int(sys.argv[1]), 3)\n"
        "[s] = inherited({'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1'})\n"
        "print(s.getsockname()[1], os.get_inheritable(3))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(listening.fileno())],
        pass_fds=[listening.fileno()], capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.split() == [str(listening.getsockname()[1]), "False"]
    listening.close()


async def test_closing_lets_a_request_that_is_being_answered_end():
    async with front_door() as door:
        door.intake.gate = asyncio.Event()
        body = {"alerts": [{"labels": {"alertname": "Down"}}]}
        request = asyncio.create_task(door.status("POST", "/webhooks/alertmanager", json=body))
        await door.intake.arrived.wait()
        closing = asyncio.create_task(door.server.close())
        await asyncio.sleep(0)
        door.intake.gate.set()
        assert await request == 200
        await closing

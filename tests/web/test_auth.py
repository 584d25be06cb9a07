"""Authentication and authorization."""

import base64
from functools import reduce

import pytest
from multidict import CIMultiDict

from tocsin.conf.settings import Scope
from tocsin.web.openapi import plain_path
from tocsin.web.routes import ROUTES
from tocsin.web.server.auth import _hostname, _is_loopback
from tocsin.web.server.guard import Access, Route
from web.frontdoor import TOKENS, front_door, token, with_tokens

OPEN = {("GET", "/"), ("GET", "/metrics"), ("GET", "/-/healthy"), ("GET", "/-/ready")}
SIGNED = {("POST", "/webhooks/pagerduty"), ("POST", "/webhooks/slack"), ("POST", "/webhooks/twilio")}


def concrete(route: Route) -> str:
    names = {"{ref}": "1", "{source}": "east", "{window}": "w1", "{override}": "o1", "{item}": "1", "{draft}": "1"}
    names |= {"{duty}": "status-page"}
    return reduce(lambda path, name: path.replace(name, names[name]), names, plain_path(route.path))


def body(route: Route) -> dict[str, object]:
    return {} if route.method == "GET" else {"json": {"severity": None, "labels": {"a": "b"}}}


def test_only_what_is_named_here_asks_for_no_token():
    assert {(route.method, route.path) for route in ROUTES if route.access is Access.OPEN} == OPEN
    assert {(route.method, route.path) for route in ROUTES if route.access is Access.SIGNED} == SIGNED


async def test_every_route_of_the_router_lets_in_exactly_its_scope(door):
    for route in ROUTES:
        door.engine.clock.advance(minutes=1)  # so many failed logins in a minute would be answered 429
        path = concrete(route)
        if isinstance(route.access, Scope):
            assert await door.status(route.method, path, token=None, **body(route)) == 401, path
            assert await door.status(route.method, path, token="wrong", **body(route)) == 401, path
            for scope, value in TOKENS.items():
                status = await door.status(route.method, path, token=value, **body(route))
                assert (status in (401, 403)) is (scope is not route.access), (path, scope, status)
        elif route.access is Access.SIGNED:
            assert await door.status(route.method, path, data=b"{}") in (401, 403), path
        else:
            assert await door.status(route.method, path, token=None) == 200, path


async def test_a_refusal_says_how_to_come_in_and_is_counted(door):
    async with door.call("GET", "/api/v1/incidents", token=None) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert (await answer.json())["error"]["code"] == "unauthorized"
    assert door.figure("inbound_rejected_total", edge="api", reason="auth") == 1


@pytest.mark.parametrize(
    ("username", "password", "status"),
    [
        ("am", "basic-password", 200),
        ("ingest-only", "the-ingest-token", 200),
        ("am", "the-ingest-token", 401),
        ("", "basic-password", 401),
        ("am", "", 401),
        ("read-only", "the-read-token", 403),
    ],
)
async def test_basic_authentication_wants_the_tokens_own_user_name(door, username, password, status):
    credentials = base64.b64encode(f"{username}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}"}
    got = await door.status("POST", "/webhooks/alertmanager", token=None, headers=headers, json={"alerts": []})
    assert got == status


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !!!", "Basic YQ==", "Bearer", "Digest x", "alices-token", "Basic 4pyT"]
)
async def test_credentials_that_cannot_be_read_are_refused(door, header):
    assert await door.status("GET", "/api/v1/incidents", token=None, headers={"Authorization": header}) == 401


async def test_tokens_that_a_reload_brings_are_valid_at_once_and_those_it_takes_are_not(door):
    door.settings = with_tokens(token("new", "new-token", Scope.READ))
    assert await door.status("GET", "/api/v1/incidents", token="new-token") == 200
    assert await door.status("GET", "/api/v1/incidents", token="alices-token") == 401


async def test_without_any_token_the_operator_on_this_machine_may_do_everything():
    async with front_door(with_tokens()) as door:
        await door.engine.fire(alertname="Down")
        async with door.call("POST", "/api/v1/incidents/1/acknowledge", token=None, json={}) as answer:
            assert answer.status == 200
            assert (await answer.json())["incident"]["acknowledged_by"] == "op"
        assert await door.status("POST", "/-/reload", token=None) == 200


@pytest.mark.parametrize(
    "header", ["Forwarded", "Via", "X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Proto", "X-Real-IP"]
)
async def test_without_any_token_a_proxy_on_this_machine_does_not_let_the_world_in(header):
    async with front_door(with_tokens()) as door:
        async with door.call("GET", "/api/v1/incidents", token=None, headers={header: "127.0.0.1"}) as answer:
            assert answer.status == 401
            assert "add tokens:" in (await answer.json())["error"]["message"]
        assert await door.status("GET", "/api/v1/incidents", token=None, headers={"X-Request-Id": "1"}) == 200


async def test_with_a_token_a_proxy_may_stand_before_it(door):
    assert await door.status("GET", "/api/v1/incidents", headers={"X-Forwarded-For": "10.0.0.1"}) == 200


@pytest.mark.parametrize("host", ["evil.example.com", "evil.example.com:9099", "127.0.0.1.evil.com", "[::1", ""])
async def test_without_any_token_a_name_that_only_leads_to_this_machine_is_refused(host):
    async with front_door(with_tokens()) as door:
        headers = CIMultiDict({"Host": host})
        assert await door.status("GET", "/api/v1/incidents", token=None, headers=headers) in (400, 401)


@pytest.mark.parametrize(
    ("peer", "local"),
    [
        (("127.0.0.1", 5), True),
        (("127.8.8.8", 5), True),
        (("::1", 5, 0, 0), True),
        (("::ffff:127.0.0.1", 5, 0, 0), True),
        (("10.0.0.1", 5), False),
        (("::ffff:10.0.0.1", 5, 0, 0), False),
        (("1270.0.0.1", 5), False),
        ("", False),
        (None, False),
    ],
)
def test_only_loopback_is_this_machine(peer, local):
    assert _is_loopback(peer) is local


@pytest.mark.parametrize(
    ("host", "name"), [("[::1]:9099", "::1"), ("localhost", "localhost"), ("LocalHost:1", "localhost"), ("[", "")]
)
def test_a_host_is_a_name_without_its_port(host, name):
    assert _hostname(host) == name


async def test_another_sites_page_cannot_act_through_a_browser(door):
    path = "/api/v1/incidents/1/acknowledge"
    await door.engine.fire(alertname="Down")
    for origin in ("https://evil.example.com", "null", "http://["):
        assert await door.status("POST", path, json={}, headers={"Origin": origin}) == 403
        assert await door.status("POST", "/-/reload", headers={"Origin": origin}) == 403
    assert await door.status("POST", path, json={}, headers={"Origin": door.url}) == 200


async def test_the_external_url_is_an_origin_of_ours(door):
    door.settings = door.settings.model_copy(update={"external_url": "https://tocsin.example.com"})
    origin = {"Origin": "https://tocsin.example.com"}
    assert await door.status("POST", "/-/reload", headers=origin) == 200


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.path.startswith("/api/") and route.method != "GET"],
    ids=lambda route: route.path,
)
async def test_what_changes_something_wants_json(door, route):
    assert route.wants_json
    form = {"Content-Type": "text/plain"}
    assert await door.status(route.method, concrete(route), headers=form, data=b"{}") == 415

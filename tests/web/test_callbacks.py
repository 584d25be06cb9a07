"""Callbacks from Slack."""

import asyncio
import hashlib
import hmac
import json
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import document, in_each_folder
from tocsin.core.errors import StoreUnavailable
from tocsin.core.incident.incident import State
from tocsin.testing.pagerduty_webhook import User
from tocsin.web.callbacks.signatures import SLACK_WINDOW, pagerduty_signed, slack_signed
from tocsin.web.edge import Deadlines
from web.frontdoor import SLACK_SECRET, front_door

PD, SLACK = "/webhooks/pagerduty", "/webhooks/slack"
ALICE = User("PALICE", "Alice A.")
MALLORY = User("PM", "alice")


# Slack.


def click(action: str, value: str, user: str = "U1", ts: str = "1.5", **more: object) -> dict[str, object]:
    return {
        "type": "block_actions",
        "user": {"id": user, "username": "alice", "name": "alice"},
        "actions": [{"action_id": f"tocsin_{action}", "value": value, "action_ts": ts, "type": "button"}],
        "response_url": "https://hooks.slack.com/actions/x",
        **more,
    }


async def send(
    door, payload: object, *, age: int = 0, secret: str = SLACK_SECRET, as_json: bool = False
) -> tuple[int, bytes]:
    text = json.dumps(payload)
    body = text.encode() if as_json else urllib.parse.urlencode({"payload": text}).encode()
    timestamp = str(door.engine.clock.now() // 1_000_000 - age)
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={digest}",
        "Content-Type": "application/json" if as_json else "application/x-www-form-urlencoded",
    }
    async with door.call("POST", SLACK, token=None, data=body, headers=headers) as answer:
        return answer.status, await answer.read()


async def test_a_click_on_acknowledge_takes_the_incident_and_is_answered_empty(door):
    await door.engine.fire(alertname="Down")
    assert await send(door, click("acknowledge", "incident-1:1")) == (200, b"")
    incident = await door.engine.incident()
    assert (incident.state, incident.acknowledged_by) == (State.ACKNOWLEDGED, "alice")
    [entry] = [entry for entry in await door.engine.timeline() if entry.kind == "acknowledged"]
    assert entry.via == "slack"


async def test_a_click_on_take_over_makes_the_person_the_owner(door):
    await door.engine.fire(alertname="Down")
    await door.engine.acknowledge("bob")
    assert await send(door, click("take_over", "incident-1:1")) == (200, b"")
    assert (await door.engine.incident()).acknowledged_by == "alice"


async def test_a_click_on_take_over_of_what_no_one_has_is_answered_and_changes_nothing(door):
    await door.engine.fire(alertname="Down")
    assert await send(door, click("take_over", "incident-1:1")) == (200, b"")
    assert (await door.engine.incident()).state is State.TRIGGERED


async def test_a_click_on_resolve_closes_it(door):
    await door.engine.fire(alertname="Down")
    await send(door, click("resolve", "incident-1:1"))
    assert (await door.engine.incident()).resolved_by == "alice"


async def test_a_click_on_escalate_pages_the_next_tier(door):
    await door.engine.fire(alertname="Down")
    await send(door, click("escalate", "incident-1:1"))
    assert 2 in (await door.engine.incident()).reached


async def test_a_click_on_declare_declares_it(door):
    await door.engine.fire(alertname="Down")
    assert await send(door, click("declare", "incident-1:1")) == (200, b"")
    work = (await door.engine.incident()).work
    assert work is not None
    assert work.declared_by == "alice"


async def test_declare_under_an_older_occurrences_message_declares_nothing(door):
    await door.engine.fire(alertname="Down")
    await door.engine.resolve(alertname="Down")
    await door.engine.advance(minutes=3)
    await door.engine.fire(alertname="Down")
    assert (await door.engine.incident()).occurrence == 2
    assert (await send(door, click("declare", "incident-1:1")))[0] == 200
    assert (await door.engine.incident()).work is None


async def test_a_click_that_slack_repeats_counts_once(door):
    await door.engine.fire(alertname="Down")
    for _ in range(2):
        assert (await send(door, click("escalate", "incident-1:1")))[0] == 200
    escalations = [entry for entry in await door.engine.timeline() if entry.actor == "alice"]
    assert len(escalations) == 1


async def test_an_unknown_slack_user_may_act_but_not_under_another_name(door):
    await door.engine.fire(alertname="Down")
    await send(door, click("acknowledge", "incident-1:1", user="U666"))
    assert (await door.engine.incident()).acknowledged_by == "alice (U666)"


async def test_escalate_under_an_older_occurrences_message_notifies_no_one(door):
    await door.engine.fire(alertname="Down")
    await door.engine.resolve(alertname="Down")
    await door.engine.advance(minutes=3)
    await door.engine.fire(alertname="Down")
    assert (await door.engine.incident()).occurrence == 2
    before = door.engine.pages()
    assert await send(door, click("escalate", "incident-1:1")) == (200, b"")
    await door.engine.settle()
    assert door.engine.pages() == before
    assert "alice" not in [entry.actor for entry in await door.engine.timeline()]

    assert await send(door, click("escalate", "incident-1:2")) == (200, b"")
    assert "alice" in [entry.actor for entry in await door.engine.timeline()]


@pytest.mark.parametrize("value", ["", "incident-1", "incident-1:", ":1", "incident-1:x", "nobody:1", "incident-1:2"])
async def test_a_click_that_leads_nowhere_is_answered_200(door, value):
    await door.engine.fire(alertname="Down")
    assert await send(door, click("acknowledge", value)) == (200, b"")
    assert (await door.engine.incident()).state is State.TRIGGERED


async def test_anothers_button_is_answered_200(door):
    payload = click("acknowledge", "incident-1:1")
    payload["actions"][0]["action_id"] = "a"
    assert await send(door, payload) == (200, b"")


async def test_slacks_challenge_is_returned(door):
    status, body = await send(door, {"type": "url_verification", "challenge": "xyz"}, as_json=True)
    assert (status, json.loads(body)) == (200, {"challenge": "xyz"})


@pytest.mark.parametrize(("age", "status"), [(300, 200), (301, 401), (-300, 200), (-302, 401)])
async def test_a_click_is_believed_for_five_minutes(door, age, status):
    assert (await send(door, {"type": "other"}, age=age))[0] == status


async def test_a_click_with_a_wrong_signature_is_refused_and_reported(door):
    await door.engine.fire(alertname="Down")
    assert (await send(door, click("acknowledge", "incident-1:1"), secret="wrong"))[0] == 401
    assert (await door.engine.incident()).state is State.TRIGGERED
    assert door.intake.reports[0][:2] == ("strangers", "slack")


async def test_a_click_that_cannot_be_stored_is_not_lost_silently(door):
    await door.engine.fire(alertname="Down")
    door.store.failure = StoreUnavailable("no disk")
    assert (await send(door, click("acknowledge", "incident-1:1")))[0] == 503


async def test_what_is_not_stored_in_time_is_asked_for_again():
    async with front_door(deadlines=Deadlines(slack=0.05)) as door:
        await door.engine.fire(alertname="Down")
        door.store.gate = asyncio.Event()
        assert (await send(door, click("acknowledge", "incident-1:1")))[0] == 503
        door.store.gate.set()


# Signatures.


def test_slacks_documented_example_verifies():
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    at = 1531420618
    given = (body, str(at), signature, ["8f742231b10e8888abcd99yyyzzz85a5"])
    assert slack_signed(*given, at * 1_000_000)
    assert not slack_signed(body + b"x", *given[1:], at * 1_000_000)
    assert not slack_signed(*given, at * 1_000_000 + SLACK_WINDOW + 1)


@pytest.mark.parametrize("timestamp", ["", "x", "-5", "1.5", "\uff19", "9" * 5000, " 1"])
def test_a_time_that_is_no_number_is_no_signature(timestamp):
    assert not slack_signed(b"", timestamp, "v0=", ["s"], 0)


@pytest.mark.parametrize("header", ["", "v1=", "v1", "v0=00", "v1=é", "v1=\udcff", ",,", "v1=00,v1=11"])
def test_a_broken_signature_is_no_signature(header):
    assert not pagerduty_signed(b"body", header, ["secret"])


@given(st.binary(), st.lists(st.text(alphabet="abc123", min_size=1), min_size=1, max_size=3), st.binary(min_size=1))
def test_a_signature_is_of_its_bytes_and_of_any_secret(body, secrets, other):
    header = "v1=00, v1=" + hmac.new(secrets[-1].encode(), body, hashlib.sha256).hexdigest()
    assert pagerduty_signed(body, header, secrets)
    assert not pagerduty_signed(body + other, header, secrets)
    assert not pagerduty_signed(body, header, [])


@in_each_folder
def test_signed_deliveries_verify_as_they_say(folder):
    data = document(folder, "pagerduty/webhooks/signed_vectors.json")
    assert len(data["vectors"]) > 3
    for vector in data["vectors"]:
        signed = pagerduty_signed(vector["raw_body"].encode(), vector["signature"], ["other", data["secret"]])
        assert signed is vector["valid"], vector["event_type"]

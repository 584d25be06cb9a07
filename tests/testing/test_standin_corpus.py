"""The stand-ins compared with documents in the shape that their providers publish."""

import json
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from contracts import document, in_each_folder
from tocsin.testing.pagerduty_event import ACTIONS, SEVERITIES, check_event
from tocsin.testing.pagerduty_webhook import User, WebhookDelivery, incident_event
from tocsin.testing.slack_button import Press


@in_each_folder
def test_the_published_example_event_is_taken(folder: Path) -> None:
    contract = document(folder, "pagerduty/events-v2-openapiv3.json")["paths"]["/enqueue"]["post"]["requestBody"]
    event = contract["content"]["application/json"]["examples"]["event"]["value"]
    body = json.dumps(event).encode()
    assert check_event(body, "application/json", frozenset({event["routing_key"]})) == (event, [])


@in_each_folder
def test_actions_and_severities_are_the_contracts(folder: Path) -> None:
    contract = document(folder, "pagerduty/events-v2-openapiv3.json")
    event = contract["paths"]["/enqueue"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(ACTIONS) == set(event["properties"]["event_action"]["enum"])
    payload = contract["components"]["schemas"]["Payload"]
    assert set(SEVERITIES) == set(payload["properties"]["severity"]["enum"])


@in_each_folder
@pytest.mark.parametrize("status", ["acknowledged", "resolved"])
def test_a_webhook_has_the_shape_of_the_documented_one(status: str, folder: Path) -> None:
    documented = document(folder, f"pagerduty/webhooks/synthetic_envelopes/incident.{status}.json")["event"]
    details = {"incident_id": "Q1", "incident_key": "k", "number": 1, "title": "t"}
    ours = json.loads(incident_event(f"incident.{status}", **details, by=User("P1", "Bob")).body)["event"]
    assert set(ours) == set(documented)
    assert set(documented["data"]) - set(ours["data"]) <= {"reopened_at"}
    assert set(ours["data"]) <= set(documented["data"])
    assert set(ours["agent"]) == set(documented["agent"])
    assert (ours["event_type"], ours["data"]["type"]) == (documented["event_type"], documented["data"]["type"])


@in_each_folder
def test_signatures_are_made_as_pagerdutys_are(folder: Path) -> None:
    vectors = document(folder, "pagerduty/webhooks/signed_vectors.json")
    checked = 0
    for vector in vectors["vectors"]:
        headers = WebhookDelivery(vector["raw_body"].encode()).headers((vectors["secret"],))
        assert (headers["X-PagerDuty-Signature"] == vector["signature"]) is vector["valid"]
        checked += 1
    assert checked


@in_each_folder
def test_a_pressed_button_has_the_shape_of_the_documented_one(folder: Path) -> None:
    documented = document(folder, "slack/interactive/block_actions_button.json")
    button = {"type": "button", "action_id": "a", "value": "v", "text": {"type": "plain_text", "text": "Go"}}
    press = Press(button, "C1", {"ts": "1.1"}, "U1", "https://x")
    ours = json.loads(parse_qs(press.body().decode())["payload"][0])
    assert set(documented) <= set(ours)
    for part in ("user", "container", "channel"):
        assert set(documented[part]) <= set(ours[part]), part
    assert set(documented["actions"][0]) <= set(ours["actions"][0])

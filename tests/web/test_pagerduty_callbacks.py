"""Callbacks for acknowledgments and resolves in PagerDuty."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from contracts import OWN, in_each_folder
from tocsin.conf.secrets import Secret
from tocsin.core.errors import StoreUnavailable
from tocsin.core.incident.incident import State
from tocsin.core.incident.outbox import Job
from tocsin.store.open import open_store
from tocsin.testing import pagerduty_webhook
from tocsin.testing.clock import VirtualClock
from tocsin.testing.pagerduty_server import REST_KEY, ROUTING_KEY, PagerDutyAlert, PagerDutyServer
from tocsin.testing.pagerduty_webhook import User, WebhookDelivery
from tocsin.testing.standin import Drop, ErrorStatus, Hang, Junk
from tocsin.web.edge import Deadlines
from web.frontdoor import PAGERDUTY_SECRETS, TOKENS, front_door

PD, SLACK = "/webhooks/pagerduty", "/webhooks/slack"
ALICE = User("PALICE", "Alice A.")
MALLORY = User("PM", "alice")


async def page_key(door) -> str:
    """The key of the page that went to Alice."""
    await door.engine.fire(alertname="Down")
    [page] = door.engine.sent(Job.PAGE)
    return page.key


def event(kind: str, key: str | None, by: User | None = ALICE, **data: object) -> WebhookDelivery:
    made = pagerduty_webhook.incident_event(
        f"incident.{kind}", incident_id="PINC", incident_key="", number=7, title="Down", by=by
    )
    body = json.loads(made.body)
    body["event"]["data"] |= {"incident_key": key, **data}
    return WebhookDelivery(json.dumps(body).encode(), made.id)


async def deliver(door, delivery: WebhookDelivery, *secrets: str) -> tuple[int, dict[str, str]]:
    headers = delivery.headers(secrets or PAGERDUTY_SECRETS[:1])
    async with door.call("POST", PD, token=None, data=delivery.body, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_an_acknowledgment_in_pagerduty_stops_the_ladder(door):
    key = await page_key(door)
    assert await deliver(door, event("acknowledged", key)) == (200, {"status": "ok", "note": "done"})
    incident = await door.engine.incident()
    assert (incident.state, incident.acknowledged_by) == (State.ACKNOWLEDGED, "alice")
    [entry] = [entry for entry in await door.engine.timeline() if entry.kind == "acknowledged"]
    assert (entry.actor, entry.via) == ("alice", "pagerduty")
    await door.engine.advance(minutes=20)
    assert door.engine.pages() == [(0, "alice")]


async def test_an_acknowledgment_whose_webhook_is_lost_pages_on_until_pagerduty_repeats_it(door):
    lost = event("acknowledged", await page_key(door))
    await door.engine.advance(minutes=20)
    assert door.engine.pages() == [(0, "alice"), (15, "bob")]
    assert await deliver(door, lost) == (200, {"status": "ok", "note": "done"})
    await door.engine.advance(hours=3)
    assert (await door.engine.incident()).acknowledged_by == "alice"
    assert door.engine.pages() == [(0, "alice"), (15, "bob")]


async def test_a_resolve_in_pagerduty_closes_it(door):
    key = await page_key(door)
    assert (await deliver(door, event("resolved", key)))[0] == 200
    assert (await door.engine.incident()).resolved_by == "alice"


async def test_a_redelivery_changes_nothing(door):
    delivery = event("acknowledged", await page_key(door))
    await deliver(door, delivery)
    entries = len(await door.engine.timeline())
    status, body = await deliver(door, WebhookDelivery(delivery.body, id="another header"))
    assert status == 200
    assert "before" in body["note"]
    assert len(await door.engine.timeline()) == entries


async def test_an_alert_key_leads_to_the_page_too(door):
    key = await page_key(door)
    await deliver(door, event("acknowledged", None, alerts=[{"alert_key": "other"}, {"alert_key": key}]))
    assert (await door.engine.incident()).state is State.ACKNOWLEDGED


@pytest.mark.parametrize(
    ("kind", "by", "data"),
    [
        ("acknowledged", None, {}),
        ("resolved", None, {}),
        ("resolved", ALICE, {"resolve_reason": {"type": "merge_resolve_reason"}}),
        ("unacknowledged", ALICE, {}),
        ("annotated", ALICE, {}),
        ("some.new_type", ALICE, {}),
    ],
)
async def test_what_is_no_persons_response_changes_nothing_and_is_answered_200(door, kind, by, data):
    key = await page_key(door)
    status, _ = await deliver(door, event(kind, key, by, **data))
    assert status == 200
    assert (await door.engine.incident()).state is State.TRIGGERED


async def test_an_integrations_acknowledgment_does_not_count_as_a_persons(door):
    key = await page_key(door)
    delivery = event("acknowledged", key)
    body = json.loads(delivery.body)
    body["event"]["agent"]["type"] = "events_api_v2_inbound_integration_reference"
    await deliver(door, WebhookDelivery(json.dumps(body).encode()))
    assert (await door.engine.incident()).state is State.TRIGGERED


async def test_an_unknown_user_acts_under_a_unique_name(door):
    await deliver(door, event("acknowledged", await page_key(door), MALLORY))
    assert (await door.engine.incident()).acknowledged_by == "alice (PM)"


async def test_another_systems_incident_is_ignored(door):
    await page_key(door)
    assert await deliver(door, event("acknowledged", "theirs")) == (
        200,
        {"status": "ok", "note": "ignored: not about a page of tocsin"},
    )


async def test_without_a_key_an_incident_is_known_by_its_id_from_an_earlier_event(door):
    key = await page_key(door)
    opened = event("triggered", None, None, alerts=[{"alert_key": key}])
    assert (await deliver(door, opened))[0] == 200
    assert await deliver(door, event("acknowledged", None)) == (200, {"status": "ok", "note": "done"})
    assert (await door.engine.incident()).acknowledged_by == "alice"


@pytest.mark.parametrize("kind", ["triggered", "reassigned", "escalated", "priority_updated", "unacknowledged"])
async def test_any_event_of_an_incident_teaches_which_page_is_behind_it(door, kind):
    await deliver(door, event(kind, await page_key(door), None))
    assert (await deliver(door, event("acknowledged", None)))[1]["note"] == "done"


async def test_what_an_event_has_taught_outlives_a_restart(tmp_path):
    async def learned(work):
        store = open_store(f"sqlite:///{tmp_path / 'tocsin.db'}", VirtualClock())
        await store.open()
        try:
            return await work(store)
        finally:
            await store.close()

    await learned(lambda store: store.write(lambda tx: tx.link_pages("pagerduty", "PINC", ["key-1"])))
    assert await learned(lambda store: store.read(lambda tx: tx.linked_pages("pagerduty", "PINC"))) == ["key-1"]


async def test_an_event_that_shows_none_of_our_pages_teaches_nothing(door):
    await page_key(door)
    await deliver(door, event("triggered", "theirs", None, alerts=[{"alert_key": "theirs, too"}]))
    assert await door.engine.store.read(lambda tx: tx.linked_pages("pagerduty", "PINC")) == []


@pytest.mark.parametrize("kind", ["annotated", "responder.added", "status_update_published"])
async def test_an_event_about_something_else_teaches_nothing(door, kind):
    await deliver(door, event(kind, await page_key(door), None, type="incident_note"))
    assert await door.engine.store.read(lambda tx: tx.linked_pages("pagerduty", "PINC")) == []


async def test_an_event_without_an_incidents_id_is_matched_by_its_key_alone(door):
    await deliver(door, event("triggered", await page_key(door), None, id=""))
    assert (await deliver(door, event("acknowledged", None, id="")))[1]["note"] == "ignored: not about a page of tocsin"


async def test_pages_of_a_merged_incident_are_acknowledged_with_the_one_it_was_merged_into(door):
    for name in ("Down", "Slow"):
        await door.engine.fire(alertname=name)
    down, slow = (page.key for page in door.engine.sent(Job.PAGE))
    for key, incident in ((down, "PA"), (slow, "PB")):
        await deliver(door, event("triggered", key, None, id=incident))
    reason = {"type": "merge_resolve_reason", "incident": {"id": "PB", "type": "incident_reference"}}
    await deliver(door, event("resolved", None, id="PA", resolve_reason=reason))
    assert (await door.engine.incident("1")).state is State.TRIGGERED
    assert await deliver(door, event("acknowledged", None, id="PB")) == (200, {"status": "ok", "note": "done; done"})
    assert [(await door.engine.incident(number)).state for number in "12"] == [State.ACKNOWLEDGED] * 2


async def test_an_acknowledgment_of_several_incidents_that_is_sent_again_changes_nothing(door):
    for name in ("Down", "Slow"):
        await door.engine.fire(alertname=name)
    keys = [{"alert_key": page.key} for page in door.engine.sent(Job.PAGE)]
    delivery = event("acknowledged", None, alerts=keys)
    for _ in range(2):
        await deliver(door, delivery)
    for number in "12":
        kinds = [entry.kind for entry in await door.engine.timeline(number)]
        assert kinds.count("acknowledged") == 1


async def test_a_response_that_cannot_be_matched_is_reported_to_operators(door):
    await page_key(door)
    link = "https://example.pagerduty.com/incidents/PINC"
    assert await deliver(door, event("acknowledged", None, html_url=link)) == (
        200,
        {"status": "ok", "note": "ignored: not about a page of tocsin"},
    )
    [(reason, source, detail)] = door.intake.reports
    assert (reason, source) == ("unmatched", "pagerduty")
    assert "incident.acknowledged by Alice A." in detail
    assert link in detail
    assert "set inbound.pagerduty.rest_key_file" in detail
    assert door.figure("inbound_rejected_total", edge="pagerduty", reason="unmatched") == 1


@asynccontextmanager
async def asking(door, **settings):
    """A stand-in for PagerDuty, and a door that may ask its REST API."""
    async with PagerDutyServer() as server:
        given = {"rest_key": Secret(REST_KEY), "rest_url": server.url} | settings
        inbound = door.settings.inbound
        pagerduty = inbound.pagerduty.model_copy(update=given)
        door.settings = door.settings.model_copy(
            update={"inbound": inbound.model_copy(update={"pagerduty": pagerduty})}
        )
        yield server


async def opened_in(server, key: str, incident: str = "PINC") -> None:
    server.alerts.append(PagerDutyAlert(ROUTING_KEY, key, incident, 7, "Down", "critical"))


async def test_with_a_rest_key_pagerduty_is_asked_which_page_it_is(door):
    key = await page_key(door)
    async with asking(door) as server:
        for number in range(150):  # more than it lists at once
            await opened_in(server, f"other {number}")
        await opened_in(server, key)
        assert await deliver(door, event("acknowledged", None)) == (200, {"status": "ok", "note": "done"})
        asked = server.requests
        assert asked == 2
        await deliver(door, event("resolved", None))
        assert server.requests == asked, "it was learned"
    assert (await door.engine.incident()).resolved_by == "alice"
    assert door.intake.reports == []


async def test_an_incident_of_which_pagerduty_shows_no_page_of_ours_is_ignored(door):
    await page_key(door)
    async with asking(door) as server:
        await opened_in(server, "theirs")
        assert (await deliver(door, event("acknowledged", None)))[1]["note"] == "ignored: not about a page of tocsin"
    assert door.intake.reports == []


@pytest.mark.parametrize(
    "faults",
    [(ErrorStatus(500),), (ErrorStatus(429),), (Drop(), Drop()), (Hang(),), (Junk(),)],
    ids=lambda faults: str(faults[0]),
)
async def test_where_pagerduty_does_not_say_now_it_sends_the_event_again(faults):
    async with front_door(deadlines=Deadlines(pagerduty=2)) as door:
        key = await page_key(door)
        async with asking(door) as server:
            await opened_in(server, key)
            server.fail(*faults)
            delivery = event("acknowledged", None)
            assert (await deliver(door, delivery))[0] == 503
            assert (await deliver(door, delivery))[1]["note"] == "done"


async def test_a_refused_rest_key_is_reported_and_answered_with_200(door):
    await page_key(door)
    async with asking(door, rest_key=Secret("another-key")) as server:
        assert (await deliver(door, event("acknowledged", None)))[0] == 200
        assert server.requests == 1
    [(reason, _, detail)] = door.intake.reports
    assert reason == "unmatched"
    assert "refuses to list its alerts" in detail
    assert "another-key" not in detail


async def test_an_id_that_could_change_the_address_is_not_asked_about(door):
    await page_key(door)
    async with asking(door) as server:
        assert (await deliver(door, event("acknowledged", None, id="../users")))[0] == 200
        assert server.requests == 0


async def test_a_response_to_an_earlier_occurrence_leaves_the_next_alone(door):
    key = await page_key(door)
    await door.engine.resolve(alertname="Down")
    await door.engine.advance(minutes=3)
    await door.engine.fire(alertname="Down")
    assert (await door.engine.incident()).occurrence == 2
    status, body = await deliver(door, event("acknowledged", key))
    assert status == 200
    assert "occurrence 1" in body["note"]
    assert (await door.engine.incident()).state is State.TRIGGERED


@pytest.mark.parametrize("body", [b"", b"[]", b'{"event": 5}', b"\xff", b"{", b'{"event": {"id": "x"}}'])
async def test_after_a_good_signature_nothing_is_answered_4xx(door, body):
    status, answer = await deliver(door, WebhookDelivery(body))
    assert status == 200
    assert answer["status"] == "ignored"


async def test_an_incident_of_another_form_is_answered_200(door):
    delivery = event("acknowledged", await page_key(door))
    body = json.loads(delivery.body)
    body["event"]["data"] = ["?"]
    assert (await deliver(door, WebhookDelivery(json.dumps(body).encode())))[1]["status"] == "ignored"


async def test_pagerdutys_ping_is_answered_200(door):
    assert (await deliver(door, pagerduty_webhook.ping()))[0] == 200


@pytest.mark.parametrize("secrets", [PAGERDUTY_SECRETS[1:], ("stale", PAGERDUTY_SECRETS[0])])
async def test_each_secret_is_valid_beside_signatures_of_others(door, secrets):
    status, _ = await deliver(door, event("acknowledged", await page_key(door)), *secrets)
    assert status == 200
    assert (await door.engine.incident()).state is State.ACKNOWLEDGED


async def test_a_wrong_signature_is_refused_and_reported(door):
    delivery = event("acknowledged", await page_key(door))
    assert (await deliver(door, delivery, "wrong"))[0] == 403
    assert door.intake.reports[0][:2] == ("strangers", "pagerduty")
    assert door.figure("inbound_rejected_total", edge="pagerduty", reason="auth") == 1
    assert (await door.engine.incident()).state is State.TRIGGERED


async def test_a_token_is_no_signature(door):
    assert await door.status("POST", PD, token=TOKENS["admin"], data=b"{}") == 403


async def test_without_a_secret_nothing_is_believed(door):
    door.settings = door.settings.model_copy(update={"inbound": type(door.settings.inbound)()})
    for path in (PD, SLACK):
        assert await door.status("POST", path, token=None, data=b"{}") == 403


async def test_what_is_not_stored_in_time_is_asked_for_again():
    async with front_door(deadlines=Deadlines(pagerduty=0.05)) as door:
        delivery = event("acknowledged", await page_key(door))
        door.store.gate = asyncio.Event()
        assert (await deliver(door, delivery))[0] == 503
        door.store.gate.set()
        door.store.gate = None
        assert (await deliver(door, delivery))[0] == 200


async def test_a_store_that_is_away_asks_pagerduty_to_come_again(door):
    delivery = event("acknowledged", await page_key(door))
    door.store.failure = StoreUnavailable("no disk")
    assert (await deliver(door, delivery))[0] == 503


@in_each_folder
async def test_every_documented_event_is_answered_200(door, folder):
    await door.engine.fire(alertname="Down")
    webhooks = folder / "pagerduty" / "webhooks"
    paths = sorted((*webhooks.glob("synthetic_envelopes/*.json"), *webhooks.glob("[01]*.json")))
    assert len(paths) >= (15 if folder == OWN else 40)
    for path in paths:
        assert (await deliver(door, WebhookDelivery(path.read_bytes())))[0] == 200, path.name
    assert (await door.engine.incident()).state is State.TRIGGERED

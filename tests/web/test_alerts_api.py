"""Received alerts over HTTP: found by fingerprint, explained rule by rule."""

from urllib.parse import quote

import pytest

from tocsin.core.alerts.alert import Alert, AlertStatus, fingerprint
from tocsin.core.errors import StoreUnavailable
from web.test_api import INCIDENTS, explain, get

ALERTS = "/api/v1/alerts"
DOWN = fingerprint({"alertname": "Down"})


async def test_an_alert_is_found_by_its_fingerprint(door):
    await door.engine.fire(alertname="Down")
    await door.engine.fire(source="other", alertname="Down")
    await door.engine.fire(alertname="Else")

    found = (await get(door, f"{ALERTS}?fingerprint={DOWN}"))["alerts"]

    assert [(each["source"], each["episode"]) for each in found] == [("default", 1), ("other", 1)]
    assert list(found[0]) == [
        "source", "fingerprint", "episode", "status", "labels", "annotations", "starts_at", "ends_at", "remarks",
        "severity", "rules",
        "first_seen_at", "last_seen_at", "incident_id",
    ]  # fmt: skip
    assert found[0]["first_seen_at"] == "2026-11-20T12:00:00.000000Z"
    assert found[0]["rules"] == ["everything"]
    assert await get(door, f"{INCIDENTS}/{found[0]['incident_id']}")
    of_other = (await get(door, f"{ALERTS}?fingerprint={DOWN}&source=other&limit=1"))["alerts"]
    assert [each["source"] for each in of_other] == ["other"]
    assert (await get(door, f"{ALERTS}?fingerprint=none"))["alerts"] == []


@pytest.mark.parametrize("query", ["", "?source=default", "?fingerprint=a&limit=0", "?fingerprint=a&alertname=x"])
async def test_what_would_list_everything_or_nothing_is_refused(door, query):
    assert (await get(door, f"{ALERTS}{query}", status=400))["error"]["code"] == "bad_request"


async def test_a_suppressed_alert_is_found_and_explained_although_it_has_no_incident(door):
    labels = {"alertname": "X", "severity": "none"}
    await door.engine.fire(**labels)
    found = await get(door, f"{ALERTS}/default/{fingerprint(labels)}/explain")
    assert (found["outcome"], found["because"]) == ("suppressed", "no one was notified: suppressed by rule noise")
    assert found["decided_by"]["suppress"] == "noise"
    assert (found["incident"], found["belongs"]) == (None, "")


async def test_an_incident_leads_to_the_chains_of_its_alerts(door):
    await door.engine.fire(alertname="Down")
    [alert] = (await get(door, f"{INCIDENTS}/1/explain"))["alerts"]

    found = await get(door, alert["explain"])

    assert (found["source"], found["fingerprint"], found["episode"]) == ("default", DOWN, 1)
    assert found["judged_by"] == "stored"
    assert [(rule["rule"], rule["matched"]) for rule in found["rules"]][:2] == [("everything", True), ("minor", False)]
    assert found["rules"][1]["failed"] == 'severity="info"'
    assert found["rules"][1]["found"] == ""
    assert found["outcome"] == "paged"
    [page] = [each for each in found["incident"]["deliveries"] if each["job"] == "page"]
    assert (page["target"], page["channel"], page["state"], page["tier"]) == ("alice", "pager", "sent", 1)
    assert page["attempts"][0]["finished_at"] == "2026-11-20T12:00:00.000000Z"
    assert found["incident"]["alerts"] == []


async def test_a_fingerprint_may_be_any_text(door):
    strange = "a/b?c#d e%ü"
    await door.engine.take(Alert("default", strange, AlertStatus.FIRING, {"alertname": "X"}))
    [alert] = (await get(door, f"{INCIDENTS}/1/explain"))["alerts"]
    assert (await get(door, alert["explain"]))["fingerprint"] == strange
    assert len((await get(door, f"{ALERTS}?fingerprint={quote(strange)}"))["alerts"]) == 1


@pytest.mark.parametrize("path", [f"default/{DOWN}", f"other/{DOWN}", "default/none"])
async def test_what_never_came_is_a_404(door, path):
    await door.engine.fire(alertname="Down")
    missing = "?episode=2" if path == f"default/{DOWN}" else ""
    assert "there is no" in (await get(door, f"{ALERTS}/{path}/explain{missing}", status=404))["error"]["message"]


@pytest.mark.parametrize("query", ["episode=0", "episode=x", "limit=3"])
async def test_a_wrong_parameter_is_a_400(door, query):
    await get(door, f"{ALERTS}/default/{DOWN}/explain?{query}", status=400)


async def test_tocsins_own_alerts_are_judged_by_no_rule(door):
    door.engine.ingest.report("malformed", "default", "no JSON")
    await door.engine.settle()
    [alert] = (await get(door, f"{INCIDENTS}/1/explain"))["alerts"]
    found = await get(door, alert["explain"])
    assert (found["judged_by"], found["rules"], found["service"]) == ("none", [], "tocsin")


async def test_hostile_label_names_are_not_taken_for_ours(door):
    await door.engine.fire(alertname="Down", created_at="5", at="6")
    [alert] = (await get(door, f"{INCIDENTS}/1/explain"))["alerts"]
    assert (await get(door, alert["explain"]))["labels"] == {"alertname": "Down", "created_at": "5", "at": "6"}


async def test_rules_are_explained_even_while_the_store_is_unavailable(door):
    door.store.failure = StoreUnavailable("no disk")
    found = await explain(door, alertname="Down")
    assert (found["outcome"], found["incident"]) == ("pages", None)

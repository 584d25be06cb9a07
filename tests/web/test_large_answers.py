"""The size of an incident's response over HTTP is bounded."""

import json

from tocsin.core.alerts.alert import AlertStatus
from tocsin.web.api.views import incident_detail


async def test_of_very_large_alerts_an_incident_shows_those_that_fit_and_says_so(door):
    annotations = {f"a{number}": "x" * 16_000 for number in range(60)}
    alerts = [
        door.engine.alert(AlertStatus.FIRING, {"job": "shop", "a": f"{number}"}, annotations=annotations)
        for number in range(10)
    ]
    await door.engine.take(*alerts)
    async with door.call("GET", "/api/v1/incidents/1") as answer:
        shown = await answer.json()
    assert shown["cut"]
    assert (shown["alerts_firing"], len(shown["alerts"])) == (10, 8)
    assert [entry["seq"] for entry in shown["timeline"]] == list(range(1, len(shown["timeline"]) + 1))


async def test_an_incident_says_that_its_oldest_entries_are_left_out(door):
    await door.engine.fire(alertname="Down")
    incident, entries = await door.engine.incident(), await door.engine.timeline()
    for left_out in (0, 1):
        shown = json.loads(bytes(incident_detail(incident, [], entries[left_out:], {})))
        assert shown["cut"] == bool(left_out)
        assert [entry["seq"] for entry in shown["timeline"]] == [entry.seq for entry in entries[left_out:]]

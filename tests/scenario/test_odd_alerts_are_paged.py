"""Every alert that can be routed is paged; truncated or unreadable parts are marked."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenario import emergency
from scenario.emergency import ON_CALL
from tocsin.core.content.page import AlertLine
from tocsin.core.duration import DAY
from tocsin.core.incident.outbox import Job
from tocsin.core.rules.shown_parts import CUT, REMARKS
from tocsin.testing.harness import Harness
from tocsin.web.alertmanager import payload as wire

FIXTURES = Path(__file__).parents[1] / "fixtures" / "alertmanager"


async def take(tocsin: Harness, *alerts: dict[str, Any], status: str = "firing") -> None:
    """Take a webhook with these alerts, each of the highest severity."""
    for alert in alerts:
        alert["labels"]["severity"] = "SEV-1"
    body = json.dumps({"status": status, "alerts": alerts}).encode()
    webhook = wire.read(body, "default", tocsin.clock.now)
    assert webhook.quarantined is None
    await tocsin.take(*webhook.alerts)


def fixture(name: str) -> dict[str, Any]:
    alert: dict[str, Any] = json.loads((FIXTURES / name).read_text())["alerts"][0]
    return alert


def paged(tocsin: Harness) -> AlertLine:
    """Return the only alert of the only page."""
    [page] = tocsin.sent(Job.PAGE)
    assert page.target == ON_CALL
    [line] = page.alerts
    return line


async def test_a_label_longer_than_any_limit_is_paged_cut_and_marked(tocsin: Harness) -> None:
    alert = fixture("long_label.json")
    assert len(alert["labels"]["instance"]) > 1024
    await take(tocsin, alert)
    line = paged(tocsin)
    assert line.labels["alertname"] == "ProbeFailed"
    assert len(line.labels["instance"]) == 1024
    assert line.labels["instance"].endswith(CUT)


async def test_more_labels_than_are_shown_are_paged_and_the_rest_is_counted(tocsin: Harness) -> None:
    await take(tocsin, {"labels": {f"a{n}": "x" for n in range(100)} | {"alertname": "Many", "service": "shop"}})
    line = paged(tocsin)
    assert (len(line.labels), line.labels["alertname"], line.labels["service"]) == (64, "Many", "shop")
    assert line.annotations["description"] == "Note: 39 more labels are not shown."


async def test_two_alerts_that_differ_behind_the_cut_stay_two_and_end_each_by_itself(tocsin: Harness) -> None:
    urls = [{"labels": {"alertname": "Probe", "service": "web", "instance": "x" * 2000 + tail}} for tail in "ab"]
    await take(tocsin, *urls)
    assert (await tocsin.incident()).alerts_firing == 2
    await take(tocsin, urls[0], status="resolved")
    assert (await tocsin.incident()).alerts_firing == 1


async def test_rules_and_the_dedup_key_see_labels_uncut(tocsin: Harness) -> None:
    for tail in "ab":
        await take(tocsin, {"labels": {"alertname": "Down", "team": "x" * 2000 + tail}})
    assert [page.number for page in tocsin.sent(Job.PAGE)] == [1, 2]


async def test_a_service_with_a_long_name_is_cut_where_it_is_shown(tocsin: Harness) -> None:
    for tail in "ab":
        await take(tocsin, {"labels": {"alertname": "Down", "service": "x" * 2000 + tail}})
    assert [(page.number, len(page.service)) for page in tocsin.sent(Job.PAGE)] == [(1, 200), (2, 200)]


async def test_what_is_unreadable_is_left_out_marked_and_not_measured(tocsin: Harness) -> None:
    await take(tocsin, fixture("bad_annotation_and_time.json"))
    line = paged(tocsin)
    assert line.annotations[REMARKS] == (
        'startsAt "yesterday" is not a time: the time of receipt counts; annotation summary, value: not text, left out'
    )
    assert line.annotations["description"] == f"Note: {line.annotations[REMARKS]}."
    assert line.starts_at == tocsin.clock.start
    await tocsin.close("alice")
    observed = tocsin.observer.observed
    assert len(observed("incident_time_to_resolve_seconds")) == 1
    assert observed("incident_time_to_detect_seconds") == []


async def test_an_old_start_pages_as_any_other_and_is_marked(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Old", severity="SEV-1", starts_at=tocsin.clock.start - 9 * DAY)
    line = paged(tocsin)
    assert line.annotations["description"].startswith("Note: it had been firing for 9 d when it was received.")
    await tocsin.advance(minutes=15)
    assert tocsin.pages() == [(0, ON_CALL), (15, ON_CALL)]


async def test_a_start_of_some_hours_ago_is_nothing_to_remark(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Young", severity="SEV-1", starts_at=tocsin.clock.start - DAY // 2)
    assert paged(tocsin).annotations == {}


@pytest.mark.parametrize("value", [None, 7, True, [], {"a": 1}, "${X}", "x" * 50_000])
@pytest.mark.parametrize(
    "member", ["annotations", "status", "startsAt", "endsAt", "generatorURL", "fingerprint", "summary", "port"]
)
async def test_whatever_stands_in_a_part_of_it_an_alert_is_paged(tocsin: Harness, member: str, value: object) -> None:
    alert: dict[str, Any] = {"labels": {"alertname": "Down"}, "annotations": {}}
    place = {"summary": alert["annotations"], "port": alert["labels"]}.get(member, alert)
    place[member] = value
    await take(tocsin, alert)
    assert tocsin.pages() == [(0, ON_CALL)]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
_odd_alerts = st.fixed_dictionaries(
    {"labels": st.dictionaries(st.text(), _json, max_size=4)},
    optional=dict.fromkeys(["annotations", "startsAt", "endsAt", "fingerprint", "generatorURL"], _json)
    | {"status": _json.filter(lambda value: value != "resolved")},
)


async def _take_all(alerts: list[dict[str, Any]]) -> None:
    async with emergency.tocsin() as tocsin:
        body = json.dumps({"alerts": [*alerts, {"labels": {"alertname": "Last"}}], "status": "firing"}).encode()
        webhook = wire.read(body, "default", tocsin.clock.now)
        await tocsin.take(*webhook.alerts)
        assert tocsin.observer.counted("quarantined_total") == 0
        episodes = await tocsin.store.read(lambda tx: tx.latest_episodes([alert.key for alert in webhook.alerts]))
        assert {episode.status for episode in episodes.values()} == {"firing"}
        assert all(episode.incident_id is not None for episode in episodes.values())
        assert await emergency.wrong(tocsin) == []


@settings(max_examples=40, deadline=None)
@given(st.lists(_odd_alerts, max_size=4))
def test_whatever_json_stands_in_it_each_alert_with_labels_is_in_an_incident(alerts: list[dict[str, Any]]) -> None:
    asyncio.run(_take_all(alerts))

"""Every alert that can be routed is accepted; a large body is parsed like a small one."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.core.alerts.alert import Alert, AlertStatus, fingerprint
from tocsin.core.rules.shown_parts import REMARKS
from tocsin.web.alertmanager import payload as wire
from tocsin.web.alertmanager import slices
from tocsin.web.alertmanager.lenient import status_of
from tocsin.web.alertmanager.rejected import Rejected

FIXTURES = Path(__file__).parents[1] / "fixtures" / "alertmanager"
NOON = 1_795_176_000_000_000  # 2026-11-20T12:00:00Z


def never() -> int:
    raise AssertionError("the clock was asked")


def read(body: object) -> wire.Webhook:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return wire.read(raw, "default", lambda: NOON)


def fixture(name: str) -> wire.Webhook:
    return read((FIXTURES / name).read_bytes())


def one(**alert: object) -> dict[str, Any]:
    return {"alerts": [{"labels": {"alertname": "A"}, **alert}]}


def taken(**alert: object) -> Alert:
    webhook = read(one(**alert))
    assert webhook.quarantined is None
    [only] = webhook.alerts
    return only


def remarks(**alert: object) -> str:
    webhook = read(one(**alert))
    assert webhook.repaired == 1
    return webhook.alerts[0].annotations[REMARKS]


def test_labels_are_taken_uncut_however_long_and_many():
    labels = {f"l{n}": "x" * 3000 for n in range(100)}
    body = {"alerts": [{"labels": labels, "status": "firing", "fingerprint": "f"}]}
    assert wire.read(json.dumps(body).encode(), "default", never).alerts[0].labels == labels
    assert taken(labels=labels).labels == labels
    assert taken(labels=labels).fingerprint == fingerprint(labels)


@pytest.mark.parametrize(
    ("value", "text"),
    [(9100, "9100"), (1.5, "1.5"), (True, "true"), ([1, "b"], '[1,"b"]'), ({"b": 1, "a": []}, '{"a":[],"b":1}')],
)
def test_a_label_that_is_not_text_is_taken_as_its_json_so_that_two_alerts_stay_two(value, text):
    alert = taken(labels={"alertname": "A", "port": value})
    assert alert.labels == {"alertname": "A", "port": text}
    assert alert.annotations[REMARKS] == "label port: not text, taken as JSON text"


def test_an_unreadable_annotation_is_left_out_and_marked():
    [alert] = fixture("bad_annotation_and_time.json").alerts
    assert (alert.labels["severity"], alert.status, alert.starts_at) == ("critical", AlertStatus.FIRING, None)
    assert alert.annotations == {
        REMARKS: 'startsAt "yesterday" is not a time: the time of receipt counts; '
        "annotation summary, value: not text, left out"
    }


@pytest.mark.parametrize(
    ("alert", "remark"),
    [
        ({"annotations": "text"}, "annotations: text in place of an object, left out"),
        ({"annotations": {"a": {}, "b": "c"}}, "annotation a: not text, left out"),
        ({"annotations": dict.fromkeys("abcdefg")}, "annotation a, b, c, d, e and 2 more: not text, left out"),
        ({"startsAt": 5}, "startsAt 5 is not a time: the time of receipt counts"),
        ({"endsAt": "soon"}, 'endsAt "soon" is not a time: the time of receipt counts'),
        ({"status": "${STATUS}"}, 'status "${STATUS}" is neither firing nor resolved'),
        ({"status": ["firing"]}, 'status ["firing"] is neither firing nor resolved'),
        ({"generatorURL": 7}, "generatorURL: too long or not text, left out"),
    ],
)
def test_what_cannot_be_read_is_left_out_and_a_remark_says_so(alert, remark):
    assert remarks(**alert) == remark


def test_remarks_are_bounded():
    assert len(remarks(annotations={"a" * 5000: 1, "b": 2}, startsAt="x" * 5000)) < 1000


@pytest.mark.parametrize("status", ["FIRING", " Firing "])
def test_a_status_in_capitals_is_that_status(status):
    assert taken(status=status).status is AlertStatus.FIRING
    assert taken(status="RESOLVED").status is AlertStatus.RESOLVED


def test_an_unreadable_status_is_that_of_the_group_and_else_the_alert_fires():
    [alert] = fixture("template_placeholder.json").alerts
    assert alert.status is AlertStatus.FIRING
    [alert] = read({"status": "resolved", **one(status="?")}).alerts
    assert alert.status is AlertStatus.RESOLVED


@pytest.mark.parametrize("value", [7, "f" * 65, None, ""])
def test_a_fingerprint_that_is_none_is_computed(value):
    assert taken(fingerprint=value).fingerprint == fingerprint({"alertname": "A"})


def test_a_time_is_not_longer_than_a_time():
    assert taken(startsAt="2026-11-20T12:00:00." + "0" * 1000 + "Z").starts_at is None


@pytest.mark.parametrize("value", [0, 0.0, "0", None, -0.0])
def test_nothing_was_left_out(value):
    assert read({"alerts": [], "truncatedAlerts": value}).truncated == 0


@pytest.mark.parametrize(("value", "count"), [(500, 500), (500.0, 500), ("500", 500)])
def test_a_count_of_alerts_left_out_is_read_in_any_form(value, count):
    assert read({"alerts": [], "truncatedAlerts": value}).truncated == count


@pytest.mark.parametrize("value", ["many", "", -1, 1.5, True, False, [], {}, 10**30, "9" * 30, 2 * 10**9])
def test_another_count_means_that_an_unknown_number_was_left_out(value):
    webhook = read({**one(), "truncatedAlerts": value})
    assert webhook.truncated is None
    assert len(webhook.alerts) == 1


def test_a_count_beyond_all_floats_is_unknown():
    assert read(b'{"alerts": [], "truncatedAlerts": 1e999}').truncated is None


@pytest.mark.parametrize("place", ["body", "alert", "annotation", "label"])
def test_what_is_nested_too_deeply_takes_no_alert_with_it(place):
    deep = "[" * 5000 + "]" * 5000
    members = {name: "DEEP" if name == place else "x" for name in ("body", "alert", "annotation", "label")}
    labels, annotations = {"a": "b", "c": members["label"]}, {"d": members["annotation"]}
    alert_of_it = {"labels": labels, "annotations": annotations, "e": members["alert"]}
    body = json.dumps({"alerts": [alert_of_it], "f": members["body"]})
    [alert] = read(body.replace('"DEEP"', deep).encode()).alerts
    assert alert.labels["a"] == "b"


# Any JSON, and large bodies.

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_ODD = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ["labels", "annotations", "status", "startsAt", "endsAt", "fingerprint", "generatorURL", "other"], _json
    ),
)
_BODIES = st.fixed_dictionaries(
    {"alerts": st.lists(_json | _ODD, max_size=4)},
    optional={"status": _json, "truncatedAlerts": _json, "other": _json},
)


def is_placeable(alert: Any) -> bool:
    labels = alert.get("labels") if isinstance(alert, dict) else None
    return isinstance(labels, dict) and bool([value for value in labels.values() if value not in (None, "")])


def read_in_slices(text: str, max_rejected: int = 100) -> tuple[list[Alert], Rejected, slices.Slices]:
    rejected = Rejected("default", max_rejected)
    found = slices.cut(text, rejected)
    status = status_of(found.envelope.get("status"))
    read_alerts = [alert for each in found for alert in wire.read_slice(each, "default", status, NOON).alerts]
    return read_alerts, rejected, found


@given(_BODIES)
@example({"alerts": [{"labels": {"a": 1e308}}], "status": {}, "truncatedAlerts": -1})
def test_no_alert_with_labels_is_lost_for_any_json(body):
    webhook = read(body)
    placeable = [alert for alert in body["alerts"] if is_placeable(alert)]
    assert len(webhook.alerts) == len(placeable)
    assert (webhook.quarantined.alerts if webhook.quarantined else 0) == len(body["alerts"]) - len(placeable)
    for alert, given_alert in zip(webhook.alerts, placeable, strict=True):
        assert alert.labels
        for name, value in given_alert["labels"].items():
            if isinstance(value, str) and value and name.isprintable() and value.isprintable():
                assert alert.labels[name] == value


@given(_BODIES)
def test_a_body_read_in_slices_is_read_as_it_is_as_a_whole(body):
    text = json.dumps(body)
    webhook = read(body)
    alerts, rejected, found = read_in_slices(text)
    assert alerts == webhook.alerts
    assert rejected.entry(NOON) == webhook.quarantined
    assert wire.truncated_of(found.envelope) == webhook.truncated


@given(st.dictionaries(st.sampled_from(["alerts", "status", "x"]), _json, max_size=3) | _json)
def test_what_is_no_webhook_is_refused_in_slices_as_it_is_as_a_whole(body):
    errors = []
    for read_it in (read, lambda given_body: read_in_slices(json.dumps(given_body))):
        try:
            read_it(body)
            errors.append("")
        except wire.Malformed as error:
            errors.append(str(error))
    assert errors[0] == errors[1]


@pytest.mark.parametrize("text", ["disk full", "alert=DiskFull&severity=critical", "<alert/>", "[1, 2"])
def test_a_large_body_that_does_not_begin_like_a_webhook_is_answered_with_what_was_expected(text):
    with pytest.raises(wire.Malformed, match="expected a webhook of Alertmanager, such as"):
        read_in_slices(text)


@given(st.text(st.sampled_from('{}[]":,alerts1 \\\t'), max_size=40))
def test_what_is_no_json_is_refused_in_slices_as_it_is_as_a_whole(tail):
    text = '{"alerts":[' + tail
    try:
        whole = read(text.encode()).alerts
    except wire.Malformed:
        with pytest.raises(wire.Malformed):
            read_in_slices(text)
    else:
        assert read_in_slices(text)[0] == whole


def test_a_body_is_cut_into_slices_of_at_most_so_many_alerts_and_so_many_bytes():
    alerts: list[object] = [{"labels": {"a": str(n)}} for n in range(1000)]
    _, _, found = read_in_slices(json.dumps({"alerts": alerts}))
    assert len(found.spans) == 4
    alerts = [{"labels": {"a": "x" * 100_000, "n": str(n)}} for n in range(10)]
    read_alerts, _, found = read_in_slices(json.dumps({"alerts": alerts}))
    assert len(found.spans) == 4
    assert len(read_alerts) == 10


def test_millions_of_bad_alerts_are_counted_without_being_kept():
    good = '{"labels":{"a":"b"}}'
    text = '{"alerts":[' + '1, null,{},[],"",true,' * 100_000 + good + ",-1.5e3," * 3 + f"{good}]}}"
    text = text.replace(",,", ",")
    alerts, rejected, found = read_in_slices(text, max_rejected=10)
    assert (len(alerts), rejected.count) == (2, 600_003)
    assert len(found.spans) == 1

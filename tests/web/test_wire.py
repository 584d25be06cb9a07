"""Parsing of Alertmanager's webhook bodies."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts import CORPUS, OWN, document
from tocsin.core.alerts.alert import AlertStatus, fingerprint
from tocsin.core.alerts.quarantine import LONGEST_BODY, Quarantined
from tocsin.core.rules.shown_parts import REMARKS
from tocsin.web.alertmanager import payload as wire

FIXTURES = Path(__file__).parents[1] / "fixtures" / "alertmanager"
NOON = 1_795_176_000_000_000  # 2026-11-20T12:00:00Z


def now() -> int:
    return NOON


def never() -> int:
    raise AssertionError("the clock was asked")


def read(body: object, source: str = "default") -> wire.Webhook:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return wire.read(raw, source, now)


def fixture(name: str) -> wire.Webhook:
    return wire.read((FIXTURES / name).read_bytes(), "default", now)


def one(**alert: object) -> dict[str, Any]:
    return {"alerts": [{"labels": {"alertname": "A"}, **alert}]}


def refusal(body: object) -> str:
    with pytest.raises(wire.Malformed) as caught:
        read(body)
    return str(caught.value)


def quarantined(body: object) -> Quarantined:
    entry = read(body).quarantined
    assert entry is not None
    return entry


def flaw(**alert: object) -> str:
    assert not read(one(**alert)).alerts
    return quarantined(one(**alert)).error


# The good body.


def test_a_webhook_of_today_is_read_field_by_field():
    [alert] = fixture("0.25_firing.json").alerts
    assert alert.source == "default"
    assert alert.fingerprint == "6a9e4f0b7f3c2d11"
    assert alert.status is AlertStatus.FIRING
    assert alert.labels["instance"] == "db-1:9100"
    assert alert.annotations["summary"] == "The disk of db-1 is full"
    assert alert.starts_at == NOON - 120_000_000 + 123_456
    assert alert.ends_at is None
    assert alert.generator_url.startswith("http://prometheus")


def test_a_good_body_does_not_ask_the_clock():
    assert wire.read((FIXTURES / "0.25_firing.json").read_bytes(), "default", never).alerts


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("0.25_*.json")), ids=lambda path: path.stem)
def test_the_fast_way_and_the_careful_one_read_a_good_body_alike(path):
    body = path.read_bytes()
    assert wire.read_fast(body, "s") == wire._read_leniently(body.decode(), "s", NOON, 100)


def test_each_alert_keeps_its_own_status_regardless_of_its_groups():
    found = fixture("0.25_mixed.json").alerts
    assert [alert.status for alert in found] == [AlertStatus.FIRING, AlertStatus.RESOLVED]
    assert found[1].ends_at == NOON + 60_000_000


def test_alerts_that_were_left_out_are_counted():
    assert fixture("0.25_truncated_resolved.json").truncated == 15


def test_text_of_all_scripts_passes_unchanged():
    [alert] = fixture("0.25_unicode.json").alerts
    assert alert.labels == {"alertname": "Größe", "instance": "日本 🔥 <&>\u2028"}


def test_keys_of_newer_versions_are_ignored():
    assert fixture("0.34_firing.json") == fixture("0.25_firing.json")


def test_a_body_without_alerts_in_its_list_is_taken():
    assert fixture("no_alerts_in_it.json").alerts == []


# What senders leave out.


def test_a_missing_fingerprint_is_computed_as_alertmanager_does():
    [alert] = fixture("0.21_no_fingerprint.json").alerts
    assert alert.fingerprint == fingerprint(alert.labels)


def test_a_missing_alert_status_is_its_groups():
    [alert] = fixture("0.4_no_alert_status_resolved.json").alerts
    assert alert.status is AlertStatus.RESOLVED
    assert alert.ends_at == NOON + 60_000_000 - 8 * 3_600_000_000


def test_a_missing_alert_status_is_its_groups_even_without_an_end():
    [alert] = read({"status": "resolved", **one()}).alerts
    assert alert.status is AlertStatus.RESOLVED


def test_without_any_status_an_alert_that_has_ended_is_resolved_and_another_fires():
    found = fixture("no_status_at_all.json").alerts
    assert [alert.status for alert in found] == [AlertStatus.FIRING, AlertStatus.RESOLVED]


def test_an_end_in_the_future_is_no_end():
    [alert] = read(one(endsAt="2026-11-20T12:00:00.000001Z")).alerts
    assert alert.status is AlertStatus.FIRING


def test_labels_alone_are_enough():
    [alert] = fixture("bare.json").alerts
    assert (alert.status, alert.starts_at, alert.annotations, alert.generator_url) == (AlertStatus.FIRING, None, {}, "")


def test_null_is_as_good_as_missing():
    [alert] = fixture("nulls.json").alerts
    assert (alert.annotations, alert.generator_url, alert.starts_at) == ({}, "", None)
    assert alert.fingerprint == fingerprint(alert.labels)


def test_a_label_without_value_is_no_label():
    [alert] = fixture("empty_label.json").alerts
    assert alert.labels == {"alertname": "Empty"}


def test_grafanas_bodies_are_taken():
    assert len(fixture("grafana.json").alerts) == 1


# What cannot be placed.


def test_one_bad_alert_is_kept_aside_and_the_good_ones_are_taken():
    webhook = fixture("one_bad.json")
    assert [alert.labels["alertname"] for alert in webhook.alerts] == ["DiskFull", "Good"]
    entry = webhook.quarantined
    assert entry is not None
    assert entry.error == "$.alerts[1].labels: expected at least one label"
    assert json.loads(entry.body)["annotations"]["summary"] == "Bad"
    assert (entry.source, entry.at, entry.alerts) == ("default", NOON, 1)


def test_where_all_alerts_are_bad_all_are_kept_aside():
    webhook = read({"alerts": [1, {"labels": {}}]})
    assert not webhook.alerts
    assert webhook.quarantined is not None
    assert webhook.quarantined.alerts == 2


@pytest.mark.parametrize(
    ("alert", "error"),
    [
        ({"labels": None}, "$.alerts[0].labels: expected an object, got nothing"),
        ({"labels": "a=b"}, "$.alerts[0].labels: expected an object, got text"),
        ({"labels": {}}, "$.alerts[0].labels: expected at least one label"),
        ({"labels": {"a": "", "b": None}}, "$.alerts[0].labels: expected at least one label"),
    ],
)
def test_only_an_alert_without_labels_cannot_be_placed(alert, error):
    assert flaw(**alert) == error


def test_an_alert_that_is_no_object_is_kept_aside():
    assert quarantined({"alerts": ["x"]}).error == "$.alerts[0]: expected an object, got text"


def test_the_bad_alerts_of_a_webhook_are_one_entry_with_their_number_and_the_first_few_that_differ():
    entry = quarantined({"alerts": [*([1] * 50), *({"n": n} for n in range(40))]})
    assert entry.alerts == 90
    assert entry.body.splitlines() == ["1", *(json.dumps({"n": n}) for n in range(4))]
    assert entry.error.splitlines()[1] == "$.alerts[50].labels: expected an object, got nothing"


def test_the_same_content_is_the_same_entry_whenever_and_wherever_in_a_webhook_it_comes():
    first, again = quarantined({"alerts": [1, 2]}), quarantined({"alerts": [{"labels": {"a": "b"}}, 1, 1, 2]})
    assert (first.id, first.sha256) == (again.id, again.sha256)
    assert first.id != quarantined({"alerts": [1, 3]}).id
    other_source = read({"alerts": [1, 2]}, source="other").quarantined
    assert other_source is not None
    assert first.id != other_source.id


def test_past_the_limit_bad_alerts_are_only_counted():
    body = json.dumps({"alerts": [*range(50), {"labels": {"a": "b"}}]}).encode()
    few = wire.read(body, "default", now, max_rejected=3)
    assert len(few.alerts) == 1
    assert few.quarantined is not None
    assert (few.quarantined.alerts, few.quarantined.body) == (50, "0\n1\n2")


# What is no webhook.


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "$: the body is empty: send JSON as Alertmanager does, in curl with -d @FILE"),
        (b" \n", "$: the body is empty: send JSON as Alertmanager does, in curl with -d @FILE"),
        (b'{"alerts": [', "$: not JSON: Expecting value: line 1 column 13 (char 12)"),
        (b'{"alerts": []} x', "$: not JSON: Extra data: line 1 column 16 (char 15)"),
        ([], "$: expected an object, got a list"),
        ("alerts", "$: expected an object, got text"),
        ({}, "$.alerts: expected a list, got nothing"),
        ({"alerts": {}}, "$.alerts: expected a list, got an object"),
    ],
)
def test_what_is_no_webhook_is_refused_with_its_place(body, error):
    assert refusal(body) == error


@pytest.mark.parametrize("name", ["refused_api_v2_alerts.json", "refused_api_v2_status.json", "refused_metrics.txt"])
def test_other_answers_of_alertmanager_are_refused(name):
    with pytest.raises(wire.Malformed):
        fixture(name)


# Hostile bodies.


@pytest.mark.parametrize(
    "body",
    [
        b'{"alerts": [], "x": NaN}',
        b'{"alerts": [], "x": -Infinity}',
        b"[" * 100_000,
        json.dumps(one()).encode("utf-16"),
        b"\xef\xbb\xbf" + json.dumps(one()).encode(),
        b'{"alerts": [], "x": "\xff"}',
        b'{"alerts": [{"labels": {"a": "\xff"}}]}',
    ],
    ids=["nan", "infinity", "open", "utf-16", "bom", "bytes", "label bytes"],
)
def test_a_hostile_body_is_refused(body):
    assert refusal(body).startswith("$")


def test_a_number_of_thousands_of_digits_in_an_unused_field_is_harmless():
    body = b'{"x": ' + b"9" * 6000 + b', "alerts": [{"labels": {"a": "b"}}]}'
    assert len(read(body).alerts) == 1


def test_of_a_key_given_twice_the_last_wins_as_it_does_for_go():
    body = b'{"alerts": [{"status": "firing", "fingerprint": "f", "labels": {"a": "1", "a": "2"}}]}'
    assert read(body).alerts[0].labels == {"a": "2"}


def test_what_postgresql_cannot_hold_is_replaced():
    nul = rb'{"status": "firing", "fingerprint": "f", "labels": {"a": "x\u0000y"}}'
    surrogate = rb'{"status": "firing", "fingerprint": "g", "labels": {"b\ud800": "\udc00"}}'
    for alert, labels in ((nul, {"a": "x\ufffdy"}), (surrogate, {"b\ufffd": "\ufffd"})):
        [read_alert] = read(b'{"alerts": [' + alert + b"]}").alerts
        assert read_alert.labels == labels


def test_annotations_are_cleaned_as_labels_are():
    [alert] = read(rb'{"alerts": [{"labels": {"a": "b"}, "annotations": {"s": "\u0000"}}]}').alerts
    assert alert.annotations == {"s": "\ufffd"}


def test_a_quarantined_alert_with_lone_surrogates_can_be_stored():
    item = quarantined(rb'{"alerts": [{"labels": "\ud800\u0000"}]}')
    assert item.body.isascii()
    assert "\0" not in item.body


def test_long_annotations_are_cut_and_marked():
    [alert] = read(one(annotations={"a": "x" * 20_000, "b": "y" * wire.MAX_TEXT})).alerts
    assert len(alert.annotations["a"]) == wire.MAX_TEXT
    assert alert.annotations["a"].endswith("x [cut]")
    assert alert.annotations["b"] == "y" * wire.MAX_TEXT


def test_too_many_annotations_are_left_out_and_the_alert_is_taken():
    [alert] = read(one(annotations={f"a{n}": "x" for n in range(100)}, generatorURL="h" * 20_000)).alerts
    assert len(alert.annotations) == wire.MAX_ANNOTATIONS + 1
    assert alert.annotations[REMARKS].startswith("36 more annotations left out")
    assert alert.generator_url == ""


def test_a_quarantined_body_is_bounded():
    entry = quarantined({"alerts": [{"labels": [f"{n}" + "x" * 100_000]} for n in range(50)]})
    assert len(entry.body) <= LONGEST_BODY


@given(st.binary(max_size=200))
def test_no_bytes_crash_it(body):
    with pytest.raises(wire.Malformed):
        read(b"{" + body)


# Times.

_moments = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)
_offsets = st.integers(-23 * 60, 23 * 60)


@given(_moments, _offsets, st.integers(0, 999))
@example(datetime(2026, 11, 20, 12, tzinfo=UTC), 480, 999)
def test_a_time_means_its_moment_in_every_offset_and_precision(at, offset, nanoseconds):
    expected = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    local = at.astimezone(timezone(timedelta(minutes=offset)))
    text = local.isoformat(timespec="microseconds")
    assert wire.microseconds(text) == expected
    assert wire.microseconds(f"{text[:26]}{nanoseconds:03d}{text[26:]}") == expected
    assert wire.microseconds(at.isoformat().replace("+00:00", "Z")) == expected


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+08:05", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z"]
)
def test_years_that_stand_for_no_time_are_none(text):
    assert wire.microseconds(text) is None


def test_a_time_without_offset_is_utc():
    assert wire.microseconds("2026-11-20T12:00:00") == NOON


@pytest.mark.parametrize(
    "text", ["soon", "2026-13-01T00:00:00Z", "2026-11-20T12:00:00 +0000 UTC", "0000-01-01T00:00:00Z"]
)
def test_what_is_no_time_is_an_error(text):
    with pytest.raises(ValueError, match=r"."):
        wire.microseconds(text)


# Whole payloads: our own, and real ones where there are some.

_ANSWERS = {
    "alertmanager_metrics.txt": "$: not JSON",
    "api_v2_alerts_groups.json": "$: expected an object, got a list",
    "api_v2_alerts_sil.json": "$: expected an object, got a list",
    "api_v2_receivers.json": "$: expected an object, got a list",
    "api_v2_silences.json": "$: expected an object, got a list",
    "api_v2_status.json": "$.alerts: expected a list, got nothing",
    "refused_api_v2_alerts.json": "$: expected an object, got a list",
    "refused_api_v2_status.json": "$.alerts: expected a list, got nothing",
    "refused_metrics.txt": "$: not JSON",
}
_PAYLOADS = [
    *(path for pattern in ("0.*.json", "grafana*.json", "refused_*") for path in sorted(FIXTURES.glob(pattern))),
    *(
        path
        for folder in ("payloads", "captured", "synthetic-0.34")
        for path in sorted((Path(CORPUS) / "alertmanager" / folder).glob("*"))
        if CORPUS and path.suffix in (".json", ".txt")
    ),
]


@pytest.mark.parametrize("path", _PAYLOADS, ids=lambda path: path.name)
def test_every_payload_is_taken_or_refused_for_its_reason(path: Path) -> None:
    body = path.read_bytes()
    if path.name in _ANSWERS:
        with pytest.raises(wire.Malformed) as caught:
            wire.read(body, "s", now)
        assert str(caught.value).startswith(_ANSWERS[path.name])
        return
    found = wire.read(body, "s", now)
    given = json.loads(body)["alerts"]
    assert len(found.alerts) == len(given)
    assert found.quarantined is None
    said = [alert["fingerprint"] for alert in given if alert.get("fingerprint")]
    assert [alert.fingerprint for alert in found.alerts if alert.fingerprint in said] == said


def test_the_payloads_are_many() -> None:
    assert len(_PAYLOADS) >= (60 if CORPUS else 12)


def _fingerprinted() -> list[Any]:
    alerts = document(OWN, "alertmanager/fingerprints.json")["alerts"]
    captured = [path for path in _PAYLOADS if path.parent.name == "captured" and path.name not in _ANSWERS]
    return [*alerts, *(alert for path in captured for alert in json.loads(path.read_bytes())["alerts"])]


def test_fingerprints_computed_here_are_alertmanagers() -> None:
    alerts = _fingerprinted()
    assert len(alerts) > (500 if CORPUS else 5)
    for alert in alerts:
        assert fingerprint(alert["labels"]) == alert["fingerprint"]

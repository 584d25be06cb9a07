"""The observer on a registry of its own."""

import subprocess

import pytest

from tocsin.core.duration import HOUR
from tocsin.core.errors import UnknownName
from tocsin.core.playbook.playbook import Cell, Level, Playbook, Tier
from tocsin.telemetry.catalogue import CATALOGUE, PREFIX, MetricKind
from tocsin.telemetry.metrics import Metrics


def playbook(name: str, *levels: str) -> Playbook:
    cells = (Cell(tier=1, nth=1, after=0, targets=("oncall",)),)
    return Playbook(
        name=name,
        title=name,
        levels=tuple(Level(level, rank, HOUR, None, cells) for rank, level in enumerate(levels)),
        tiers=(Tier(1, "on-call", ("oncall",)),),
        unrouted=levels[0],
    )


def lines(metrics: Metrics, name: str) -> dict[str, float]:
    """The samples whose series starts with ``tocsin_`` and this name."""
    text = metrics.render()[0].decode()
    samples = (line.rsplit(" ", 1) for line in text.splitlines() if line.startswith(PREFIX + name))
    return {series.removeprefix(PREFIX): float(value) for series, value in samples}


def test_promtool_has_nothing_to_say_about_the_exposition() -> None:
    metrics = Metrics([playbook("one", "P0", "P1")], ["console", "pagerduty"], ["timers"], ["due_at"])
    for metric in CATALOGUE:  # those that have no child before there is data as well
        labels = dict.fromkeys(metric.labels, "x")
        match metric.kind:
            case MetricKind.COUNTER:
                metrics.count(metric.name, **labels)
            case MetricKind.GAUGE:
                metrics.gauge(metric.name, 1, **labels)
            case MetricKind.HISTOGRAM:
                metrics.observe(metric.name, 1, **labels)

    said = subprocess.run(
        ["promtool", "check", "metrics"], input=metrics.render()[0], capture_output=True, timeout=60, check=False
    )

    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")


def test_a_name_outside_the_catalogue_is_an_error() -> None:
    metrics = Metrics()

    with pytest.raises(UnknownName, match="webhook_received_total"):
        metrics.count("webhook_received_total", code="200")


def test_a_label_outside_the_catalogue_or_a_missing_one_is_an_error() -> None:
    metrics = Metrics()

    with pytest.raises(UnknownName, match="code"):
        metrics.count("webhooks_received_total", status="200")
    with pytest.raises(UnknownName, match="code"):
        metrics.count("webhooks_received_total")
    with pytest.raises(UnknownName, match="clock_jumps_total"):
        metrics.count("clock_jumps_total", code="200")


def test_a_metric_is_only_used_as_what_it_is() -> None:
    metrics = Metrics()

    with pytest.raises(UnknownName, match="counter"):
        metrics.count("event_loop_lag_seconds")
    with pytest.raises(UnknownName, match="histogram"):
        metrics.observe("store_writable", 1)
    with pytest.raises(UnknownName, match="gauge"):
        metrics.gauge("clock_jumps_total", 1)


def test_a_series_exists_before_its_first_event() -> None:
    metrics = Metrics([playbook("one", "P0", "P1"), playbook("two", "SEV-1")], ["console"])

    assert lines(metrics, "incidents_opened_total") == {
        'incidents_opened_total{playbook="one",severity="P0"}': 0,
        'incidents_opened_total{playbook="one",severity="P1"}': 0,
        'incidents_opened_total{playbook="two",severity="SEV-1"}': 0,
    }
    assert lines(metrics, "pages_total") == {
        'pages_total{channel="console",outcome="sent"}': 0,
        'pages_total{channel="console",outcome="superseded"}': 0,
        'pages_total{channel="console",outcome="dead"}': 0,
    }
    assert lines(metrics, 'webhooks_received_total{code="503"}')
    assert len(lines(metrics, "incidents_open{")) == 12, "three levels by pending, triggered, acknowledged and snoozed"
    assert lines(metrics, 'incident_time_to_acknowledge_seconds_count{playbook="two",severity="SEV-1"}')


def test_a_severity_never_meets_another_playbook() -> None:
    metrics = Metrics([playbook("one", "P0"), playbook("two", "SEV-1")])

    assert not [series for series in lines(metrics, "") if 'playbook="one"' in series and "SEV-1" in series]


def test_a_mean_without_data_is_absent_and_never_zero() -> None:
    metrics = Metrics([playbook("one", "P0")])
    assert lines(metrics, "mtta_seconds") == {}

    metrics.gauge("mtta_seconds", 42.5, playbook="one", severity="P0")
    assert lines(metrics, "mtta_seconds") == {'mtta_seconds{playbook="one",severity="P0"}': 42.5}

    metrics.gauge("mtta_seconds", None, playbook="one", severity="P0")
    assert lines(metrics, "mtta_seconds") == {}


def test_removing_what_is_not_there_is_no_error() -> None:
    metrics = Metrics()

    metrics.gauge("mttr_seconds", None, playbook="one", severity="P0")

    assert lines(metrics, "mttr_seconds") == {}


def test_a_reload_adds_children_and_keeps_what_was_counted() -> None:
    metrics = Metrics([playbook("one", "P0")], ["console"])
    metrics.count("incidents_opened_total", 3, playbook="one", severity="P0")

    metrics.prepare([playbook("one", "P0", "P1")], ["console", "slack"])

    assert lines(metrics, "incidents_opened_total") == {
        'incidents_opened_total{playbook="one",severity="P0"}': 3,
        'incidents_opened_total{playbook="one",severity="P1"}': 0,
    }
    assert lines(metrics, 'outbox_pending{channel="slack"}')


def test_an_observation_lands_in_its_bucket() -> None:
    metrics = Metrics()

    metrics.observe("incident_time_to_acknowledge_seconds", 45, playbook="one", severity="P0")

    found = lines(metrics, "incident_time_to_acknowledge_seconds_bucket")
    series = 'incident_time_to_acknowledge_seconds_bucket{{le="{}",playbook="one",severity="P0"}}'
    assert (found[series.format("30.0")], found[series.format("60.0")]) == (0, 1)


def test_two_registries_do_not_know_of_each_other() -> None:
    first, second = Metrics(), Metrics()

    first.count("clock_jumps_total")

    assert lines(first, "clock_jumps_total") == {"clock_jumps_total": 1}
    assert lines(second, "clock_jumps_total") == {"clock_jumps_total": 0}


def test_no_created_series_are_exposed() -> None:
    text = Metrics([playbook("one", "P0")], ["console"]).render()[0].decode()

    assert "_created" not in text


def test_a_scraper_gets_the_format_that_it_asks_for() -> None:
    body, content_type = Metrics().render("application/openmetrics-text; version=1.0.0")

    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def test_every_entry_of_the_catalogue_is_complete() -> None:
    names = [metric.name for metric in CATALOGUE]

    assert len(names) == len(set(names))
    for metric in CATALOGUE:
        assert metric.help.endswith("."), metric.name
        assert (metric.kind is MetricKind.HISTOGRAM) == bool(metric.buckets), metric.name
        assert (metric.kind is MetricKind.COUNTER) == metric.name.endswith("_total"), metric.name
        assert set(metric.known) <= set(metric.labels), metric.name

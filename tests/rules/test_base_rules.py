"""The shipped rules with the shipped playbook's levels, on realistic alerts."""

import pytest

from rules.shipped import PLAYBOOK, judge, shipped
from tocsin.core.rules.rules import RuleSet


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return shipped()


@pytest.mark.parametrize(
    ("severity", "level"),
    [
        ("critical", "SEV-2"),
        ("Critical", "SEV-2"),
        ("page", "SEV-2"),
        ("error", "SEV-2"),
        ("major", "SEV-2"),
        ("P2", "SEV-2"),
        ("sev-2", "SEV-2"),
        ("warning", "SEV-3"),
        ("WARN", "SEV-3"),
        ("ticket", "SEV-3"),
        ("SEV3", "SEV-3"),
        ("info", "SEV-4"),
        ("low", "SEV-4"),
        ("emergency", "SEV-1"),
        ("disaster", "SEV-1"),
        ("P0", "SEV-1"),
        ("p1", "SEV-1"),
        ("SEV-1", "SEV-1"),
        ("sev 1", "SEV-1"),
        ("blocker", "SEV-1"),
        ("severe", "SEV-2"),
        ("urgent", "SEV-2"),
        ("degraded", "SEV-3"),
        ("debug", "SEV-4"),
    ],
)
def test_the_usual_severity_labels_have_their_level(rules: RuleSet, severity: str, level: str) -> None:
    verdict = judge(rules, alertname="X", severity=severity)
    assert (verdict.playbook, verdict.severity, verdict.unrouted) == (PLAYBOOK, level, False)
    assert not verdict.suppress


@pytest.mark.parametrize("labels", [{}, {"severity": ""}, {"severity": "telegram"}, {"severity": "criticall"}])
def test_an_alert_without_a_known_severity_pages_and_is_marked(rules: RuleSet, labels: dict[str, str]) -> None:
    verdict = judge(rules, alertname="X", **labels)
    assert (verdict.severity, verdict.unrouted, verdict.suppress) == ("SEV-2", True, False)


@pytest.mark.parametrize("name", ["Watchdog", "DeadMansSwitch", "PrometheusAlertmanagerE2eDeadManSwitch"])
@pytest.mark.parametrize("severity", ["none", "critical", ""])
def test_a_watchdog_is_a_heartbeat_and_nothing_else(rules: RuleSet, name: str, severity: str) -> None:
    verdict = judge(rules, alertname=name, severity=severity)
    assert (verdict.heartbeat, verdict.suppress, verdict.unrouted) == (True, False, False)
    assert verdict.trace[-1] == "watchdog"


@pytest.mark.parametrize(
    "labels",
    [{"alertname": "InfoInhibitor", "severity": "none"}, {"alertname": "InfoInhibitor"}, {"severity": "None"}],
)
def test_what_is_no_alert_is_dropped(rules: RuleSet, labels: dict[str, str]) -> None:
    verdict = judge(rules, **labels)
    assert (verdict.suppress, verdict.heartbeat, verdict.unrouted) == (True, False, False)


@pytest.mark.parametrize(
    ("labels", "service"),
    [
        ({"service": "shop", "job": "api", "namespace": "prod"}, "shop"),
        ({"job": "api", "namespace": "prod"}, "api"),
        ({"job": "kube-state-metrics", "namespace": "prod", "deployment": "web"}, "prod"),
        ({"job": "kubelet", "service": "kubelet", "namespace": "prod", "persistentvolumeclaim": "x"}, "prod"),
        ({"job": "kubelet", "service": "kubelet"}, "kubelet"),
        ({"namespace": "prod", "pod": "x", "container": "y"}, "prod"),
        ({"job": "node-exporter", "namespace": "monitoring", "instance": "n1"}, "n1"),
        ({"job": "node-exporter", "namespace": "monitoring"}, "hosts"),
        ({"job": "blackbox-http", "instance": "https://shop.example.com"}, "https://shop.example.com"),
    ],
)
def test_the_service_is_what_is_in_trouble(rules: RuleSet, labels: dict[str, str], service: str) -> None:
    verdict = judge(rules, alertname="X", severity="warning", **labels)
    assert (verdict.service, verdict.unrouted) == (service, False)


def test_flags_are_set_only_by_labels_that_say_so(rules: RuleSet) -> None:
    assert judge(rules, alertname="DataBreachSuspected", severity="p0", security="true").flags == ()
    assert judge(rules, alertname="X", severity="p0", data_breach="true").flags == ("data_breach",)
    assert judge(rules, alertname="X", severity="p0", data_breach="false", major_impact="true").flags == (
        "major_impact",
    )


def test_a_drill_goes_the_way_of_any_critical_alert(rules: RuleSet) -> None:
    drill = judge(rules, alertname="TocsinDrill", severity="critical", service="tocsin", tocsin_drill="true")
    other = judge(rules, alertname="Other", severity="critical", service="tocsin")
    assert (drill.severity, drill.trace, drill.hold, drill.suppress) == (
        other.severity,
        other.trace,
        other.hold,
        other.suppress,
    )
    assert drill.severity == "SEV-2"

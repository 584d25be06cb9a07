"""The shipped rules, with the shipped playbook's levels, on alerts as they really look."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tocsin.conf.rules import load_rules
from tocsin.conf.source import Findings
from tocsin.core.alert import Alert, AlertStatus
from tocsin.core.playbook import Level, Playbook
from tocsin.core.rules import RuleSet, Verdict

RULES = Path(__file__).parents[2] / "rules"
CORPUS = os.environ.get("TOCSIN_CORPUS", "")
PLAYBOOK = "emergency-response"


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    levels = tuple(Level(f"SEV-{rank + 1}", rank, 1, None, ()) for rank in range(4))
    flags = ("major_impact", "data_breach")
    playbook = Playbook(name=PLAYBOOK, title="", levels=levels, tiers=(), unrouted="SEV-2", flags=flags)
    findings = Findings()
    loaded = load_rules(RULES, {PLAYBOOK: playbook}, PLAYBOOK, findings)
    assert loaded is not None, findings.problems
    assert findings.warnings == []
    return loaded


def judge(rules: RuleSet, **labels: str) -> Verdict:
    return rules.evaluate(Alert("default", "f1", AlertStatus.FIRING, labels))


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
        ({"job": "node-exporter", "namespace": "monitoring", "instance": "n1"}, "hosts"),
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


# --- real rules -------------------------------------------------------------------------------------------------------


def real_alerts() -> list[dict[str, str]]:
    """The labels of every alerting rule of the corpus, as far as the rule itself says them."""
    paths = sorted((Path(CORPUS) / "prometheus-rules").rglob("*.y*ml"))
    return [labels_of(rule) for path in paths for rule in rules_in(yaml.safe_load(path.read_text()))]


def labels_of(rule: dict[str, Any]) -> dict[str, str]:
    return {"alertname": rule["alert"], **{name: str(value) for name, value in (rule.get("labels") or {}).items()}}


def rules_in(document: Any) -> list[dict[str, Any]]:
    groups = document.get("groups") or []
    return [rule for group in groups for rule in group.get("rules") or [] if "alert" in rule]


@pytest.mark.skipif(not CORPUS, reason="TOCSIN_CORPUS is not set")
def test_every_real_alert_is_placed_and_none_is_unrouted(rules: RuleSet) -> None:
    alerts = real_alerts()
    verdicts = [judge(rules, **labels) for labels in alerts]
    assert len(verdicts) > 900
    unrouted = [labels for labels, verdict in zip(alerts, verdicts, strict=True) if verdict.unrouted]
    assert unrouted == []
    silent = {v.title for v in verdicts if v.heartbeat or v.suppress}
    assert silent == {"PrometheusAlertmanagerE2eDeadManSwitch (unknown)"}


@pytest.mark.skipif(not CORPUS, reason="TOCSIN_CORPUS is not set")
def test_critical_pages_and_warning_does_not_for_every_real_alert(rules: RuleSet) -> None:
    levels = {"critical": "SEV-2", "warning": "SEV-3", "info": "SEV-4"}
    for labels in real_alerts():
        verdict = judge(rules, **labels)
        assert verdict.heartbeat or verdict.severity == levels[labels["severity"]], labels

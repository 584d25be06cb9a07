"""The shipped rules on every alerting rule of a corpus (TOCSIN_CORPUS): placed, and placed sensibly."""

import re

import pytest

from rules.corpus import FOLDER, Real, real_alerts
from rules.shares import table
from rules.shipped import RULES, judge, shipped, written_down

pytestmark = pytest.mark.skipif(not FOLDER, reason="TOCSIN_CORPUS is not set")

LEVELS = {"critical": "SEV-2", "warning": "SEV-3", "info": "SEV-4"}

WAITS = {
    *("CaddyHighHttp4xxErrorRateService", "NginxHighHttp4xxErrorRate"),
    *("HaproxyHighHttp4xxErrorRateBackend(v1)", "HaproxyHighHttp4xxErrorRateServer(v1)"),
    *("HaproxyHighHttp4xxErrorRateBackend", "HaproxyHighHttp4xxErrorRateServer"),
    *("TraefikHighHttp4xxErrorRateBackend", "TraefikHighHttp4xxErrorRateService"),
    *("PostgresqlExporterError", "OpenstackExporterDown", "WindowsServerCollectorError"),
    *("PostgresqlRestarted", "JenkinsBuildsHealthScore", "IstioPilotDuplicateEntry"),
    *("KubernetesDeploymentGenerationMismatch", "KubernetesStatefulsetGenerationMismatch"),
    *("KubernetesDaemonsetMisscheduled", "KubernetesCronjobFailing", "KubernetesJobSlowCompletion"),
    *("KubernetesVolumeFullInFourDays", "SmartWearoutIndicator", "SmartMediaErrors"),
}
"""Critical in their authors' words, a ticket here."""
PAGES = {"ApcUpsAcInputOutage", "DigitaloceanLoadBalancerNoBackends"}
"""Warnings in their authors' words, a page here."""

SCRAPED = re.compile(r"export(er)?|kubernetes-pods|kube-state|cadvisor|statsd|prometheus-|^node$", re.IGNORECASE)
"""Names of what is scraped, and of no service."""


def views(real: Real) -> list[dict[str, str]]:
    return [real.lone, real.clustered, real.bare]


def test_every_real_alert_is_placed_and_none_is_unrouted() -> None:
    alerts = list(real_alerts())
    assert len(alerts) > 900
    verdicts = [(real.name, judge(shipped(), **labels)) for real in alerts for labels in views(real)]
    assert [name for name, verdict in verdicts if verdict.unrouted] == []
    silent = {name for name, verdict in verdicts if verdict.heartbeat or verdict.suppress}
    assert silent == {"PrometheusAlertmanagerE2eDeadManSwitch"}


def test_critical_pages_and_warning_does_not_but_for_those_named_here() -> None:
    for real in real_alerts():
        for labels in views(real):
            verdict = judge(shipped(), **labels)
            expected = "SEV-3" if real.name in WAITS else "SEV-2" if real.name in PAGES else LEVELS[labels["severity"]]
            assert verdict.heartbeat or verdict.severity == expected, real
    assert {real.name for real in real_alerts()} >= WAITS | PAGES


def test_a_service_is_never_what_was_scraped() -> None:
    """But for programs of people's own, whose alerts carry their name as `job`, or as `service`."""
    for real in real_alerts():
        if is_of_a_program(real.name):
            continue
        for labels in views(real):
            service = judge(shipped(), **labels).service
            assert service != "unknown", real
            assert not SCRAPED.search(service), (real.name, labels, service)


def is_of_a_program(name: str) -> bool:
    return bool(re.match(r"Go[A-Z]|Jvm|Python|Ruby|Prometheus(All)?Targets?Missing|PrometheusAlertmanagerE2e", name))


def test_a_key_tells_no_instance_in_a_cluster_but_for_machines() -> None:
    machines = re.compile(
        r"Host|Node|Netdata|Systemd|Windows|Smart|Ipmi|Zfs|ProcessExporter|ApcUps|Snmp|Juniper|Wireguard"
        r"|Blackbox|Ssl|Speedtest"
    )
    for real in real_alerts():
        key = judge(shipped(), **real.clustered).dedup_key
        assert "some-pod" not in key, real
        assert "main" not in key.split("/"), real
        assert ("10.1.2.3" in key) == bool(machines.match(real.name)), real


def test_sixty_well_known_alerts_of_it_are_among_those_that_are_written_down() -> None:
    real = {(each.name, each.own["severity"]) for each in real_alerts()}
    known = {(labels["alertname"], labels["severity"]) for labels, *_ in written_down()}
    assert len(real & known) >= 60


def test_the_table_in_the_readme_is_what_the_rules_say() -> None:
    assert table() in (RULES / "README.md").read_text()

"""The shipped rules route every alerting rule of this project's own, and of a corpus (TOCSIN_CORPUS), sensibly."""

import re

from rules.corpus import FOLDER, Real, every_alert
from rules.shares import table
from rules.shipped import RULES, judge, shipped, written_down

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
HEARTBEAT = "PrometheusAlertmanagerE2eDeadManSwitch"
PAGES = {"ApcUpsAcInputOutage", "DigitaloceanLoadBalancerNoBackends"}
"""Warnings in their authors' words, a page here."""

SCRAPED = re.compile(r"export(er)?|kubernetes-pods|kube-state|cadvisor|statsd|prometheus-|^node$", re.IGNORECASE)
"""Names of what is scraped, and of no service."""


def views(real: Real) -> list[dict[str, str]]:
    return [real.lone, real.clustered, real.bare]


def test_every_real_alert_is_placed_and_none_is_unrouted() -> None:
    alerts = list(every_alert())
    assert len(alerts) > (900 if FOLDER else 25)
    verdicts = [(real.name, judge(shipped(), **labels)) for real in alerts for labels in views(real)]
    assert [name for name, verdict in verdicts if verdict.unrouted] == []
    silent = {name for name, verdict in verdicts if verdict.heartbeat or verdict.suppress}
    assert silent == ({HEARTBEAT} if FOLDER else set())
    assert judge(shipped(), alertname=HEARTBEAT, severity="critical").heartbeat


def test_critical_pages_and_warning_does_not_but_for_those_named_here() -> None:
    for real in every_alert():
        for labels in views(real):
            verdict = judge(shipped(), **labels)
            expected = "SEV-3" if real.name in WAITS else "SEV-2" if real.name in PAGES else LEVELS[labels["severity"]]
            assert verdict.heartbeat or verdict.severity == expected, real
    assert not FOLDER or {real.name for real in every_alert()} >= WAITS | PAGES


def test_those_named_here_wait_or_page_whatever_reports_them() -> None:
    scraped = {"job": "exporter", "instance": "10.0.0.7:9100"}
    for names, severity, expected in ((WAITS, "critical", "SEV-3"), (PAGES, "warning", "SEV-2")):
        for name in names:
            assert judge(shipped(), alertname=name, severity=severity, **scraped).severity == expected, name


def test_a_service_is_never_what_was_scraped() -> None:
    """But for programs of people's own, whose alerts carry their name as `job`, or as `service`."""
    for real in every_alert():
        if is_of_a_program(real.name):
            continue
        for labels in views(real):
            service = judge(shipped(), **labels).service
            # The key of what our own rules about kube-state-metrics report of is the node, volume or workload.
            assert service != "unknown" or real.exporter == "kube-state-metrics", real
            assert not SCRAPED.search(service), (real.name, labels, service)


def is_of_a_program(name: str) -> bool:
    return bool(re.match(r"Go[A-Z]|Jvm|Python|Ruby|Prometheus(All)?Targets?Missing|PrometheusAlertmanagerE2e", name))


def test_a_key_tells_no_instance_in_a_cluster_but_for_machines() -> None:
    machines = re.compile(
        r"Host|Node|Netdata|Systemd|Windows|Smart|Ipmi|Zfs|ProcessExporter|ApcUps|Snmp|Juniper|Wireguard"
        r"|Blackbox|Ssl|Speedtest",
        re.IGNORECASE,
    )
    for real in every_alert():
        key = judge(shipped(), **real.clustered).dedup_key
        assert "some-pod" not in key, real
        assert "main" not in key.split("/"), real
        assert ("10.1.2.3" in key) == bool(machines.match(real.name)), real


def test_well_known_alerts_of_it_are_among_those_that_are_written_down() -> None:
    real = {(each.name, each.own["severity"]) for each in every_alert()}
    known = {(labels["alertname"], labels["severity"]) for labels, *_ in written_down()}
    assert len(real & known) >= (60 if FOLDER else 20)


def test_the_table_in_the_readme_names_rules_that_exist_and_adds_up() -> None:
    text = (RULES / "README.md").read_text()
    rows = re.findall(r"^\| (severity|service) \| (.*) \| (\d+) \| [\d.]+% \|$", text, re.MULTILINE)
    rules = {rule.name for rule in shipped().rules}
    names = {name for _, cell, _ in rows for name in re.findall(r"`([^`]+)`", cell)}
    assert len(rows) > 20
    assert names - rules == set()
    total = sum(int(count) for decides, _, count in rows if decides == "service")
    assert f" {total} alerting rules" in text
    if FOLDER:
        assert table() in text

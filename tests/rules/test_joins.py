"""Alerts about different things never share an incident: on our own rules, and on a corpus (TOCSIN_CORPUS)."""

import pytest

from rules.corpus import Real, every_alert
from rules.joins import MEANT, SERVERS, joins, report, views
from rules.shipped import judge, shipped

JOINS = set(joins())

EXPORTERS = {
    "kube-state-metrics": "10.0.3.7:8080",
    "monitoring/prometheus-kube-state-metrics": "10.0.3.7:8443",
    "pushgateway": "push.example.com:9091",
    "federate": "prometheus-eu:9090",
    "blackbox": "10.0.3.8:9115",
    "blackbox-http": "blackbox-exporter.monitoring:9115",
    "snmp": "10.0.3.9:9116",
    "snmp-core": "snmp-exporter:9116",
}
"""Jobs whose exporter looks at many things, with its address."""


def test_each_two_alerts_that_share_an_incident_are_meant_to() -> None:
    silent = sorted(join for join in JOINS if not join.reason)
    assert silent == [], (
        "give the rule a key_labels, or write down in fixtures/rules/joins.yaml why they belong together"
    )


def test_no_join_is_written_down_that_there_is_not() -> None:
    written = {(rule, differ) for rule, reasons in MEANT["families"].items() for differ in reasons}
    assert sorted(written - {(join.rule, join.differ) for join in JOINS}) == []
    assert set(MEANT["copies"]) <= {join.differ for join in JOINS}


def test_the_report_names_each_join_with_its_reason() -> None:
    rows = report().splitlines()[2:]
    assert len(rows) == len({(join.rule, join.differ) for join in JOINS})
    assert not any("NOBODY" in row for row in rows)


def alerts_of(job: str) -> list[tuple[Real, dict[str, str]]]:
    """Every alert of the corpus, as if this exporter had reported it."""
    scraped = {"job": job, "instance": EXPORTERS[job]}
    return [
        (real, {**labels, **scraped, **more})
        for real in every_alert()
        for labels in views(real)
        for more in (
            {},
            {"cluster": "eu"},
            dict.fromkeys(real.things, "some-thing"),
        )
    ]


@pytest.mark.parametrize("job", EXPORTERS)
def test_an_exporters_address_decides_neither_a_service_nor_a_key(job: str) -> None:
    address = EXPORTERS[job]
    verdicts = [(real.name, judge(shipped(), **labels)) for real, labels in alerts_of(job)]
    decided = [name for name, verdict in verdicts if address in verdict.service or address in verdict.dedup_key]
    assert (len(decided) / len(verdicts), decided) == (0, [])


THINGS = {
    "kube-state-metrics": ("node", "exported_node", "deployment", "persistentvolume", "exported_namespace"),
    "pushgateway": ("node", "device", "mountpoint", "target", "exported_job", "exported_instance"),
    "federate": ("node", "device", "mountpoint", "target", "service", "exported_instance"),
    "blackbox": ("target", "url", "exported_instance"),
    "snmp": ("target", "ifDescr", "exported_instance"),
}
"""The subject that each of them reports of."""


@pytest.mark.parametrize(
    "name", ["NodeNotReady", "HostDiskNearlyFull", "SNMPInterfaceDown", "ProbeFails", "MyOwnAlert"]
)
@pytest.mark.parametrize(("job", "thing"), [(job, thing) for job, things in THINGS.items() for thing in things])
def test_two_things_that_one_exporter_reports_are_two_incidents(job: str, thing: str, name: str) -> None:
    scraped = {"alertname": name, "severity": "critical", "job": job, "instance": EXPORTERS[job]}
    if job == "kube-state-metrics":
        scraped |= {"namespace": "ops"}
    assert len({judge(shipped(), **scraped, **{thing: value}).dedup_key for value in ("one", "another")}) == 2


def test_servers_are_distinguished_where_each_is_a_thing_of_its_own() -> None:
    apart = {"machines", "probed", "database-server", "hosts", "probes"}
    assert not apart & {join.rule for join in JOINS if join.differ == SERVERS}

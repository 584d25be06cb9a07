"""The shipped rules on alerts of public collections give the verdicts that were written down beforehand."""

import re

import pytest

from rules.shipped import CHOOSING, PLAYBOOK, judge, shipped, some, written_down
from tocsin.core.rules.verdict import Verdict

WRITTEN = written_down()


def said(verdict: Verdict) -> tuple[object, ...]:
    """All that a rule can change."""
    placed = (verdict.severity, verdict.unrouted, verdict.service, verdict.dedup_key)
    return (*placed, verdict.suppress, verdict.heartbeat, verdict.flags)


@pytest.mark.parametrize(
    ("labels", "level", "service", "key"), WRITTEN, ids=[f"{each[0]['alertname']}-{each[2]}" for each in WRITTEN]
)
def test_an_alert_is_placed_as_it_was_written_down(
    labels: dict[str, str], level: str, service: str, key: str | None
) -> None:
    verdict = judge(shipped(), **labels)
    assert (verdict.playbook, verdict.severity, verdict.service, verdict.unrouted) == (PLAYBOOK, level, service, False)
    if key is not None:
        assert verdict.dedup_key == key


def test_each_rule_decides_something_about_at_least_one_of_them() -> None:
    silent = [{"alertname": "Watchdog"}, {"alertname": "InfoInhibitor"}, {"alertname": "X", "severity": "none"}]
    flagged = [{"alertname": "X", "severity": "critical", flag: "true"} for flag in ("data_breach", "major_impact")]
    alerts = [labels for labels, *_ in WRITTEN] + silent + flagged
    before = [said(judge(shipped(), **labels)) for labels in alerts]
    idle = []
    for rule in shipped().rules:
        if rule in CHOOSING:
            continue
        without = some(lambda each, gone=rule: each.name != gone.name)
        if [said(judge(without, **labels)) for labels in alerts] == before:
            idle.append(rule.name)
    assert idle == ["everything"]  # it says what the default playbook says anyway, so that people see where to begin


def test_two_servers_in_the_same_trouble_are_two_incidents_only_where_nothing_else_tells_them_apart() -> None:
    def key(**labels: str) -> str:
        return judge(shipped(), severity="critical", **labels).dedup_key

    lone = [key(alertname="MysqlDown", instance=f"db{n}:9104") for n in (1, 2)]
    hosts = [key(alertname="HostOutOfDiskSpace", instance=f"h{n}:9100") for n in (1, 2)]
    clustered = [key(alertname="MysqlDown", instance=f"db{n}:9104", cluster="eu") for n in (1, 2)]
    proxies = [key(alertname="NginxHighHttp5xxErrorRate", instance=f"w{n}:9113") for n in (1, 2)]
    assert lone[0] != lone[1]
    assert hosts[0] != hosts[1]
    assert clustered[0] == clustered[1]
    assert proxies[0] == proxies[1]


def test_a_warning_and_the_critical_of_the_same_trouble_share_an_incident() -> None:
    for labels, *_ in WRITTEN:
        if labels["severity"] not in ("warning", "critical"):
            continue
        keys = {judge(shipped(), **{**labels, "severity": word}).dedup_key for word in ("warning", "critical")}
        assert len(keys) == 1, labels


def test_no_key_has_a_pod_or_a_severity_in_it() -> None:
    for rule in shipped().rules:
        for text in (rule.actions.get("dedup_key"), rule.actions.get("service")):
            assert not re.search(r"\{(pod|severity|container)\b", getattr(text, "text", "")), rule.name


def test_the_rules_look_at_few_labels() -> None:
    """Each label that any rule looks at costs each alert a look-up; the number of rules costs nothing."""
    labels = {matcher.name for rule in shipped().rules for clause in rule.clauses for matcher in clause}
    assert labels == {
        "alertname",
        "severity",
        "job",
        "namespace",
        "instance",
        "service",
        "cluster",
        "node",
        "exported_node",
        "pod",
        "exported_pod",
        "rulename",
        "data_breach",
        "impact",
        "infrastructure",
        "major_impact",
        "security",
        "playbook",
        "scenario",
        "about",
        "automated_recovery",
        "customer_facing",
        "customer_impact",
        "users_affected",
        "core_function",
    }

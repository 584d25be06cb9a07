"""The rules that choose a playbook by the label ``playbook``, and its scenarios."""

import pytest

from rules.shipped import CHOOSING, bundle, judge, shipped, some
from tocsin.core.duration import MINUTE
from tocsin.core.rules.verdict import Verdict

PLAYBOOKS = ("erlmcp", "ultimate-marketing", "service-quick-reference", "mgmt-vibe", "emergency-response")
WORDS = ("critical", "high", "medium", "low")
"""The texts' own words, for the highest level and so on."""
ERLMCP, MARKETING, QUICK, VIBE, EMERGENCY = ({"playbook": name} for name in PLAYBOOKS)

SCENARIOS: list[tuple[dict[str, str], dict[str, object]]] = [
    (ERLMCP | {"scenario": "regional-outage"}, {"automation": "erlmcp_failover_manager"}),
    (ERLMCP | {"scenario": "regional-outage", "severity": "P0"}, {"flags": ("regional_outage",)}),
    (ERLMCP | {"scenario": "data-corruption"}, {"automation": "erlmcp_backup_manager"}),
    (ERLMCP | {"scenario": "failover-completed"}, {"flags": ("failover_completed",)}),
    (ERLMCP | {"scenario": "restoration-completed"}, {"flags": ("restoration_completed",)}),
    (ERLMCP | {"scenario": "performance-degradation"}, {"automation": "erlmcp_recovery_orchestrator"}),
    (ERLMCP | {"scenario": "inconsistency"}, {"automation": "erlmcp_consistency_manager"}),
    (MARKETING | {"severity": "P1"}, {"hold": 2 * MINUTE, "flags": ()}),
    (MARKETING | {"severity": "P1", "automated_recovery": "no"}, {"hold": 0}),
    (MARKETING | {"severity": "P1", "customer_facing": "true"}, {"flags": ("customer_facing",)}),
    (QUICK | {"alertname": "ServiceDown", "severity": "warning"}, {"severity": "P0", "flags": ()}),
    (QUICK | {"scenario": "high-error-rate"}, {"severity": "P1", "unrouted": False}),
    (QUICK | {"alertname": "PostgresqlTooManyConnections", "severity": "warning"}, {"severity": "P1"}),
    (QUICK | {"scenario": "security"}, {"severity": "P0", "flags": ("security",)}),
    (QUICK | {"alertname": "DiskFills", "severity": "warning"}, {"severity": "P3", "flags": ()}),
    (QUICK | {"scenario": "infrastructure", "severity": "medium"}, {"severity": "P2", "flags": ("infrastructure",)}),
    (VIBE | {"severity": "warning", "customer_impact": "true"}, {"flags": ("customer_impact",)}),
    (VIBE | {"alertname": "SupportTicketsRising", "severity": "warning"}, {"flags": ("complaints_rising",)}),
    (
        VIBE | {"scenario": "complaints-rising", "severity": "warning", "service": "shop", "about": "ShopDown"},
        {"flags": ("complaints_rising",), "dedup_key": "default/mgmt-vibe/shop/ShopDown//"},
    ),
    (EMERGENCY | {"scenario": "cosmetic"}, {"severity": "SEV-4", "unrouted": False}),
    (EMERGENCY | {"scenario": "partial-functionality", "severity": "low"}, {"severity": "SEV-3"}),
    (EMERGENCY | {"scenario": "major-feature-broken", "severity": "low"}, {"severity": "SEV-2"}),
    (EMERGENCY | {"scenario": "data-loss", "severity": "low"}, {"severity": "SEV-1", "flags": ()}),
    (EMERGENCY | {"scenario": "data-breach", "severity": "low"}, {"severity": "SEV-1", "flags": ("data_breach",)}),
    (EMERGENCY | {"scenario": "security", "severity": "low"}, {"severity": "SEV-1", "flags": ("security_breach",)}),
    (EMERGENCY | {"scenario": "database-down", "severity": "low"}, {"flags": ("database_down",)}),
    (EMERGENCY | {"scenario": "rate-limit-exceeded", "severity": "low"}, {"flags": ("rate_limit_exceeded",)}),
    (EMERGENCY | {"scenario": "payment-processing-failed", "severity": "low"}, {"flags": ("payment_failed",)}),
    ({"users_affected": "no"}, {"severity": "SEV-4", "unrouted": False}),
    ({"users_affected": "yes", "core_function": "no"}, {"severity": "SEV-3"}),
    ({"users_affected": "yes", "core_function": "yes"}, {"severity": "SEV-2", "unrouted": False}),
    ({"users_affected": "no", "severity": "emergency"}, {"severity": "SEV-1"}),
]


def alert(labels: dict[str, str]) -> dict[str, str]:
    return {"alertname": "Something", **labels}


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_each_playbook_has_a_level_for_each_usual_word_and_for_its_own_names(name: str) -> None:
    levels = [level.name for level in bundle().playbooks[name].levels]
    labels = {"alertname": "Something", "playbook": name}
    for words in (WORDS, levels, [level.lower().replace("-", "") for level in levels]):
        found = [judge(shipped(), severity=word, **labels) for word in words]
        assert [(verdict.playbook, verdict.severity) for verdict in found] == [(name, level) for level in levels]
        assert not any(verdict.unrouted for verdict in found)


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_without_a_severity_it_is_unrouted_at_the_playbooks_own_level(name: str) -> None:
    verdict = judge(shipped(), alertname="Something", playbook=name)
    assert (verdict.playbook, verdict.severity) == (name, bundle().playbooks[name].unrouted)
    assert verdict.unrouted


@pytest.mark.parametrize("labels", [{}, {"playbook": "erlmpc"}, {"team": "emergency-response"}])
def test_what_names_no_playbook_follows_the_default_one_in_the_words_of_other_collections(
    labels: dict[str, str],
) -> None:
    verdict = judge(shipped(), alertname="Something", severity="critical", **labels)
    assert (verdict.playbook, verdict.severity, verdict.unrouted) == ("emergency-response", "SEV-2", False)


@pytest.mark.parametrize(("labels", "told"), SCENARIOS, ids=lambda value: " ".join(map(str, value.values())))
def test_a_scenario_is_placed_as_it_was_written_down(labels: dict[str, str], told: dict[str, object]) -> None:
    verdict = judge(shipped(), **alert(labels))
    assert {name: getattr(verdict, name) for name in told} == told


def said(verdict: Verdict) -> tuple[object, ...]:
    return (
        verdict.playbook, verdict.severity, verdict.unrouted, verdict.title, verdict.automation, verdict.hold,
        verdict.flags, verdict.dedup_key,
    )  # fmt: skip


@pytest.mark.parametrize("rule", CHOOSING, ids=lambda rule: rule.name)
def test_each_rule_decides_something(rule: object) -> None:
    alerts = [labels for labels, _ in SCENARIOS]
    alerts += [{"playbook": name, "severity": word} for name in PLAYBOOKS for word in (*WORDS, "info")]
    alerts.append(EMERGENCY | {"severity": "low", "data_breach": "true"})
    without = some(lambda each: each != rule)
    assert any(said(judge(shipped(), **alert(one))) != said(judge(without, **alert(one))) for one in alerts)

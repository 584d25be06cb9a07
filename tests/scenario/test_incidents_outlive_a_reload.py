"""An alert after a restart or a reload joins the incident that is open for it, and no other."""

from dataclasses import replace

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from scenario import emergency
from scenario.conftest import NewStore
from scenario.emergency import ON_CALL
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.matching.placeholders import Template
from tocsin.core.rules.rule import Rule
from tocsin.core.rules.rules import RuleSet
from tocsin.engine.change.former_keys import FormerKeys
from tocsin.ports.store import IncidentFilter
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

OUTAGE = """
rules:
  - name: everything
    match: {}
    set: {severity: "{severity}", service: "{service}"}
  - name: part-of-the-outage
    match: needs="db"
    when_open: {service: "db-eu"}
    set: {dedup_key: "outage/eu"}
"""
DATABASE = {"alertname": "Down", "service": "db-eu", "severity": "SEV-1"}
API = {"alertname": "Errors", "service": "api", "severity": "SEV-1", "needs": "db"}


def rules(*more: Rule) -> RuleSet:
    playbook = emergency.shipped()
    names = {name: [level.name for level in playbook.levels] for name in (playbook.name, "pay")}
    low = Rule(name="low", matchers=parse_matchers('alertname!=""'), actions={"severity": Template.parse("SEV-4")})
    return RuleSet([low, *more], playbook.name, names, dict.fromkeys(names, playbook.unrouted))


PAYMENTS = Rule(
    name="payments",
    matchers=parse_matchers('alertname="PaymentsDown"'),
    actions={"playbook": Template.parse("pay"), "severity": Template.parse("SEV-1")},
)


async def numbers(tocsin: Harness) -> list[tuple[int, str, int]]:
    """(number, playbook, alerts that fire) of each incident."""
    found = await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter()))
    return sorted((one.number, one.plan.name, one.alerts_firing) for one in found)


async def test_a_corrected_rule_pages_the_playbook_that_it_names(new_store: NewStore) -> None:
    clock = VirtualClock()
    async with emergency.tocsin(judged_by=rules(), store=new_store(clock), clock=clock) as tocsin:
        pay = structs.replace(emergency.shipped(), name="pay")
        playbooks = {**tocsin.live.policy.playbooks, pay.name: pay}
        tocsin.live.policy = replace(tocsin.live.policy, playbooks=playbooks)
        await tocsin.fire(alertname="PaymentsDown", service="pay", instance="a")
        assert tocsin.pages() == []
        tocsin.live.policy = replace(tocsin.live.policy, rules=rules(PAYMENTS), former_keys=FormerKeys())
        await tocsin.fire(alertname="PaymentsDown", service="pay", instance="b")
        assert await numbers(tocsin) == [(1, "emergency-response", 1), (2, "pay", 1)]
        assert tocsin.pages() == [(0, ON_CALL)]


@pytest.mark.parametrize("restarts", [False, True])
async def test_an_alert_joins_only_what_it_would_have_joined_without_a_restart(
    new_store: NewStore, restarts: bool
) -> None:
    clock = VirtualClock()
    store = new_store(clock)
    judge = emergency.rules_of(OUTAGE)
    async with emergency.tocsin(store=store, clock=clock, judged_by=judge) as tocsin:
        await tocsin.fire(**DATABASE)
        await tocsin.fire(**API, instance="a")
        await tocsin.acknowledge(incident="2")
        await tocsin.resolve(**DATABASE)
        await tocsin.advance(minutes=5)
        if restarts:
            tocsin.live.policy = replace(tocsin.live.policy, former_keys=FormerKeys())
        pages = len(tocsin.pages())
        await tocsin.fire(**API, instance="b")
        assert [alerts for _, _, alerts in await numbers(tocsin)] == [0, 1, 1]
        assert [who for _, who in tocsin.pages()[pages:]] == [ON_CALL]


@pytest.mark.parametrize("limited", [FormerKeys(incidents=1), FormerKeys(alerts=1)])
async def test_what_is_not_looked_at_is_told_once(limited: FormerKeys) -> None:
    async with emergency.tocsin() as tocsin:
        await tocsin.fire(alertname="First", severity="SEV-1")
        await tocsin.fire(alertname="Second", severity="SEV-1")
        tocsin.live.policy = replace(tocsin.live.policy, former_keys=limited)
        with capture_logs() as told:
            await tocsin.fire(alertname="Third", severity="SEV-1")
            await tocsin.fire(alertname="Fourth", severity="SEV-1")
        assert [line["event"] for line in told].count("former_keys_truncated") == 1

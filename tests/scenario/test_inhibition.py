"""An inhibited incident waits for as long as the inhibiting one is open."""

from collections.abc import AsyncIterator

import pytest

from scenario import emergency
from scenario.conftest import NewStore
from scenario.emergency import MANAGER, ON_CALL, kinds, shipped
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.incident.incident import State, WaitReason
from tocsin.core.matching.condition import AskOpen
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.matching.placeholders import Template
from tocsin.core.rules.rule import Rule
from tocsin.engine.explain.incident import explain_incident
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness, rules_by_label

DATACENTER = {"alertname": "DatacenterDown", "service": "dc", "severity": "SEV-1"}
CHECKOUT = {"alertname": "Slow", "service": "checkout", "severity": "SEV-2"}


@pytest.fixture
async def tocsin(new_store: NewStore) -> AsyncIterator[Harness]:
    """Whatever is slow is explained by the datacenter, and the other way round."""
    clock = VirtualClock()
    slow = Rule(
        name="dc-explains-slow",
        matchers=parse_matchers('alertname="Slow"'),
        when_open=AskOpen(service=Template.parse("dc")),
        actions={"suppress": True},
    )
    mutual = Rule(
        name="each-explains-the-other",
        matchers=parse_matchers('alertname="Mutual"'),
        when_open=AskOpen(service=Template.parse("{other}")),
        actions={"suppress": True},
    )
    grouped = Rule(
        name="grouped", matchers=parse_matchers('dedup!=""'), actions={"dedup_key": Template.parse("{dedup}")}
    )
    rules = rules_by_label(shipped(), slow, mutual, grouped)
    people = emergency.one_person_a_target(shipped())
    async with Harness(shipped(), people, rules=rules, store=new_store(clock), clock=clock) as harness:
        yield harness
        assert await emergency.wrong(harness) == []


async def test_an_inhibited_incident_pages_no_one_while_the_inhibiting_one_is_open(tocsin: Harness) -> None:
    await tocsin.fire(**DATACENTER)
    await tocsin.fire(**CHECKOUT)
    incident = await tocsin.incident("2")
    assert [(wait.reason, wait.by) for wait in incident.waits] == [(WaitReason.INHIBITED, "dc-explains-slow")]
    await tocsin.advance(minutes=10)
    assert tocsin.pages() == [(0, ON_CALL)]
    assert (await kinds(tocsin, "2")).count("waits") == 1, "asking again is not worth a word"


async def test_it_can_be_explained_why(tocsin: Harness) -> None:
    await tocsin.fire(**DATACENTER)
    await tocsin.fire(**CHECKOUT)
    incident = await tocsin.incident("2")
    told = await tocsin.store.read(lambda tx: explain_incident(tx, tocsin.live.policy, incident))
    assert told.because == "no one is paged: it waits: inhibited by rule dc-explains-slow; looked at again in 30 s"


async def test_half_a_minute_after_that_one_is_resolved_its_ladder_starts(tocsin: Harness) -> None:
    await tocsin.fire(**DATACENTER)
    await tocsin.fire(**CHECKOUT)
    await tocsin.close(incident="1")
    assert tocsin.pages() == [(0, ON_CALL)]
    await tocsin.advance(seconds=30)
    assert tocsin.pages() == [(0, ON_CALL), (0.5, ON_CALL)]
    await tocsin.advance(minutes=30)
    assert tocsin.pages()[2:] == [(30.5, MANAGER)]


async def test_in_one_webhook_the_order_decides_nothing(tocsin: Harness) -> None:
    await tocsin.take(tocsin.alert(AlertStatus.FIRING, CHECKOUT), tocsin.alert(AlertStatus.FIRING, DATACENTER))
    assert tocsin.pages() == [(0, ON_CALL)]


async def test_what_has_paged_before_waits_from_its_next_step_on(tocsin: Harness) -> None:
    await tocsin.fire(**CHECKOUT)
    await tocsin.advance(minutes=10)
    await tocsin.fire(**DATACENTER)
    await tocsin.advance(minutes=29)
    incident = await tocsin.incident("1")
    assert {wait.reason for wait in incident.waits} == {WaitReason.INHIBITED}
    assert (30, MANAGER) not in tocsin.pages()
    await tocsin.close(incident="2")
    await tocsin.advance(minutes=1)
    assert tocsin.pages()[-1] == (39.5, MANAGER)


async def test_an_alert_that_nothing_explains_ends_the_wait(tocsin: Harness) -> None:
    grouped = {**CHECKOUT, "dedup": "shop"}
    await tocsin.fire(**DATACENTER)
    await tocsin.fire(**grouped)
    assert len(tocsin.pages()) == 1
    await tocsin.fire(alertname="Wrong", service="checkout", severity="SEV-2", dedup="shop")
    assert (await tocsin.incident("2")).alerts_total == 2
    assert len(tocsin.pages()) == 2


async def test_a_rise_is_explained_all_the_same(tocsin: Harness) -> None:
    await tocsin.fire(**DATACENTER)
    await tocsin.fire(**CHECKOUT)
    await tocsin.set_severity("SEV-1", incident="2")
    assert len(tocsin.pages()) == 1


async def test_resolved_while_it_was_inhibited_it_never_pages(tocsin: Harness) -> None:
    await tocsin.fire(**DATACENTER)
    await tocsin.fire(**CHECKOUT)
    await tocsin.resolve(**CHECKOUT)
    await tocsin.advance(minutes=5)
    await tocsin.close(incident="1")
    await tocsin.advance(minutes=5)
    assert (await tocsin.incident("2")).state is State.RESOLVED
    assert len(tocsin.pages()) == 1


async def test_of_two_that_explain_each_other_the_first_pages(tocsin: Harness) -> None:
    one = {"alertname": "Mutual", "service": "a", "other": "b", "severity": "SEV-2"}
    other = {"alertname": "Mutual", "service": "b", "other": "a", "severity": "SEV-2"}
    await tocsin.fire(**one)
    await tocsin.fire(**other)
    assert tocsin.pages() == [(0, ON_CALL)]
    await tocsin.advance(minutes=31)
    assert tocsin.pages()[1:] == [(30, MANAGER)], "it goes on: the other one only waits for it"

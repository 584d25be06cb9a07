"""Merge: the child closes with a link, the parent has both sets of alerts and the higher severity (DESIGN.md 5)."""

import pytest

from scenario import emergency
from scenario.emergency import ON_CALL
from tocsin.core.errors import IllegalTransition, InvalidValue, UnknownChoice
from tocsin.core.incident.event import Actor
from tocsin.core.incident.incident import State
from tocsin.core.incident.outbox import Job
from tocsin.engine.responses.declare import Declaration
from tocsin.testing.harness import Harness

ALICE = Actor("alice", "api")
SLOW = {"alertname": "Slow", "severity": "SEV-2", "service": "checkout"}
DOWN = {"alertname": "Down", "severity": "SEV-1", "service": "database"}


async def both(tocsin: Harness) -> None:
    """#1 is Slow at SEV-2, #2 is Down at SEV-1."""
    await tocsin.fire(**SLOW)
    await tocsin.fire(**DOWN)


async def merge(tocsin: Harness, child: str, parent: str) -> None:
    await tocsin.respond.merge(child, parent, ALICE)
    await tocsin.settle()


async def kinds(tocsin: Harness, ref: str) -> list[str]:
    return [entry.kind for entry in await tocsin.timeline(ref)]


async def test_the_child_closes_and_the_parent_has_all_alerts_and_the_higher_severity(tocsin: Harness) -> None:
    await both(tocsin)
    await merge(tocsin, "2", "1")
    child, parent = await tocsin.incident("2"), await tocsin.incident("1")
    assert (child.state, child.firing) == (State.RESOLVED, {})
    assert child.merged is not None
    assert child.merged.number == 1
    assert (parent.severity, dict(parent.firing)) == ("SEV-1", {"SEV-2": 1, "SEV-1": 1})
    assert "merged" in await kinds(tocsin, "2")
    assert "merged_with" in await kinds(tocsin, "1")


async def test_the_parent_ends_only_when_both_sets_of_alerts_have(tocsin: Harness) -> None:
    await both(tocsin)
    await merge(tocsin, "2", "1")
    await tocsin.resolve(**SLOW)
    await tocsin.advance(minutes=10)
    assert (await tocsin.incident("1")).is_open
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=10)
    assert (await tocsin.incident("1")).state is State.RESOLVED
    assert (await tocsin.incident("2")).occurrence == 1


async def test_new_alerts_of_the_child_join_the_parent_while_it_is_open(tocsin: Harness) -> None:
    await both(tocsin)
    await merge(tocsin, "1", "2")
    await tocsin.resolve(**SLOW)
    await tocsin.advance(seconds=10)
    await tocsin.fire(**SLOW)
    assert (await tocsin.incident("2")).alerts_firing == 2
    assert not (await tocsin.incident("1")).is_open


async def test_after_the_parent_the_child_is_an_incident_of_its_own_again(tocsin: Harness) -> None:
    await both(tocsin)
    await merge(tocsin, "1", "2")
    await tocsin.resolve(**SLOW)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=5)
    await tocsin.fire(**SLOW)
    child = await tocsin.incident("1")
    assert (child.state, child.occurrence, child.merged) == (State.TRIGGERED, 2, None)


async def test_merging_into_an_acknowledged_incident_pages_again_only_on_a_rise(tocsin: Harness) -> None:
    await both(tocsin)
    await tocsin.acknowledge(incident="2")
    paged = len(tocsin.pages())
    await merge(tocsin, "1", "2")
    await tocsin.advance(minutes=1)
    assert len(tocsin.pages()) == paged
    assert (await tocsin.incident("2")).state is State.ACKNOWLEDGED


async def test_people_paged_for_the_child_are_notified_of_its_end(tocsin: Harness) -> None:
    await both(tocsin)
    await merge(tocsin, "2", "1")
    assert [one.target for one in tocsin.sent(Job.RESOLVE) if one.number == 2] == [ON_CALL]


async def test_it_counts_in_no_measure(tocsin: Harness) -> None:
    await both(tocsin)
    await merge(tocsin, "2", "1")
    assert tocsin.observer.observed("incident_time_to_resolve_seconds") == []


async def test_split_again_it_is_its_next_occurrence_with_its_own_alerts(tocsin: Harness) -> None:
    await both(tocsin)
    await merge(tocsin, "2", "1")
    await tocsin.respond.split("2", ALICE)
    await tocsin.settle()
    child, parent = await tocsin.incident("2"), await tocsin.incident("1")
    assert (child.state, child.severity, child.occurrence, child.merged) == (State.TRIGGERED, "SEV-1", 2, None)
    assert dict(parent.firing) == {"SEV-2": 1}
    assert "split_off" in await kinds(tocsin, "1")


async def test_split_when_nothing_of_it_fires_is_refused(tocsin: Harness) -> None:
    await both(tocsin)
    await merge(tocsin, "2", "1")
    await tocsin.resolve(**DOWN)
    with pytest.raises(IllegalTransition, match="none of the alerts"):
        await tocsin.respond.split("2", ALICE)
    with pytest.raises(IllegalTransition, match="is not merged into another one"):
        await tocsin.respond.split("1", ALICE)


async def test_what_a_person_declared_is_only_ended_by_a_person_whatever_was_merged_into_it(tocsin: Harness) -> None:
    await tocsin.declarer.declare(Declaration(title="Nobody can pay", severity="SEV-2"), ALICE)
    await tocsin.fire(**SLOW)
    await merge(tocsin, "2", "1")
    await tocsin.resolve(**SLOW)
    await tocsin.advance(hours=1)
    assert (await tocsin.incident("1")).is_open


async def test_two_that_only_have_to_do_with_each_other_say_so(tocsin: Harness) -> None:
    await both(tocsin)
    await tocsin.respond.link("1", "2", ALICE)
    assert "linked" in await kinds(tocsin, "1")
    assert "linked" in await kinds(tocsin, "2")
    assert (await tocsin.incident("1")).is_open


async def test_merged_two_at_once_into_each_other_one_is_refused(tocsin: Harness) -> None:
    await both(tocsin)
    await merge(tocsin, "1", "2")
    with pytest.raises(IllegalTransition, match="incident 1 is resolved"):
        await tocsin.respond.merge("2", "1", ALICE)
    with pytest.raises(InvalidValue, match="cannot be merged into itself"):
        await tocsin.respond.merge("2", "2", ALICE)
    with pytest.raises(UnknownChoice):
        await tocsin.respond.merge("2", "77", ALICE)


async def test_a_chain_of_merged_ones_ends_in_the_last(tocsin: Harness) -> None:
    await both(tocsin)
    await tocsin.fire(alertname="Queue", severity="SEV-3", service="queue")
    await merge(tocsin, "1", "2")
    await merge(tocsin, "2", "3")
    await tocsin.resolve(**SLOW)
    await tocsin.fire(**SLOW, pod="another")
    await tocsin.settle()
    assert (await tocsin.incident("3")).alerts_firing == 3
    assert await emergency.wrong(tocsin) == []

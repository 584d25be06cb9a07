"""A shift ends while an acknowledged incident's ladder waits: the next person is informed, unless a storm is."""

import msgspec

from scenario import crew, emergency
from scenario.conftest import NewStore
from scenario.crew import micros
from scenario.maintenance import use, window
from scenario.test_the_end_of_a_shift import HANDED_OVER, PEOPLE, informed
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.duration import HOUR, MINUTE
from tocsin.core.incident.incident import Incident, State
from tocsin.core.matching.condition import AskOpen
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.matching.placeholders import Template
from tocsin.core.playbook.playbook import Playbook, Until
from tocsin.core.rules.rule import Rule
from tocsin.ports.store import IncidentFilter
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness, rules_by_label

PLAN = crew.playbook(one=("desk",), two_until=Until.RESOLVED)
"""An acknowledged incident still has a step that waits."""


def running(new_store: NewStore, *rules: Rule, plan: Playbook = PLAN) -> Harness:
    clock = VirtualClock()
    clock.set(micros(HANDED_OVER) - HOUR)
    clock.start = clock.now()
    judged_by = rules_by_label(plan, *rules)
    return Harness(plan, PEOPLE, channels=crew.channels(), rules=judged_by, store=new_store(clock), clock=clock)


async def waiting(tocsin: Harness, ref: str) -> list[str]:
    return [wait.reason for wait in (await tocsin.incident(ref)).waits]


async def test_an_incident_in_a_maintenance_window_is_handed_over(new_store: NewStore) -> None:
    async with running(new_store) as tocsin:
        use(tocsin, window(tocsin, 10, 600, match='alertname="Down"'))
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.acknowledge("ben")
        await tocsin.advance(minutes=16)
        assert await waiting(tocsin, "1") == ["window"]
        await tocsin.advance(minutes=50)
        assert [(at, who) for at, who, _ in informed(tocsin)] == [(60, "ann")]
        assert await emergency.wrong(tocsin) == []


async def test_an_incident_that_another_one_explains_is_handed_over(new_store: NewStore) -> None:
    explained = Rule(
        name="dc-explains-slow",
        matchers=parse_matchers('alertname="Slow"'),
        when_open=AskOpen(service=Template.parse("dc")),
        actions={"suppress": True},
    )
    async with running(new_store, explained) as tocsin:
        await tocsin.fire(alertname="DatacenterDown", service="dc", severity="P1")
        await tocsin.fire(alertname="Slow", service="checkout", severity="P1")
        await tocsin.acknowledge("ann", "1")
        await tocsin.acknowledge("ben", "2")
        await tocsin.advance(minutes=50)
        assert await waiting(tocsin, "2") == ["inhibited"]
        await tocsin.advance(minutes=20)
        assert [(at, who) for at, who, _ in informed(tocsin) if who == "ann"] == [(60, "ann")]
        assert await emergency.wrong(tocsin) == []


async def members(tocsin: Harness) -> list[Incident]:
    found = await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter(limit=100)))
    return [incident for incident in found if incident.storm is None]


async def test_a_storm_is_handed_over_and_its_members_that_wait_are_not(new_store: NewStore) -> None:
    async with running(new_store, plan=later_resolved(PLAN, 3 * HOUR)) as tocsin:
        await tocsin.advance(minutes=50)
        alerts = [{"alertname": "Down", "namespace": f"n{number}", "severity": "P2"} for number in range(11)]
        await tocsin.take(*(tocsin.alert(AlertStatus.FIRING, labels) for labels in alerts))
        [storm] = [one for one in await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter())) if one.storm]
        await tocsin.advance(minutes=1)
        await tocsin.acknowledge("ben", str(storm.number))
        held = [one for one in await members(tocsin) if one.waits]
        assert len(held) == 11
        assert {member.state for member in held} == {State.ACKNOWLEDGED}
        await tocsin.advance(minutes=20)
        assert [who for _, who, _ in informed(tocsin)] == ["ann"]
        assert await emergency.wrong(tocsin) == []


async def test_a_member_whose_storm_has_ended_is_handed_over_then(new_store: NewStore) -> None:
    async with running(new_store, plan=later_resolved(PLAN, 3 * HOUR)) as tocsin:
        await tocsin.advance(minutes=50)
        alerts = [{"alertname": "Down", "namespace": f"n{number}", "severity": "P2"} for number in range(11)]
        await tocsin.take(*(tocsin.alert(AlertStatus.FIRING, labels) for labels in alerts))
        await tocsin.advance(minutes=1)
        await tocsin.acknowledge("ben", "12")
        await tocsin.advance(minutes=20)
        before = len(informed(tocsin))
        await tocsin.take(*(tocsin.alert(AlertStatus.RESOLVED, labels) for labels in alerts[1:]))
        await tocsin.advance(minutes=20)
        [member] = [one for one in await members(tocsin) if one.is_open]
        assert (member.waits, member.state) == ((), State.ACKNOWLEDGED)
        assert [who for _, who, _ in informed(tocsin)[before:]] == ["ann"]
        assert await emergency.wrong(tocsin) == []


def later_resolved(plan: Playbook, after: int) -> Playbook:
    """Return the plan with its second step after another time."""
    levels = tuple(
        msgspec.structs.replace(
            level, cells=(level.cells[0], msgspec.structs.replace(level.cells[1], after=after, until=Until.RESOLVED))
        )
        for level in plan.levels
    )
    return msgspec.structs.replace(plan, levels=levels, resolve_after=5 * MINUTE)

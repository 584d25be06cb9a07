"""Snoozed until an absolute time; a rise ends the snooze; it resumes at the same tier with the people on call then."""

from core import ladders
from core.test_escalation_table import ALICE, NOW
from scenario import emergency
from scenario.riches import fire, tocsin
from tocsin.core.duration import MINUTE
from tocsin.core.incident.effect import Notify
from tocsin.core.incident.escalation import step
from tocsin.core.incident.event import Due, Opened, Snooze
from tocsin.core.incident.incident import State, Wait, WaitReason


async def test_a_snoozed_incident_pages_the_same_tier_at_the_end_and_then_continues_its_plan() -> None:
    async with tocsin() as harness:
        await fire(harness, "middle")
        await harness.advance(minutes=10)
        answer = await harness.snooze(minutes=60)
        assert (answer.incident.state, answer.incident.acknowledged_by) == (State.SNOOZED, "alice")
        await harness.advance(minutes=59)
        assert harness.pages() == [(0, "one")]
        await harness.advance(minutes=51)
        # Tier 2 as far behind tier 1 as planned; what goes on until resolved stood still for an hour (due at 50).
        assert harness.pages() == [(0, "one"), (70, "one"), (90, "two"), (110, "three")]
        assert await emergency.wrong(harness) == []


async def test_the_tier_reached_last_is_paged_again() -> None:
    async with tocsin() as harness:
        await fire(harness, "middle")
        await harness.advance(minutes=25)
        await harness.snooze(minutes=60)
        await harness.advance(minutes=65)
        assert harness.pages() == [(0, "one"), (20, "two"), (85, "two")]


async def test_a_rise_breaks_it() -> None:
    async with tocsin() as harness:
        await fire(harness, "middle")
        await harness.snooze(minutes=60)
        await harness.advance(minutes=20)
        await fire(harness, "high", "b")
        assert (await harness.incident()).state is State.TRIGGERED
        assert harness.pages() == [(0, "one"), (20, "alice"), (20, "one")]


async def test_falling_and_rising_below_what_was_acknowledged_does_not_break_it() -> None:
    async with tocsin() as harness:
        await fire(harness, "middle")
        await harness.snooze(minutes=60)
        await fire(harness, "low", "b")
        await harness.resolve(alertname="Down", severity="middle", service="web", instance="a")
        await fire(harness, "middle", "c")
        assert (await harness.incident()).state is State.SNOOZED
        assert harness.pages() == [(0, "one")]


async def test_a_snooze_can_be_ended_early_and_steps_until_resolved_keep_their_remaining_time() -> None:
    async with tocsin() as harness:
        await fire(harness, "middle")
        await harness.advance(minutes=10)
        await harness.snooze(minutes=60)
        await harness.advance(minutes=20)
        await harness.unsnooze("bob")
        assert (await harness.incident()).state is State.ACKNOWLEDGED
        await harness.advance(minutes=60)
        assert harness.pages() == [(0, "one"), (70, "three")]


async def test_it_resolves_while_it_is_snoozed() -> None:
    async with tocsin() as harness:
        await fire(harness, "middle")
        await harness.snooze(minutes=60)
        await harness.resolve(alertname="Down", severity="middle", service="web", instance="a")
        await harness.advance(minutes=120)
        assert (await harness.incident()).state is State.RESOLVED
        assert harness.pages() == [(0, "one")]


async def test_a_wait_and_a_snooze_that_end_together_notify_once() -> None:
    incident = ladders.fresh(NOW)
    move = Wait(WaitReason.WINDOW, "move", NOW + 62 * MINUTE)
    for at, event, waits in (
        (0, Opened(fired=("high",)), ()),
        (60, Due(), ()),
        (60, Snooze(by=ALICE, until=NOW + 61 * MINUTE), ()),
        (61, Due(), (move,)),
        (61, Snooze(by=ALICE, until=NOW + 62 * MINUTE), ()),
        (62, Due(), ()),
    ):
        incident, effects = step(incident, event, NOW + at * MINUTE, lambda *_, waits=waits: waits)
    told = [(effect.step, effect.targets) for effect in effects if isinstance(effect, Notify)]
    assert len(told) == len(set(told)) == 1

"""The displayed next step is what the ladder then does, at that time and to those targets."""

from collections.abc import Iterable

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from scenario.any_playbook import FLAGS, PLAYBOOK, SEVERITIES
from tocsin.core.alerts.subject import Subject
from tocsin.core.duration import HOUR, MINUTE
from tocsin.core.incident.effect import Effect, Notify
from tocsin.core.incident.escalation import next_due, step, unopened
from tocsin.core.incident.event import Acknowledge, Actor, AlertsChanged, Due, Event, Opened, Resolve, Snooze
from tocsin.core.incident.incident import Incident, State
from tocsin.core.incident.next_step import NextStep, next_step, steps_to_come
from tocsin.core.incident.sla import is_beside_the_ladder
from tocsin.core.playbook.playbook import Cell, Level, Playbook, Tier, Until

NOON = 1_795_176_000_000_000
"""2026-11-20 12:00 UTC, a Friday, in microseconds."""
ANN = Actor("ann", "cli")

PLAN = Playbook(
    name="er",
    title="Emergency response",
    levels=(
        Level(
            "SEV-1",
            0,
            15 * MINUTE,
            None,
            (
                Cell(tier=1, nth=1, after=0, targets=("engineer",)),
                Cell(tier=2, nth=1, after=20 * MINUTE, when=("breach",), targets=("legal",)),
                Cell(tier=3, nth=1, after=30 * MINUTE, until=Until.RESOLVED, targets=("manager",)),
            ),
        ),
    ),
    tiers=(Tier(1, "on call", ("engineer",)), Tier(2, "legal", ("legal",)), Tier(3, "manager", ("manager",))),
    unrouted="SEV-1",
    flags=("breach",),
)


def opened(plan: Playbook, severity: str, flags: tuple[str, ...] = ()) -> Incident:
    fresh = unopened(
        incident_id="i", number=1, dedup_key="k", plan=plan, subject=Subject(title="Down", service="shop"), now=NOON
    )
    return step(fresh, Opened(fired=(severity,), flags=flags), NOON)[0]


def shown(incident: Incident) -> tuple[int, int, tuple[str, ...], str, str] | None:
    coming = next_step(incident)
    if coming is None:
        return None
    return coming.tier, (coming.at - NOON) // MINUTE, coming.targets, coming.kind, coming.until


def test_a_target_that_is_due_earlier_is_not_the_next_step() -> None:
    incident = opened(PLAN, "SEV-1")
    assert next_due(incident) == NOON + 15 * MINUTE, "the response target"
    assert shown(incident) == (3, 30, ("manager",), "page", "resolved")


def test_a_step_that_wants_a_flag_is_next_only_while_that_is_set() -> None:
    assert shown(opened(PLAN, "SEV-1", flags=("breach",))) == (2, 20, ("legal",), "page", "acknowledged")


def test_after_the_last_tier_it_is_the_fallback() -> None:
    incident, at = opened(PLAN, "SEV-1"), NOON
    while (due_at := next_due(incident)) is not None and due_at <= NOON + 30 * MINUTE:
        at = due_at
        incident, _ = step(incident, Due(), at)
    assert shown(incident) == (3, 45, ("manager", "engineer"), "page", "acknowledged")


def test_nothing_is_next_while_it_is_snoozed_recovering_or_resolved() -> None:
    incident = opened(PLAN, "SEV-1")
    for event in (Snooze(by=ANN, until=NOON + HOUR), AlertsChanged(ended=("SEV-1",)), Resolve(by=ANN)):
        assert shown(step(incident, event, NOON + MINUTE)[0]) is None, event


def test_an_acknowledgment_leaves_the_step_that_only_a_resolution_prevents() -> None:
    incident = opened(PLAN, "SEV-1", flags=("breach",))
    acknowledged, _ = step(incident, Acknowledge(by=ANN), NOON + MINUTE)
    assert shown(acknowledged) == (3, 30, ("manager",), "page", "resolved")


def test_a_round_that_begins_in_silence_ends_with_the_next_acknowledgment() -> None:
    (level,) = PLAN.levels
    plan = msgspec.structs.replace(PLAN, levels=(msgspec.structs.replace(level, ack_timeout=HOUR),))
    incident, _ = step(opened(plan, "SEV-1"), Acknowledge(by=ANN), NOON + MINUTE)
    while incident.state is not State.TRIGGERED:
        due_at = next_due(incident)
        assert due_at is not None
        incident, _ = step(incident, Due(), due_at)
    assert {each.until for each in steps_to_come(incident)} == {"acknowledged"}


EVENTS: st.SearchStrategy[Event | None] = st.sampled_from([None, None, Acknowledge(by=ANN)])


@settings(deadline=None, max_examples=100)
@given(
    plan=PLAYBOOK,
    severity=st.sampled_from(SEVERITIES),
    flags=st.lists(st.sampled_from(FLAGS), unique=True).map(tuple),
    event=EVENTS,
)
def test_for_any_playbook_the_next_notification_is_the_one_shown(
    plan: Playbook, severity: str, flags: tuple[str, ...], event: Event | None
) -> None:
    incident = opened(plan, severity, tuple(flag for flag in flags if flag in plan.flags))
    if event is not None:
        incident, _ = step(incident, event, NOON + MINUTE)
    for _ in range(40):
        coming, due_at = next_step(incident), next_due(incident)
        if due_at is None:
            assert coming is None
            return
        incident, effects = step(incident, Due(), due_at)
        steps = [
            effect
            for effect in effects
            if isinstance(effect, Notify) and effect.round is None and not is_beside_the_ladder(effect.step)
        ]
        if steps:
            assert coming is not None
            assert coming.at == due_at
            assert (coming.tier, coming.kind, coming.targets) in {
                (effect.tier, effect.kind.value, effect.targets) for effect in steps
            }


def fired_until(incident: Incident, at: int) -> list[Notify]:
    """Return what the ladder notifies until a moment, if nothing but time goes by."""
    fired: list[Notify] = []
    while (due_at := next_due(incident)) is not None and due_at <= at:
        incident, effects = step(incident, Due(), due_at)
        fired += of_the_ladder(effects)
    return fired


def of_the_ladder(effects: Iterable[Effect]) -> list[Notify]:
    return [each for each in effects if isinstance(each, Notify) and not is_beside_the_ladder(each.step)]


def says(coming: NextStep) -> tuple[int, str, tuple[str, ...]]:
    return coming.tier, coming.kind, coming.targets


@settings(deadline=None, max_examples=200)
@given(plan=PLAYBOOK, severity=st.sampled_from(SEVERITIES), rounds=st.integers(0, 5))
def test_for_any_playbook_an_acknowledgment_prevents_the_next_step_only_if_announced(
    plan: Playbook, severity: str, rounds: int
) -> None:
    incident = opened(plan, severity)
    for _ in range(rounds):
        due_at = next_due(incident)
        if due_at is None:
            return
        incident, _ = step(incident, Due(), due_at)
    coming = next_step(incident)
    if coming is None or incident.state is not State.TRIGGERED:
        return
    acknowledged, effects = step(incident, Acknowledge(by=ANN), coming.at - 1)
    fired = [*of_the_ladder(effects), *fired_until(acknowledged, coming.at)]
    if coming.until == "resolved":
        assert says(coming) in {(each.tier, each.kind.value, each.targets) for each in fired}
    else:
        alike = [each for each in steps_to_come(incident) if says(each) == says(coming) and each.until == "resolved"]
        plain = {(each.tier, each.kind.value, each.targets) for each in fired if not {"@", ":"} & set(each.step)}
        assert alike or says(coming) not in plain

"""What is shown as the next step of an incident is what its ladder then does, at that moment and to those targets."""

from hypothesis import given, settings
from hypothesis import strategies as st

from scenario.any_playbook import FLAGS, PLAYBOOK, SEVERITIES
from tocsin.core.clock import is_beside_the_ladder
from tocsin.core.effect import Notify
from tocsin.core.escalation import next_due, step, unopened
from tocsin.core.event import Acknowledge, Actor, AlertsChanged, Due, Event, Opened, Resolve, Snooze
from tocsin.core.incident import Incident
from tocsin.core.next_step import next_step
from tocsin.core.playbook import HOUR, MINUTE, Cell, Level, Playbook, Tier

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
                Cell(tier=3, nth=1, after=30 * MINUTE, targets=("manager",)),
            ),
        ),
    ),
    tiers=(Tier(1, "on call", ("engineer",)), Tier(2, "legal", ("legal",)), Tier(3, "manager", ("manager",))),
    unrouted="SEV-1",
    flags=("breach",),
)


def opened(plan: Playbook, severity: str, flags: tuple[str, ...] = ()) -> Incident:
    fresh = unopened(incident_id="i", number=1, dedup_key="k", plan=plan, title="Down", service="shop", now=NOON)
    return step(fresh, Opened(fired=(severity,), flags=flags), NOON)[0]


def shown(incident: Incident) -> tuple[int, int, tuple[str, ...], str] | None:
    coming = next_step(incident)
    return None if coming is None else (coming.tier, (coming.at - NOON) // MINUTE, coming.targets, coming.kind)


def test_a_target_that_is_due_earlier_is_not_the_next_step() -> None:
    incident = opened(PLAN, "SEV-1")
    assert next_due(incident) == NOON + 15 * MINUTE, "the response target"
    assert shown(incident) == (3, 30, ("manager",), "page")


def test_a_step_that_wants_a_flag_is_next_only_while_that_is_set() -> None:
    assert shown(opened(PLAN, "SEV-1", flags=("breach",))) == (2, 20, ("legal",), "page")


def test_after_the_last_tier_it_is_the_fallback() -> None:
    incident, at = opened(PLAN, "SEV-1"), NOON
    while (due_at := next_due(incident)) is not None and due_at <= NOON + 30 * MINUTE:
        at = due_at
        incident, _ = step(incident, Due(), at)
    assert shown(incident) == (3, 45, ("manager", "engineer"), "page")


def test_nothing_is_next_while_it_is_snoozed_recovering_resolved_or_acknowledged() -> None:
    incident = opened(PLAN, "SEV-1")
    for event in (
        Snooze(by=ANN, until=NOON + HOUR),
        AlertsChanged(ended=("SEV-1",)),
        Resolve(by=ANN),
        Acknowledge(by=ANN),
    ):
        assert shown(step(incident, event, NOON + MINUTE)[0]) is None, event


EVENTS: st.SearchStrategy[Event | None] = st.sampled_from([None, None, Acknowledge(by=ANN)])


@settings(deadline=None, max_examples=100)
@given(
    plan=PLAYBOOK,
    severity=st.sampled_from(SEVERITIES),
    flags=st.lists(st.sampled_from(FLAGS), unique=True).map(tuple),
    event=EVENTS,
)
def test_whatever_the_playbook_the_next_notification_of_a_tier_is_the_one_that_was_shown(
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

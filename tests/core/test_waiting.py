"""A waiting ladder notifies no one, and afterwards reports the reason for the wait."""

from core.test_escalation_table import ALICE, NOW, WINDOW, fresh, in_state
from tocsin.core.duration import MINUTE
from tocsin.core.incident.effect import Effect, Measured, Notify, Record
from tocsin.core.incident.escalation import next_due, step
from tocsin.core.incident.event import (
    Acknowledge,
    AlertsChanged,
    Due,
    Escalate,
    Event,
    Opened,
    Resolve,
    SetFlags,
    SetSeverity,
    WaitBegan,
    WaitEnded,
)
from tocsin.core.incident.incident import Incident, State, Wait, WaitReason

STORM = Wait(WaitReason.STORM, "7")
AFTER = NOW + 60 * MINUTE
OVER = WaitEnded(reason=WINDOW.reason, by=WINDOW.by)


def waiting(*waits: Wait, severity: str = "middle") -> Incident:
    incident, effects = step(fresh(), Opened(fired=(severity,)), NOW, lambda *_: waits or (WINDOW,))
    assert told(effects) == []
    return incident


def played(incident: Incident, *script: tuple[int, Event]) -> tuple[Incident, list[tuple[int, str, tuple[str, ...]]]]:
    """(minute, step, targets) of everything that was notified."""
    heard = []
    for minute, event in script:
        incident, effects = step(incident, event, NOW + minute * MINUTE)
        heard += [(minute, effect.step, effect.targets) for effect in effects if isinstance(effect, Notify)]
    return incident, heard


def told(effects: tuple[Effect, ...]) -> list[str]:
    return [effect.because for effect in effects if isinstance(effect, Notify)]


def test_it_is_looked_at_again_when_the_first_wait_may_be_over_and_not_before() -> None:
    assert next_due(waiting()) == AFTER
    assert next_due(waiting(WINDOW, Wait(WaitReason.INHIBITED, "dc-down", NOW + MINUTE))) == NOW + MINUTE
    assert next_due(waiting(STORM)) is None


def test_after_the_wait_the_ladder_starts_there_and_says_what_it_waited_for() -> None:
    incident, effects = step(waiting(), Due(), AFTER)
    assert told(effects) == ["new incident; it waited: maintenance window db-upgrade"]
    assert [effect.late for effect in effects if isinstance(effect, Notify)] == [0]
    assert [planned.due_at for planned in incident.ladder] == [AFTER + 20 * MINUTE, AFTER + 50 * MINUTE]


def test_what_it_must_wait_for_is_asked_once_and_only_where_it_would_notify_anyone() -> None:
    asked: list[tuple[Incident, Incident]] = []

    def must_wait(was: Incident, about_to_be: Incident) -> tuple[Wait, ...]:
        asked.append((was, about_to_be))
        return ()

    opened, _ = step(fresh(), Opened(fired=("middle",)), NOW, must_wait)
    [(was, about_to_be)] = asked
    assert (was.reached, about_to_be.reached, opened.reached) == ((), (1,), (1,))
    for event, at in (
        (AlertsChanged(fired=("middle",)), NOW + MINUTE),  # it joins: no one is notified
        (Acknowledge(by=ALICE), NOW + MINUTE),
        (SetSeverity(by=ALICE, severity="high"), NOW + MINUTE),  # a person asks: it pages at once
    ):
        step(opened, event, at, must_wait)
    assert len(asked) == 1


def test_an_answer_takes_back_only_what_the_ladder_has_done() -> None:
    incident, effects = step(fresh(), Opened(fired=("middle", "middle")), NOW, lambda *_: (WINDOW,))
    assert (incident.waits, incident.reached, incident.alerts_firing) == ((WINDOW,), (), 2)
    assert [effect.entry.kind for effect in effects if isinstance(effect, Record)] == ["triggered", "waits"]


def test_only_the_last_of_several_waits_lets_it_go_on() -> None:
    _, heard = played(waiting(WINDOW, STORM), (60, Due()), (90, WaitEnded(reason=WaitReason.STORM, by="7")))
    assert heard == [(90, "1.1", ("one",))]


def test_what_began_before_the_wait_goes_on_after_it_with_its_distances_kept() -> None:
    incident, heard = played(
        in_state(State.TRIGGERED), (10, WaitBegan(wait=WINDOW)), (15, Due()), (30, Due()), (60, Due()), (75, Due())
    )
    assert heard == [(60, "1.2", ("one",)), (75, "2.1", ("two",))]
    assert incident.waits == ()


def test_a_wait_that_takes_longer_is_extended_without_a_word() -> None:
    longer = Wait(WINDOW.reason, WINDOW.by, AFTER + MINUTE)
    incident, effects = step(waiting(), WaitBegan(wait=longer), AFTER)
    assert (incident.waits, effects) == ((longer,), ())


def test_a_rise_while_it_waits_pages_whoever_was_reached_after_the_wait() -> None:
    paged, _ = step(fresh(), Opened(fired=("middle",)), NOW)
    _, heard = played(
        paged,
        (5, WaitBegan(wait=WINDOW)),
        (10, AlertsChanged(fired=("high",))),
        (60, Due()),
        (70, Due()),
        (75, Due()),
    )
    assert heard == [(60, "1.1", ("one",)), (70, "2.1", ("two",)), (75, "1.2", ("one",))]


def test_an_acknowledgment_that_does_not_cover_a_rise_comes_back_after_the_wait() -> None:
    incident, heard = played(
        waiting(),
        (1, Acknowledge(by=ALICE)),
        (2, AlertsChanged(fired=("high",))),
        (60, Due()),
    )
    assert incident.state is State.TRIGGERED
    assert heard == [(60, "1.1", ("one",)), (60, "1.1", ("alice",))]


def test_an_acknowledgment_before_any_page_has_no_time_to_acknowledge() -> None:
    _, effects = step(waiting(), Acknowledge(by=ALICE), NOW + MINUTE)
    assert not [effect for effect in effects if isinstance(effect, Measured)]


def test_what_a_person_asks_for_does_not_wait() -> None:
    _, heard = played(waiting(severity="high"), (1, Escalate(by=ALICE)), (2, SetFlags(by=ALICE, add=("breach",))))
    assert heard == [(1, "1.1", ("one",)), (2, "3.1:breach", ("three",))]


def test_a_flag_that_the_rules_set_waits() -> None:
    _, heard = played(waiting(severity="high"), (1, AlertsChanged(fired=("high",), flags=("breach",))), (60, OVER))
    assert heard == [(60, "1.1", ("one",)), (60, "3.1:breach", ("three",))]


def test_resolved_while_it_waited_it_never_pages() -> None:
    incident, heard = played(waiting(), (1, AlertsChanged(ended=("middle",))), (3, Due()), (60, Due()))
    assert (incident.state, incident.waits, heard) == (State.RESOLVED, (), [])
    incident, heard = played(waiting(), (1, Resolve(by=ALICE)), (30, Due()))
    assert (incident.waits, heard) == ((), [])


def test_while_it_recovers_the_end_of_the_wait_pages_no_one() -> None:
    _, heard = played(
        waiting(), (59, AlertsChanged(ended=("middle",))), (60, OVER), (60, AlertsChanged(fired=("middle",)))
    )
    assert heard == [(60, "1.1", ("one",))]


def test_what_is_held_for_automation_waits_from_the_moment_it_would_page() -> None:
    held, _ = step(fresh(), Opened(fired=("middle",), hold=2 * MINUTE), NOW)
    assert next_due(held) == NOW + 2 * MINUTE
    waits, _ = step(held, Due(), NOW + 2 * MINUTE, lambda *_: (WINDOW,))
    assert waits.opened_at == NOW + 2 * MINUTE
    incident, heard = played(waits, (60, Due()))
    assert incident.opened_at == AFTER  # a window has kept it from everybody: the measures count from its end
    assert heard == [(60, "1.1", ("one",))]


def test_mtta_counts_from_the_end_of_the_wait_except_for_a_storm_that_paged() -> None:
    paged, _ = step(waiting(), Due(), AFTER)
    _, effects = step(paged, Acknowledge(by=ALICE), AFTER + MINUTE)
    assert [effect.value for effect in effects if isinstance(effect, Measured)] == [MINUTE]
    paged, _ = step(waiting(STORM), WaitEnded(reason=STORM.reason, by=STORM.by), AFTER)
    _, effects = step(paged, Acknowledge(by=ALICE), AFTER + MINUTE)
    assert [effect.value for effect in effects if isinstance(effect, Measured)] == [61 * MINUTE]


def test_the_time_to_detect_ends_at_the_acknowledgment_of_an_incident_that_was_held() -> None:
    opened = Opened(fired=("middle",), hold=10 * MINUTE, first_alert_at=NOW - MINUTE)
    incident, _ = step(fresh(), opened, NOW)
    incident, _ = step(incident, Acknowledge(by=ALICE), NOW + MINUTE)
    _, effects = step(incident, Resolve(by=ALICE), NOW + 3 * MINUTE)
    measured = {effect.measure: effect.value for effect in effects if isinstance(effect, Measured)}
    assert measured == {"detect": 2 * MINUTE, "resolve": 2 * MINUTE}

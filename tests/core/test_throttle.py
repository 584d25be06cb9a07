"""Storms and flapping, compared with an independent count."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.test_escalation_table import NOW, fresh, in_state, playbook
from tocsin.core.duration import MINUTE
from tocsin.core.incident import throttle
from tocsin.core.incident.effect import Record
from tocsin.core.incident.escalation import step
from tocsin.core.incident.event import AlertsChanged, Opened, StormGrew, StormLooked
from tocsin.core.incident.incident import Incident, State, Storm, Wait, WaitReason
from tocsin.core.incident.throttle import Surge
from tocsin.core.incident.timeline.alerts import StormOver
from tocsin.core.playbook.playbook import FlappingLimits, Playbook, StormLimits

LIMITS = st.builds(StormLimits, more_than=st.integers(1, 6), within=st.integers(1, 30), again_after=st.integers(1, 100))
GAPS = st.lists(st.integers(0, 20), max_size=40)


@given(gaps=GAPS, limits=LIMITS)
def test_a_storm_is_more_beginnings_than_allowed_within_the_time(gaps: list[int], limits: StormLimits) -> None:
    surge, now, all_of_them = Surge(target="one"), NOW, []
    for place, gap in enumerate(gaps):
        now += gap
        surge = throttle.counted(surge, str(place), now, limits)
        all_of_them.append(now)
        within = [at for at in all_of_them if now - at < limits.within]
        assert throttle.is_storm(surge, now, limits) is (len(within) > limits.more_than)
        assert len(surge.recent) <= limits.more_than + 1, "it grows without end"


@given(gaps=GAPS, limits=LIMITS, waiting=st.integers(0, 12), later=st.integers(0, 60))
def test_it_is_over_once_it_grows_no_more_and_what_waits_is_no_storm(
    gaps: list[int], limits: StormLimits, waiting: int, later: int
) -> None:
    surge, now = Surge(target="one"), NOW
    for place, gap in enumerate(gaps):
        now += gap
        surge = throttle.counted(surge, str(place), now, limits)
    now += later
    expected = not throttle.is_storm(surge, now, limits) and waiting <= limits.more_than
    assert throttle.is_over(surge, waiting, now, limits) is expected


def test_beginnings_that_a_clock_put_into_the_future_count_for_nothing() -> None:
    limits = StormLimits(more_than=1)
    surge = Surge(target="one", recent=((NOW + MINUTE, "a"), (NOW + MINUTE, "b")))
    assert not throttle.is_storm(surge, NOW, limits)


@given(gaps=st.lists(st.integers(1, 12 * MINUTE), max_size=30), more_than=st.integers(1, 5))
def test_flapping_is_more_flips_than_allowed_within_the_time(gaps: list[int], more_than: int) -> None:
    limits = FlappingLimits(more_than=more_than, within=30 * MINUTE)
    plan = msgspec.structs.replace(playbook(), flapping=limits)
    incident = msgspec.structs.replace(fresh(), plan=plan, notified=True)
    now, all_of_them = NOW, []
    for gap in gaps:
        now += gap
        all_of_them.append(now)
        incident = msgspec.structs.replace(incident, flips=throttle.flipped(incident, now))
        within = [at for at in all_of_them if now - at < limits.within]
        assert throttle.flaps(incident, now) is (len(within) > more_than)
        assert len(incident.flips) <= more_than + 1


def test_what_has_notified_no_one_does_not_flap() -> None:
    incident = msgspec.structs.replace(fresh(), flips=tuple(range(NOW - 5, NOW)), notified=False)
    assert not throttle.flaps(incident, NOW)


@pytest.mark.parametrize(("severity", "targets"), [("high", ("one",)), ("middle", ("one",)), ("low", ("one",))])
def test_whom_an_incident_would_notify_first(severity: str, targets: tuple[str, ...]) -> None:
    incident, _ = step(fresh(), Opened(fired=(severity,)), NOW)
    assert throttle.targets_of(incident) == targets


def test_only_the_top_severity_drills_and_storms_are_exempt() -> None:
    opened = {severity: step(fresh(), Opened(fired=(severity,)), NOW)[0] for severity in ("high", "middle", "low")}
    assert [throttle.is_exempt(opened[severity]) for severity in ("high", "middle", "low")] == [True, False, False]
    assert throttle.is_exempt(storm("middle"))
    assert throttle.is_exempt(msgspec.structs.replace(opened["middle"], drill=True))


def test_an_occurrence_is_counted_once_and_a_member_that_goes_on_is_not_counted_again() -> None:
    opened = in_state(State.TRIGGERED)
    assert throttle.begins_to_notify(fresh(), opened)
    assert not throttle.begins_to_notify(opened, opened)
    waited, _ = step(fresh(), Opened(fired=("middle",)), NOW, lambda *_: (Wait(WaitReason.STORM, "7"),))
    assert not throttle.begins_to_notify(waited, msgspec.structs.replace(waited, waits=(), reached=(1,)))
    windowed, _ = step(fresh(), Opened(fired=("middle",)), NOW, lambda *_: (Wait(WaitReason.WINDOW, "w"),))
    assert throttle.begins_to_notify(windowed, msgspec.structs.replace(windowed, waits=(), reached=(1,)))


def test_a_member_of_another_playbook_asks_for_the_same_rank() -> None:
    flat = Playbook(name="flat", title="", levels=playbook().levels[:2], tiers=playbook().tiers, unrouted="middle")
    of_flat = msgspec.structs.replace(storm("middle"), plan=flat)
    low, _ = step(fresh(), Opened(fired=("low",)), NOW)
    assert throttle.level_for(of_flat, low) == "middle", "the lowest that it has"
    middle, _ = step(fresh(), Opened(fired=("middle",)), NOW)
    assert throttle.level_for(storm("low"), middle) == "middle"


def storm(severity: str) -> Incident:
    state = Storm(target="one", members=11, told=11, told_at=NOW, look_at=NOW + MINUTE, shown=11)
    incident, _ = step(msgspec.structs.replace(fresh(), storm=state), Opened(fired=(severity,)), NOW)
    return incident


def test_a_storm_that_waits_itself_is_not_told_again() -> None:
    windowed = msgspec.structs.replace(storm("middle"), waits=(Wait(WaitReason.WINDOW, "w"),))
    grown, effects = step(windowed, StormGrew(joined=5), NOW + 10 * MINUTE)
    assert (grown.title, effects) == ("Storm for one: 16 incidents", ())


def test_the_end_of_a_storm_is_in_its_timeline_once() -> None:
    over, effects = step(storm("middle"), StormLooked(look_at=None), NOW + MINUTE)
    assert effects == (Record(entry=StormOver(members=over.storm.members)),)
    _, effects = step(over, StormLooked(look_at=None), NOW + 2 * MINUTE)
    assert effects == ()


def test_a_storm_ends_as_any_incident_whose_alerts_have_resolved() -> None:
    over, _ = step(storm("middle"), AlertsChanged(ended=("middle",)), NOW + MINUTE)
    assert over.resolve_at == NOW + 3 * MINUTE


def test_a_plan_that_was_stored_before_there_were_storms_has_the_defaults() -> None:
    raw = msgspec.json.decode(playbook().to_json())
    del raw["storm"], raw["flapping"]
    assert Playbook.from_json(msgspec.json.encode(raw)) == playbook()

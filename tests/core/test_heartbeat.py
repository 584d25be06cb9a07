"""Missing Watchdogs, and mass resolves that are not a recovery."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.alerts.heartbeat import (
    MANY,
    MISSING_AFTER,
    SILENT_AFTER,
    TOGETHER,
    Heartbeat,
    beaten,
    ended_together,
    is_missing,
    is_silent,
    lost,
)
from tocsin.core.duration import HOUR, MINUTE, SECOND

NOW = 1_795_143_909_000_000


def beating(*gaps: int) -> Heartbeat:
    """A Watchdog that has come at these distances, the last time now."""
    heartbeat, at = None, NOW - sum(gaps)
    for gap in (0, *gaps):
        at += gap
        heartbeat = beaten("default", heartbeat, at)
    assert heartbeat is not None
    return heartbeat


def test_it_is_missing_half_an_interval_after_it_should_have_come():
    hourly = beating(HOUR)
    assert not is_missing(hourly, NOW + HOUR + HOUR // 2)
    assert is_missing(hourly, NOW + HOUR + HOUR // 2 + 1)


def test_a_frequent_watchdog_is_missing_after_90_seconds():
    assert not is_missing(beating(15 * SECOND), NOW + MISSING_AFTER)
    assert is_missing(beating(15 * SECOND), NOW + MISSING_AFTER + 1)


def test_a_watchdog_received_once_is_not_expected_again():
    assert not is_missing(beating(), NOW + 1000 * HOUR)
    assert not is_silent(beating(), NOW + 1000 * HOUR, since=0)


def test_a_replicas_copy_does_not_change_the_interval():
    pair = beating(MINUTE, SECOND, 59 * SECOND, SECOND)
    assert (pair.every, pair.last_seen_at) == (59 * SECOND, NOW)
    assert not is_missing(pair, NOW + MINUTE)


def test_one_early_beat_does_not_shorten_the_interval():
    restarted = beating(4 * HOUR, 4 * HOUR, MINUTE)
    assert restarted.every == 2 * HOUR
    assert not is_silent(restarted, NOW + 4 * HOUR, since=0)


def test_how_often_it_comes_is_learned_again_after_an_outage():
    assert beating(MINUTE, 3 * HOUR, *[MINUTE] * 8).every == MINUTE
    assert beating(MINUTE, 5 * MINUTE).every == 5 * MINUTE, "it may as well come less often from now on"


def test_a_resolved_watchdog_is_missing_until_it_fires_again():
    gone = lost(beating(MINUTE), NOW + 1)
    assert is_missing(gone, NOW + 1)
    assert is_silent(gone, NOW + 1, since=NOW)
    assert lost(gone, NOW + MINUTE) == gone
    back = beaten("default", gone, NOW + 2 * MINUTE)
    assert back.lost_at is None
    assert not is_missing(back, NOW + 2 * MINUTE)


def test_silence_is_reported_after_three_beats_of_listening():
    assert not is_silent(beating(MINUTE), NOW + SILENT_AFTER, since=0)
    assert is_silent(beating(MINUTE), NOW + SILENT_AFTER + 1, since=0)
    assert not is_silent(beating(MINUTE), NOW + HOUR, since=NOW + HOUR - SILENT_AFTER)
    assert not is_silent(beating(HOUR), NOW + 3 * HOUR, since=0)
    assert is_silent(beating(HOUR), NOW + 3 * HOUR + 1, since=0)


def test_ten_within_five_minutes_and_half_of_the_source_are_too_many():
    ends = [NOW + TOGETHER * number // 9 for number in range(MANY)]
    assert ended_together(ends, NOW, firing=MANY)
    assert not ended_together(ends, NOW, firing=MANY + 1), "less than half of the source"
    assert not ended_together(ends[1:], ends[1], firing=0), "nine are not many"
    assert not ended_together([*ends[:-1], ends[-1] + 1], NOW, firing=0), "not within five minutes"


@given(
    ends=st.lists(st.integers(0, 20).map(lambda minutes: NOW + minutes * MINUTE), min_size=1, max_size=30),
    which=st.integers(0, 29),
    firing=st.integers(0, 30),
)
def test_it_is_the_largest_group_around_the_one_asked_about_that_counts(ends: list[int], which: int, firing: int):
    end = ends[which % len(ends)]
    groups = [sum(start <= at <= start + TOGETHER for at in ends) for start in ends if start <= end <= start + TOGETHER]
    near = sum(abs(at - end) <= TOGETHER for at in ends)
    expected = max(groups) >= 10 and max(groups) * 2 >= near + firing
    assert ended_together(ends, end, firing) == expected

"""The rate limit of the stand-ins."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.testing.rate_limit import RateLimit


@given(steps=st.lists(st.integers(0, 30), max_size=60), calls=st.integers(1, 5))
def test_no_window_has_more_calls_than_allowed_and_waiting_as_requested_is_enough(steps, calls):
    now = [0.0]
    limit, taken = RateLimit(calls, 10.0, lambda: now[0]), []
    for step in steps:
        now[0] += step
        wait = limit.wait("key")
        if wait is not None:
            assert 1 <= wait <= 10
            now[0] += wait
            assert limit.wait("key") is None
        taken.append(now[0])
    assert all(sum(start <= at < start + 10.0 for at in taken) <= calls for start in taken)


def test_each_key_has_its_own_and_a_refused_call_does_not_count():
    limit = RateLimit(1, 10.0, lambda: 0.0)
    assert [limit.wait(key) for key in ("a", "b", "a", "a")] == [None, None, 10, 10]


def test_without_a_number_there_is_no_limit():
    assert [RateLimit(None, 10.0).wait("a") for _ in range(3)] == [None] * 3

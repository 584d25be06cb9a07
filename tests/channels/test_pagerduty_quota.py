"""The share of PagerDuty's rate limit that is reserved for pages."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.channels.pagerduty.quota import Quota
from tocsin.core.duration import MINUTE


@given(st.lists(st.tuples(st.integers(0, 10_000_000), st.booleans()), max_size=400), st.integers(4, 40))
def test_acknowledgments_and_resolves_leave_a_quarter_of_every_minute_to_pages(steps, limit):
    quota, now, taken = Quota(limit), 0, []
    for pause, is_page in steps:
        now += pause
        if is_page:
            quota.page(now)
            taken.append((now, True))
            continue
        wait = quota.wait(now)
        if wait is None:
            before = [at for at, _ in taken if at > now - MINUTE]
            assert len(before) < max(1, limit * 3 // 4)
            taken.append((now, False))
        else:
            assert 0 < wait <= MINUTE


def test_a_call_that_waits_as_long_as_requested_is_allowed():
    quota = Quota(120)
    assert [quota.wait(at) for at in range(90)] == [None] * 90
    assert quota.wait(1_000_000) == MINUTE - 1_000_000
    assert quota.wait(MINUTE) is None


def test_a_page_goes_out_in_any_case_and_what_informs_waits_for_it():
    quota = Quota(4)
    for _ in range(5):
        quota.page(0)
    assert quota.wait(1) == MINUTE - 1


def test_a_clock_that_is_set_back_holds_nothing_up():
    quota = Quota(4)
    for _ in range(3):
        quota.page(60 * MINUTE)
    assert quota.wait(0) is None

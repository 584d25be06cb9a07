"""Calls are held off for as long as a provider has requested."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.channels.hold_off import KEYS, LONGEST, HoldOff
from tocsin.core.duration import SECOND
from tocsin.ports.channel import Outcome, Reason, Receipt


def limited(wait: int | None) -> Receipt:
    return Receipt(Outcome.RETRY, Reason.RATE_LIMITED, retry_after=wait)


@given(asked=st.integers(1, 2 * LONGEST), later=st.integers(-2 * LONGEST, 3 * LONGEST))
def test_a_call_waits_as_long_as_was_asked_for_and_a_minute_at_most(asked: int, later: int) -> None:
    hold_off = HoldOff()
    hold_off.note("posts", limited(asked), 0)
    held = hold_off.ask("posts", later)
    until = min(asked, LONGEST)
    if until - LONGEST <= later < until:
        assert held is not None
        assert (held.outcome, held.reason, held.retry_after) == (Outcome.RETRY, Reason.RATE_LIMITED, until - later)
    else:
        assert held is None, "it is over, or the clock was set back"


def test_only_calls_of_that_kind_wait_and_only_for_a_rate_limit() -> None:
    hold_off = HoldOff()
    hold_off.note("posts", limited(SECOND), 0)
    hold_off.note("updates", limited(None), 0)
    hold_off.note("rooms", Receipt(Outcome.RETRY, Reason.SERVER_ERROR, retry_after=SECOND), 0)
    assert [hold_off.ask(kind, 0) is not None for kind in ("posts", "updates", "rooms", "pins")] == [True, *[False] * 3]


def test_no_number_of_kinds_fills_the_memory() -> None:
    hold_off = HoldOff()
    for number in range(3 * KEYS):
        hold_off.note(f"kind {number}", limited(SECOND), number)
    assert len(hold_off._until) <= KEYS
    hold_off.note("later", limited(SECOND), 10 * SECOND)
    assert hold_off.ask("later", 10 * SECOND) is not None

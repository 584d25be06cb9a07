from typing import Any

import pytest
from msgspec.structs import replace

from conformance.store.samples import START, HandClock, attempt, outgoing
from tocsin.core.duration import MINUTE, SECOND
from tocsin.core.errors import UnknownName
from tocsin.core.incident.outbox import Job, Outgoing, RowState
from tocsin.core.playbook.playbook import Until
from tocsin.ports.store import Store

NOBODY: frozenset[str] = frozenset()


async def enqueue(store: Store, *rows: Outgoing) -> int:
    return await store.write(lambda tx: tx.enqueue(rows))


async def claimable(
    store: Store, limit: int = 100, exclude: frozenset[str] = NOBODY, *, for_pages: bool = False
) -> list[str]:
    rows = await store.write(
        lambda tx: (tx.claimable_for_pages if for_pages else tx.claimable)(limit, exclude),
    )
    return [row.key for row in rows]


async def change(store: Store, key: str, **changes: Any) -> Outgoing:
    row = await store.read(lambda tx: tx.outbox_row(key))
    assert row is not None
    changed = replace(row, **changes)
    await store.write(lambda tx: tx.replace_row(changed))
    return changed


async def keys(store: Store) -> list[str]:
    return [row.key for row in await store.read(lambda tx: tx.outbox_of("incident-1"))]


async def test_a_row_comes_back_as_it_was_written_with_a_place_in_the_order(store: Store) -> None:
    full = outgoing(
        "full",
        recipient="U1",
        until=Until.ACKNOWLEDGED,
        because="nobody acknowledged",
        about="earlier",
        stranded=True,
        late=3,
        attempts=2,
        fence=2,
        lease_until=START + 1,
        possibly_delivered=True,
        fell_back=True,
        done_at=START + 2,
        state=RowState.SENT,
        job=Job.RESOLVE,
    )
    assert await enqueue(store, full, outgoing("bare")) == 2

    found = await store.read(lambda tx: tx.outbox_of("incident-1"))

    assert [replace(row, order_no=0) for row in found] == [full, outgoing("bare")]
    assert 0 < found[0].order_no < found[1].order_no
    assert found[0] == await store.read(lambda tx: tx.outbox_row("full"))
    assert (found[0].job, found[0].stranded) == (Job.RESOLVE, True)
    assert type(found[0].stranded) is bool
    assert await store.read(lambda tx: tx.outbox_row("nobody")) is None


async def test_the_targets_of_a_step_are_those_of_the_same_job_round_and_occurrence(store: Store) -> None:
    step = outgoing("b", target="bo", step="2.0", job=Job.PAGE, round=1)
    others = {
        "another step": {"step": "3.0"},
        "another job": {"job": Job.UPDATE},
        "another round": {"round": 2},
        "another occurrence": {"occurrence": 2},
        "another incident": {"incident_id": "incident-2"},
        "stranded": {"stranded": True},
    }
    await enqueue(
        store,
        step,
        replace(step, key="a", target="alex"),
        replace(step, key="second contact of bo"),
        *(replace(step, key=name, target=name, **change) for name, change in others.items()),
    )
    assert await store.read(lambda tx: tx.targets_of_step(step)) == ["bo", "alex"]


async def test_the_store_alone_assigns_the_order(store: Store) -> None:
    await enqueue(store, outgoing("a", order_no=77), outgoing("b", order_no=5))
    assert await keys(store) == ["a", "b"]
    await change(store, "a", order_no=99)
    assert await keys(store) == ["a", "b"]


async def test_rows_of_different_occurrences_are_distinguished(store: Store) -> None:
    await enqueue(store, outgoing("a"), outgoing("b", occurrence=2), outgoing("c"), outgoing("d", incident_id="other"))
    found = await store.read(lambda tx: tx.outbox_of("incident-1", 1))
    assert [row.key for row in found] == ["a", "c"]


async def test_a_key_is_enqueued_once_regardless_of_its_outcome(store: Store) -> None:
    assert await enqueue(store, outgoing("a"), outgoing("a", target="x"), outgoing("b")) == 2
    await change(store, "b", state=RowState.DEAD)
    assert await enqueue(store, outgoing("b"), outgoing("a"), outgoing("c")) == 1
    assert await keys(store) == ["a", "b", "c"]
    assert await enqueue(store) == 0


@pytest.mark.parametrize("job", [Job.ANNOUNCE, Job.HISTORY])
async def test_one_waiting_row_says_what_is_true_when_it_is_sent(store: Store, job: Job) -> None:
    assert await enqueue(store, outgoing("a", job=job), outgoing("b", job=job)) == 1
    assert await enqueue(store, outgoing("c", job=job)) == 0
    assert await keys(store) == ["a"]


@pytest.mark.parametrize("job", [Job.PAGE, Job.UPDATE, Job.ACKNOWLEDGE, Job.RESOLVE])
async def test_no_other_row_is_left_out(store: Store, job: Job) -> None:
    assert await enqueue(store, outgoing("a", job=job), outgoing("b", job=job)) == 2


@pytest.mark.parametrize(
    "other", [{"incident_id": "other"}, {"channel": "slack"}, {"destination": "room"}, {"job": Job.HISTORY}]
)
async def test_a_waiting_row_speaks_for_its_own_kind_only(store: Store, other: dict[str, Any]) -> None:
    first = outgoing("a", job=Job.ANNOUNCE)
    assert await enqueue(store, first, replace(first, key="b", **other)) == 2


async def test_a_claimed_row_may_be_too_late_to_say_it(store: Store, clock: HandClock) -> None:
    await enqueue(store, outgoing("a", job=Job.ANNOUNCE))
    await change(store, "a", lease_until=START + MINUTE)
    assert await enqueue(store, outgoing("b", job=Job.ANNOUNCE)) == 1
    assert await enqueue(store, outgoing("c", job=Job.ANNOUNCE)) == 0

    await change(store, "b", state=RowState.SENT)
    clock.forward(MINUTE)
    assert await enqueue(store, outgoing("d", job=Job.ANNOUNCE)) == 0


async def test_a_row_that_is_done_says_nothing_any_more(store: Store) -> None:
    await enqueue(store, outgoing("a", job=Job.ANNOUNCE))
    await change(store, "a", state=RowState.SENT)
    # The first of these is known already, so that it cannot speak for the second.
    assert await enqueue(store, outgoing("a", job=Job.ANNOUNCE), outgoing("b", job=Job.ANNOUNCE)) == 1
    assert await keys(store) == ["a", "b"]
    # Nor can one that is written as done speak for the next of the same call.
    done = outgoing("c", destination="other", job=Job.ANNOUNCE, state=RowState.SENT)
    assert await enqueue(store, done, replace(done, key="d", state=RowState.PENDING)) == 2


async def test_rows_are_claimable_once_it_is_time_the_longest_waiting_first(store: Store, clock: HandClock) -> None:
    later = [
        outgoing(key, destination=key, not_before=START + at) for key, at in (("a", 2), ("b", 1), ("c", 3), ("d", 1))
    ]
    await enqueue(store, *later)
    assert await claimable(store) == []
    clock.forward(2)
    assert await claimable(store) == ["b", "d", "a"]
    assert await claimable(store, limit=1) == ["b"]


async def test_a_leased_row_is_claimable_when_its_lease_has_ended(store: Store, clock: HandClock) -> None:
    await enqueue(store, outgoing("a"))
    await change(store, "a", lease_until=START + 5)
    assert await claimable(store) == []
    clock.forward(4)
    assert await claimable(store) == []
    clock.forward(1)
    assert await claimable(store) == ["a"]


async def test_rows_of_an_excluded_channel_are_not_claimable(store: Store) -> None:
    rows = [outgoing(channel, channel=channel) for channel in ("a", "b", "c")]
    await enqueue(store, *rows)
    assert await claimable(store, exclude=frozenset({"a", "c"})) == ["b"]
    assert await claimable(store, limit=1, exclude=frozenset({"a"})) == ["b"]
    assert await claimable(store, exclude=frozenset({"a", "b", "c"})) == []


@pytest.mark.parametrize("state", [RowState.SENT, RowState.SUPERSEDED, RowState.DEAD])
async def test_a_row_waits_until_the_earlier_ones_of_its_lane_are_done(store: Store, state: RowState) -> None:
    await enqueue(store, outgoing("first", not_before=START + MINUTE), outgoing("second"))
    assert await claimable(store) == []
    await change(store, "first", not_before=START, lease_until=START + MINUTE)
    assert await claimable(store) == []
    await change(store, "first", state=state)
    assert await claimable(store) == ["second"]


@pytest.mark.parametrize("other", [{"incident_id": "other"}, {"channel": "slack"}, {"destination": "room"}])
async def test_only_rows_of_the_same_lane_wait_for_each_other(store: Store, other: dict[str, Any]) -> None:
    await enqueue(store, outgoing("first", not_before=START + MINUTE), outgoing("second", **other))
    assert await claimable(store) == ["second"]


async def test_a_row_of_an_excluded_channel_still_holds_back_its_lane(store: Store) -> None:
    await enqueue(store, outgoing("first"), outgoing("second"))
    assert await claimable(store, exclude=frozenset({"slack"})) == ["first"]


async def test_pages_may_be_claimed_before_what_only_informs(store: Store, clock: HandClock) -> None:
    updates = [outgoing(f"u{n}", destination=f"u{n}", channel="slack", job=Job.UPDATE) for n in range(3)]
    await enqueue(store, *updates)
    clock.forward(SECOND)
    pages = [outgoing(key, destination=key, not_before=START + SECOND) for key in ("p1", "p2")]
    await enqueue(store, *pages)
    assert await claimable(store, for_pages=True) == ["p1", "p2"]
    assert await claimable(store, limit=1, for_pages=True) == ["p1"]
    assert await claimable(store, exclude=frozenset({"pagerduty"}), for_pages=True) == []
    assert await claimable(store) == ["u0", "u1", "u2", "p1", "p2"]


async def test_what_a_page_waits_for_is_claimed_for_it(store: Store) -> None:
    """A page is a reply to the incident's own message, where its channel has threads."""
    await enqueue(
        store,
        outgoing("other", destination="elsewhere", job=Job.UPDATE),
        outgoing("announcement", destination="room", job=Job.ANNOUNCE),
        outgoing("page", destination="room"),
        outgoing("another page", destination="room"),
    )
    assert await claimable(store, for_pages=True) == ["announcement"]
    await change(store, "announcement", lease_until=START + MINUTE)
    assert await claimable(store, for_pages=True) == []
    await change(store, "announcement", state=RowState.SENT)
    assert await claimable(store, for_pages=True) == ["page"]


@pytest.mark.parametrize("not_now", [{"not_before": START + MINUTE}, {"lease_until": START + MINUTE}])
async def test_pages_that_others_hold_up_leave_the_first_place_to_those_that_can_go(
    store: Store, not_now: dict[str, int]
) -> None:
    """A provider is down: of a hundred incidents a page is tried again later, and another one waits behind it."""
    rows = [outgoing("update", channel="slack", destination="room", job=Job.UPDATE, not_before=START - MINUTE)]
    for number in range(100):
        lane = {"incident_id": f"down-{number}", "overdue_at": START}
        rows += [outgoing(f"tried {number}", **lane, **not_now), outgoing(f"behind {number}", **lane)]
    await enqueue(store, *rows)
    await enqueue(store, outgoing("page", channel="slack", destination="alex"))
    assert await claimable(store, for_pages=True) == ["page"]


@pytest.mark.parametrize("not_now", [{"not_before": START + MINUTE}, {"lease_until": START + MINUTE}])
async def test_for_a_page_that_is_not_to_be_sent_now_nothing_is_claimed(store: Store, not_now: dict[str, int]) -> None:
    await enqueue(
        store,
        outgoing("announcement", destination="room", job=Job.ANNOUNCE),
        outgoing("page", destination="room", **not_now),
    )
    assert await claimable(store, for_pages=True) == []
    assert await claimable(store) == ["announcement"]


async def test_a_row_is_settled_once_by_the_holder_of_its_fence(store: Store) -> None:
    await enqueue(store, outgoing("a"))
    held = await change(store, "a", fence=2)
    done = replace(held, state=RowState.SENT, done_at=START)

    assert not await store.write(lambda tx: tx.settle(done, 1))
    assert await store.read(lambda tx: tx.outbox_row("a")) == held
    assert await store.write(lambda tx: tx.settle(done, 2))
    assert not await store.write(lambda tx: tx.settle(replace(done, state=RowState.DEAD), 2))
    assert await store.read(lambda tx: tx.outbox_row("a")) == done
    assert not await store.write(lambda tx: tx.settle(outgoing("nobody"), 0))


async def test_settling_may_put_a_row_off(store: Store, clock: HandClock) -> None:
    await enqueue(store, outgoing("a"))
    held = await change(store, "a", fence=1, lease_until=START + MINUTE, attempts=1)
    later = replace(held, lease_until=None, not_before=START + SECOND, possibly_delivered=True)
    assert await store.write(lambda tx: tx.settle(later, 1))
    clock.forward(SECOND)
    assert await store.write(lambda tx: tx.claimable(9, NOBODY)) == [later]


async def test_a_row_that_is_not_there_is_not_replaced(store: Store) -> None:
    with pytest.raises(UnknownName):
        await store.write(lambda tx: tx.replace_row(outgoing("a")))


async def next_claim_at(store: Store) -> int | None:
    return await store.read(lambda tx: tx.next_claim_at())


async def test_the_next_claim_is_the_earliest_row_or_the_end_of_a_lease(store: Store) -> None:
    assert await next_claim_at(store) is None
    await enqueue(store, outgoing("a", not_before=START - 5), outgoing("b", destination="b", not_before=START + 9))
    assert await next_claim_at(store) == START - 5
    await change(store, "a", lease_until=START + 7)
    assert await next_claim_at(store) == START + 7
    await change(store, "a", lease_until=START + 10)
    assert await next_claim_at(store) == START + 9
    await change(store, "a", not_before=START + 20)
    await change(store, "b", not_before=START + 30)
    assert await next_claim_at(store) == START + 20
    for key in ("a", "b"):
        await change(store, key, state=RowState.SENT)
    assert await next_claim_at(store) is None


async def test_a_row_that_waits_for_its_lane_is_no_reason_to_wake(store: Store) -> None:
    await enqueue(store, outgoing("first"), outgoing("second", not_before=START - MINUTE))
    await change(store, "first", lease_until=START + MINUTE)
    assert await next_claim_at(store) == START + MINUTE
    await change(store, "second", lease_until=START + 1)
    assert await next_claim_at(store) == START + MINUTE


async def test_the_depth_is_of_pending_rows_by_channel(store: Store) -> None:
    await enqueue(
        store,
        outgoing("a", created_at=START + 3),
        outgoing("b", created_at=START + 1),
        outgoing("c", created_at=START),
        outgoing("d", channel="slack"),
    )
    await change(store, "c", state=RowState.SENT)
    assert await store.read(lambda tx: dict(tx.outbox_depth())) == {"pagerduty": (2, START + 1), "slack": (1, START)}


async def test_overdue_pages_are_those_without_a_fallback(store: Store, clock: HandClock) -> None:
    assert await next_overdue_at(store) is None
    await enqueue(
        store,
        outgoing("young", overdue_at=START + 1),
        outgoing("old", overdue_at=START),
        outgoing("older", overdue_at=START - 1),
        outgoing("told", overdue_at=START - 2, fell_back=True),
        outgoing("no page", overdue_at=START - 2, job=Job.UPDATE),
        outgoing("sent", overdue_at=START - 2, state=RowState.SENT),
    )
    assert [row.key for row in await store.read(lambda tx: tx.overdue_pages())] == ["older", "old"]
    assert await next_overdue_at(store) == START - 1
    for key in ("older", "old"):
        await change(store, key, fell_back=True)
    assert await store.read(lambda tx: tx.overdue_pages()) == []
    assert await next_overdue_at(store) == START + 1
    clock.forward(1)
    assert [row.key for row in await store.read(lambda tx: tx.overdue_pages())] == ["young"]


async def test_at_most_a_hundred_overdue_pages_are_given_at_once(store: Store) -> None:
    await enqueue(store, *(outgoing(f"{number:03}", overdue_at=START - 200 + number) for number in range(110)))
    found = await store.read(lambda tx: tx.overdue_pages())
    assert [row.key for row in found] == [f"{number:03}" for number in range(100)]


async def test_a_hundred_pages_with_long_fallback_times_do_not_hide_overdue_pages(store: Store) -> None:
    old = START - 10 * MINUTE
    await enqueue(store, *(outgoing(f"{number:03}", created_at=old, overdue_at=START + 1) for number in range(100)))
    await enqueue(store, outgoing("overdue", created_at=START - 5 * MINUTE, overdue_at=START - 3 * MINUTE))
    assert [row.key for row in await store.read(lambda tx: tx.overdue_pages())] == ["overdue"]


async def next_overdue_at(store: Store) -> int | None:
    return await store.read(lambda tx: tx.next_overdue_at())


async def test_an_attempt_is_completed_in_its_place(store: Store) -> None:
    first, second = attempt("a", 1), attempt("a", 2)
    done = attempt(
        "a", 1, finished_at=START + 1, outcome="retry", reason="timeout", http_status=503, ref="r", detail="d"
    )
    for each in (second, first, attempt("b", 1), done):
        await store.write(lambda tx, each=each: tx.put_attempt(each))
    assert await store.read(lambda tx: tx.attempts_of("a")) == [done, second]
    assert await store.read(lambda tx: tx.attempts_of("nobody")) == []

"""On-call records: manual overrides and swaps, and the last good responses of roster sources."""

import pytest

from conformance.store.samples import START, override
from tocsin.core.duration import MINUTE
from tocsin.core.oncall.roster import Roster
from tocsin.ports.store import Store


async def test_an_override_is_read_as_it_was_written_and_as_it_was_replaced(store: Store) -> None:
    first = override("o1", comment="a train", swaps_with="robin")
    await store.write(lambda tx: tx.put_override(first))
    assert await store.read(lambda tx: tx.override("o1")) == first
    ended = override("o1", ends_at=START + 1, ended_at=START + 1, ended_by="bob", ended_via="cli")
    await store.write(lambda tx: tx.put_override(ended))
    assert await store.read(lambda tx: tx.override("o1")) == ended
    assert await store.read(lambda tx: tx.override("o2")) is None


async def test_overrides_that_end_after_a_moment_come_by_their_start(store: Store) -> None:
    later, sooner, over = (
        override("a", starts_at=START + 2, ends_at=START + MINUTE),
        override("b", starts_at=START + 1, ends_at=START + MINUTE),
        override("c", starts_at=START, ends_at=START + 5),
    )
    await store.write(lambda tx: [tx.put_override(each) for each in (later, sooner, over)])
    assert await store.read(lambda tx: tx.overrides(START + 5)) == [sooner, later]
    assert await store.read(lambda tx: tx.overrides(START + 4)) == [over, sooner, later]


async def test_overrides_that_ended_long_ago_are_forgotten(store: Store) -> None:
    old, new = override("old", ends_at=START), override("new", ends_at=START + 1)
    await store.write(lambda tx: [tx.put_override(each) for each in (old, new)])
    assert await store.write(lambda tx: tx.forget_overrides_before(START + 1)) == 1
    assert await store.read(lambda tx: tx.overrides(0)) == [new]


async def test_the_last_answer_of_each_source_is_kept(store: Store) -> None:
    assert await store.read(lambda tx: tx.rosters()) == {}
    first = Roster(source="slack:chat:S1", members=("U1", "U2"), fetched_at=START)
    other = Roster(source="slack:chat:S0", members=(), fetched_at=START)
    await store.write(lambda tx: [tx.put_roster(each) for each in (first, other)])
    newer = Roster(
        source="slack:chat:S1", members=("U3",), fetched_at=START + 1, changed_at=START + 1, before=("U1", "U2")
    )
    await store.write(lambda tx: tx.put_roster(newer))
    assert await store.read(lambda tx: tx.rosters()) == {"slack:chat:S0": other, "slack:chat:S1": newer}


async def test_a_failed_transaction_leaves_overrides_and_answers_as_they_were(store: Store) -> None:
    roster = Roster(source="s", members=("U1",), fetched_at=START)
    await store.write(lambda tx: (tx.put_override(override("o1")), tx.put_roster(roster)))
    with pytest.raises(ZeroDivisionError):
        await store.write(
            lambda tx: (
                tx.forget_overrides_before(START + MINUTE * 2),
                tx.put_override(override("o2")),
                tx.put_roster(Roster(source="s", members=(), fetched_at=START + 1)),
                1 / 0,
            )
        )
    assert await store.read(lambda tx: [each.id for each in tx.overrides(0)]) == ["o1"]
    assert await store.read(lambda tx: tx.rosters()) == {"s": roster}


async def test_a_moment_is_stored_by_its_name_and_replaced(store: Store) -> None:
    await store.write(lambda tx: tx.next_numbers(1))
    await store.write(lambda tx: tx.put_moment("drilled/person/alex", 5))
    await store.write(lambda tx: tx.put_moment("drilled/person/alex", 7))
    await store.write(lambda tx: tx.put_moment("other", 9))
    assert await store.read(lambda tx: tx.moments("drilled/")) == {"drilled/person/alex": 7}

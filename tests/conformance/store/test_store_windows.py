"""Manual maintenance windows, and the alerts that a window would hide."""

import pytest

from conformance.store.samples import START, episode, window
from tocsin.core.alerts.alert import EpisodeStatus
from tocsin.core.duration import MINUTE
from tocsin.ports.store import Store


async def test_a_window_is_read_as_it_was_written_and_as_it_was_replaced(store: Store) -> None:
    first = window("w1", comment="an upgrade", ended_at=None)
    await store.write(lambda tx: tx.put_window(first))
    assert await store.read(lambda tx: tx.window("w1")) == first
    ended = window("w1", ends_at=START + 1, ended_at=START + 1, ended_by="bob", ended_via="cli")
    await store.write(lambda tx: tx.put_window(ended))
    assert await store.read(lambda tx: tx.window("w1")) == ended
    assert await store.read(lambda tx: tx.window("w2")) is None


async def test_windows_that_end_after_a_moment_come_by_their_start(store: Store) -> None:
    later, sooner, over = (
        window("a", starts_at=START + 2, ends_at=START + MINUTE),
        window("b", starts_at=START + 1, ends_at=START + MINUTE),
        window("c", starts_at=START, ends_at=START + 5),
    )
    await store.write(lambda tx: [tx.put_window(each) for each in (later, sooner, over)])
    assert await store.read(lambda tx: tx.windows(START + 5)) == [sooner, later]
    assert await store.read(lambda tx: tx.windows(START + 4)) == [over, sooner, later]


async def test_windows_that_ended_long_ago_are_forgotten(store: Store) -> None:
    old, new = window("old", ends_at=START), window("new", ends_at=START + 1)
    await store.write(lambda tx: [tx.put_window(each) for each in (old, new)])
    assert await store.write(lambda tx: tx.forget_windows_before(START + 1)) == 1
    assert await store.read(lambda tx: tx.windows(0)) == [new]


async def test_a_failed_transaction_leaves_windows_as_they_were(store: Store) -> None:
    await store.write(lambda tx: tx.put_window(window("w1")))
    with pytest.raises(ZeroDivisionError):
        await store.write(lambda tx: (tx.forget_windows_before(START + MINUTE * 2), tx.put_window(window("w2")), 1 / 0))
    assert await store.read(lambda tx: [each.id for each in tx.windows(0)]) == ["w1"]


async def test_episodes_that_began_since_come_newest_first_with_all_that_fire(store: Store) -> None:
    resolved, held = EpisodeStatus.RESOLVED, EpisodeStatus.HELD
    episodes = [
        episode("new", 1, first_seen_at=START + 2, status=resolved),
        episode("held", 1, first_seen_at=START + 1, status=held),
        episode("old", 1, first_seen_at=START - 1, status=resolved),
        episode("old-but-firing", 1, first_seen_at=START - 2, status=EpisodeStatus.FIRING),
    ]
    await store.write(lambda tx: tx.put_episodes(episodes))
    found = await store.read(lambda tx: [each.fingerprint for each in tx.episodes_begun(START, 10)])
    assert found == ["new", "held", "old-but-firing"]
    assert len(await store.read(lambda tx: tx.episodes_begun(START, 2))) == 2

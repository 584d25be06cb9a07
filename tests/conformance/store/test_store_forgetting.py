from collections.abc import Callable

import pytest

from conformance.store.samples import START, attempt, entry, episode, incident, occurrence, outgoing
from tocsin.core.alerts.alert import EpisodeStatus
from tocsin.core.duration import MINUTE
from tocsin.core.incident.incident import Incident, State
from tocsin.core.incident.measure import Mean
from tocsin.core.incident.outbox import RowState
from tocsin.ports.store import IncidentFilter, MessageRef, Reader, Store, Transaction

RESOLVED = EpisodeStatus.RESOLVED
ALL = 100


def over(number: int, at: int = START, **changes: object) -> Incident:
    return incident(number, state=State.RESOLVED, resolved_at=at, **changes)


async def forget(store: Store, at: int, limit: int = ALL) -> int:
    return await store.write(lambda tx: tx.forget_incidents_before(at, limit))


async def numbers(store: Store) -> list[int]:
    return [each.number for each in await store.read(lambda tx: tx.incidents(IncidentFilter()))]


def fill(of: Incident) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        name = of.id
        tx.insert_incidents([of])
        tx.append_entries([entry(1, name), entry(2, name)])
        tx.enqueue([outgoing(name, incident_id=name), outgoing(name + "!", incident_id=name, state=RowState.SENT)])
        tx.put_attempt(attempt(name, 1))
        tx.put_attempt(attempt(name + "!", 1))
        tx.put_message_ref(name, "slack", "room", MessageRef("1", 2))
        tx.put_episodes(
            [
                episode(name, 1, incident_id=name, status=RESOLVED),
                episode(name, 2, incident_id=name, status=EpisodeStatus.SUPPRESSED),
                episode(name + "!", 1, incident_id=name),
            ]
        )
        tx.put_occurrence(occurrence(name, acknowledged_at=START))

    return work


def kept_of(name: str) -> Callable[[Reader], list[object]]:
    return lambda reader: [
        reader.incident(name),
        reader.due_at_of(name),
        reader.entries(name),
        reader.outbox_of(name),
        reader.outbox_row(name),
        reader.attempts_of(name),
        reader.attempts_of(name + "!"),
        reader.message_ref(name, "slack", "room"),
        reader.latest_episodes([("default", name)]),
    ]


async def test_an_old_incident_is_forgotten_with_all_that_is_its_own(store: Store) -> None:
    old, young = over(1), over(2, START + 1)
    for each in (old, young):
        await store.write(fill(each))
    young_before = await store.read(kept_of(young.id))

    assert await forget(store, START + 1) == 1

    assert await store.read(kept_of(old.id)) == [None, None, [], [], None, [], [], None, {}]
    assert await store.read(lambda tx: tx.latest_incidents([old.dedup_key])) == {}
    assert await store.read(lambda tx: tx.incident("1")) is None
    assert await store.read(kept_of(young.id)) == young_before
    assert None not in young_before[3:]
    assert await store.write(lambda tx: [row.key for row in tx.claimable(ALL, frozenset())]) == [young.id]
    assert await store.read(lambda tx: dict(tx.outbox_depth())) == {"pagerduty": (1, START)}


async def test_the_means_still_count_what_was_forgotten(store: Store) -> None:
    await store.write(fill(over(1)))
    assert await forget(store, START + 1) == 1
    assert await store.read(lambda tx: tx.means("acknowledge", 0)) == [Mean("emergency", "SEV-1", 0.0, 1)]


async def test_an_episode_that_fires_to_this_day_is_kept(store: Store) -> None:
    await store.write(fill(over(1)))
    assert await forget(store, START + 1) == 1
    firing = episode("incident-1!", 1, incident_id="incident-1")
    assert await store.read(lambda tx: tx.episodes_of("incident-1")) == [firing]


@pytest.mark.parametrize(
    "kept",
    [
        incident(1, resolved_at=START),
        over(1, START + MINUTE),
        over(1, grace_until=START),
        over(1, believe_at=START),
        incident(1, state=State.RESOLVED, resolved_at=None),
    ],
    ids=["open", "young", "in its grace", "with held copies", "without a moment"],
)
async def test_an_incident_about_which_something_may_happen_is_kept(store: Store, kept: Incident) -> None:
    await store.write(fill(kept))
    before = await store.read(kept_of(kept.id))
    assert await forget(store, START + MINUTE) == 0
    assert await store.read(kept_of(kept.id)) == before


async def test_an_incident_that_moved_is_judged_by_where_it_stands(store: Store) -> None:
    await store.write(lambda tx: tx.insert_incidents([over(1), incident(2), over(3)]))
    await store.write(lambda tx: tx.update_incidents([incident(1), over(2), over(3, START + MINUTE)]))
    assert await forget(store, START + MINUTE) == 1
    assert await numbers(store) == [3, 1]


async def test_the_longest_resolved_go_first_and_no_more_than_the_limit(store: Store) -> None:
    await store.write(lambda tx: tx.insert_incidents([over(1, START + 2), over(2, START + 1), over(3), over(4)]))
    assert await forget(store, START + MINUTE, 0) == 0
    assert await forget(store, START + MINUTE, 1) == 1
    assert await numbers(store) == [4, 2, 1]
    assert await forget(store, START + MINUTE, 2) == 2
    assert await numbers(store) == [1]


async def test_more_than_one_statement_takes_may_be_forgotten_at_once(store: Store) -> None:
    old = [over(number) for number in range(1, 101)]
    await store.write(lambda tx: tx.insert_incidents(old))
    await store.write(lambda tx: tx.append_entries([entry(1, each.id) for each in old]))
    assert await forget(store, START + 1, 99) == 99
    assert await numbers(store) == [100]
    assert await store.read(lambda tx: [each.id for each in old if tx.entries(each.id)]) == ["incident-100"]


async def test_the_key_of_a_forgotten_incident_is_free_and_its_number_is_not(store: Store) -> None:
    await store.write(lambda tx: tx.insert_incidents([over(tx.next_numbers(1), dedup_key="a")]))
    await forget(store, START + 1)
    await store.write(lambda tx: tx.insert_incidents([incident(tx.next_numbers(1), dedup_key="a")]))
    assert (await store.read(lambda tx: tx.latest_incidents(["a"])))["a"].number == 2


async def test_an_older_incident_of_the_key_is_the_latest_again(store: Store) -> None:
    first, second = over(1, START + MINUTE, dedup_key="a"), over(2, START, dedup_key="a")
    await store.write(lambda tx: tx.insert_incidents([first, second]))
    assert await forget(store, START + 1) == 1
    assert await store.read(lambda tx: tx.latest_incidents(["a"])) == {"a": first}


async def test_resolved_episodes_of_no_incident_go_by_the_time_they_were_seen(store: Store) -> None:
    loose = [
        episode("older", status=RESOLVED, incident_id=None, last_seen_at=START - 2),
        episode("old", status=RESOLVED, incident_id=None, last_seen_at=START - 1),
        episode("young", status=RESOLVED, incident_id=None, last_seen_at=START),
        episode("fires", incident_id=None, last_seen_at=START - 2),
        episode("suppressed", incident_id=None, last_seen_at=START - 2, status=EpisodeStatus.SUPPRESSED),
        episode("placed", status=RESOLVED, last_seen_at=START - 2),
    ]
    keys = [each.key for each in loose]
    await store.write(lambda tx: tx.put_episodes(loose))

    assert await forget(store, START, 1) == 0
    assert list(await store.read(lambda tx: tx.latest_episodes(keys))) == keys[1:]
    assert await forget(store, START) == 0
    assert list(await store.read(lambda tx: tx.latest_episodes(keys))) == keys[2:]


async def test_the_earlier_episode_of_an_alert_may_outlive_the_later(store: Store) -> None:
    first = episode("a", 1, incident_id=None, last_seen_at=START)
    second = episode("a", 2, incident_id=None, last_seen_at=START - 1, status=RESOLVED)
    await store.write(lambda tx: tx.put_episodes([first, second]))
    await forget(store, START)
    assert await store.read(lambda tx: tx.latest_episodes([first.key])) == {first.key: first}

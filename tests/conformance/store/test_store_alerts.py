from conformance.store.samples import START, HandClock, episode, incident, quarantined
from tocsin.core.alerts.alert import Episode, EpisodeStatus
from tocsin.core.alerts.heartbeat import Heartbeat
from tocsin.core.duration import MINUTE, SECOND
from tocsin.core.incident.incident import State
from tocsin.core.matching.condition import Likeness, Rate, WhenOpen
from tocsin.ports.store import Store


async def test_an_episode_comes_back_as_it_was_written(store: Store) -> None:
    full = episode(
        "a",
        3,
        ends_at=START + 1,
        held_until=START + 2,
        generator_url="http://p/",
        status=EpisodeStatus.HELD,
        rules_sha="f00d",
        own_labels={"alertname": "DiskFills"},
        holds=(
            WhenOpen(like=Likeness(service="db", severity=("SEV-1",)), other_than="key"),
            Rate(dedup_key="key", more_than=5, within=MINUTE),
        ),
    )
    bare = episode("b", starts_at=None, labels={}, annotations={}, incident_id=None, severity="", trace=())
    await store.write(lambda tx: tx.put_episodes([full, bare]))

    found = await store.read(lambda tx: tx.latest_episodes([full.key, bare.key]))

    assert found == {full.key: full, bare.key: bare}
    assert found[full.key].status is EpisodeStatus.HELD


async def test_the_latest_episode_is_the_one_with_the_highest_number(store: Store) -> None:
    await store.write(lambda tx: tx.put_episodes([episode("a", 2), episode("a", 10), episode("a", 1)]))
    found = await store.read(lambda tx: tx.latest_episodes([("default", "a")]))
    assert found == {("default", "a"): episode("a", 10)}


async def test_alerts_of_other_sources_and_unknown_ones_are_left_out(store: Store) -> None:
    await store.write(lambda tx: tx.put_episodes([episode("a"), episode("a", source="other")]))
    found = await store.read(lambda tx: tx.latest_episodes([("other", "a"), ("default", "nobody"), ("other", "b")]))
    assert found == {("other", "a"): episode("a", source="other")}


async def test_any_number_of_alerts_may_be_looked_up_at_once(store: Store) -> None:
    written = [episode(f"f{number}") for number in range(150)]
    await store.write(lambda tx: tx.put_episodes(written))
    for many in (0, 1, 7, 8, 9, 63, 64, 65, 150):
        keys = [each.key for each in written[:many]]
        found = await store.read(lambda tx, keys=keys: tx.latest_episodes([*keys, ("default", "none")]))
        assert list(found.values()) == written[:many]
    twice = await store.read(lambda tx: tx.latest_episodes([written[0].key, written[0].key]))
    assert twice == {written[0].key: written[0]}


async def test_an_episode_is_replaced_by_its_number(store: Store) -> None:
    await store.write(lambda tx: tx.put_episodes([episode("a"), episode("b")]))
    moved = episode("a", status=EpisodeStatus.RESOLVED, ends_at=START, incident_id="incident-2", trace=())
    await store.write(lambda tx: tx.put_episodes([episode("a", last_seen_at=1), moved]))

    found = await store.read(lambda tx: (tx.episodes_of("incident-1"), tx.episodes_of("incident-2")))

    assert found == ([episode("b")], [moved])


async def test_firing_episodes_of_an_incident_come_first_then_the_older(store: Store) -> None:
    resolved = episode("a", status=EpisodeStatus.RESOLVED, first_seen_at=START - 9)
    held = episode("b", status=EpisodeStatus.HELD, first_seen_at=START - 8)
    late, early = episode("c", first_seen_at=START + 1), episode("d", first_seen_at=START)
    same = episode("e", first_seen_at=START)
    await store.write(lambda tx: tx.put_episodes([resolved, late, held, same, early]))

    assert await store.read(lambda tx: tx.episodes_of("incident-1")) == [early, same, late, resolved, held]
    assert await store.read(lambda tx: tx.episodes_of("incident-1", 2)) == [early, same]
    assert await store.read(lambda tx: list(tx.every_episode_of("incident-1"))) == [early, same, late, resolved, held]


async def test_firing_alerts_about_tocsin_itself_are_found_by_age(store: Store) -> None:
    own = [
        episode("new", source="tocsin", last_seen_at=START),
        episode("old", source="tocsin", last_seen_at=START - 2),
        episode("older", source="tocsin", last_seen_at=START - 3),
        episode("over", source="tocsin", last_seen_at=START - 9, status=EpisodeStatus.RESOLVED),
        episode("other", last_seen_at=START - 9),
    ]
    await store.write(lambda tx: tx.put_episodes(own))
    found = await store.read(lambda tx: tx.self_episodes(START))
    assert [each.fingerprint for each in found] == ["older", "old"]


async def test_a_sources_heartbeat_is_the_last_one_written(store: Store) -> None:
    first, other = Heartbeat(source="größe", last_seen_at=START), Heartbeat(source="a", last_seen_at=START, lost_at=7)
    await store.write(lambda tx: (tx.put_heartbeat(first), tx.put_heartbeat(other)))
    second = Heartbeat(source="größe", last_seen_at=START + MINUTE, every=MINUTE)
    await store.write(lambda tx: tx.put_heartbeat(second))
    assert await store.read(lambda tx: tx.heartbeats()) == {"a": other, "größe": second}


async def test_a_sources_episodes_are_those_that_fire_and_those_that_ended_lately(store: Store) -> None:
    over, due, old = (
        incident(number, state=State.RESOLVED, resolved_at=at, grace_until=grace, dedup_key=f"key {number}")
        for number, at, grace in ((2, START, None), (3, START - MINUTE, START + MINUTE), (4, START - MINUTE, None))
    )
    ended = {"status": EpisodeStatus.RESOLVED, "ends_at": START}
    written = [
        episode("fires"),
        episode("elsewhere", source="other"),
        episode("held", status=EpisodeStatus.HELD),
        episode("ended", **ended),
        episode("ended earlier", status=EpisodeStatus.RESOLVED, ends_at=START - 1),
        episode("again", 1, **ended),
        episode("again", 2),
        episode("of what is over", incident_id=over.id, **ended),
        episode("of what may reopen", incident_id=due.id),
        episode("of what is long over", incident_id=old.id, **ended),
        episode("of nothing", incident_id=None),
    ]
    await store.write(lambda tx: (tx.insert_incidents([incident(1), over, due, old]), tx.put_episodes(written)))

    found = await store.read(lambda tx: list(tx.episodes_at("default", START)))

    names = ("again", "again", "ended", "fires", "of what is over", "of what may reopen")
    assert tuple(each.fingerprint for each in found) == names
    assert found[1] == episode("again", 2)


async def test_an_inbound_delivery_is_new_once_for_each_origin(store: Store) -> None:
    assert await store.write(lambda tx: (tx.record_inbound("slack", "k"), tx.record_inbound("slack", "k"))) == (
        True,
        False,
    )
    assert await store.write(lambda tx: (tx.record_inbound("slack", "k"), tx.record_inbound("api", "k"))) == (
        False,
        True,
    )


async def test_inbound_keys_are_forgotten_by_age_and_are_new_again(store: Store, clock: HandClock) -> None:
    await store.write(lambda tx: (tx.record_inbound("api", "old"), tx.record_inbound("api", "older")))
    later = clock.forward(SECOND)
    await store.write(lambda tx: tx.record_inbound("api", "young"))

    assert await store.write(lambda tx: tx.forget_before(later)) == 2
    assert await store.write(lambda tx: tx.forget_before(later)) == 0
    assert await store.write(lambda tx: (tx.record_inbound("api", "old"), tx.record_inbound("api", "young"))) == (
        True,
        False,
    )


async def test_quarantine_counts_repeats_and_lists_the_newest_first(store: Store) -> None:
    first, second, third = quarantined("a", 1), quarantined("b", 3), quarantined("c", 2)
    for item in (first, second, third, quarantined("a", 9, body="another", alerts=7)):
        await store.write(lambda tx, item=item: tx.quarantine(item, 10))
    again = quarantined("a", 1, last_at=9, seen=2, alerts=7)
    assert await store.read(lambda tx: tx.quarantined()) == [again, second, third]
    assert await store.read(lambda tx: tx.quarantined(1)) == [again]


async def test_quarantine_keeps_only_the_newest_entries_up_to_the_limit(store: Store) -> None:
    for number in range(6):
        await store.write(lambda tx, number=number: tx.quarantine(quarantined(f"q{number}", number), 3))
    assert [item.id for item in await store.read(lambda tx: tx.quarantined())] == ["q5", "q4", "q3"]
    await store.write(lambda tx: tx.quarantine(quarantined("q3", 6), 3))
    assert [item.id for item in await store.read(lambda tx: tx.quarantined())] == ["q3", "q5", "q4"]


async def test_all_episodes_are_read_page_by_page_in_the_order_of_their_keys(store: Store) -> None:
    kept = [
        episode("a", 1, source="x"),
        episode("a", 2, source="x", status=EpisodeStatus.RESOLVED),
        episode("b", 1, source="x", incident_id=None),
        episode("a", 10, source="y"),
    ]
    old = episode("a", 9, source="y", last_seen_at=START - 1)
    await store.write(lambda tx: tx.put_episodes([*reversed(kept), old]))

    read: list[Episode] = []
    after = ("", "", 0)
    while page := await store.read(lambda tx, after=after: tx.episodes_after(after, START, 3)):
        assert len(page) <= 3
        read += page
        after = (*page[-1].key, page[-1].episode)

    assert read == kept
    assert await store.read(lambda tx: tx.episodes_after(("y", "a", 8), 0, 9)) == [old, kept[-1]]


async def test_the_episodes_of_an_alert_are_found_by_its_fingerprint_the_latest_first(store: Store) -> None:
    written = [
        episode("a", 1, first_seen_at=START),
        episode("a", 2, first_seen_at=START + 2, status=EpisodeStatus.SUPPRESSED, incident_id=None),
        episode("a", 1, first_seen_at=START + 1, source="other"),
        episode("a", 7, first_seen_at=START + 2, source="zebra"),
        episode("b", 1, first_seen_at=START + 9),
    ]
    await store.write(lambda tx: tx.put_episodes(written))
    first, second, third, fourth, _ = written

    assert await store.read(lambda tx: tx.episodes("a")) == [second, fourth, third, first]
    assert await store.read(lambda tx: tx.episodes("a", limit=2)) == [second, fourth]
    assert await store.read(lambda tx: tx.episodes("a", "default")) == [second, first]
    assert await store.read(lambda tx: tx.episodes("a", "default", 1)) == [second]
    assert await store.read(lambda tx: (tx.episodes("none"), tx.episodes("a", "none"))) == ([], [])
    assert await store.read(lambda tx: tx.episode("other", "a", 1)) == third
    assert (
        await store.read(lambda tx: [tx.episode("other", "a", number) for number in (-1, 0, 2, 1 << 80)]) == [None] * 4
    )

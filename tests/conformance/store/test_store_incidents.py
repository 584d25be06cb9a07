from collections.abc import Callable

import pytest

from conformance.store.samples import START, HandClock, entry, episode, incident, occurrence, plan
from tocsin.core.duration import MINUTE
from tocsin.core.errors import Conflict, UnknownName
from tocsin.core.incident.escalation import next_due
from tocsin.core.incident.incident import Incident, Planned, State
from tocsin.core.incident.measure import Mean
from tocsin.core.matching.condition import Likeness
from tocsin.core.playbook.actions import Acting, Draft, PlaybookAction, Verb
from tocsin.ports.store import IncidentFilter, MessageRef, Store, Transaction

RESOLVED = State.RESOLVED


def inserting(*incidents: Incident) -> Callable[[Transaction], None]:
    return lambda tx: tx.insert_incidents(incidents)


async def test_an_incident_comes_back_as_it_was_written_with_its_plan(store: Store) -> None:
    bare = incident(1, firing={}, flags=(), ladder=())
    full = incident(
        2,
        plan=plan("another", flags=("data_breach",), announce=("room",)),
        drill=True,
        linked_to="incident-1",
        pinned=True,
        acked_severity="SEV-2",
        acknowledged_at=START,
        acknowledged_by="ada",
        reached=(1, 2),
        fired=("1.1",),
        flagged=("4.1:data_breach",),
        fallback_at=START + 1,
        title="größer \U0001f525 'quoted' \\ \n",
    )
    await store.write(inserting(bare, full))
    assert await store.read(lambda tx: (tx.incident("incident-1"), tx.incident("incident-2"))) == (bare, full)


async def test_an_incident_is_found_by_its_id_or_else_by_its_number(store: Store) -> None:
    by_number, digits = incident(1), incident(2, id="1")
    await store.write(inserting(by_number, digits))

    assert await store.read(lambda tx: tx.incident("1")) == digits
    assert await store.read(lambda tx: tx.incident("2")) == digits
    assert await store.read(lambda tx: tx.incident("incident-1")) == by_number
    for nobody in ("3", "incident-3", "", "-1", "1.0", "²", "9" * 30):
        assert await store.read(lambda tx, nobody=nobody: tx.incident(nobody)) is None


async def test_the_latest_incident_of_a_key_is_the_open_one_or_else_the_newest(store: Store) -> None:
    open_one = incident(1, dedup_key="a")
    newer = incident(2, dedup_key="a", state=RESOLVED)
    old, newest = (incident(number, dedup_key="b", state=RESOLVED) for number in (3, 4))
    await store.write(inserting(open_one, newer, newest, old))

    found = await store.read(lambda tx: tx.latest_incidents(["b", "none", "a"]))

    assert found == {"a": open_one, "b": newest}


async def test_any_number_of_keys_may_be_looked_up_at_once(store: Store) -> None:
    written = [incident(number) for number in range(1, 81)]
    await store.write(inserting(*written))
    found = await store.read(lambda tx: tx.latest_incidents([each.dedup_key for each in written]))
    assert list(found.values()) == written


async def test_a_second_open_incident_of_a_key_is_refused(store: Store) -> None:
    await store.write(inserting(incident(1, dedup_key="a"), incident(2, dedup_key="a", state=RESOLVED)))

    with pytest.raises(Conflict):
        await store.write(inserting(incident(3, dedup_key="a", state=State.PENDING)))
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.update_incidents([incident(2, dedup_key="a")]))

    assert await store.read(lambda tx: len(tx.incidents(IncidentFilter()))) == 2


async def test_the_open_incident_of_a_key_may_change_hands_in_one_transaction(store: Store) -> None:
    await store.write(inserting(incident(1, dedup_key="a")))
    await store.write(
        lambda tx: (
            tx.update_incidents([incident(1, dedup_key="a", state=RESOLVED)]),
            tx.insert_incidents([incident(2, dedup_key="a")]),
        )
    )
    assert (await store.read(lambda tx: tx.latest_incidents(["a"])))["a"].number == 2


@pytest.mark.parametrize("again", [incident(1, id="another"), incident(2, id="incident-1")])
async def test_a_number_or_an_id_is_given_once(store: Store, again: Incident) -> None:
    await store.write(inserting(incident(1, state=RESOLVED)))
    with pytest.raises(Conflict):
        await store.write(inserting(again))


async def test_an_update_replaces_the_whole_incident(store: Store) -> None:
    await store.write(inserting(incident(1), incident(2)))
    changed = incident(1, plan=plan("another"), state=RESOLVED, severity="SEV-2", service="web", ladder=())
    await store.write(lambda tx: tx.update_incidents([changed]))

    assert await store.read(lambda tx: tx.incident("1")) == changed
    assert await store.read(lambda tx: tx.latest_incidents(["key-1"])) == {"key-1": changed}
    assert await store.read(lambda tx: tx.incidents(IncidentFilter(service="web"))) == [changed]
    assert await store.read(lambda tx: tx.open_counts()) == {("emergency", "SEV-1", "triggered"): 1}


async def test_an_update_of_an_unknown_incident_changes_nothing(store: Store) -> None:
    await store.write(inserting(incident(1)))
    with pytest.raises(UnknownName):
        await store.write(lambda tx: tx.update_incidents([incident(1, title="new"), incident(2)]))
    assert await store.read(lambda tx: tx.incident("1")) == incident(1)


async def test_numbers_start_at_one_and_have_no_gaps_even_after_a_rollback(store: Store) -> None:
    def fails(tx: Transaction) -> None:
        assert tx.next_numbers(5) == 3
        raise RuntimeError

    assert await store.write(lambda tx: (tx.next_numbers(1), tx.next_numbers(1))) == (1, 2)
    with pytest.raises(RuntimeError):
        await store.write(fails)
    assert await store.write(lambda tx: tx.next_numbers(3)) == 3
    assert await store.write(lambda tx: tx.next_numbers(1)) == 6


async def test_due_incidents_come_longest_due_first(store: Store, clock: HandClock) -> None:
    def due(number: int, at: int) -> Incident:
        return incident(number, ladder=(Planned("1.1", 1, at),))

    never = incident(4, ladder=())
    await store.write(inserting(due(1, START + 2), due(2, START + 1), due(3, START + 3), never, due(5, START + 1)))

    assert await store.read(lambda tx: (tx.due_incidents(9), tx.next_due_at())) == ([], START + 1)
    clock.forward(2)
    assert [each.number for each in await store.read(lambda tx: tx.due_incidents(9))] == [2, 5, 1]
    assert [each.number for each in await store.read(lambda tx: tx.due_incidents(2))] == [2, 5]


async def test_the_stored_due_at_is_what_the_core_says(store: Store) -> None:
    states = [
        incident(1),
        incident(2, state=RESOLVED),
        incident(3, state=RESOLVED, grace_until=START + MINUTE),
        incident(4, state=State.PENDING, pending_until=START + 7),
        incident(5, resolve_at=START + 8),
    ]
    await store.write(inserting(*states))
    for each in states:
        assert await store.read(lambda tx, each=each: tx.due_at_of(each.id)) == next_due(each)
    assert await store.read(lambda tx: tx.due_at_of("nobody")) is None

    await store.write(lambda tx: tx.update_incidents([incident(1, state=RESOLVED), incident(2, ladder=())]))
    assert await store.read(lambda tx: tx.due_at_of("incident-1")) is None
    assert await store.read(lambda tx: tx.due_at_of("incident-2")) == next_due(incident(2, ladder=()))
    assert await store.read(lambda tx: tx.next_due_at()) == START + 7


async def test_without_anything_due_there_is_no_next_time(store: Store) -> None:
    assert await store.read(lambda tx: tx.next_due_at()) is None


LISTED = [
    incident(1, severity="SEV-2"),
    incident(2, state=State.ACKNOWLEDGED, service="web"),
    incident(3, state=RESOLVED, plan=plan("other")),
    incident(4, state=RESOLVED),
    incident(5),
]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (IncidentFilter(), [5, 4, 3, 2, 1]),
        (IncidentFilter(limit=2), [5, 4]),
        (IncidentFilter(before_number=4, limit=2), [3, 2]),
        (IncidentFilter(states=("triggered",)), [5, 1]),
        (IncidentFilter(states=("acknowledged", "resolved")), [4, 3, 2]),
        (IncidentFilter(states=()), []),
        (IncidentFilter(states=("acknowledged", "triggered"), before_number=5), [2, 1]),
        (IncidentFilter(severity="SEV-2"), [1]),
        (IncidentFilter(service="web"), [2]),
        (IncidentFilter(playbook="other"), [3]),
        (IncidentFilter(service="db", playbook="emergency", states=("resolved",), severity="SEV-1"), [4]),
        (IncidentFilter(service="nobody"), []),
    ],
)
async def test_a_list_has_what_its_filter_asks_for(store: Store, wanted: IncidentFilter, numbers: list[int]) -> None:
    await store.write(inserting(*LISTED))
    found = await store.read(lambda tx: tx.incidents(wanted))
    assert [each.number for each in found] == numbers


async def test_incidents_whose_drafts_wait_are_listed_by_themselves_until_none_does(store: Store) -> None:
    action = PlaybookAction(at=("resolved",), verb=Verb.MESSAGE, what="sorry", to=("customers",), confirm=True)
    waiting = Acting(drafts=(Draft(number=1, action=action, moment="resolved", at=START),), drafted=1)
    drafted = [
        incident(6, acting=waiting),
        incident(7, state=RESOLVED, acting=waiting),
        incident(8, acting=Acting(drafted=1)),
    ]
    await store.write(inserting(*LISTED, *drafted))

    async def listed(**more: int) -> list[int]:
        found = await store.read(lambda tx: tx.incidents(IncidentFilter(drafts=True, **more)))
        return [each.number for each in found]

    assert (await listed(), await listed(limit=1), await listed(before_number=7)) == ([7, 6], [7], [6])
    await store.write(lambda tx: tx.update_incidents([incident(7, state=RESOLVED), incident(5, acting=waiting)]))
    assert await listed() == [6, 5]


async def test_open_incidents_are_counted_by_playbook_severity_and_state(store: Store) -> None:
    await store.write(inserting(*LISTED, incident(6, fallback_at=START), incident(7, state=RESOLVED, fallback_at=1)))
    assert await store.read(lambda tx: dict(tx.open_counts())) == {
        ("emergency", "SEV-2", "triggered"): 1,
        ("emergency", "SEV-1", "acknowledged"): 1,
        ("emergency", "SEV-1", "triggered"): 2,
    }
    assert await store.read(lambda tx: dict(tx.exhausted_counts())) == {"emergency": 1}


async def test_a_timeline_is_in_order_and_can_be_read_in_parts(store: Store) -> None:
    await store.write(lambda tx: tx.append_entries([entry(1), entry(2), entry(1, "incident-2"), entry(3)]))
    assert await store.read(lambda tx: tx.entries("incident-1")) == [entry(1), entry(2), entry(3)]
    assert await store.read(lambda tx: tx.entries("incident-1", 1)) == [entry(2), entry(3)]
    assert await store.read(lambda tx: tx.entries("incident-1", 0, 1)) == [entry(1)]
    assert await store.read(lambda tx: tx.entries("nobody")) == []


async def test_an_entry_keeps_what_json_can_keep(store: Store) -> None:
    kept = {"targets": ["ada", "bob"], "state": "triggered"}
    await store.write(lambda tx: tx.append_entries([entry(1, data={"targets": ("ada", "bob"), "state": RESOLVED})]))
    (found,) = await store.read(lambda tx: tx.entries("incident-1"))
    assert found.data == {**kept, "state": "resolved"}
    assert type(found.data["targets"]) is list


async def test_a_number_of_a_timeline_is_given_once(store: Store) -> None:
    await store.write(lambda tx: tx.append_entries([entry(1)]))
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.append_entries([entry(2), entry(1, kind="other")]))
    assert await store.read(lambda tx: tx.entries("incident-1")) == [entry(1)]


async def test_the_place_of_the_message_is_remembered_for_each_destination(store: Store) -> None:
    where = ("incident-1", "slack", "room")
    await store.write(lambda tx: tx.put_message_ref(*where, MessageRef("1.1", 4)))
    await store.write(lambda tx: tx.put_message_ref("incident-1", "slack", "other", MessageRef("9", 9)))
    await store.write(lambda tx: tx.put_message_ref(*where, MessageRef("1.2", 5)))
    assert await store.read(lambda tx: tx.message_ref(*where)) == MessageRef("1.2", 5)
    assert await store.read(lambda tx: tx.message_ref("incident-2", "slack", "room")) is None


async def test_the_mean_time_to_acknowledge_counts_what_was_acknowledged_since(store: Store) -> None:
    kept = [
        occurrence("a", acknowledged_at=START + 10),
        occurrence("a", 2, acknowledged_at=START + 21),
        occurrence("b", severity="SEV-2", acknowledged_at=START + 5_000_000),
        occurrence("c", playbook="other", acknowledged_at=START + 10),
        occurrence("too early", acknowledged_at=START + 9),
        occurrence("drill", acknowledged_at=START + 10, counted=False),
        occurrence("never"),
    ]
    for each in kept:
        await store.write(lambda tx, each=each: tx.put_occurrence(each))
    assert await store.read(lambda tx: tx.means("acknowledge", START + 10)) == [
        Mean("emergency", "SEV-1", 31 / 2 / 1_000_000, 2),
        Mean("emergency", "SEV-2", 5.0, 1),
        Mean("other", "SEV-1", 10 / 1_000_000, 1),
    ]


async def test_the_mean_time_to_resolve_ends_with_the_last_alert(store: Store) -> None:
    kept = [
        occurrence("a", ended_at=START + 4_000_000, resolved_at=START + 9),
        occurrence("b", ended_at=START + 8_000_000, resolved_at=START + 10),
        occurrence("no end", resolved_at=START + 10),
        occurrence("too early", ended_at=START + 10, resolved_at=START + 8),
        occurrence("healed", ended_at=START + 10, resolved_at=START + 10, counted=False),
    ]
    for each in kept:
        await store.write(lambda tx, each=each: tx.put_occurrence(each))
    assert await store.read(lambda tx: tx.means("resolve", START + 9)) == [Mean("emergency", "SEV-1", 6.0, 2)]


async def test_an_occurrence_is_replaced_by_its_number(store: Store) -> None:
    await store.write(lambda tx: tx.put_occurrence(occurrence("a")))
    await store.write(lambda tx: tx.put_occurrence(occurrence("a", acknowledged_at=START + 2_000_000)))
    assert await store.read(lambda tx: tx.means("acknowledge", 0)) == [Mean("emergency", "SEV-1", 2.0, 1)]


async def test_no_mean_is_kept_of_anything_else(store: Store) -> None:
    with pytest.raises(UnknownName):
        await store.read(lambda tx: tx.means("detect", 0))


# What rules ask.


async def test_open_incidents_are_found_by_what_they_are_like(store: Store) -> None:
    await store.write(
        inserting(
            incident(1, dedup_key="c", service="db", severity="SEV-2", team="dba"),
            incident(2, dedup_key="a", service="db", severity="SEV-1", team="dba", state=State.PENDING),
            incident(3, dedup_key="b", service="db", severity="SEV-1", state=State.ACKNOWLEDGED),
            incident(4, dedup_key="d", service="db", severity="SEV-1", team="dba", state=RESOLVED),
            incident(5, dedup_key="e", service="api", severity="SEV-1", plan=plan("another")),
        )
    )
    for like, found in (
        (Likeness(service="db"), ["a", "b", "c"]),
        (Likeness(service="db", team="dba"), ["a", "c"]),
        (Likeness(severity=("SEV-1",)), ["a", "b", "e"]),
        (Likeness(severity=("SEV-1", "SEV-2"), service="db"), ["a", "b", "c"]),
        (Likeness(playbook="another"), ["e"]),
        (Likeness(dedup_key="d"), []),
        (Likeness(dedup_key="c", service="db"), ["c"]),
        (Likeness(dedup_key="c", service="api"), []),
        (Likeness(), ["a", "b", "c", "e"]),
    ):
        assert await store.read(lambda tx, like=like: tx.open_alike(like, limit=9)) == found, like
        assert await store.read(lambda tx, like=like: tx.open_alike(like)) == found[:2]


async def test_an_incident_is_found_by_the_severity_that_it_has_now(store: Store) -> None:
    await store.write(inserting(incident(1, severity="SEV-2")))
    await store.write(lambda tx: tx.update_incidents([incident(1, severity="SEV-1")]))
    assert await store.read(lambda tx: tx.open_alike(Likeness(severity=("SEV-2",)))) == []
    assert await store.read(lambda tx: tx.open_alike(Likeness(severity=("SEV-1",)))) == ["key-1"]


async def test_the_episodes_of_a_keys_incidents_are_counted_from_a_moment(store: Store) -> None:
    given = [
        episode("a", 1, incident_id="incident-1", first_seen_at=START - MINUTE),
        episode("a", 2, incident_id="incident-2", first_seen_at=START),
        episode("b", 1, incident_id="incident-2", first_seen_at=START + MINUTE),
        episode("c", 1, incident_id="incident-3", first_seen_at=START),
        episode("d", 1, incident_id=None, first_seen_at=START),
    ]

    def write(tx: Transaction) -> None:
        tx.insert_incidents(
            [incident(1, dedup_key="x", state=RESOLVED), incident(2, dedup_key="x"), incident(3, dedup_key="y")]
        )
        tx.put_episodes(given)

    await store.write(write)
    for key, since, count in (
        ("x", START - MINUTE, 3),
        ("x", START, 2),
        ("x", START + MINUTE + 1, 0),
        ("y", START, 1),
        ("z", 0, 0),
    ):
        assert await store.read(lambda tx, key=key, since=since: tx.episodes_since(key, since)) == count

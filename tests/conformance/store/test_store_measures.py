"""The store's records for reports come in pages, in the order of their cursors."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from conformance.store.samples import START, entry, incident, occurrence, outgoing
from tocsin.core.incident.incident import State
from tocsin.core.incident.incident_duty import IncidentDuty
from tocsin.core.incident.outbox import Job, RowState
from tocsin.core.incident.sla import Item, Obligations, PostMortem
from tocsin.ports.measure_store import EntryCursor, OccurrenceCursor, PageCursor
from tocsin.ports.store import Reader, Store


async def every(store: Store, query: Callable[[Reader, Any], Sequence[Any]], cursor: Any, next_of: Any) -> list[Any]:
    """All records, two at a time."""
    found: list[Any] = []
    while page := await store.read(lambda tx, at=cursor: query(tx, at)):
        assert len(page) <= 2
        found += page
        cursor = next_of(page[-1])
    return found


async def test_resolved_occurrences_come_in_pages(store: Store) -> None:
    resolved = [occurrence(f"i{n}", 1, resolved_at=START + n // 2, ended_at=START, cause="alerts") for n in range(7)]
    others = [
        occurrence("open"),
        occurrence("drill", resolved_at=START + 2, counted=False, cause="alerts"),
        occurrence("later", opened_at=START + 50, resolved_at=START + 60, cause="alerts"),
        occurrence("before", resolved_at=START - 1, cause="alerts"),
    ]

    def write(tx: Any) -> None:
        for one in (*resolved, *others):
            tx.put_occurrence(one)

    await store.write(write)
    found = await every(
        store,
        lambda tx, at: tx.occurrences_resolved(at, START + 50, 2),
        OccurrenceCursor(START),
        lambda one: OccurrenceCursor(one.resolved_at, one.incident_id, one.occurrence),
    )
    assert found == resolved


async def test_the_first_occurrence_is_the_first_that_counts(store: Store) -> None:
    assert await store.read(lambda tx: tx.first_occurrence_at()) is None

    def write(tx: Any) -> None:
        tx.put_occurrence(occurrence("drill", opened_at=START - 9, counted=False))
        tx.put_occurrence(occurrence("a", opened_at=START + 2))
        tx.put_occurrence(occurrence("b", opened_at=START + 1))

    await store.write(write)
    assert await store.read(lambda tx: tx.first_occurrence_at()) == START + 1


async def test_entries_about_missed_targets_and_finished_work_come_in_pages(store: Store) -> None:
    kinds = (
        *("breached", "note", "item_done", "post_mortem_done", "sent", "post_mortem_waived", "breached"),
        *("duty_owed", "duty_done", "duty_waived", "duty_withdrawn"),
    )
    written = [entry(seq, at=START + seq // 2, kind=kind) for seq, kind in enumerate(kinds, start=1)]
    await store.write(lambda tx: tx.append_entries([*written, entry(1, "incident-2", at=START + 1, kind="breached")]))
    found = await every(
        store,
        lambda tx, at: tx.measured_entries(at, 2),
        EntryCursor(START),
        lambda one: EntryCursor(one.at, one.incident_id, one.seq),
    )
    assert [(one.incident_id, one.seq) for one in found] == [
        ("incident-1", 1),
        ("incident-1", 3),
        ("incident-2", 1),
        ("incident-1", 4),
        ("incident-1", 6),
        ("incident-1", 7),
        ("incident-1", 9),
        ("incident-1", 10),
    ]


async def test_accepted_pages_come_in_pages(store: Store) -> None:
    sent = {"state": RowState.SENT, "done_at": START + 1}
    rows = [
        outgoing("early", state=RowState.SENT, done_at=START - 1),
        outgoing("a", **sent),
        outgoing("b", **sent),
        outgoing("update", job=Job.UPDATE, **sent),
        outgoing("dead", state=RowState.DEAD, done_at=START + 1),
        outgoing("pending"),
        outgoing("c", state=RowState.SENT, done_at=START),
        outgoing("late", state=RowState.SENT, done_at=START + 9),
    ]
    await store.write(lambda tx: tx.enqueue(rows))
    found = await every(
        store,
        lambda tx, at: tx.accepted_pages(at, START + 9, 2),
        PageCursor(START),
        lambda row: PageCursor(row.done_at, row.order_no),
    )
    assert [row.key for row in found] == ["c", "a", "b"]


POST_MORTEM = PostMortem(severity="SEV-1", asked_at=START, due_at=START + 9, remind_at=None)
ITEM = Item(number=1, text="Add", kind="immediate", severity="SEV-1", added_at=START, due_at=START + 9, remind_at=None)
DUTY = IncidentDuty(
    name="runbook", text="Write it", since="resolved", severity="SEV-1", occurrence=1, asked_at=START,
    due_at=START + 9, remind_at=None,
)  # fmt: skip


async def test_incidents_with_open_duties_are_found_until_they_are_done(store: Store) -> None:
    done = msgspec.structs.replace(POST_MORTEM, done_at=START + 1)
    duties = [
        Obligations(post_mortem=POST_MORTEM),
        None,
        Obligations(items=(ITEM,)),
        Obligations(post_mortem=done, items=(msgspec.structs.replace(ITEM, done_at=START),)),
        Obligations(post_mortem=done, items=(ITEM,)),
        Obligations(duties=(DUTY, msgspec.structs.replace(DUTY, name="status-page"))),
        Obligations(duties=(msgspec.structs.replace(DUTY, done_at=START),)),
    ]
    incidents = [
        incident(number, state=State.RESOLVED, resolved_at=START, obligations=one)
        for number, one in enumerate(duties, start=1)
    ]
    await store.write(lambda tx: tx.insert_incidents(incidents))

    async def numbers() -> list[int]:
        found = await every(store, lambda tx, at: tx.incidents_with_duties(at, 2), 0, lambda one: one.number)
        return [one.number for one in found]

    assert await numbers() == [1, 3, 5, 6]
    finished = msgspec.structs.replace(incidents[2], obligations=duties[3])
    await store.write(lambda tx: tx.update_incidents([finished]))
    assert await numbers() == [1, 5, 6]


async def test_incidents_are_found_by_their_ids(store: Store) -> None:
    await store.write(lambda tx: tx.insert_incidents([incident(number) for number in range(1, 6)]))
    ids = ["incident-4", "nothing", "incident-2"]
    found = await store.read(lambda tx: tx.incidents_by_id(ids))
    assert sorted(one.number for one in found) == [2, 4]
    assert await store.read(lambda tx: tx.incidents_by_id([])) == []

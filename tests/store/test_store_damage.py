"""A record that cannot be decoded blocks no other, and is reported once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from conformance.store.samples import START, HandClock, incident, outgoing, plan
from tocsin.core.duration import MINUTE
from tocsin.core.incident.incident import Incident, Planned, State
from tocsin.core.incident.outbox import Job
from tocsin.ports.store import IncidentFilter, Store, Transaction, Unreadable
from tocsin.store.sqlite.sqlite_store import SqliteStore

NOBODY: frozenset[str] = frozenset()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "tocsin.db", HandClock())
    await opened.open()
    yield opened
    await opened.close()


async def damage(store: Store, sql: str, *values: Any) -> None:
    def work(tx: Transaction) -> None:
        tx._cursor.execute(sql, values)  # type: ignore[attr-defined]
        assert tx._cursor.rowcount > 0  # type: ignore[attr-defined]

    await store.write(work)


def due(number: int, at: int = START - 1, **changes: Any) -> Incident:
    return incident(number, ladder=(Planned("1.1", 1, at),), **changes)


async def with_incidents(store: Store, *incidents: Incident, broken: tuple[int, ...], body: str = "{") -> None:
    await store.write(lambda tx: tx.insert_incidents(incidents))
    for number in broken:
        await damage(store, "UPDATE incidents SET body = ? WHERE number = ?", body, number)


async def due_numbers(store: Store, limit: int = 9) -> list[int]:
    return [each.number for each in await store.write(lambda tx: tx.due_incidents(limit))]


async def next_due_at(store: Store) -> int | None:
    return await store.read(lambda tx: tx.next_due_at())


@pytest.mark.parametrize("body", ["{", "[]", "", '{"id": 1}', '{"id": "a\\ud800"}'])
async def test_the_timers_go_on_beside_an_incident_that_cannot_be_read(store: SqliteStore, body: str) -> None:
    later = due(3, START + MINUTE)
    await with_incidents(store, due(1, START - 5), due(2), later, broken=(1,), body=body)
    assert (await next_due_at(store), store.unreadable) == (START - 5, NOBODY)

    assert await due_numbers(store) == [2]

    assert store.unreadable == {"incident-1"}
    assert await next_due_at(store) == START - 1
    await store.write(lambda tx: tx.update_incidents([due(2, START + 2 * MINUTE)]))
    assert await next_due_at(store) == START + MINUTE
    over = [incident(number, state=State.RESOLVED) for number in (2, 3)]
    await store.write(lambda tx: tx.update_incidents(over))
    assert await next_due_at(store) is None


async def test_an_unreadable_row_is_logged_once(store: SqliteStore) -> None:
    await with_incidents(store, due(1), due(2), broken=(1, 2))
    with capture_logs() as told:
        for _ in range(3):
            assert await due_numbers(store) == []
            assert await store.read(lambda tx: tx.due_incidents(9)) == []
    assert [(each["log_level"], each["key"]) for each in told] == [("error", "incident-1"), ("error", "incident-2")]


async def test_it_takes_no_place_from_those_that_can_be_read(store: SqliteStore) -> None:
    await with_incidents(store, *(due(number, START - 9 + number) for number in range(1, 6)), broken=(1, 2))
    # Whoever looks often enough gets through, however many stand before it.
    assert [await due_numbers(store, 1) for _ in range(3)] == [[], [], [3]]
    assert await due_numbers(store, 2) == [3, 4]


async def test_an_incident_whose_plan_is_gone_or_broken_cannot_be_read(store: SqliteStore, tmp_path: Path) -> None:
    gone, broken = plan("gone"), plan("broken")
    await with_incidents(store, due(1, plan=gone), due(2, plan=broken), due(3), broken=())
    await damage(store, "DELETE FROM plans WHERE sha = ?", gone.sha)
    await damage(store, "UPDATE plans SET body = '{' WHERE sha = ?", broken.sha)
    await store.close()
    again = SqliteStore(tmp_path / "tocsin.db", HandClock())
    await again.open()
    assert await due_numbers(again) == [3]
    assert again.unreadable == {"incident-1", "incident-2"}
    await again.close()


async def test_lists_omit_an_unreadable_row_and_a_query_for_it_raises(store: SqliteStore) -> None:
    await with_incidents(store, due(1), due(2), broken=(2,))
    listed = await store.read(lambda tx: tx.incidents(IncidentFilter(limit=9)))
    assert [each.number for each in listed] == [1]
    for ask in (
        lambda tx: tx.incident("incident-2"),
        lambda tx: tx.incident("2"),
        lambda tx: tx.latest_incidents(["key-1", "key-2"]),
    ):
        with pytest.raises(Unreadable, match="incident-2") as caught:
            await store.read(ask)
        assert caught.value.key == "incident-2"
        assert store.unreadable == {"incident-2"}


async def test_a_byte_that_is_no_text_costs_one_character(store: SqliteStore) -> None:
    await with_incidents(store, due(1, title="größer"), broken=())
    wound = "UPDATE incidents SET body = CAST(replace(CAST(body AS BLOB), x'c3b6', x'ffb6') AS TEXT)"
    await damage(store, wound)
    (found,) = await store.write(lambda tx: tx.due_incidents(9))
    assert (found.title.startswith("gr\ufffd"), found.title.endswith("er"), found.id) == (True, True, "incident-1")
    assert store.unreadable == NOBODY


async def claimable(store: Store, limit: int = 9) -> list[str]:
    return [row.key for row in await store.write(lambda tx: tx.claimable(limit, NOBODY))]


async def next_claim_at(store: Store) -> int | None:
    return await store.read(lambda tx: tx.next_claim_at())


@pytest.mark.parametrize("column", ["job", "until"])
async def test_a_row_that_cannot_be_read_holds_up_no_other(store: SqliteStore, column: str) -> None:
    rows = [
        outgoing("broken", not_before=START - 2, overdue_at=START),
        outgoing("behind it", overdue_at=START),
        outgoing("later", incident_id="other", not_before=START + MINUTE, overdue_at=START),
    ]
    await store.write(lambda tx: tx.enqueue(rows))
    await damage(store, f"UPDATE outbox SET {column} = 'from a newer version' WHERE key = 'broken'")

    with capture_logs() as told:
        assert await claimable(store) == ["behind it"]
        assert await claimable(store, 1) == ["behind it"]

    assert [(each["log_level"], each["key"]) for each in told] == [("error", "broken")]
    assert store.unreadable == {"broken"}
    assert [row.key for row in await store.read(lambda tx: tx.outbox_of("incident-1"))] == ["behind it"]
    assert [row.key for row in await store.read(lambda tx: tx.overdue_pages())] == ["behind it", "later"]
    with pytest.raises(Unreadable, match="broken"):
        await store.read(lambda tx: tx.outbox_row("broken"))


async def test_a_row_that_cannot_be_read_is_no_reason_to_wake(store: SqliteStore) -> None:
    rows = [outgoing("free", not_before=START - 2), outgoing("leased", destination="b", lease_until=START + 1)]
    await store.write(lambda tx: tx.enqueue([*rows, outgoing("good", destination="c", not_before=START + MINUTE)]))
    assert await next_claim_at(store) == START - 2
    await damage(store, "UPDATE outbox SET job = '?' WHERE key = 'free'")
    assert await next_claim_at(store) == START + 1
    await damage(store, "UPDATE outbox SET job = '?' WHERE key = 'leased'")
    assert await next_claim_at(store) == START + MINUTE
    await damage(store, "UPDATE outbox SET job = '?' WHERE key = 'good'")
    assert await next_claim_at(store) is None


@pytest.mark.parametrize("job", list(Job))
async def test_every_job_of_this_version_can_be_read(store: SqliteStore, job: Job) -> None:
    await store.write(lambda tx: tx.enqueue([outgoing("a", job=job), outgoing("b", job=Job.PAGE, destination="b")]))
    assert await claimable(store) == ["a", "b"]
    assert await next_claim_at(store) == START

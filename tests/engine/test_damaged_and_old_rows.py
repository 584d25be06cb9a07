"""A damaged row affects only its own page and is reported; old incidents are deleted."""

from pathlib import Path

import pytest

from scenario import emergency
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.incident.outbox import Job, RowState
from tocsin.engine.workers.auditor import Auditor
from tocsin.ports.store import Transaction
from tocsin.store.sqlite.sqlite_store import SqliteStore
from tocsin.testing.clock import VirtualClock


def break_the_first_incident(tx: Transaction) -> None:
    damage(tx, "UPDATE incidents SET body = '{' WHERE number = 1")


def damage(tx: Transaction, sql: str) -> None:
    tx._cursor.execute(sql)  # type: ignore[attr-defined]
    assert tx._cursor.rowcount > 0  # type: ignore[attr-defined]


async def test_a_page_of_an_incident_that_cannot_be_read_is_dead_and_told_and_the_others_go_out(tmp_path: Path) -> None:
    clock = VirtualClock()
    store = SqliteStore(tmp_path / "tocsin.db", clock)
    async with emergency.tocsin(store=store, clock=clock) as tocsin:
        for name in ("First", "Second"):
            alert = tocsin.alert(AlertStatus.FIRING, {"alertname": name, "severity": "SEV-1"})
            await tocsin.ingest.take([alert])
        broken = await tocsin.incident("1")
        await store.write(break_the_first_incident)

        await tocsin.settle()

        pages = [content.title for content in tocsin.sent(Job.PAGE)]
        assert [title for title in pages if "Second" in title], pages
        assert [title for title in pages if "was NOT reached by" in title], pages
        rows = await store.read(lambda tx: tx.outbox_of(broken.id))
        assert {row.state for row in rows if row.job is Job.PAGE} == {RowState.DEAD}

        await tocsin.advance(minutes=15)
        assert store.unreadable
        await Auditor(tocsin.dispatcher._committer, tocsin.ingest, clock).run_once()
        await tocsin.settle()
        assert [content.title for content in tocsin.sent(Job.PAGE) if "cannot be read" in content.title]


async def test_what_cannot_be_read_stays_an_open_incident_for_as_long_as_it_cannot(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with emergency.tocsin(store=SqliteStore(tmp_path / "tocsin.db", clock), clock=clock) as tocsin:
        await tocsin.fire(alertname="First", severity="SEV-1")
        await tocsin.store.write(break_the_first_incident)
        auditor = Auditor(tocsin.dispatcher._committer, tocsin.ingest, clock)
        for _ in range(45):
            await tocsin.advance(minutes=1)
            await auditor.run_once()
            await tocsin.housekeeper.run_once()
        await tocsin.settle()
        assert (await tocsin.incident("2")).state == "triggered"


async def test_the_housekeeper_forgets_what_was_resolved_more_than_400_days_ago() -> None:
    async with emergency.tocsin() as tocsin:
        await tocsin.fire(alertname="Down", severity="SEV-1")
        await tocsin.resolve(alertname="Down", severity="SEV-1")
        await tocsin.advance(hours=24 * 399)
        await tocsin.housekeeper.run_once()
        assert await tocsin.store.read(lambda tx: tx.incident("1")) is not None
        await tocsin.advance(hours=48)
        await tocsin.housekeeper.run_once()
        assert await tocsin.store.read(lambda tx: tx.incident("1")) is None


@pytest.mark.parametrize("wound", ["body = 'garbage'", "status = 'from a newer version'"])
async def test_one_damaged_alert_keeps_no_other_alert_out_and_ends_no_worker(tmp_path: Path, wound: str) -> None:
    clock = VirtualClock()
    path = tmp_path / "tocsin.db"
    async with emergency.tocsin(store=SqliteStore(path, clock), clock=clock) as before:
        await before.fire(alertname="First", severity="SEV-1")
        await before.store.write(lambda tx: damage(tx, f"UPDATE alerts SET {wound}"))
    store = SqliteStore(path, clock)
    async with emergency.tocsin(store=store, clock=clock, first_id=50) as after:
        await after.fire(alertname="Second", severity="SEV-1")
        assert await store.read(lambda tx: tx.quarantined()) == []
        await Auditor(after.dispatcher._committer, after.ingest, clock).run_once()
        await after.housekeeper.run_once()
        await after.advance(minutes=16)
        titles = [content.title for content in after.sent(Job.PAGE)]
        assert [sum(name in title for title in titles) for name in ("First", "Second")] == [1, 2]
        assert [title for title in titles if "cannot be read" in title]


async def test_the_auditor_checks_on_beside_a_damaged_entry_of_a_timeline(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with emergency.tocsin(store=SqliteStore(tmp_path / "tocsin.db", clock), clock=clock) as tocsin:
        await tocsin.fire(alertname="Down", severity="SEV-1")
        await tocsin.store.write(lambda tx: damage(tx, "UPDATE entries SET data = '['"))
        await Auditor(tocsin.dispatcher._committer, tocsin.ingest, clock).run_once()
        assert any(key.startswith("entries incident-1/") for key in tocsin.store.unreadable)

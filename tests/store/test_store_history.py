"""A store's history can be read while a daemon has it open, without leaving files behind."""

import sqlite3
from pathlib import Path

import pytest

from conformance.store.samples import HandClock, episode
from tocsin.core.alerts.alert import Episode
from tocsin.core.errors import StoreUnavailable, UnknownName
from tocsin.ports.store import Reader
from tocsin.store import migrations
from tocsin.store.open import open_history, open_store

FIRST = ("", "", 0)


def everything(tx: Reader) -> list[Episode]:
    return tx.episodes_after(FIRST, 0, 100)


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.iterdir() if path.suffix != ".reserve"}


async def test_a_database_in_use_is_read_consistently_while_its_writer_continues(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tocsin.db'}"
    store, history = open_store(url, HandClock()), open_history(url, HandClock())
    await store.open()
    try:
        await store.write(lambda tx: tx.put_episodes([episode("a")]))
        assert history.read(everything) == [episode("a")]

        def write_meanwhile(tx: Reader) -> list[Episode]:
            before = everything(tx)
            with sqlite3.connect(tmp_path / "tocsin.db", timeout=0) as other:
                other.execute("UPDATE alerts SET rules_sha = 'x'")  # nobody holds it up
            other.close()
            assert everything(tx) == before, "one read sees one moment"
            return before

        history.read(write_meanwhile)
        await store.write(lambda tx: tx.put_episodes([episode("b")]))
        assert [one.fingerprint for one in history.read(everything)] == ["a", "b"]
    finally:
        await store.close()


async def test_a_closed_database_is_read_without_changing_any_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tocsin.db'}"
    store = open_store(url, HandClock())
    await store.open()
    await store.write(lambda tx: tx.put_episodes([episode("a")]))
    await store.close()
    before = content(tmp_path)

    assert open_history(url, HandClock()).read(everything) == [episode("a")]

    assert content(tmp_path) == before


async def test_what_a_killed_daemon_left_in_the_log_is_read_too(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tocsin.db'}"
    store = open_store(url, HandClock())
    await store.open()
    await store.write(lambda tx: tx.put_episodes([episode("a")]))
    killed = tmp_path / "killed"
    killed.mkdir()
    for name in ("tocsin.db", "tocsin.db-wal"):
        (killed / name).write_bytes((tmp_path / name).read_bytes())
    await store.close()
    assert open_history(f"sqlite:///{killed / 'tocsin.db'}", HandClock()).read(everything) == [episode("a")]


async def test_nothing_can_be_written(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tocsin.db'}"
    store = open_store(url, HandClock())
    await store.open()
    await store.close()

    def write(tx: Reader) -> None:
        tx._cursor.execute("DELETE FROM alerts")  # type: ignore[attr-defined]

    with pytest.raises(StoreUnavailable, match="readonly"):
        open_history(url, HandClock()).read(write)


def test_what_is_no_database_or_of_another_version_is_refused_with_the_reason(tmp_path: Path) -> None:
    def refused(name: str, why: str) -> None:
        with pytest.raises(StoreUnavailable, match=why):
            open_history(f"sqlite:///{tmp_path / name}", HandClock()).read(everything)

    refused("nothing.db", "does not exist or is not a file")
    (tmp_path / "text.db").write_text("hello, this is no database at all")
    refused("text.db", "is not a tocsin database: file is not a database")
    sqlite3.connect(tmp_path / "other.db").close()
    (tmp_path / "other.db").touch()
    refused("other.db", "is not a tocsin database: no such table")
    old = sqlite3.connect(tmp_path / "old.db")
    old.execute("CREATE TABLE alembic_version (version_num TEXT)")
    old.execute("INSERT INTO alembic_version VALUES ('r0000')")
    old.commit()
    old.close()
    refused("old.db", f"schema revision r0000, but this version of tocsin reads {migrations.head()}")


def test_memory_keeps_nothing() -> None:
    with pytest.raises(UnknownName, match="has no history"):
        open_history("memory:", HandClock())

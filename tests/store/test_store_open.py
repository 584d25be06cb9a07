from pathlib import Path

import pytest

from conformance.store.samples import HandClock
from tocsin.core.errors import UnknownName
from tocsin.store.open import open_store
from tocsin.store.sqlite.memory_store import MemoryStore
from tocsin.store.sqlite.sqlite_store import SqliteStore


def test_memory_is_a_store() -> None:
    assert isinstance(open_store("memory:", HandClock()), MemoryStore)


async def test_a_path_is_a_sqlite_file_whose_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "var" / "lib" / "tocsin.db"
    store = open_store(f"sqlite:///{path}", HandClock())
    assert isinstance(store, SqliteStore)
    await store.open()
    await store.close()
    assert path.is_file()


async def test_three_slashes_are_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///var/tocsin.db", HandClock())
    await store.open()
    await store.close()
    assert (tmp_path / "var" / "tocsin.db").is_file()


@pytest.mark.parametrize(
    "url", ["", "tocsin.db", "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///a.db?mode=ro", "mysql://h/d"]
)
def test_anything_else_is_refused_with_the_forms_that_are_known(url: str) -> None:
    with pytest.raises(UnknownName, match="sqlite:////absolute/path or memory:"):
        open_store(url, HandClock())


def test_postgresql_is_refused_by_name_without_its_password() -> None:
    with pytest.raises(UnknownName, match="PostgreSQL is not supported") as caught:
        open_store("postgresql+psycopg://tocsin:hunter2@db/tocsin", HandClock())
    assert "hunter2" not in str(caught.value)
    with pytest.raises(UnknownName) as caught:
        open_store("mysql://tocsin:hunter2@db/tocsin", HandClock())
    assert "hunter2" not in str(caught.value)

"""The database is removed or replaced while the daemon runs, or is missing at the start."""

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from chaos.siege import Siege, siege
from e2e.processes import run, until
from tocsin.store.sqlite.sqlite_store import RESCUE_WITHIN

DEED = Callable[[Path], object]


def _replace(path: Path) -> None:
    another = path.with_name("another.db")
    with closing(sqlite3.connect(another)) as connection, connection:
        connection.execute("CREATE TABLE other (x)")
    another.replace(path)


def _remove_the_folder(path: Path) -> None:
    """Rename the folder first: the daemon writes files beside its database while they are removed."""
    removed = path.parent.rename(path.parent.with_name("removed"))
    shutil.rmtree(removed)


DEEDS: dict[str, DEED] = {
    "removed": lambda path: path.unlink(),
    "removed with its log": lambda path: [file.unlink() for file in path.parent.glob(f"{path.name}*")],
    "removed with its folder": _remove_the_folder,
    "moved": lambda path: path.rename(path.with_name("elsewhere.db")),
    "replaced": _replace,
}


def alerts_in(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM incidents WHERE dedup_key LIKE '%BeforeTheLoss%'")
        return int(count)


async def ends_and_saves(besieged: Siege, deed: DEED) -> Path:
    """Do something to the database, and return the copy that the daemon leaves when it ends."""
    deed(besieged.tocsin.database)
    assert await besieged.tocsin.ended(60) == 1
    [copy] = besieged.tocsin.database.parent.glob("tocsin.db.rescued-*")
    return copy


async def output_of_a_refused_start(besieged: Siege) -> str:
    before = len(besieged.tocsin.output)
    besieged.tocsin.start()
    assert await besieged.tocsin.ended(60) == 1
    return besieged.tocsin.output[before:]


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
async def test_it_saves_what_it_has_says_why_and_exits(tmp_path: Path, deed: DEED) -> None:
    async with siege(tmp_path, database=tmp_path / "data" / "tocsin.db") as besieged:
        assert (await besieged.send("BeforeTheLoss"))[0] == 200
        copy = await ends_and_saves(besieged, deed)
        assert alerts_in(copy) == 1
        assert copy.stat().st_mode & 0o777 == 0o600
        [reason] = [line for line in besieged.tocsin.output.splitlines() if "worker_died" in line]
        assert re.search(r"(is gone|was replaced).*A copy is saved in .*2\) copy .*rescued-", reason)


async def test_after_that_it_does_not_start_with_nothing_and_the_command_that_it_prints_restores(
    tmp_path: Path,
) -> None:
    async with siege(tmp_path, database=tmp_path / "data" / "tocsin.db") as besieged:
        await besieged.send("BeforeTheLoss")
        await ends_and_saves(besieged, DEEDS["removed"])
        said = await output_of_a_refused_start(besieged)
        assert "is missing, but there was a database" in said
        restore = re.search(r"To restore a copy: (.*?)\. To begin", said)
        assert restore
        assert await run("sh", "-c", restore[1]) == (0, "")
        besieged.tocsin.start()
        await besieged.tocsin.ready()
        assert [incident["title"] for incident in await besieged.tocsin.incidents()] == ["BeforeTheLoss is broken"]
        await until(lambda: len(besieged.pages("BeforeTheLoss")) >= 3, 20, "its ladder goes on")


@pytest.mark.parametrize("content", [None, b""], ids=["missing", "empty"])
async def test_a_missing_database_is_refused_at_the_start_until_the_operator_confirms_a_new_one(
    tmp_path: Path, content: bytes | None
) -> None:
    async with siege(tmp_path, database=tmp_path / "data" / "tocsin.db") as besieged:
        await besieged.send("BeforeTheLoss")
        await besieged.tocsin.stop()
        besieged.tocsin.database.unlink()
        if content is not None:
            besieged.tocsin.database.write_bytes(content)
        said = await output_of_a_refused_start(besieged)
        assert f"{'is empty' if content is not None else 'is missing'}, but there was a database" in said
        anew = re.search(r'To begin with an empty database: (rm [^"\n]*)', said)
        assert anew
        assert await run("sh", "-c", anew[1]) == (0, "")
        besieged.tocsin.start()
        await besieged.tocsin.ready()
        assert await besieged.tocsin.incidents() == []


def test_how_long_saving_is_tried_is_less_than_a_person_waits_for_the_next_tier() -> None:
    assert RESCUE_WITHIN <= 60 * 1_000_000

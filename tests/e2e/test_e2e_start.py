"""The start of the daemon: signals at each stage, created files, and inherited descriptors."""

import asyncio
import json
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.processes import until
from e2e.tocsin_process import Tocsin, alert

SECRET = "e2e-" + "s3cret" * 5


def listens_to(number: signal.Signals) -> Callable[[Tocsin], bool]:
    """Return whether the process has a handler for it, or holds it back."""

    def asked(tocsin: Tocsin) -> bool:
        status = Path(f"/proc/{tocsin.pid}/status").read_text().splitlines()
        masks = [int(line.split()[1], 16) for line in status if line.startswith(("SigCgt", "SigBlk"))]
        return any(mask & 1 << (number - 1) for mask in masks)

    return asked


def has_loaded(library: str) -> Callable[[Tocsin], bool]:
    return lambda tocsin: library in Path(f"/proc/{tocsin.pid}/maps").read_text()


STAGES: dict[str, Callable[[Tocsin], bool]] = {
    "its first lines run": listens_to(signal.SIGTERM),
    "the event loop is imported": has_loaded("_ssl"),
    "the rules are imported": has_loaded("_re2"),
    "the store is being opened": lambda tocsin: tocsin.database.with_name("tocsin.db.lock").exists(),
    "the tables are made": lambda tocsin: tocsin.database.exists(),
    "it serves": lambda tocsin: '"event": "serving"' in tocsin.output,
}


def children_of(tocsin: Tocsin) -> list[str]:
    return Path(f"/proc/{tocsin.pid}/task/{tocsin.pid}/children").read_text().split()


def knows_secret(pid: str) -> bool:
    return any(SECRET.encode() in Path(f"/proc/{pid}/{name}").read_bytes() for name in ("environ", "cmdline"))


def starting(folder: Path) -> Tocsin:
    return Tocsin(folder, token=False, entry=["-m", "tocsin", "serve"])


@pytest.mark.parametrize(
    ("stage", "number"),
    [
        *((stage, signal.SIGTERM) for stage in STAGES),
        ("its first lines run", signal.SIGINT),
        ("the store is being opened", signal.SIGINT),
    ],
)
async def test_asked_to_stop_at_any_stage_of_the_start_it_ends_with_0(
    tmp_path: Path, stage: str, number: signal.Signals
) -> None:
    tocsin = starting(tmp_path)
    tocsin.start()
    try:
        await until(lambda: STAGES[stage](tocsin), 60, stage)
        tocsin.signal(number)
        assert await tocsin.ended(60) == 0, tocsin.output
        assert "Traceback" not in tocsin.output
        lines = [json.loads(line) for line in tocsin.output.splitlines()]
        assert [line for line in lines if line["level"] not in ("info", "debug")] == []
    finally:
        tocsin.kill()


@pytest.mark.parametrize("stage", STAGES)
async def test_a_reload_at_any_stage_of_the_start_ends_nothing_and_is_not_lost(tmp_path: Path, stage: str) -> None:
    tocsin = starting(tmp_path)
    tocsin.start()
    try:
        await until(lambda: listens_to(signal.SIGHUP)(tocsin), 60, "it has begun")
        await until(lambda: STAGES[stage](tocsin), 60, stage)
        tocsin.signal(signal.SIGHUP)
        await until(lambda: '"event": "reloaded"' in tocsin.output, 60, "it reloads once it serves")
        tocsin.signal(signal.SIGTERM)
        assert await tocsin.ended(60) == 0, tocsin.output
    finally:
        tocsin.kill()


async def test_a_second_signal_does_not_spoil_the_stop(tmp_path: Path) -> None:
    tocsin = starting(tmp_path)
    tocsin.start()
    try:
        await until(lambda: STAGES["it serves"](tocsin), 60, "it serves")
        for _ in range(200):
            tocsin.signal(signal.SIGTERM)
            await asyncio.sleep(0.001)
        assert await tocsin.ended(60) == 0, tocsin.output
    finally:
        tocsin.kill()


async def test_every_file_that_it_makes_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        async with starting(tmp_path / "served") as tocsin:
            given = {path for folder in ("config", "rules") for path in (tocsin.folder / folder).rglob("*")}
            assert await tocsin.fire(alert("Down", service="a")) == 200
            made = [path for path in tocsin.folder.rglob("*") if path.is_file() and path not in given]
            made.remove(tocsin.output_path)  # the test's own
            modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in made}
    finally:
        os.umask(before)
    assert {f"tocsin.db{suffix}" for suffix in ("", "-wal", "-shm", ".lock", ".reserve")} <= modes.keys()
    assert set(modes.values()) == {"0o600"}, modes


async def test_a_database_that_everybody_may_read_is_taken_from_them(tmp_path: Path) -> None:
    async with starting(tmp_path) as tocsin:
        pass
    tocsin.database.chmod(0o644)
    async with tocsin:
        for suffix in ("", "-wal", "-shm"):
            path = tocsin.database.with_name(f"tocsin.db{suffix}")
            assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0, path


async def test_no_child_process_knows_a_secret_of_the_environment(tmp_path: Path) -> None:
    tokens = [{"name": "me", "token_env": "PAGER_PASSWORD", "scopes": ["ingest", "read"]}]
    tocsin = Tocsin(tmp_path, settings={"tokens": tokens}, environ={"PAGER_PASSWORD": SECRET})
    async with tocsin:
        tocsin.token = SECRET
        assert await tocsin.fire(alert("Down", service="a")) == 200
        children = await until(lambda: children_of(tocsin), 60, "the process that commits batches has started")
        assert [child for child in children if knows_secret(child)] == []
        assert knows_secret(str(tocsin.pid)), "as its own environment does"

"""A disk that cannot sync, and names that cannot be resolved, under a running daemon."""

from pathlib import Path

from chaos.faulty import faulty
from chaos.siege import IN_TIME, PLANNED, Siege
from e2e.processes import is_ready, until


async def expect_each_page_once(besieged: Siege, *names: str) -> None:
    for name in names:
        await until(lambda name=name: len(besieged.pages(name)) >= len(PLANNED), 60, f"{name} is paged")  # type: ignore[misc]
        keys = [page["key"] for page in besieged.pages(name)]
        assert len(keys) == len(set(keys)), "no page comes twice"


async def test_while_a_commit_cannot_be_synced_it_is_refused_and_what_was_taken_is_kept(tmp_path: Path) -> None:
    names = ("BeforeTheFault", "DuringTheFault", "AfterTheFault")
    async with faulty(tmp_path) as (besieged, faults):
        tocsin = besieged.tocsin
        assert (await besieged.send(names[0]))[0] == 200
        with faults.on("fsync"):
            for _ in range(3):
                status, seconds = await besieged.send(names[1])
                assert status == 503
                assert seconds < IN_TIME

            async def says_so() -> bool:
                return not await is_ready(f"{tocsin.url}/-/ready")

            await until(says_so, 30, "a probe learns of it")
        await until(lambda: is_ready(f"{tocsin.url}/-/ready"), 60, "the store is written again")
        for name in names[1:]:
            assert (await besieged.send(name))[0] == 200
        await expect_each_page_once(besieged, *names)
        tocsin.kill()
        tocsin.start()
        await tocsin.ready()
        titles = [incident["title"] for incident in await tocsin.incidents()]
        assert sorted(titles) == sorted(f"{name} is broken" for name in names)


async def test_while_a_name_cannot_be_resolved_alerts_are_taken_in_time_and_pages_wait(tmp_path: Path) -> None:
    names = ("First", "Second")
    async with faulty(tmp_path, receiver="pager.test") as (besieged, faults):

        async def has_failed() -> bool:
            return await besieged.metric('deliveries_total{channel="wire",job="page",outcome="retry"}') >= len(names)

        with faults.on("dns", seconds=2):
            for name in names:
                status, seconds = await besieged.send(name)
                assert status == 200
                assert seconds < IN_TIME
            await until(has_failed, 30, "a delivery has failed")
            assert not any(besieged.pages(name) for name in names)
        await expect_each_page_once(besieged, *names)
        assert all(max(page["late_seconds"] for page in besieged.pages(name)) > 0 for name in names)

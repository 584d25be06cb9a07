"""Faults of the machine that a running daemon survives."""

import asyncio
import signal
from pathlib import Path

from chaos.siege import siege
from e2e.processes import until

STALLED = 14.0
"""Seconds: longer than a page may be late without saying so."""


async def test_a_daemon_that_stood_still_pages_once_at_its_return_and_says_how_late(tmp_path: Path) -> None:
    async with siege(tmp_path) as besieged:
        assert (await besieged.send("StoodStill"))[0] == 200
        await until(lambda: besieged.is_settled("StoodStill"), 10, "the first page is on record")
        besieged.tocsin.signal(signal.SIGSTOP)
        await asyncio.sleep(STALLED)
        besieged.tocsin.signal(signal.SIGCONT)
        await until(lambda: len(besieged.pages("StoodStill")) >= 2, 20, "the second page")
        second = besieged.pages("StoodStill")[1]
        assert second["late_seconds"] > STALLED / 2
        await until(lambda: len(besieged.pages("StoodStill")) >= 3, 20, "the third page")
        keys = [page["key"] for page in besieged.pages("StoodStill")]
        assert len(keys) == len(set(keys))


async def test_an_alert_that_waited_for_a_daemon_that_stood_still_says_how_late_its_page_is(tmp_path: Path) -> None:
    async with siege(tmp_path) as besieged:
        besieged.tocsin.signal(signal.SIGSTOP)
        sending = asyncio.create_task(besieged.send("SentMeanwhile"))
        await asyncio.sleep(STALLED)
        besieged.tocsin.signal(signal.SIGCONT)
        assert (await sending)[0] == 200
        await until(lambda: besieged.pages("SentMeanwhile"), 20, "the page")
        assert besieged.pages("SentMeanwhile")[0]["late_seconds"] > STALLED / 2


async def test_a_log_that_cannot_be_written_costs_no_alert_and_no_page(tmp_path: Path) -> None:
    async with siege(tmp_path, into="/dev/full") as besieged:
        await besieged.expect_alerts_and_pages_in_time("NoRoomForTheLog")
        assert await besieged.tocsin.stop() == 0

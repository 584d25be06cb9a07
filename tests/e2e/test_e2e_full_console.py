"""The disk under the daemon's standard output is full: pages to the console wait, and nothing else stops."""

from pathlib import Path

import aiohttp

from e2e.processes import is_ready, until
from e2e.tocsin_process import Tocsin, alert

ON_A_FULL_VOLUME = """
import os, sys
os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
from tocsin.cli.main import main
sys.argv = ["tocsin", "serve", *sys.argv[1:]]
main()
"""


async def _metric(tocsin: Tocsin, name: str, **labels: str) -> float:
    async with aiohttp.ClientSession() as session, session.get(f"{tocsin.url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    found = [line for line in lines if line.startswith(f"{name}{{") and all(one in line for one in wanted)]
    return sum(float(line.rpartition(" ")[2]) for line in found)


async def test_pages_are_retried_until_an_acknowledgment(tmp_path: Path) -> None:
    async with Tocsin(tmp_path, entry=["-c", ON_A_FULL_VOLUME]) as tocsin:
        assert await tocsin.fire(alert("ShopDown", severity="critical", service="shop")) == 200

        async def tried() -> bool:
            return await _metric(tocsin, "tocsin_deliveries_total", channel="console", job="page", outcome="retry") >= 3

        await until(tried, 20, "the page is tried again")
        assert await _metric(tocsin, "tocsin_pages_total", channel="console", outcome="dead") == 0
        assert await is_ready(f"{tocsin.url}/-/healthy")
        assert (await tocsin.post("/api/v1/incidents/1/acknowledge", {}))[0] == 200

        async def withdrawn() -> bool:
            return await _metric(tocsin, "tocsin_pages_total", channel="console", outcome="superseded") >= 1

        await until(withdrawn, 20, "the page is withdrawn")
        assert "Traceback" not in tocsin.output

"""The daemon exits at once when out of memory, and confirmed alerts are there after the restart."""

import asyncio
import io
import resource
from pathlib import Path

import aiohttp

from e2e.processes import get_json
from e2e.tocsin_process import Tocsin, alert

EXIT_CODE = 70
MIB = 1 << 20


def allow_memory(pid: int, more: int) -> None:
    """Let a running process have so many bytes of address space more than it has now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + more
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


async def flood(tocsin: Tocsin, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {tocsin.token}"}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=30)) as session:
        try:
            async with session.post(f"{tocsin.url}/webhooks/alertmanager", data=io.BytesIO(body)) as answer:
                assert answer.status >= 500
        except aiohttp.ClientError:
            pass  # it has ended


async def test_out_of_memory_it_ends_at_once_and_starts_again_with_all_that_it_had_taken(tmp_path: Path) -> None:
    async with Tocsin(tmp_path, environ={"TOCSIN_STORE_COMMIT_PROCESS": "false"}) as tocsin:
        assert await tocsin.fire(alert("Before", service="shop")) == 200
        allow_memory(tocsin.pid, 4 * MIB)
        body = b'{"alerts": [], "x": "' + b"x" * (15 * MIB) + b'"}'
        await asyncio.gather(*(flood(tocsin, body) for _ in range(4)))
        assert await tocsin.ended(within=5) == EXIT_CODE
        assert "tocsin ends because of a fatal error: MemoryError" in tocsin.output

        tocsin.start()
        await tocsin.ready()
        incidents = (await get_json(f"{tocsin.url}/api/v1/incidents", tocsin.token))["incidents"]
        assert [incident["title"] for incident in incidents] == ["Before is broken"]

"""Alerts and pages get through while attackers hold as many half-open requests as the daemon may open files."""

from pathlib import Path

from chaos.siege import connections, siege

HALF_A_HEAD = b"POST /webhooks/alertmanager HTTP/1.1\r\nHost: x\r\nX-Slow: "
LOG_LIMIT = 200_000
"""Bytes of log that such an attack may cost."""


async def test_alerts_and_pages_go_through_while_strangers_hold_half_open_requests(tmp_path: Path) -> None:
    async with siege(tmp_path, files=1024) as besieged:
        async with connections(besieged.tocsin, HALF_A_HEAD, 1_100):
            await besieged.expect_alerts_and_pages_in_time("OthersAreServed")
        assert len(besieged.tocsin.output) < LOG_LIMIT
        assert await besieged.metric("accept_errors_total") == 0

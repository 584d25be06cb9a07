"""A scheduled drill goes the whole way: from tocsin's own webhook to the page, and `tocsin drills` shows the answer."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from e2e.processes import run, until
from e2e.tocsin_process import Tocsin, tocsin_command


@pytest.mark.parametrize("token", [True, False], ids=["with tokens", "on loopback without tokens"])
async def test_a_scheduled_drill_is_paged_acknowledged_and_shown(tmp_path: Path, token: bool) -> None:
    daemon = Tocsin(tmp_path / "tocsin", token=token)
    path = daemon.config / "playbooks" / "mgmt-vibe.yaml"
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    drill = "\n".join(
        ["drills:", "  - name: Now", "    rrule: FREQ=DAILY", f'    starts: "{now}"', "    to: [on-call-engineer]"]
    )
    shipped, found = re.subn(r"(?ms)^drills:.*?(?=^reminders:)", f"{drill}\n\n", path.read_text())
    assert found == 1
    path.write_text(shipped)
    async with daemon:

        def is_paged() -> bool:
            return "Drill: Now" in daemon.output and "This is a drill" in daemon.output

        await until(is_paged, 30, "the drill is paged")
        [incident] = await daemon.incidents()
        assert (incident["title"], incident["severity"]) == ("Drill: Now", "drill")
        code, _ = await run(tocsin_command(), "incidents", "ack", str(incident["number"]), environ=daemon.cli_environ)
        assert code == 0
        code, shown = await run(tocsin_command(), "drills", environ=daemon.cli_environ)
        assert code == 0
        assert "Now" in shown
        assert f"#{incident['number']}" in shown
        assert "People without a drill in 91 days" in shown

"""An idle daemon is healthy, logs nothing unusual, and fires no alert."""

import json
from pathlib import Path

from e2e.recorded_metrics import RecordedMetrics
from e2e.untouched import record


async def test_left_alone_it_stays_healthy_raises_no_alert_and_logs_no_warning(tmp_path: Path) -> None:
    recording = await record(tmp_path / "untouched", seconds=12, interval=1)

    assert recording.scrapes > 10
    assert recording.unhealthy == []
    assert recording.raised == ""
    lines = [json.loads(line) for line in recording.output.splitlines()]
    assert [line for line in lines if line["level"] != "info"] == []
    events = [line["event"] for line in lines if line["event"] != "commit_process_ready"]
    assert events == ["store_opened", "serving", "stopping", "stopped"]


async def test_a_recording_of_a_worker_that_hangs_raises_the_alert(tmp_path: Path) -> None:
    recorded = RecordedMetrics(30)
    for age in (0, 60, 119, 122):
        recorded.add(
            f'tocsin_worker_cycle_age_seconds{{worker="timers"}} {age}\n'
            'tocsin_worker_cycle_allowance_seconds{worker="timers"} 121\n'
        )
    assert "TocsinWorkerStuck" in await recorded.raised(tmp_path)

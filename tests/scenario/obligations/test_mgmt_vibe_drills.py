"""The drills that the text of MgmtVibe demands, with the shipped configuration."""

import dataclasses
from datetime import UTC, datetime

from msgspec import structs

from scenario.obligations.shipped import persons, shipped, tocsin
from tocsin.core.incident.outbox import Job

VIBE = "mgmt-vibe"


async def test_the_drills_of_the_text_come_each_week_and_each_quarter_and_page_no_one_else() -> None:
    async with tocsin(datetime(2026, 1, 10, tzinfo=UTC)) as harness:
        plan = structs.replace(shipped().playbooks[VIBE], reminders=())
        harness.live.policy = dataclasses.replace(harness.live.policy, playbooks={VIBE: plan})
        await harness.advance(hours=24 * 11)
        sent = [one for one in harness.sent(Job.PAGE) if one.drill]
        days = [
            (datetime.fromtimestamp(one.now / 1_000_000, UTC).strftime("%m-%d"), one.title, one.target) for one in sent
        ]
        [engineer] = persons("on-call-engineer", datetime(2026, 1, 13, 10, tzinfo=UTC))
        assert days == [
            ("01-13", "Drill: Incident response drill", engineer),
            ("01-13", "Drill: Alert validation", "drills"),
            ("01-20", "Drill: Alert validation", "drills"),
        ]
        quarters = [drill.rrule for drill in plan.drills if drill.name == "Incident response drill"]
        assert quarters == ["FREQ=MONTHLY;INTERVAL=3;BYDAY=2TU"]

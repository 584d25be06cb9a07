"""Duties when the incident takes another course: quiet again, acknowledged unpaged, at another severity, replanned."""

from msgspec import structs

from scenario import emergency
from scenario.owing import (
    ALICE,
    CALL,
    SEV_1_ONLY,
    STATUS_PAGE,
    TELL,
    down,
    entries,
    outcomes,
    playbook,
    tocsin,
    told,
)
from tocsin.core.duration import HOUR, MINUTE
from tocsin.core.incident.event import Declare, Replan
from tocsin.core.playbook.duties import PlaybookDuty

HEAL_FIRST = {"heal": "first"}


async def test_the_hold_down_after_the_last_alert_delays_no_reminder_and_no_breach() -> None:
    plan = structs.replace(playbook(STATUS_PAGE), resolve_after=60 * MINUTE)
    async with emergency.tocsin(playbook=plan) as harness:
        await down(harness)
        await harness.say(Declare(by=ALICE))
        await harness.advance(minutes=5)
        await harness.resolve(alertname="Down", severity="SEV-1")
        await harness.advance(minutes=15)
        assert (await harness.incident()).resolve_at is not None
        assert told(harness, "status-page") == [
            (7.5, "communication-lead"), (15, "communication-lead"), (15, "incidents"),
        ]  # fmt: skip
        assert await emergency.wrong(harness) == []


async def test_a_duty_from_the_opening_also_begins_when_someone_acts_before_the_first_page() -> None:
    async with tocsin(TELL) as harness:
        await down(harness, **HEAL_FIRST)
        assert await outcomes(harness) == {}, "an automation may heal it"
        await harness.acknowledge()
        assert not (await harness.incident()).reached
        assert await outcomes(harness) == {"tell": "open"}


async def test_a_severity_that_falls_begins_no_duty_of_the_lower_one() -> None:
    lower = PlaybookDuty(name="lower", text="Enter a time", since="opened", within=HOUR, severities=("SEV-3",))
    async with tocsin(SEV_1_ONLY, lower) as harness:
        await down(harness, "SEV-1")
        await harness.set_severity("SEV-3")
        assert await outcomes(harness) == {"board": "open"}


async def test_a_severity_that_rises_withdraws_the_open_duties_of_the_lower_one() -> None:
    lower = PlaybookDuty(name="lower", text="Enter a time", since="opened", within=HOUR, severities=("SEV-3",))
    async with tocsin(SEV_1_ONLY, lower) as harness:
        await down(harness, "SEV-3")
        assert await outcomes(harness) == {"lower": "open"}
        await harness.set_severity("SEV-1")
        assert await outcomes(harness) == {"board": "open"}
        assert await entries(harness, "duty_withdrawn") == [("duty_withdrawn", "lower")]


async def test_a_new_version_of_the_playbook_withdraws_the_duties_that_it_no_longer_has() -> None:
    async with tocsin(CALL, TELL) as harness:
        await down(harness)
        await harness.acknowledge()
        assert await outcomes(harness) == {"call": "open", "tell": "open"}
        await harness.say(Replan(by=ALICE, plan=playbook(CALL, STATUS_PAGE)))
        assert await outcomes(harness) == {"call": "open"}
        assert await entries(harness, "duty_withdrawn") == [("duty_withdrawn", "tell")]

"""Without an acknowledgment, each severity pages at exactly the minutes of the playbook."""

from scenario.emergency import CTO, MANAGER, ON_CALL, VP
from tocsin.core.duration import DAY
from tocsin.core.incident.outbox import Job
from tocsin.testing.harness import Harness


async def test_sev_1_pages_the_engineer_twice_then_everybody_and_then_again_every_15_minutes(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=61)
    assert tocsin.pages() == [
        (0, ON_CALL),
        (15, ON_CALL),
        (30, MANAGER),
        (30, VP),
        (30, CTO),
        (45, VP),
        (45, CTO),
        (45, ON_CALL),
        (60, VP),
        (60, CTO),
        (60, ON_CALL),
    ]
    assert tocsin.pages(Job.UPDATE) == []


async def test_an_alert_that_began_long_ago_pages_as_any_other(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1", starts_at=tocsin.clock.start - 400 * DAY)
    await tocsin.advance(minutes=20)
    assert tocsin.pages() == [(0, ON_CALL), (15, ON_CALL)]
    assert {page.late for page in tocsin.sent(Job.PAGE)} == {0}


async def test_sev_2_pages_the_manager_at_30_minutes_and_the_rest_at_an_hour_then_hourly(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-2")
    await tocsin.advance(minutes=181)
    assert tocsin.pages() == [
        (0, ON_CALL),
        (30, MANAGER),
        (60, ON_CALL),
        (60, VP),
        (60, CTO),
        (120, VP),
        (120, CTO),
        (120, ON_CALL),
        (180, VP),
        (180, CTO),
        (180, ON_CALL),
    ]


async def test_sev_3_pages_no_one_informs_and_reminds_after_four_hours(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Slow", severity="SEV-3")
    await tocsin.advance(hours=50)
    assert tocsin.pages() == []
    assert tocsin.pages(Job.UPDATE) == [(0, ON_CALL), (240, ON_CALL)]


async def test_sev_4_pages_no_one_informs_and_reminds_after_a_day(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Typo", severity="SEV-4")
    await tocsin.advance(hours=100)
    assert tocsin.pages() == []
    assert tocsin.pages(Job.UPDATE) == [(0, ON_CALL), (24 * 60, ON_CALL)]


async def test_no_step_comes_a_second_early(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=14, seconds=59.999999)
    assert tocsin.pages() == [(0, ON_CALL)]
    await tocsin.advance(seconds=0.000001)
    assert tocsin.pages() == [(0, ON_CALL), (15, ON_CALL)]


async def test_once_the_ladder_is_exhausted_the_gauge_says_so(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    exhausted = ("incidents_exhausted", (("playbook", "emergency-response"),))
    await tocsin.advance(minutes=29)
    await tocsin.housekeeper.run_once()
    assert exhausted not in tocsin.observer.gauges
    await tocsin.advance(minutes=2)
    await tocsin.housekeeper.run_once()
    assert tocsin.observer.gauges[exhausted] == 1
    await tocsin.acknowledge("alice")
    await tocsin.housekeeper.run_once()
    assert tocsin.observer.gauges[exhausted] == 0


async def test_each_page_says_why_it_was_sent(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=46)
    assert [content.because for content in tocsin.sent(Job.PAGE)] == [
        "new incident",
        "no one has acknowledged it for 15 min",
        *["no one has acknowledged it for 30 min"] * 3,
        *["nobody has acknowledged it; every tier of SEV-1 has been paged"] * 3,
    ]

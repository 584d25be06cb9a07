"""In a maintenance window alerts are recorded without pages; what still fires at its end is paged then."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from scenario import emergency
from scenario.conftest import NewStore
from scenario.emergency import CTO, MANAGER, ON_CALL, VP, kinds
from scenario.maintenance import ALICE, DOWN, use, window
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.duration import HOUR, MINUTE
from tocsin.core.incident.outbox import Job
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.oncall.maintenance_window import Window
from tocsin.core.schedule.recurrence import Recurrence
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness


async def test_a_window_holds_pages_and_firing_incidents_start_their_ladder_at_its_end(
    tocsin: Harness,
) -> None:
    use(tocsin, window(tocsin, 0, 60))
    await tocsin.advance(minutes=10)
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=49)
    incident = await tocsin.incident()
    assert (incident.state, incident.alerts_firing) == ("triggered", 1)
    assert tocsin.pages() == tocsin.pages(Job.UPDATE) == []
    assert (await kinds(tocsin))[:2] == ["triggered", "waits"]
    await tocsin.advance(minutes=31)
    assert tocsin.pages() == [(60, ON_CALL), (75, ON_CALL), (90, MANAGER), (90, VP), (90, CTO)]


async def test_an_incident_resolved_inside_a_window_notifies_no_one(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60))
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=10)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=120)
    assert (await tocsin.incident()).state == "resolved"
    assert tocsin.pages() == tocsin.pages(Job.UPDATE) == tocsin.pages(Job.RESOLVE) == []
    assert tocsin.sent(Job.ANNOUNCE)


async def test_a_window_that_ends_inside_the_hold_down_pages_no_one(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60))
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=59)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=30)
    assert tocsin.pages() == []


async def test_what_fires_again_after_the_end_but_inside_the_hold_down_is_paged(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60))
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=59.5)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=1)
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=2)
    assert [target for _, target in tocsin.pages()] == [ON_CALL]


@pytest.mark.parametrize(
    ("seconds", "paged"),
    [(-1, [599]), (0, []), (3599, []), (3600, [4200]), (3601, [4201])],
)
async def test_an_alert_a_second_before_or_after_is_outside(tocsin: Harness, seconds: int, paged: list[int]) -> None:
    use(tocsin, window(tocsin, 10, 70))
    await tocsin.advance(minutes=10, seconds=seconds)
    await tocsin.fire(**DOWN)
    assert [round(at * 60) for at, _ in tocsin.pages()] == paged


async def test_overlapping_and_adjacent_windows_keep_it_waiting_until_the_last_ends(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60), window(tocsin, 50, 90, name="second"), window(tocsin, 90, 100, name="third"))
    await tocsin.fire(**DOWN)
    (wait,) = (await tocsin.incident()).waits
    assert (wait.by, wait.until) == ("upgrade", tocsin.clock.start + 100 * MINUTE)
    await tocsin.advance(minutes=110)
    assert tocsin.pages() == [(100, ON_CALL)]


async def test_one_alert_outside_of_the_window_pages_at_once(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60, 'disk="sda"'))
    await tocsin.fire(**DOWN, disk="sda")
    await tocsin.advance(minutes=5)
    assert tocsin.pages() == []
    await tocsin.fire(**DOWN, disk="sdb")
    assert tocsin.pages() == [(5, ON_CALL)]
    assert "waited" in await kinds(tocsin)
    await tocsin.advance(minutes=15)
    assert tocsin.pages() == [(5, ON_CALL), (20, ON_CALL)]


async def test_alerts_of_one_webhook_are_judged_together(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60, 'disk="sda"'))
    both = [tocsin.alert(AlertStatus.FIRING, {**DOWN, "disk": disk}) for disk in ("sda", "sdb")]
    await tocsin.take(*both)
    assert tocsin.pages() == [(0, ON_CALL)]


async def test_an_alert_in_a_shorter_window_ends_the_wait_with_that_one(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60, 'disk="sda"', "long"), window(tocsin, 0, 20, 'disk="sdb"', "short"))
    await tocsin.fire(**DOWN, disk="sda")
    await tocsin.fire(**DOWN, disk="sdb")
    await tocsin.advance(minutes=30)
    assert tocsin.pages()[0] == (20, ON_CALL)


async def test_of_two_alerts_the_one_outside_resolves_before_the_end_and_the_wait_is_judged_again(
    tocsin: Harness,
) -> None:
    use(tocsin, window(tocsin, 0, 60, 'disk="sda"', "long"), window(tocsin, 0, 20, 'disk="sdb"', "short"))
    await tocsin.fire(**DOWN, disk="sda")
    await tocsin.fire(**DOWN, disk="sdb")
    await tocsin.advance(minutes=10)
    await tocsin.resolve(**DOWN, disk="sdb")
    await tocsin.advance(minutes=60)
    assert tocsin.pages()[0] == (60, ON_CALL)


async def test_an_incident_that_is_paged_when_a_window_begins_keeps_what_was_sent_and_waits(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 10, 60))
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=59)
    assert tocsin.pages() == [(0, ON_CALL)]
    assert (await tocsin.incident()).state == "triggered"
    await tocsin.advance(minutes=16)
    assert tocsin.pages() == [(0, ON_CALL), (60, ON_CALL), (75, MANAGER), (75, VP), (75, CTO)]


async def test_acknowledged_inside_no_one_is_paged_at_the_end(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60))
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=5)
    await tocsin.acknowledge("alice")
    await tocsin.advance(minutes=56)
    assert [target for _, target in tocsin.pages() if target == ON_CALL] == []


async def test_escalated_manually_inside_it_pages_at_once(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60))
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=5)
    await tocsin.escalate("alice")
    assert tocsin.pages() == [(5, ON_CALL)]


async def test_what_reopens_inside_waits_as_well(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=5)
    use(tocsin, window(tocsin, 0, 60))
    await tocsin.fire(**DOWN)
    assert (await tocsin.incident()).occurrence == 2
    assert [at for at, _ in tocsin.pages()] == [0]
    await tocsin.advance(minutes=56)
    assert [at for at, _ in tocsin.pages()] == [0, 60]


async def test_held_for_automation_it_is_not_paged_when_the_hold_ends_inside(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60))
    await tocsin.fire(**DOWN, heal="first")
    await tocsin.advance(minutes=61)
    assert tocsin.pages() == [(60, ON_CALL)]


async def test_a_late_copy_outside_of_it_that_is_believed_ends_the_wait(tocsin: Harness) -> None:
    outside = {**DOWN, "disk": "sdb"}
    use(tocsin, window(tocsin, 0, 60, 'service="shop",disk="sda"'), window(tocsin, 0, 1, 'service="shop"', "short"))
    await tocsin.take(*(tocsin.alert(AlertStatus.FIRING, labels) for labels in ({**DOWN, "disk": "sda"}, outside)))
    await tocsin.take(tocsin.alert(AlertStatus.RESOLVED, outside, starts_at=tocsin.clock.start))
    await tocsin.advance(seconds=20)
    await tocsin.take(tocsin.alert(AlertStatus.FIRING, outside, starts_at=tocsin.clock.start))
    await tocsin.advance(minutes=1)
    assert tocsin.pages() == []
    await tocsin.advance(minutes=1)
    assert [round(at, 1) for at, _ in tocsin.pages()] == [1.8]


async def test_merged_with_what_is_outside_of_it_an_incident_waits_no_longer(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60))
    await tocsin.fire(**DOWN)
    await tocsin.fire(**{**DOWN, "service": "blog"})
    await tocsin.advance(minutes=1)
    await tocsin.respond.merge("2", "1", ALICE)
    await tocsin.settle()
    assert (await tocsin.incident("1")).waits == ()


async def test_a_window_about_other_alerts_hides_nothing(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60, 'service="blog"'))
    await tocsin.fire(**DOWN)
    assert tocsin.pages() == [(0, ON_CALL)]


async def test_tocsins_own_troubles_are_in_no_window(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60, 'alertname=~".+"'))
    tocsin.ingest.report("quarantined", "default", "something is broken")
    await tocsin.settle()
    assert [content.target for content in tocsin.sent(Job.PAGE)] == ["console"]


async def test_taken_out_of_the_file_it_is_judged_again_once_that_is_known(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60))
    await tocsin.housekeeper.run_once()
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=10)
    use(tocsin)
    await tocsin.housekeeper.run_once()
    await tocsin.settle()
    assert tocsin.pages() == [(10, ON_CALL)]


async def test_made_longer_or_shorter_in_the_file_the_new_end_counts(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60))
    await tocsin.fire(**DOWN)
    for ends in (90, 30):
        use(tocsin, window(tocsin, 0, ends))
        await tocsin.housekeeper.run_once()
        (wait,) = (await tocsin.incident()).waits
        assert wait.until == tocsin.clock.start + ends * MINUTE
    await tocsin.advance(minutes=31)
    assert tocsin.pages() == [(30, ON_CALL)]


async def test_a_clock_that_jumps_over_the_end_pages_once_and_at_once(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60))
    await tocsin.fire(**DOWN)
    tocsin.clock.set(tocsin.clock.start + 200 * MINUTE)
    await tocsin.settle()
    assert tocsin.pages() == [(200, ON_CALL)]
    await tocsin.advance(minutes=15)
    assert tocsin.pages() == [(200, ON_CALL), (215, ON_CALL)]


async def test_a_window_that_was_taken_out_while_tocsin_was_down_ends_with_the_start(new_store: NewStore) -> None:
    clock = VirtualClock()
    store = new_store(clock)
    async with emergency.tocsin(store=store, clock=clock) as before:
        use(before, window(before, 0, 60))
        await before.fire(**DOWN)
    clock.set(clock.start + 10 * MINUTE)
    async with emergency.tocsin(store=store, clock=clock) as after:
        await after.housekeeper.run_once()
        await after.settle()
        assert after.pages() == [(10, ON_CALL)]


@pytest.fixture
async def in_berlin(new_store: NewStore) -> AsyncIterator[Harness]:
    """Saturday evening before the clocks go back; every Sunday from 02:00, for two hours, the shop is worked on."""
    saturday = datetime(2026, 10, 24, 20, tzinfo=UTC)
    clock = VirtualClock(saturday)
    every_sunday = Recurrence(
        "FREQ=WEEKLY;BYDAY=SU", datetime.fromisoformat("2026-10-04 02:00"), ZoneInfo("Europe/Berlin"), 2 * HOUR
    )
    windows = [Window("Sundays", parse_matchers('service="shop"'), every_sunday)]
    async with emergency.tocsin(store=new_store(clock), clock=clock) as harness:
        use(harness, *windows)
        yield harness


async def test_in_the_night_the_clocks_go_back_a_window_at_two_begins_with_the_first_two_o_clock(
    in_berlin: Harness,
) -> None:
    await in_berlin.advance(hours=4, seconds=1)  # 00:00:01 UTC: the first 02:00:01
    await in_berlin.fire(**DOWN)
    await in_berlin.advance(hours=2)
    assert in_berlin.pages() == [((4 + 2) * 60, ON_CALL)]  # two hours have passed: 03:00 on the wall


async def test_a_week_later_it_is_at_two_on_the_wall_again(in_berlin: Harness) -> None:
    await in_berlin.advance(hours=7 * 24 + 4, seconds=1)  # 00:00:01 UTC is 01:00:01 on the wall now
    await in_berlin.fire(**DOWN)
    assert [round(at) for at, _ in in_berlin.pages()] == [(7 * 24 + 4) * 60]


async def test_the_measures_count_from_the_end_of_the_window(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60))
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=65)
    await tocsin.acknowledge("alice")
    assert tocsin.observer.observed("incident_time_to_acknowledge_seconds") == [300]
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=5)
    assert tocsin.observer.observed("incident_time_to_resolve_seconds") == [300]


async def test_what_began_and_ended_inside_is_no_figure(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60))
    await tocsin.fire(**DOWN)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=90)
    assert tocsin.observer.observed("incident_time_to_resolve_seconds") == []
    assert tocsin.observer.counted("resolved_unacknowledged_total") == 0
    await tocsin.housekeeper.run_once()
    assert not [name for name, _ in tocsin.observer.gauges if name == "mttr_seconds"]


async def test_acknowledged_inside_no_one_was_paged_so_only_the_resolve_counts(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60))
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=5)
    await tocsin.acknowledge("alice")
    assert tocsin.observer.observed("incident_time_to_acknowledge_seconds") == []
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=5)
    assert tocsin.observer.observed("incident_time_to_resolve_seconds") == [300]


async def test_of_many_windows_at_once_three_are_named(tocsin: Harness) -> None:
    use(tocsin, *(window(tocsin, 0, 60, name=f"w{number}") for number in range(5)))
    await tocsin.fire(**DOWN)
    (wait,) = (await tocsin.incident()).waits
    assert wait.by == "w0, w1, w2 and 2 more"


async def test_the_timeline_says_for_which_window_it_waits_and_until_when(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60))
    await tocsin.fire(**DOWN)
    waits = next(entry for entry in await tocsin.timeline() if entry.kind == "waits")
    assert waits.data["because"].startswith("maintenance window upgrade until 20")
    assert waits.data["because"].endswith(" UTC")


async def test_what_a_window_hides_is_no_part_of_a_storm_and_no_window_hides_the_storm_of_what_it_does_not(
    tocsin: Harness,
) -> None:
    use(tocsin, window(tocsin, 0, 60, 'service="shop"'), window(tocsin, 0, 60, 'alertname="TocsinStorm"'))
    for number in range(15):
        await tocsin.fire(alertname=f"Hidden{number}", severity="SEV-2", service="shop")
    assert tocsin.pages() == []
    for number in range(11):
        await tocsin.fire(alertname=f"Seen{number}", severity="SEV-2", service="blog")
    assert [target for _, target in tocsin.pages()] == [ON_CALL] * 11
    assert "Hidden" not in " ".join(content.title for content in tocsin.sent(Job.PAGE))

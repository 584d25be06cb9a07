"""A playbook's drills page their targets through the webhook, climb no further, and count in no measure."""

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from scenario import emergency, maintenance
from store.test_store_damage import damage
from tocsin.app.own_webhook import TIMEOUT
from tocsin.core.duration import SECOND
from tocsin.core.errors import TocsinError
from tocsin.core.incident.incident import State
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.reminder import ScheduledDrill
from tocsin.core.rules.rules import RuleSet
from tocsin.engine.change.drilled import not_drilled
from tocsin.engine.change.former_keys import FormerKeys
from tocsin.engine.explain.stored import StoredExplanation, explain_stored
from tocsin.engine.service import WATCHDOG_PATIENCE
from tocsin.engine.workers.drills import Drills
from tocsin.ports.store import Reader, Store
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

WEEKLY = ScheduledDrill(
    name="Alert validation", rrule="FREQ=WEEKLY;BYDAY=TU", starts="2026-01-06T10:30:00", to=("on-call-engineer",)
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def tocsin(
    clock: VirtualClock,
    store: Store | None = None,
    first_id: int = 1,
    drills: tuple[ScheduledDrill, ...] = (WEEKLY,),
    judged_by: RuleSet | None = None,
) -> Harness:
    playbook = msgspec.structs.replace(emergency.shipped(), reminders=(), drills=drills)
    return emergency.tocsin(playbook=playbook, clock=clock, store=store, first_id=first_id, judged_by=judged_by)


async def not_drilled_now(harness: Harness) -> dict[str, int]:
    return await harness.store.read(lambda tx: not_drilled(tx, harness.live.policy))


def paged(harness: Harness) -> list[tuple[str, str]]:
    moments = [
        datetime.fromtimestamp(one.now / 1_000_000, UTC).strftime("%m-%d %H:%M") for one in harness.sent(Job.PAGE)
    ]
    return [(moment, one.target) for moment, one in zip(moments, harness.sent(Job.PAGE), strict=True)]


async def test_a_drill_pages_its_target_each_week_and_no_one_else() -> None:
    async with tocsin(VirtualClock(at("2026-03-02T00:00"))) as harness:
        await harness.advance(hours=24 * 9)
        assert paged(harness) == [("03-03 10:30", "on-call-engineer"), ("03-10 10:30", "on-call-engineer")]
        [first, _] = harness.sent(Job.PAGE)
        assert first.drill
        assert (first.title, first.next_pages) == ("Drill: Alert validation", ())
        assert harness.sent(Job.ANNOUNCE) == []
        assert await emergency.wrong(harness) == []


async def test_an_acknowledged_drill_ends_and_its_time_is_measured_apart() -> None:
    async with tocsin(VirtualClock(at("2026-03-03T10:00"))) as harness:
        await harness.advance(minutes=34)
        await harness.acknowledge("alex")
        await harness.advance(minutes=10)
        assert (await harness.incident()).state is State.RESOLVED
        assert harness.observer.counted("drills_total", playbook="emergency-response", outcome="acknowledged") == 1
        assert harness.observer.observed("drill_acknowledge_seconds") == [4 * 60]
        assert harness.observer.observed("time_to_acknowledge_seconds") == []
        assert harness.observer.observed("time_to_resolve_seconds") == []


async def test_a_drill_is_explained_by_its_plan_and_not_by_what_the_rules_say() -> None:
    async with tocsin(VirtualClock(at("2026-03-03T10:00"))) as harness:
        await harness.advance(minutes=31)

        def explanation(reader: Reader) -> StoredExplanation:
            [episode] = reader.episodes_of("incident-1")
            return explain_stored(reader, harness.live.policy, episode)

        found = await harness.store.read(explanation)
        assert (found.severity, found.today) == ("drill", ())


async def test_an_unanswered_drill_ends_after_an_hour_and_the_operators_are_informed_without_a_page() -> None:
    async with tocsin(VirtualClock(at("2026-03-03T10:00"))) as harness:
        await harness.advance(hours=2)
        assert (await harness.incident("1")).state is State.RESOLVED
        assert harness.observer.counted("drills_total", playbook="emergency-response", outcome="unanswered") == 1
        notice = await harness.incident("2")
        assert notice.severity == "self-notice"
        assert [target for _, target in paged(harness)] == ["on-call-engineer"]


async def test_a_drill_whose_page_a_maintenance_window_holds_back_is_reported_as_held() -> None:
    async with tocsin(VirtualClock(at("2026-03-03T10:00"))) as harness:
        maintenance.use(harness, maintenance.window(harness, 0, 120, 'service="tocsin-drill"'))
        await harness.advance(hours=1, minutes=40)
        assert paged(harness) == []
        assert harness.observer.counted("drills_total", playbook="emergency-response", outcome="held") == 1
        assert (await harness.incident("2")).severity == "self-notice"


@pytest.mark.parametrize(("hours", "drills"), [(1, 1), (13, 0)])
async def test_a_drill_that_was_due_while_tocsin_was_down_is_caught_up_for_half_a_day(
    new_store, hours: int, drills: int
) -> None:
    clock = VirtualClock(at("2026-03-03T10:00"))
    store = new_store(clock)
    async with tocsin(clock, store) as harness:
        await harness.advance(hours=24)
        before = len(paged(harness))
    clock.set(clock.now() + round((6 * 24 + hours - 23.5 + 23) * 3600 * 1_000_000))
    async with tocsin(clock, store, first_id=50) as harness:
        await harness.settle()
        assert (before, len(paged(harness))) == (1, drills)


async def test_a_drill_whose_webhook_is_refused_is_tried_again_each_minute_and_reported() -> None:
    async with tocsin(VirtualClock(at("2026-03-03T10:30"))) as harness:
        harness.refuses_drills = True
        await harness.settle()
        await harness.settle()
        assert paged(harness) == []
        assert harness.observer.counted("drills_total", playbook="emergency-response", outcome="failed") > 0
        notice = await harness.incident("1")
        assert (notice.severity, notice.alerts_firing) == ("self-notice", 1)
        harness.refuses_drills = False
        await harness.settle()
        assert paged(harness) == [("03-03 10:30", "on-call-engineer")]


async def test_people_and_channels_without_a_drill_in_a_quarter_are_counted() -> None:
    async with tocsin(VirtualClock(at("2026-03-03T10:00"))) as harness:
        before = await not_drilled_now(harness)
        await harness.advance(hours=1)
        after = await not_drilled_now(harness)
        assert (before["person"] - after["person"], before["channel"] - after["channel"]) == (1, 1)
        harness.refuses_drills = True
        await harness.advance(hours=24 * 92)
        assert await not_drilled_now(harness) == before


async def test_a_real_alert_with_the_labels_of_a_drill_is_paged_as_any_other() -> None:
    async with tocsin(VirtualClock(at("2026-03-02T00:00"))) as harness:
        await harness.fire(
            alertname="Down",
            severity="SEV-1",
            playbook="emergency-response",
            tocsin_drill="true",
            drill="Alert validation",
        )
        assert (await harness.incident()).severity == "SEV-1"


async def test_a_real_alert_opens_its_own_incident_although_the_rules_give_a_running_drill_the_same_key() -> None:
    rules = emergency.rules_of('rules: [{name: one, match: {}, set: {severity: SEV-1, dedup_key: "all"}}]')
    async with tocsin(VirtualClock(at("2026-03-03T10:30")), judged_by=rules) as harness:
        await harness.settle()
        harness.live.policy = replace(harness.live.policy, former_keys=FormerKeys())  # as after a reload or a restart
        await harness.fire(alertname="Down", service="shop")
        assert [(one.title, one.severity) for one in harness.sent(Job.PAGE)] == [
            ("Drill: Alert validation", "drill"),
            ("Down (shop)", "SEV-1"),
        ]


async def test_a_drill_that_is_removed_while_it_runs_ends_and_pages_no_one_again() -> None:
    async with tocsin(VirtualClock(at("2026-03-03T10:30"))) as harness:
        await harness.settle()
        assert (await harness.incident()).alerts_firing == 1
        policy = harness.live.policy
        without = {name: msgspec.structs.replace(plan, drills=()) for name, plan in policy.playbooks.items()}
        harness.live.policy = replace(policy, playbooks=without)
        await harness.settle()
        await harness.advance(minutes=10)
        assert (await harness.incident()).state is State.RESOLVED
        assert len(paged(harness)) == 1


async def test_drills_that_are_answered_slowly_leave_the_worker_time_for_its_watchdog() -> None:
    names = [msgspec.structs.replace(WEEKLY, name=f"Drill {number}") for number in range(20)]
    async with tocsin(VirtualClock(at("2026-03-03T10:30")), drills=tuple(names)) as harness:
        posted: list[bytes] = []

        async def post(body: bytes) -> None:
            posted.append(body)
            harness.clock.set(harness.clock.now() + round(TIMEOUT * SECOND))
            raise TocsinError("no answer")

        worker = Drills(harness.respond._committer, harness.ingest, harness.clock, post)
        began = harness.clock.now()
        await worker.run_once()
        assert posted
        assert harness.clock.now() - began < WATCHDOG_PATIENCE * SECOND


async def test_a_damaged_drill_does_not_end_the_worker() -> None:
    async with tocsin(VirtualClock(at("2026-03-03T10:30"))) as harness:
        await harness.settle()
        await damage(harness.store, "UPDATE incidents SET body = '{'")
        await harness.drills_due.run_once()
        assert len(paged(harness)) == 1


async def test_each_of_several_times_in_a_day_has_its_own_drill() -> None:
    twice = msgspec.structs.replace(WEEKLY, rrule="FREQ=DAILY;BYHOUR=8,16", starts="2026-01-06T08:00:00")
    async with tocsin(VirtualClock(at("2026-03-03T07:00")), drills=(twice,)) as harness:
        await harness.advance(hours=24)
        assert [moment for moment, _ in paged(harness)] == ["03-03 08:00", "03-03 16:00"]

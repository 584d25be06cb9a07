"""Manual maintenance windows, and the preview of what one would hide."""

from collections.abc import Callable

import msgspec
import pytest

from scenario import emergency
from scenario.conftest import NewStore
from scenario.emergency import ON_CALL, kinds
from scenario.maintenance import ALICE, DOWN, end, make, use, window
from tocsin.core.duration import HOUR, MINUTE
from tocsin.core.errors import IllegalTransition, UnknownName, WindowError
from tocsin.core.incident.outbox import Job
from tocsin.engine.responses.windows import WindowRequest
from tocsin.ports.store import Transaction
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness


async def test_a_manual_window_hides_until_a_person_ends_it(tocsin: Harness) -> None:
    window_id = await make(tocsin, 60)
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=20)
    assert tocsin.pages() == []
    assert await end(tocsin, window_id) == 1
    assert tocsin.pages() == [(20, ON_CALL)]
    kept = await tocsin.store.read(lambda tx: tx.window(window_id))
    assert kept is not None
    assert (kept.author, kept.via, kept.ended_by, kept.ended_via) == ("alice", "cli", "bob", "api")
    assert (kept.ends_at, kept.planned_ends_at) == (tocsin.clock.now(), tocsin.clock.start + 60 * MINUTE)
    with pytest.raises(IllegalTransition):
        await end(tocsin, window_id)
    with pytest.raises(UnknownName):
        await end(tocsin, "nothing")


async def test_ended_while_another_one_hides_it_it_waits_for_that_one(tocsin: Harness) -> None:
    first = await make(tocsin, 60, name="first")
    await make(tocsin, 30, name="second")
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=10)
    assert await end(tocsin, first) == 0
    assert [(wait.by, wait.until) for wait in (await tocsin.incident()).waits] == [
        ("second", tocsin.clock.start + 30 * MINUTE)
    ]
    await tocsin.advance(minutes=21)
    assert tocsin.pages() == [(30, ON_CALL)]


async def test_ended_after_everything_has_resolved_no_one_is_told(tocsin: Harness) -> None:
    window_id = await make(tocsin, 60)
    await tocsin.fire(**DOWN)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=1)
    await end(tocsin, window_id)
    await tocsin.advance(minutes=30)
    assert tocsin.pages() == tocsin.pages(Job.RESOLVE) == []
    assert tocsin.observer.observed("incident_time_to_resolve_seconds") == []


async def test_ended_while_it_recovers_what_fires_again_is_paged(tocsin: Harness) -> None:
    window_id = await make(tocsin, 60)
    await tocsin.fire(**DOWN)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=1)
    assert await end(tocsin, window_id) == 0
    await tocsin.fire(**DOWN)
    assert tocsin.pages() == [(1, ON_CALL)]


async def test_a_window_that_goes_on_at_its_old_end_is_waited_for_further(tocsin: Harness) -> None:
    await make(tocsin, 60, name="upgrade")
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=50)
    await make(tocsin, 30, name="upgrade")
    await tocsin.advance(minutes=25)
    assert tocsin.pages() == []
    told = await kinds(tocsin)
    assert (told.count("waits"), told.count("waited")) == (1, 0)  # that it takes longer is not worth a word
    await tocsin.advance(minutes=10)
    assert tocsin.pages() == [(80, ON_CALL)]


async def test_a_restart_inside_changes_nothing(new_store: NewStore) -> None:
    clock = VirtualClock()
    store = new_store(clock)
    async with emergency.tocsin(store=store, clock=clock) as before:
        await make(before, 60)
        await before.fire(**DOWN)
    clock.set(clock.start + 30 * MINUTE)
    async with emergency.tocsin(store=store, clock=clock) as after:
        await after.housekeeper.run_once()
        await after.advance(minutes=29)
        assert after.pages() == []
        await after.advance(minutes=2)
        assert after.pages() == [(60, ON_CALL)]


async def test_alerts_that_a_window_hides_are_counted_and_active_windows_shown(tocsin: Harness) -> None:
    use(tocsin, window(tocsin, 0, 60))
    await make(tocsin, 30, 'service="blog"')
    await tocsin.fire(**DOWN, disk="sda")
    await tocsin.fire(**DOWN, disk="sdb")
    await tocsin.fire(**{**DOWN, "service": "other"}, disk="sda")
    await tocsin.housekeeper.run_once()
    assert tocsin.observer.counted("alerts_hidden_by_windows_total") == 2
    assert {value for (name, _), value in tocsin.observer.gauges.items() if name == "windows_active"} == {2}


async def test_an_incident_that_cannot_be_judged_does_not_keep_the_others_waiting(tocsin: Harness) -> None:
    window_id = await make(tocsin, 60)
    await tocsin.fire(**DOWN)
    await tocsin.fire(**{**DOWN, "alertname": "Other"})

    def rewrite(severity: str) -> Callable[[Transaction], None]:
        def work(tx: Transaction) -> None:
            incident = tx.incident("1")
            assert incident is not None
            tx.update_incidents([msgspec.structs.replace(incident, severity=severity)])

        return work

    await tocsin.store.write(rewrite("a level that its plan has not"))
    assert await end(tocsin, window_id) == 1
    assert [content.number for content in tocsin.sent(Job.PAGE)] == [2]
    await tocsin.store.write(rewrite("SEV-1"))


async def test_a_preview_says_what_a_window_would_hide_now_and_would_have_hidden(tocsin: Harness) -> None:
    minor = {**DOWN, "severity": "SEV-4"}
    await tocsin.fire(**minor, disk="sda")
    await tocsin.fire(**minor, disk="sdb")
    await tocsin.fire(**{**minor, "service": "blog"}, disk="sda")
    await tocsin.resolve(**{**minor, "service": "blog"}, disk="sda")
    await tocsin.fire(**minor, quiet="yes")
    preview = await tocsin.windows.preview('service="shop"')
    assert (preview.firing, preview.recent, preview.recent_looked_at, preview.truncated) == (2, 3, 4, False)
    assert [(one.incident.number, one.matching, one.firing, one.hidden) for one in preview.incidents] == [
        (1, 2, 2, True)
    ]
    partly = await tocsin.windows.preview('disk="sda"')
    assert [(one.incident.number, one.matching, one.firing, one.hidden) for one in partly.incidents] == [
        (1, 1, 2, False)
    ]
    assert [episode.status for episode in partly.sample] == ["firing", "resolved"]
    await tocsin.advance(hours=8 * 24)
    old = await tocsin.windows.preview('disk="sda"')
    assert (old.firing, old.recent) == (1, 1)
    with pytest.raises(WindowError):
        await tocsin.windows.preview("{}")


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"name": " "}, "the name is not one line"),
        ({"name": "a\nb"}, "the name is not one line"),
        ({"comment": "x" * 2001}, "the comment is too long"),
        ({"matchers": "{}"}, "no label at all"),
        ({"matchers": "=="}, "bad matcher"),
        ({"duration": None}, "the end is missing or is given twice"),
        ({"ends_at": 5}, "the end is missing or is given twice"),
        ({"duration": 5}, "is shorter than a minute"),
        ({"duration": 32 * 24 * HOUR}, "is longer than 31 days"),
        ({"starts_at": 0}, "the start is in the past"),
        ({"duration": None, "ends_at": 5}, "ends before it begins"),
    ],
)
async def test_a_window_that_cannot_be_meant_is_refused(tocsin: Harness, wish: dict[str, object], told: str) -> None:
    good = WindowRequest(name="upgrade", matchers='service="shop"', duration=HOUR)
    with pytest.raises(WindowError, match=told):
        await tocsin.windows.create(msgspec.structs.replace(good, **wish), ALICE)
    assert await tocsin.windows.list() == []

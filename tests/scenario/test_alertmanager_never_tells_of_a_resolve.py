"""A resolve that Alertmanager never sends: tocsin polls, and resolves alerts that no replica knows any more."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

import pytest

from scenario.emergency import ON_CALL, kinds, tocsin, wrong
from tocsin.conf.source_settings import SourceSettings
from tocsin.core.alerts.alert import AlertStatus, fingerprint
from tocsin.core.duration import MINUTE
from tocsin.core.incident.incident import State
from tocsin.core.incident.outbox import Job
from tocsin.engine.change.commit import Committer
from tocsin.engine.change.policy import Watched
from tocsin.engine.change.wake import LocalWake
from tocsin.engine.intake.reconcile import Reconciler
from tocsin.ports.source import Replica, Unreachable
from tocsin.sources.alertmanager import Alertmanager
from tocsin.testing.alertmanager_server import AlertmanagerServer
from tocsin.testing.harness import Harness

DOWN = {"alertname": "Down", "severity": "SEV-1", "service": "shop"}
SLOW = {"alertname": "Slow", "severity": "SEV-2", "service": "bank"}
WATCHDOG = {"alertname": "Watchdog", "severity": "none"}


class Double:
    """A replica that knows these alerts, or cannot be reached."""

    def __init__(self, *known: dict[str, str], url: str = "http://a:9093") -> None:
        self.url = url
        self.known = list(known)
        self.reachable = True

    async def alerts(self) -> Mapping[str, Mapping[str, str]]:
        if not self.reachable:
            raise Unreachable("down")
        return {fingerprint(labels): labels for labels in self.known}


@pytest.fixture
async def daemon() -> AsyncIterator[Harness]:
    async with tocsin() as running:
        yield running
        assert await wrong(running) == []


def watch(daemon: Harness, *replicas: Replica, **others: Sequence[Replica]) -> Reconciler:
    """A reconciler that asks these for the source ``default``."""
    sources = {name: Watched(MINUTE, tuple(those)) for name, those in {"default": replicas, **others}.items()}
    daemon.live.policy = replace(daemon.live.policy, sources=sources)
    committer = Committer(daemon.store, daemon.live, daemon.observer, LocalWake(), daemon.clock)
    return Reconciler(committer, daemon.clock, lambda: "never")


async def rounds(daemon: Harness, reconciler: Reconciler, count: int) -> None:
    """So many rounds, a minute apart."""
    for _ in range(count):
        await daemon.advance(minutes=1)
        await reconciler.run_once()
        await daemon.settle()


async def firing(daemon: Harness, ref: str = "1") -> int:
    return (await daemon.incident(ref)).alerts_firing


async def test_two_rounds_of_absence_resolve_it_as_reconciled_with_the_usual_hold_down(daemon: Harness) -> None:
    await daemon.fire(**DOWN)
    await daemon.fire(**SLOW)
    reconciler = watch(daemon, Double(SLOW))
    await rounds(daemon, reconciler, 1)
    assert await firing(daemon) == 1, "one round may be a mistake"
    await rounds(daemon, reconciler, 1)
    assert await firing(daemon) == 0
    assert (await daemon.incident()).state is State.TRIGGERED
    assert "reconciled" in await kinds(daemon)
    await daemon.advance(minutes=2)
    assert (await daemon.incident()).state is State.RESOLVED
    assert (await daemon.incident("2")).alerts_firing == 1
    assert [content.target for content in daemon.sent(Job.RESOLVE)] == [ON_CALL], "whoever was paged is told"
    assert daemon.observer.counted("alerts_reconciled_total") == 1


async def test_what_one_replica_still_knows_fires(daemon: Harness) -> None:
    await daemon.fire(**DOWN)
    await rounds(daemon, watch(daemon, Double(), Double(DOWN, url="http://b:9093")), 5)
    assert await firing(daemon) == 1


async def test_a_replica_that_cannot_be_reached_does_not_count_and_without_any_nothing_is_resolved(
    daemon: Harness,
) -> None:
    await daemon.fire(**DOWN)
    here, away = Double(), Double(url="http://b:9093")
    here.reachable = away.reachable = False
    reconciler = watch(daemon, here, away)
    await rounds(daemon, reconciler, 5)
    assert await firing(daemon) == 1
    assert daemon.observer.gauges["alertmanagers_reachable", (("source", "default"),)] == 0
    here.reachable = True
    await rounds(daemon, reconciler, 2)
    assert await firing(daemon) == 0
    assert daemon.observer.gauges["alertmanagers_reachable", (("source", "default"),)] == 1


async def test_an_alert_that_returns_between_two_rounds_restarts_the_count(daemon: Harness) -> None:
    await daemon.fire(**DOWN)
    double = Double()
    reconciler = watch(daemon, double)
    await rounds(daemon, reconciler, 1)
    double.known = [DOWN]
    await rounds(daemon, reconciler, 1)
    double.known = []
    await rounds(daemon, reconciler, 1)
    assert await firing(daemon) == 1
    await rounds(daemon, reconciler, 1)
    assert await firing(daemon) == 0


async def test_a_webhook_that_comes_while_it_asks_is_newer_than_the_answer(daemon: Harness) -> None:
    await daemon.fire(**DOWN)

    class Meanwhile(Double):
        async def alerts(self) -> Mapping[str, Mapping[str, str]]:
            found = await super().alerts()
            daemon.clock.forward(seconds=1)
            await daemon.ingest.take([daemon.alert(AlertStatus.FIRING, DOWN)])
            return found

    await rounds(daemon, watch(daemon, Meanwhile()), 4)
    assert await firing(daemon) == 1


async def test_a_late_word_about_what_was_reconciled_changes_nothing(daemon: Harness) -> None:
    await daemon.fire(**DOWN)
    started = daemon.clock.start
    await rounds(daemon, watch(daemon, Double()), 2)
    before = await daemon.timeline()
    await daemon.take(daemon.alert(AlertStatus.RESOLVED, DOWN, starts_at=started))
    assert await daemon.timeline() == before


async def test_a_replica_that_does_not_know_the_watchdog_is_told_nothing_by_prometheus(daemon: Harness) -> None:
    reconciler = watch(daemon, Double(), Double(WATCHDOG, DOWN, url="http://b:9093"))
    await daemon.fire(**DOWN)
    for _ in range(4):
        await daemon.take(daemon.alert(AlertStatus.FIRING, WATCHDOG))
        await rounds(daemon, reconciler, 1)
    assert daemon.observer.gauges["alertmanagers_reachable", (("source", "default"),)] == 1
    assert await firing(daemon) == 1


async def test_while_the_watchdog_is_missing_nothing_is_resolved(daemon: Harness) -> None:
    reconciler = watch(daemon, Double(WATCHDOG))
    await daemon.fire(**DOWN)
    await daemon.take(daemon.alert(AlertStatus.FIRING, WATCHDOG))
    await daemon.take(daemon.alert(AlertStatus.RESOLVED, WATCHDOG))
    await rounds(daemon, reconciler, 5)
    assert await firing(daemon) == 1
    await daemon.take(daemon.alert(AlertStatus.FIRING, WATCHDOG))
    await rounds(daemon, reconciler, 1)
    await daemon.take(daemon.alert(AlertStatus.FIRING, WATCHDOG))
    await rounds(daemon, reconciler, 1)
    assert await firing(daemon) == 0


async def test_each_source_is_asked_for_its_own_alerts(daemon: Harness) -> None:
    await daemon.fire(source="eu", **DOWN)
    await daemon.fire(source="default", **SLOW)
    await rounds(daemon, watch(daemon, Double(SLOW), eu=[Double(DOWN)]), 3)
    assert (await firing(daemon), await firing(daemon, "2")) == (1, 1)
    await rounds(daemon, watch(daemon, Double(DOWN), eu=[Double(DOWN)]), 3)
    assert (await firing(daemon), await firing(daemon, "2")) == (1, 0)


async def test_what_a_person_closed_while_it_fired_does_not_open_again_for_a_resolve_that_was_lost(
    daemon: Harness,
) -> None:
    await daemon.fire(**DOWN)
    await daemon.close()
    await rounds(daemon, watch(daemon, Double()), 2)
    await daemon.advance(hours=2)
    assert (await daemon.incident()).state is State.RESOLVED
    assert (await daemon.incident()).occurrence == 1


async def test_a_source_is_asked_in_its_interval_and_not_sooner(daemon: Harness) -> None:
    asked: list[int] = []

    class Counted(Double):
        async def alerts(self) -> Mapping[str, Mapping[str, str]]:
            asked.append(daemon.clock.now())
            return await super().alerts()

    reconciler = watch(daemon, Counted())
    assert await reconciler.run_once() == daemon.clock.start + MINUTE
    await daemon.advance(seconds=59)
    await reconciler.run_once()
    await daemon.advance(seconds=1)
    await reconciler.run_once()
    assert asked == [daemon.clock.start, daemon.clock.start + MINUTE]


async def test_without_sources_nothing_is_queried(daemon: Harness) -> None:
    reconciler = watch(daemon, Double())
    await reconciler.run_once()
    daemon.live.policy = replace(daemon.live.policy, sources={})
    assert await reconciler.run_once() is None


async def test_it_works_on_the_api_itself_and_a_restarted_alertmanager_resolves_nothing(daemon: Harness) -> None:
    async with AlertmanagerServer() as first, AlertmanagerServer() as second:
        for server in (first, second):
            server.know(DOWN, "silenced")
            server.know(SLOW)
        asked = SourceSettings.model_validate({"alertmanager": [first.url, second.url]})
        reconciler = watch(daemon, *(Alertmanager(url, asked) for url in asked.alertmanager))
        await daemon.fire(**DOWN)
        await daemon.fire(**SLOW)
        first.restart()
        await rounds(daemon, reconciler, 3)
        assert (await firing(daemon), await firing(daemon, "2")) == (1, 1)
        second.forget(SLOW)
        await rounds(daemon, reconciler, 2)
        assert (await firing(daemon), await firing(daemon, "2")) == (1, 0)
        second.restart()
        await rounds(daemon, reconciler, 3)
        assert await firing(daemon) == 1

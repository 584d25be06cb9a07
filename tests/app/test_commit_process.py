"""The committing process: if it fails or dies, every acknowledged alert is still in an incident."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from app.rig import shipped
from e2e.processes import until
from tocsin.app.build import Daemon, build
from tocsin.app.commit_process import CommitProcess
from tocsin.core.alerts.alert import Alert, AlertStatus, EpisodeStatus
from tocsin.core.duration import DAY, MINUTE
from tocsin.core.incident.outbox import Job
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.oncall.maintenance_window import Span, Window
from tocsin.core.schedule.recurrence import Recurrence
from tocsin.engine.change.commit import Committed
from tocsin.engine.change.policy import Policy
from tocsin.engine.intake.batch import Classified, Receipts
from tocsin.ports.store import IncidentFilter
from tocsin.store.clock import SystemClock
from tocsin.store.sqlite.sqlite_store import SqliteStore
from tocsin.telemetry.metrics import Metrics

PATIENCE = 30.0
SERVICES = ("cart", "checkout", "search")


def alerts(*names: str, status: AlertStatus = AlertStatus.FIRING) -> list[Alert]:
    """One alert a name, spread over a few services."""
    return [
        Alert(
            "default",
            name,
            status,
            {"alertname": "Down", "severity": "critical", "service": SERVICES[index % 3], "instance": name},
        )
        for index, name in enumerate(names)
    ]


def names(prefix: str, count: int = 12) -> list[str]:
    return [f"{prefix}-{number}" for number in range(count)]


class Watched:
    """Passes batches on, and remembers how many were committed there."""

    def __init__(self, process: CommitProcess) -> None:
        self._process = process
        self.committed = 0

    async def commit(self, pairs: Sequence[Classified], received: Receipts, policy: Policy) -> Committed | None:
        done = await self._process.commit(pairs, received, policy)
        self.committed += done is not None
        return done


class Site:
    """A daemon that takes alerts and does nothing else, over a file."""

    def __init__(self, daemon: Daemon, store: SqliteStore) -> None:
        assert daemon.commit_process is not None
        self.daemon = daemon
        self.store = store
        self.process = daemon.commit_process
        self.there = Watched(self.process)
        daemon.ingest._other_committer = self.there

    async def ready(self) -> int:
        """Wait for the process, with the rules kept by a batch of the daemon's own; its number."""
        await self.daemon.ingest.take(alerts("over before it was seen", status=AlertStatus.RESOLVED))
        return await self.other_than(None)

    async def other_than(self, pid: int | None) -> int:
        """Wait for another process than that one; its number."""
        await until(lambda: self.process.pid not in (None, pid), PATIENCE, "the process can take batches")
        return self.process.pid or 0

    async def fingerprints(self) -> set[str]:
        """Every alert that is in an incident."""
        incidents = await self.store.read(lambda tx: tx.incidents(IncidentFilter(limit=1000)))
        found = [await self.store.read(lambda tx, one=one: tx.episodes_of(one.id)) for one in incidents]
        return {episode.fingerprint for of_one in found for episode in of_one}

    def figure(self, name: str, **labels: str) -> float | None:
        return self.daemon.metrics.registry.get_sample_value(f"tocsin_{name}", labels)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.fail("these tests need a second processor, as the process does")
    clock = SystemClock(on_jump=lambda _: None)
    store = SqliteStore(tmp_path / "tocsin.db", clock)
    await store.open()
    built = Site(build(shipped(), store, clock, Metrics()), store)
    built.process._again_after = 0.1
    built.process.start()
    yield built
    await built.process.close()
    await store.close()


async def test_a_batch_is_committed_by_the_process_and_confirmed_here(site: Site) -> None:
    await site.ready()
    await site.daemon.ingest.take(alerts(*names("a")))
    assert site.there.committed == 1
    assert await site.fingerprints() == set(names("a"))
    assert site.figure("commit_process_up") == 1
    assert site.figure("incidents_opened_total", playbook="emergency-response", severity="SEV-2") == len(SERVICES)
    assert await site.store.read(lambda tx: tx.next_claim_at()) is not None, "pages wait to be sent"
    assert site.daemon.dispatcher._woken.is_set()


async def test_both_processes_write_one_history(site: Site) -> None:
    await site.ready()
    await site.daemon.ingest.take(alerts(*names("a")))  # there
    await site.daemon.ingest.take(alerts("alone"))  # here: too few to be worth it
    await site.daemon.ingest.take(alerts(*names("a"), status=AlertStatus.RESOLVED))
    incidents = await site.store.read(lambda tx: tx.incidents(IncidentFilter()))
    assert site.there.committed == 2
    assert sorted(incident.number for incident in incidents) == [1, 2, 3]
    episodes = await site.store.read(lambda tx: tx.latest_episodes([("default", name) for name in names("a")]))
    assert {episode.status for episode in episodes.values()} == {EpisodeStatus.RESOLVED}
    alone = await site.store.read(lambda tx: tx.latest_episodes([("default", "alone")]))
    assert alone["default", "alone"].status is EpisodeStatus.FIRING


async def test_pages_of_alerts_that_waited_say_so_in_either_process(site: Site) -> None:
    await site.ready()
    minute_ago = site.daemon.clock.now() - MINUTE
    await site.daemon.ingest.take(alerts(*names("a")), received_at=minute_ago)  # there
    await site.daemon.ingest.take(alerts("alone"), received_at=minute_ago)  # here
    assert site.there.committed == 1
    incidents = await site.store.read(lambda tx: tx.incidents(IncidentFilter()))
    for incident in incidents:
        rows = await site.store.read(lambda tx, one=incident: tx.outbox_of(one.id))
        assert {row.late >= MINUTE for row in rows if row.job is Job.PAGE} == {True}


async def test_a_new_policy_goes_before_the_next_batch(site: Site) -> None:
    await site.ready()
    await site.daemon.ingest.take(alerts(*names("a")))
    policy = site.daemon.live.policy
    site.daemon.live.policy = replace(policy, instance="another", self_targets=("console",))
    await site.daemon.ingest.take(alerts(*names("b")))
    assert site.there.committed == 2
    assert await site.fingerprints() == {*names("a"), *names("b")}


async def test_a_storm_that_comes_in_several_batches_is_one(site: Site) -> None:
    await site.ready()
    for number in range(5):  # each of them fewer than make a storm
        labels = [{"alertname": f"A{number}.{n}", "severity": "critical"} for n in range(8)]
        await site.daemon.ingest.take(
            [Alert("default", each["alertname"], AlertStatus.FIRING, each) for each in labels]
        )
    assert site.there.committed == 5
    incidents = await site.store.read(lambda tx: tx.incidents(IncidentFilter(limit=1000)))
    [storm] = [incident for incident in incidents if incident.storm is not None]
    waiting = [incident for incident in incidents if any(wait.by == str(storm.number) for wait in incident.waits)]
    assert len(waiting) == 40


async def test_a_window_and_a_recurring_one_hide_what_the_process_commits(site: Site) -> None:
    await site.ready()
    starts = datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")).replace(tzinfo=None)
    always = Recurrence("FREQ=DAILY", starts, ZoneInfo("Europe/Berlin"), DAY - 1_000_000)
    hidden = Window("nightly", parse_matchers('alertname="Down"'), always)
    other = Window("once", parse_matchers('alertname=~"Up|Sideways"'), Span(0, 2**60))
    policy = replace(site.daemon.live.policy, windows=(hidden, other))
    batch = [(alert, policy.rules.evaluate(alert)) for alert in alerts(*names("a"))]
    assert await site.process.commit(batch, [], policy) is not None
    incidents = await site.store.read(lambda tx: tx.incidents(IncidentFilter()))
    assert {wait.by for incident in incidents for wait in incident.waits} == {"nightly"}


async def test_while_it_is_not_there_the_daemon_commits_itself(site: Site) -> None:
    await site.process.close()
    assert site.process.pid is None
    await site.daemon.ingest.take(alerts(*names("a")))
    assert site.there.committed == 0
    assert await site.fingerprints() == set(names("a"))
    assert site.figure("commit_process_up") == 0


async def test_the_rules_that_judge_are_kept_before_anything_is_handed_over(site: Site) -> None:
    await site.other_than(None)
    await site.daemon.ingest.take(alerts(*names("a")))
    assert site.there.committed == 0
    sha = site.daemon.live.policy.rules.sha
    assert await site.store.read(lambda tx: tx.rules(sha)) is not None
    await site.daemon.ingest.take(alerts(*names("b")))
    assert site.there.committed == 1


async def test_killed_it_is_replaced_and_no_alert_is_lost(site: Site) -> None:
    for number in range(3):
        pid = await site.ready()
        os.kill(pid, signal.SIGKILL)
        await site.daemon.ingest.take(alerts(*names(f"n{number}")))
        await site.other_than(pid)
    assert await site.fingerprints() == {name for number in range(3) for name in names(f"n{number}")}


async def test_a_process_that_hangs_is_killed_and_its_batches_are_committed_here(site: Site) -> None:
    pid = await site.ready()
    site.process._patience = 0.3
    os.kill(pid, signal.SIGSTOP)
    async with asyncio.TaskGroup() as group:
        for prefix in ("a", "b", "c"):
            group.create_task(site.daemon.ingest.take(alerts(*names(prefix))))
            group.create_task(site.store.write(lambda tx: tx.probe()))
    assert await site.other_than(pid)
    assert await site.fingerprints() == {*names("a"), *names("b"), *names("c")}


async def test_killed_in_the_middle_of_a_stream_no_answered_alert_is_lost(site: Site) -> None:
    answered: set[str] = set()

    async def stream(number: int) -> None:
        for step in range(20):
            batch = names(f"s{number}.{step}", 5)
            await site.daemon.ingest.take(alerts(*batch))
            answered.update(batch)

    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(stream(number))
        for _ in range(3):
            pid = await site.ready()
            os.kill(pid, signal.SIGKILL)
            await site.other_than(pid)
    assert len(answered) == 400
    assert answered <= await site.fingerprints()


@pytest.mark.parametrize(
    ("spoilt", "misjudged"),
    [
        pytest.param({}, {"hold": 2**63 - 1}, id="a number that no column holds: it says so"),
        pytest.param({"generator_url": "\ud800"}, {}, id="half a character: it cannot even be told"),
    ],
)
async def test_what_it_cannot_commit_is_left_to_the_daemon(
    site: Site, spoilt: dict[str, object], misjudged: dict[str, object]
) -> None:
    pid = await site.ready()
    policy = site.daemon.live.policy
    batch = [
        (msgspec.structs.replace(alert, **spoilt), msgspec.structs.replace(policy.rules.evaluate(alert), **misjudged))
        for alert in alerts(*names("a"))
    ]
    assert await site.process.commit(batch, [], policy) is None
    assert site.process.pid == pid, "it goes on"
    await site.daemon.ingest.take(alerts(*names("b")))
    assert await site.fingerprints() == set(names("b")), "nothing of the batch that failed was written"


async def test_signals_of_the_terminal_and_of_systemd_are_not_for_it(site: Site) -> None:
    pid = await site.ready()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, number)
    await site.daemon.ingest.take(alerts(*names("a")))
    assert site.process.pid == pid
    assert await site.fingerprints() == set(names("a"))


async def test_it_ends_with_the_daemon_and_lets_the_lock_go(site: Site, tmp_path: Path) -> None:
    pid = await site.ready()
    await site.process.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    await site.store.close()
    again = SqliteStore(tmp_path / "tocsin.db", SystemClock(on_jump=lambda _: None))
    await again.open()
    await again.close()

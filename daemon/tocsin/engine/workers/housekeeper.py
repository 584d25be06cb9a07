"""Regular work: gauges, the end of tocsin's own faults, retention."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from tocsin.core.alerts.alert import Alert, AlertStatus, Episode
from tocsin.core.alerts.heartbeat import Heartbeat, is_silent
from tocsin.core.duration import DAY, HOUR, MINUTE, SECOND, duration
from tocsin.core.incident.measure import Mean
from tocsin.core.oncall.gap import uncovered
from tocsin.core.oncall.maintenance_window import Window
from tocsin.core.oncall.people import People
from tocsin.core.schedule.moments import short_moment
from tocsin.engine.change.commit import Committer
from tocsin.engine.change.drilled import not_drilled
from tocsin.engine.change.oncall import on_call_input, standings, unreachable
from tocsin.engine.change.policy import Policy
from tocsin.engine.change.window_judge import windows_of
from tocsin.engine.change.window_waits import judge_all_again
from tocsin.engine.selfwatch.troubles import (
    FAULT_LIMIT,
    MANY,
    MORE,
    QUIET_AFTER,
    STANDING,
    Fault,
    Reporter,
    fault_of,
)
from tocsin.engine.service import Service
from tocsin.ports.clock import Clock
from tocsin.ports.observer import Limit, Observer
from tocsin.ports.store import Reader, Transaction

MEANS_OVER = 30 * DAY
"""The period of the means: occurrences that were acknowledged or resolved in it."""
INBOUND_KEPT = 7 * DAY
"""Retention of inbound deliveries, for deduplication; PagerDuty retries for up to 48 h."""
INCIDENTS_KEPT = 400 * DAY
"""Retention of resolved incidents with their timelines: long enough to compare a year with the previous one."""
MISSED_FOR = 7 * DAY
"""Time after which a missing Watchdog is no longer reported, because its source was probably removed."""
MOST_SOURCES = 1000
"""Maximum number of sources with a heartbeat metric (the most recent ones), and of silent sources that are reported.

Bounded, because senders control the number of sources.
"""
DELETED_AT_ONCE = 100
"""Maximum number of incidents deleted per round, so that the transaction stays short."""
RULES_LOOKED_AT_EVERY = HOUR
"""Interval of the deletion of unused rule sets."""
EVERY = 10 * SECOND
"""Interval of the rounds."""

FAULTS_REPORTED = 10
"""Maximum number of faults that are reported about one calendar; `tocsin check` lists all unreadable parts."""


class Standing(NamedTuple):
    """The text about a fault whose cause persists."""

    detail: str
    title: str = ""
    """The event in one line; "" for the general title of its reason."""


Gauges = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Housekeeper(Service):
    """The worker for gauges (so that a scrape needs no query), the end of tocsin's own faults, and retention."""

    name = "housekeeper"
    longest_pause = EVERY / SECOND

    def __init__(self, committer: Committer, reporter: Reporter, clock: Clock) -> None:
        super().__init__(clock)
        self._committer = committer
        self._reporter = reporter
        self._shown: Gauges = {}
        """The gauges of the last round."""
        self._rules_at = 0
        """The time of the next deletion of unused rule sets."""
        self._judged: tuple[Window, ...] | None = None
        """The windows of windows.yaml by which waiting incidents were last judged; None: not since the start."""
        self._since = clock.now()
        """The start of the daemon: before it, no Watchdog could be received."""

    async def run_once(self) -> int | None:
        """Run one round; return the time of the next one."""
        store = self._committer.store
        await self._judge_windows_again()
        policy = self._committer.live.policy
        gauges, standing, ended = await store.read(lambda tx: self._look(tx, policy))
        self._show(gauges)
        for fault, (detail, title) in standing.items():
            self._reporter.report(fault.reason, fault.source, detail, fault.name, title)
        if ended:
            await self._reporter.take_own([_resolve(episode) for episode in ended])
        await store.write(self._forget)
        return self._clock.now() + EVERY

    def _look(self, tx: Reader, policy: Policy) -> tuple[Gauges, Mapping[Fault, Standing], list[Episode]]:
        """Return the gauges, the faults whose cause persists, and tocsin's own alerts that have ended."""
        if len(tx.heartbeats()) > MOST_SOURCES:
            self._committer.observer.count("limits_exceeded_total", limit=Limit.WATCHDOG_SOURCES)
        standing = dict((*islice(self._silent(tx), MOST_SOURCES), *_of_calendars(tx, policy.people)))
        return (
            _gauges(tx, policy),
            standing,
            [episode for episode in tx.self_episodes(tx.now + 1) if _is_over(episode, tx.now, standing)],
        )

    def _silent(self, tx: Reader) -> Iterator[tuple[Fault, Standing]]:
        """Yield the sources whose Watchdog has stopped."""
        for beat in tx.heartbeats().values():
            if tx.now - beat.last_seen_at < MISSED_FOR and is_silent(beat, tx.now, self._since):
                yield Fault("silent", beat.source), Standing(_last_beat(beat, tx.now), _no_heartbeat(beat, tx.now))

    async def _judge_windows_again(self) -> None:
        """End waits whose window no longer exists: after the start, and after each reload that changed windows."""
        windows = self._committer.live.policy.windows
        if windows != self._judged:
            await self._committer.commit("respond", judge_all_again)
            self._judged = windows

    def _forget(self, tx: Transaction) -> None:
        tx.forget_before(tx.now - INBOUND_KEPT)
        tx.forget_windows_before(tx.now - INCIDENTS_KEPT)
        tx.forget_overrides_before(tx.now - INCIDENTS_KEPT)
        tx.forget_incidents_before(tx.now - INCIDENTS_KEPT, DELETED_AT_ONCE)
        if tx.now >= self._rules_at:
            # Rarely, because it is expensive: every stored alert may have to be checked for its rule set.
            tx.forget_rules_before(tx.now - INCIDENTS_KEPT)
            self._rules_at = tx.now + RULES_LOOKED_AT_EVERY

    def _show(self, gauges: Gauges) -> None:
        observer = self._committer.observer
        for (name, labels), value in gauges.items():
            observer.gauge(name, value, **dict(labels))
        for name, labels in self._shown.keys() - gauges.keys():
            _withdraw(observer, name, dict(labels))
        self._shown = gauges


_UNITS = {"1 s": "second", "1 min": "minute", "1 h": "hour", "1 d": "day"}


def _no_heartbeat(heartbeat: Heartbeat, now: int) -> str:
    """Return the title of a silence, which stays the same while it lasts."""
    since = short_moment(heartbeat.last_seen_at, now)
    if heartbeat.every is None:
        return f"No heartbeat from {heartbeat.source} since {since}"
    unit = MINUTE if heartbeat.every > MINUTE - SECOND else SECOND
    every = duration(round(heartbeat.every / unit) * unit)
    return f"No heartbeat from {heartbeat.source} since {since} (expected every {_UNITS.get(every, every)})"


def _last_beat(heartbeat: Heartbeat, now: int) -> str:
    if heartbeat.lost_at is not None:
        return "Its Alertmanager reports that the Watchdog alert is over, so its Prometheus has probably stopped"
    return f"The last Watchdog alert came {duration(now - heartbeat.last_seen_at)} ago"


def _of_calendars(tx: Reader, people: People) -> Iterator[tuple[Fault, Standing]]:
    """Yield the unreadable parts of calendars, and the rotations that may have no on-call person because of them."""
    faulty = {name: rotation for name, rotation in people.rotations.items() if rotation.unreadable_parts}
    if not faulty:
        return
    for name, detail in uncovered(faulty, on_call_input(tx, people)).items():
        yield Fault("uncovered", name), Standing(detail)
    for name, rotation in faulty.items():
        for layer in rotation.layers:
            source = "/".join(filter(None, (name, layer.calendar_file)))
            for part in layer.unreadable_parts[:FAULTS_REPORTED]:
                yield Fault("calendar", source, part[:FAULT_LIMIT]), Standing(part)
            if len(layer.unreadable_parts) > FAULTS_REPORTED:
                rest = f"and {len(layer.unreadable_parts) - FAULTS_REPORTED} more: run tocsin check"
                yield Fault("calendar", source, MORE), Standing(rest)


def _is_over(episode: Episode, now: int, standing: Mapping[Fault, Standing]) -> bool:
    """Return whether the cause of a fault is gone, or the fault was not reported again for `QUIET_AFTER`."""
    fault = fault_of(episode.labels)
    if fault.reason in STANDING and fault.source != MANY:
        return fault not in standing
    return now - episode.last_seen_at > QUIET_AFTER


def _withdraw(observer: Observer, name: str, labels: Mapping[str, str]) -> None:
    """Clear gauges whose labels no longer occur: a count falls to 0, a mean or an age has no data."""
    observer.gauge(name, 0 if name in _COUNTS else None, **labels)


_COUNTS = frozenset(
    {"incidents_open", "incidents_exhausted", "outbox_pending", "outbox_oldest_seconds", "storm_members_waiting"}
)


def _gauges(tx: Reader, policy: Policy) -> Gauges:
    gauges: Gauges = {}

    def put(name: str, value: float, **labels: str) -> None:
        gauges[name, tuple(sorted(labels.items()))] = value

    def put_means(name: str, means: list[Mean]) -> None:
        for mean in means:
            put(name, mean.seconds, playbook=mean.playbook, severity=mean.severity)

    put_means("mtta_seconds", tx.means("acknowledge", tx.now - MEANS_OVER))
    put_means("mttr_seconds", tx.means("resolve", tx.now - MEANS_OVER))
    for (playbook, severity, state), count in tx.open_counts().items():
        put("incidents_open", count, playbook=playbook, severity=severity, state=state)
    for playbook, count in tx.exhausted_counts().items():
        put("incidents_exhausted", count, playbook=playbook)
    for target, count in tx.open_storms().items():
        put("storm_members_waiting", count, target=target)
    for channel, (count, oldest) in tx.outbox_depth().items():
        put("outbox_pending", count, channel=channel)
        put("outbox_oldest_seconds", max(0, tx.now - oldest) / SECOND, channel=channel)
    windows = windows_of(tx, policy, tx.now)
    put("windows_active", sum(window.span_at(tx.now) is not None for window in windows))
    newest = sorted(tx.heartbeats().values(), key=lambda heartbeat: heartbeat.last_seen_at, reverse=True)
    for heartbeat in newest[:MOST_SOURCES]:
        put("heartbeat_age_seconds", max(0, tx.now - heartbeat.last_seen_at) / SECOND, source=heartbeat.source)
    return gauges | _of_people(tx, policy)


def _of_people(tx: Reader, policy: Policy) -> Gauges:
    gauges: Gauges = {("people_unreachable", ()): len(unreachable(policy))}
    for kind, count in not_drilled(tx, policy).items():
        gauges["not_drilled", (("kind", kind),)] = count
    for rotation, on_call, gap_in in standings(tx, policy.people):
        gauges["oncall_people", (("rotation", rotation),)] = on_call
        gauges["oncall_calendar_faults", (("rotation", rotation),)] = len(
            policy.people.rotations[rotation].unreadable_parts
        )
        if gap_in is not None:
            gauges["oncall_gap_begins_in_seconds", (("rotation", rotation),)] = gap_in / SECOND
    return gauges


def _resolve(episode: Episode) -> Alert:
    """Return the resolve of a fault that has ended."""
    return Alert(
        source=episode.source,
        fingerprint=episode.fingerprint,
        status=AlertStatus.RESOLVED,
        labels=episode.labels,
        annotations=episode.annotations,
        starts_at=episode.starts_at,
        ends_at=episode.last_seen_at,
    )

"""What has to be done now and then: the gauges, the end of tocsin's own troubles, forgetting."""

from collections.abc import Mapping, Sequence

from tocsin.core.alert import Alert, AlertStatus, Episode
from tocsin.core.duration import duration
from tocsin.core.heartbeat import is_silent
from tocsin.core.measure import Mean
from tocsin.core.playbook import DAY, HOUR
from tocsin.core.window import Window
from tocsin.engine.commit import Committer
from tocsin.engine.ingest import Ingest
from tocsin.engine.oncall import standings, unreachable
from tocsin.engine.policy import Policy
from tocsin.engine.selfwatch import QUIET_AFTER
from tocsin.engine.service import SECOND, Service
from tocsin.engine.window_judge import windows_of
from tocsin.engine.windows import active_count, judge_all_again
from tocsin.ports.clock import Clock
from tocsin.ports.observer import Observer
from tocsin.ports.store import Reader, Transaction

MEANS_OVER = 30 * DAY
INBOUND_KEPT = 7 * DAY
"""How long an inbound delivery is recognised; PagerDuty repeats for up to 48 h."""
INCIDENTS_KEPT = 400 * DAY
"""How long a resolved incident is kept, with its timeline: a year can be compared with the one before."""
MISSED_FOR = 7 * DAY
"""A Watchdog that has not come for longer is not waited for any more: its source is gone."""
FORGOTTEN_AT_ONCE = 100
RULES_LOOKED_AT_EVERY = HOUR
EVERY = 10 * SECOND

FAULTS_TOLD = 3
"""Of one rotation's calendars; `tocsin check` names all of them."""

Gauges = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Housekeeper(Service):
    """Refreshes the gauges that come from the store, so that a scrape never has to ask it."""

    name = "housekeeper"
    longest_pause = EVERY / SECOND

    def __init__(self, committer: Committer, ingest: Ingest, clock: Clock) -> None:
        super().__init__(clock)
        self._committer = committer
        self._ingest = ingest
        self._shown: Gauges = {}
        self._rules_at = 0
        """When rule sets are looked at next."""
        self._judged: tuple[Window, ...] | None = None
        self._since = clock.now()
        """Before that, nobody listened to Watchdogs."""
        self._silent: dict[str, int] = {}
        """Sources whose Watchdog has stopped, and when it was last seen."""

    async def run_once(self) -> int | None:
        """One round."""
        store = self._committer.store
        await self._judge_windows_again()
        policy = self._committer.live.policy
        gauges, quiet = await store.read(lambda tx: (_gauges(tx, policy), self._quiet(tx)))
        self._show(gauges)
        for source, last_seen_at in self._silent.items():
            self._ingest.report("silent", source, f"last seen {duration(self._clock.now() - last_seen_at)} ago")
        for name, rotation in policy.people.rotations.items():
            if rotation.faults:
                self._ingest.report("calendar", name, told_of(rotation.faults))
        if quiet:
            await self._ingest.take_own([_over(episode) for episode in quiet])
        await store.write(self._forget)
        return self._clock.now() + EVERY

    def _quiet(self, tx: Reader) -> list[Episode]:
        """Tocsin's own troubles that are over; a silent Watchdog's is as soon as it comes again."""
        missed = [one for one in tx.heartbeats().values() if tx.now - one.last_seen_at < MISSED_FOR]
        self._silent = {one.source: one.last_seen_at for one in missed if is_silent(one, tx.now, self._since)}
        back = [one for one in tx.self_episodes(tx.now + 1) if one.labels.get("reason") == "silent"]
        over = [one for one in back if one.labels.get("source") not in self._silent]
        return [*over, *(one for one in tx.self_episodes(tx.now - QUIET_AFTER) if one not in over)]

    async def _judge_windows_again(self) -> None:
        """Once after the start, and after each reload that changed windows: waits end where their window has gone."""
        windows = self._committer.live.policy.windows
        if windows != self._judged:
            await self._committer.commit("respond", judge_all_again)
            self._judged = windows

    def _forget(self, tx: Transaction) -> None:
        tx.forget_before(tx.now - INBOUND_KEPT)
        tx.forget_windows_before(tx.now - INCIDENTS_KEPT)
        tx.forget_overrides_before(tx.now - INCIDENTS_KEPT)
        tx.forget_incidents_before(tx.now - INCIDENTS_KEPT, FORGOTTEN_AT_ONCE)
        if tx.now >= self._rules_at:
            # Rarely: if one that old is still needed, all alerts are looked through for who needs it.
            tx.forget_rules_before(tx.now - INCIDENTS_KEPT)
            self._rules_at = tx.now + RULES_LOOKED_AT_EVERY

    def _show(self, gauges: Gauges) -> None:
        observer = self._committer.observer
        for (name, labels), value in gauges.items():
            observer.gauge(name, value, **dict(labels))
        for name, labels in self._shown.keys() - gauges.keys():
            _withdraw(observer, name, dict(labels))
        self._shown = gauges


def told_of(faults: Sequence[str]) -> str:
    """Return the first of the faults, and how many there are beside them."""
    more = len(faults) - FAULTS_TOLD
    return "; ".join((*faults[:FAULTS_TOLD], *((f"and {more} more: run tocsin check",) if more > 0 else ())))


def _withdraw(observer: Observer, name: str, labels: Mapping[str, str]) -> None:
    """Nothing is counted under these labels any more: a count falls to 0, a mean or an age has no data."""
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
    put("windows_active", active_count(tx, windows_of(tx, policy, tx.now)))
    for source, heartbeat in tx.heartbeats().items():
        put("heartbeat_age_seconds", max(0, tx.now - heartbeat.last_seen_at) / SECOND, source=source)
    return gauges | _of_people(tx, policy)


def _of_people(tx: Reader, policy: Policy) -> Gauges:
    gauges: Gauges = {("people_unreachable", ()): len(unreachable(policy))}
    for rotation, on_call, gap_in in standings(tx, policy.people):
        gauges["oncall_people", (("rotation", rotation),)] = on_call
        gauges["oncall_calendar_faults", (("rotation", rotation),)] = len(policy.people.rotations[rotation].faults)
        if gap_in is not None:
            gauges["oncall_gap_begins_in_seconds", (("rotation", rotation),)] = gap_in / SECOND
    return gauges


def _over(episode: Episode) -> Alert:
    """A trouble of tocsin's own has not been seen again."""
    return Alert(
        source=episode.source,
        fingerprint=episode.fingerprint,
        status=AlertStatus.RESOLVED,
        labels=episode.labels,
        annotations=episode.annotations,
        starts_at=episode.starts_at,
        ends_at=episode.last_seen_at,
    )

"""Reconciliation with the sources' Alertmanagers: alerts that none of them reports any more are resolved.

Alertmanager does not send every resolve: if an alert was silenced meanwhile, its
notification never succeeded, or the notification log was lost, the resolve is missing. An
alert that is absent from every reachable replica in two consecutive rounds has ended;
the resolve passes the same intake as one in a webhook.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from tocsin.core.alerts.alert import Alert, AlertStatus, Episode, EpisodeStatus
from tocsin.core.alerts.heartbeat import Heartbeat, is_missing
from tocsin.core.rules.rules import RuleSet
from tocsin.engine.change.commit import Committer
from tocsin.engine.change.policy import Watched
from tocsin.engine.change.unit_of_work import UnitOfWork
from tocsin.engine.intake.batch import Batch
from tocsin.engine.service import Service
from tocsin.ports.clock import Clock
from tocsin.ports.source import Replica, Unreachable
from tocsin.ports.store import Reader

ROUNDS = 2
"""Number of consecutive rounds after which an absent alert has ended."""

Labels = Mapping[str, str]
Absences = dict[tuple[str, int], int]
"""(fingerprint, episode) of an alert -> number of consecutive rounds in which the alert was absent."""

_log = structlog.get_logger("tocsin.engine.intake.reconcile")


class Reconciler(Service):
    """The worker that queries each source of the policy at its interval."""

    name = "reconciler"
    longest_pause = 10.0

    def __init__(self, committer: Committer, clock: Clock, new_id: Callable[[], str]) -> None:
        super().__init__(clock)
        self._committer = committer
        self._new_id = new_id
        self._next: dict[str, int] = {}
        """The time of the next round of each source."""
        self._absent: dict[str, Absences] = {}
        self._asking: set[asyncio.Task[Mapping[str, Labels]]] = set()
        self._errors: dict[str, str] = {}
        """The last error of each replica, by URL."""

    async def run_once(self) -> int | None:
        """Query the sources that are due; return the time of the next query."""
        sources = self._committer.live.policy.sources
        self._forget(sources)
        now = self._clock.now()
        # After a backward jump of the clock, no source waits longer than its interval.
        due = [name for name, watched in sources.items() if not now < self._next.get(name, 0) <= now + watched.every]
        self._next |= {name: now + sources[name].every for name in due}
        await asyncio.gather(*(self._look(name, sources[name]) for name in due))
        return min(self._next.values(), default=None)

    async def stop(self) -> None:
        """Stop, without waiting for responses."""
        self._stopping = True
        for task in self._asking:
            task.cancel()
        await super().stop()

    def _forget(self, sources: Mapping[str, Watched]) -> None:
        for name in self._next.keys() - sources.keys():
            del self._next[name]
            self._absent.pop(name, None)
            self._committer.observer.gauge("alertmanagers_reachable", None, source=name)

    async def _look(self, source: str, watched: Watched) -> None:
        began = self._clock.now()
        reports = await self._ask_all(watched.replicas)
        heartbeat, firing = await self._committer.store.read(
            lambda tx: (tx.heartbeats().get(source), _firing_since(tx, source, began))
        )
        if heartbeat is not None:
            # An Alertmanager without the Watchdog gets no alerts from Prometheus, so its response proves nothing.
            rules = self._committer.live.policy.rules
            reports = [alerts for alerts in reports if await asyncio.to_thread(_knows_watchdog, rules, source, alerts)]
        self._committer.observer.gauge("alertmanagers_reachable", len(reports), source=source)
        if not reports or _is_silent(heartbeat, self._clock.now()):
            return
        present = {name for alerts in reports for name in alerts}
        before = self._absent.get(source, {})
        absent = {
            (fingerprint, episode): before.get((fingerprint, episode), 0) + 1
            for fingerprint, episode in firing
            if fingerprint not in present
        }
        self._absent[source] = absent
        gone = frozenset(key for key, rounds in absent.items() if rounds >= ROUNDS)
        if gone:
            await self._committer.commit("reconcile", lambda uow: self._end(uow, source, gone, began))

    async def _ask_all(self, replicas: Sequence[Replica]) -> list[Mapping[str, Labels]]:
        """Return the firing alerts that each reachable replica reports."""
        if self._stopping:
            return []
        tasks = [asyncio.create_task(replica.alerts(), name=f"ask {replica.url}") for replica in replicas]
        self._asking |= set(tasks)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        self._asking -= set(tasks)
        reports = []
        for replica, answer in zip(replicas, answers, strict=True):
            if isinstance(answer, BaseException):
                self._log_once(replica.url, answer)
            else:
                self._errors.pop(replica.url, None)
                reports.append(answer)
        return reports

    def _log_once(self, url: str, error: BaseException) -> None:
        """Log an error of a replica, unless the previous error of the replica was the same."""
        text = str(error) if isinstance(error, Unreachable) else repr(error)
        if self._errors.get(url) != text and not self._stopping:
            self._errors[url] = text
            _log.warning("alertmanager_query_failed", url=url, error=text)

    def _end(self, uow: UnitOfWork, source: str, gone: frozenset[tuple[str, int]], began: int) -> None:
        """End the alerts in ``gone`` that still fire in this transaction and have not been received since ``began``."""
        ended = [
            episode
            for episode in uow.tx.episodes_at(source, uow.now)
            if (episode.fingerprint, episode.episode) in gone and _fires_since(episode, began)
        ]
        pairs = [(alert, uow.policy.rules.evaluate(alert)) for alert in (_resolved(each, began) for each in ended)]
        Batch(uow, self._new_id, reconciled=True).take(pairs)
        if ended:
            uow.figures.count("alerts_reconciled_total", len(ended))
            _log.info("reconciled", source=source, alerts=[episode.fingerprint for episode in ended][:50])


def _firing_since(tx: Reader, source: str, began: int) -> list[tuple[str, int]]:
    """Return (fingerprint, number) of each firing episode that was last received before ``began``."""
    episodes = tx.episodes_at(source, tx.now)
    return [(episode.fingerprint, episode.episode) for episode in episodes if _fires_since(episode, began)]


def _fires_since(episode: Episode, began: int) -> bool:
    """Return whether an episode fires and no copy of its alert has been received since the round began."""
    return episode.status is EpisodeStatus.FIRING and episode.last_seen_at < began


def _is_silent(heartbeat: Heartbeat | None, now: int) -> bool:
    return heartbeat is not None and is_missing(heartbeat, now)


def _knows_watchdog(rules: RuleSet, source: str, alerts: Mapping[str, Labels]) -> bool:
    return any(rules.evaluate(_firing(source, name, labels)).heartbeat for name, labels in alerts.items())


def _firing(source: str, fingerprint: str, labels: Labels) -> Alert:
    return Alert(source=source, fingerprint=fingerprint, status=AlertStatus.FIRING, labels=dict(labels))


def _resolved(episode: Episode, at: int) -> Alert:
    return Alert(
        source=episode.source,
        fingerprint=episode.fingerprint,
        status=AlertStatus.RESOLVED,
        labels=episode.as_it_came,
        annotations=episode.annotations,
        starts_at=episode.starts_at,
        # If the sender's clock is ahead: an end before the start would belong to an earlier episode.
        ends_at=max(at, episode.last_start_at or 0),
        generator_url=episode.generator_url,
    )

"""Asks the sources what fires, and resolves what none of them knows any more.

Alertmanager does not always tell of a resolve: it was silenced meanwhile, was
never told of with success, or the log of notifications is lost. What is absent
from every replica that can be asked, two rounds in a row, has ended; it passes
the same intake as a webhook.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from tocsin.core.alert import Alert, AlertStatus, Episode, EpisodeStatus
from tocsin.core.heartbeat import Heartbeat, is_missing
from tocsin.core.rules import RuleSet
from tocsin.engine.apply import Work
from tocsin.engine.commit import Committer
from tocsin.engine.intake import Batch
from tocsin.engine.policy import Watched
from tocsin.engine.service import Service
from tocsin.ports.clock import Clock
from tocsin.ports.source import Replica, Unreachable

ROUNDS = 2
AT_A_TIME = 100
"""Alerts that are judged in one go."""

Labels = Mapping[str, str]
Absences = dict[tuple[str, int], int]
"""By (fingerprint, episode): for how many rounds it has been absent."""

_log = structlog.get_logger("tocsin.engine.reconcile")


class Reconciler(Service):
    """Looks at each source of the policy in its interval."""

    name = "reconciler"
    longest_pause = 10.0

    def __init__(self, committer: Committer, clock: Clock, new_id: Callable[[], str]) -> None:
        super().__init__(clock)
        self._committer = committer
        self._new_id = new_id
        self._next: dict[str, int] = {}
        self._absent: dict[str, Absences] = {}
        self._asking: set[asyncio.Task[Mapping[str, Labels]]] = set()
        self._told: dict[str, str] = {}
        """By URL: what was wrong with it the last time."""

    async def run_once(self) -> int | None:
        """Look at the sources whose turn it is; returns when the next one's is."""
        sources = self._committer.live.policy.sources
        self._forget(sources)
        now = self._clock.now()
        # After a jump of the clock into the past nobody waits for longer than the interval.
        due = [name for name, watched in sources.items() if not now < self._next.get(name, 0) <= now + watched.every]
        self._next |= {name: now + sources[name].every for name in due}
        await asyncio.gather(*(self._look(name, sources[name]) for name in due))
        return min(self._next.values(), default=None)

    async def stop(self) -> None:
        """Wait for nobody's answer any more."""
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
        heard = await self._ask_all(watched.replicas)
        heartbeat, episodes = await self._committer.store.read(
            lambda tx: (tx.heartbeats().get(source), tx.episodes_at(source, tx.now))
        )
        if heartbeat is not None:
            # Whoever does not know the Watchdog is told nothing by Prometheus: its silence says nothing of the others.
            rules = self._committer.live.policy.rules
            heard = [alerts for alerts in heard if await _knows_watchdog(rules, source, alerts)]
        self._committer.observer.gauge("alertmanagers_reachable", len(heard), source=source)
        if not heard or _is_silent(heartbeat, self._clock.now()):
            return
        present = {name for alerts in heard for name in alerts}
        before = self._absent.get(source, {})
        absent = {
            (episode.fingerprint, episode.episode): before.get((episode.fingerprint, episode.episode), 0) + 1
            for episode in episodes
            if _fires_since(episode, began) and episode.fingerprint not in present
        }
        self._absent[source] = absent
        gone = frozenset(key for key, rounds in absent.items() if rounds >= ROUNDS)
        if gone:
            await self._committer.commit("reconcile", lambda work: self._end(work, source, gone, began))

    async def _ask_all(self, replicas: Sequence[Replica]) -> list[Mapping[str, Labels]]:
        """What each of those knows that can be asked."""
        if self._stopping:
            return []
        tasks = [asyncio.create_task(replica.alerts(), name=f"ask {replica.url}") for replica in replicas]
        self._asking |= set(tasks)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        self._asking -= set(tasks)
        heard = []
        for replica, answer in zip(replicas, answers, strict=True):
            if isinstance(answer, BaseException):
                self._tell(replica.url, answer)
            else:
                self._told.pop(replica.url, None)
                heard.append(answer)
        return heard

    def _tell(self, url: str, error: BaseException) -> None:
        """Once for each thing that is wrong with it."""
        wrong = str(error) if isinstance(error, Unreachable) else repr(error)
        if self._told.get(url) != wrong and not self._stopping:
            self._told[url] = wrong
            _log.warning("alertmanager_unreachable", url=url, wrong=wrong)

    def _end(self, work: Work, source: str, gone: frozenset[tuple[str, int]], began: int) -> None:
        """Inside the transaction, where it counts whether they still fire and have not been told of meanwhile."""
        ended = [
            episode
            for episode in work.tx.episodes_at(source, work.now)
            if (episode.fingerprint, episode.episode) in gone and _fires_since(episode, began)
        ]
        pairs = [(alert, work.policy.rules.evaluate(alert)) for alert in (_resolved(each, began) for each in ended)]
        Batch(work, self._new_id, reconciled=True).take(pairs)
        if ended:
            work.figures.count("alerts_reconciled_total", len(ended))
            _log.info("reconciled", source=source, alerts=[episode.fingerprint for episode in ended][:50])


def _fires_since(episode: Episode, began: int) -> bool:
    """It fires, and nobody has heard of it since the round began."""
    return episode.status is EpisodeStatus.FIRING and episode.last_seen_at < began


def _is_silent(heartbeat: Heartbeat | None, now: int) -> bool:
    return heartbeat is not None and is_missing(heartbeat, now)


async def _knows_watchdog(rules: RuleSet, source: str, alerts: Mapping[str, Labels]) -> bool:
    for count, (name, labels) in enumerate(alerts.items()):
        if rules.evaluate(_firing(source, name, labels)).heartbeat:
            return True
        if count % AT_A_TIME == 0:  # thousands of alerts must not hold up the webhooks
            await asyncio.sleep(0)
    return False


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
        # Where the other clock is ahead, it must not look as if an earlier spell had ended.
        ends_at=max(at, episode.last_start_at or 0),
        generator_url=episode.generator_url,
    )

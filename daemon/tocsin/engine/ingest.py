"""From webhooks to commits.

Concurrent webhooks share commits: whatever has gathered while the last one ran
goes into the next one, up to ``commit_alerts`` alerts; nothing waits for a
batch to fill. A webhook is answered when its last alert is committed.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import msgspec
import structlog

from tocsin.core.alert import Alert
from tocsin.core.errors import Overloaded, StoreUnavailable
from tocsin.core.quarantine import Quarantined, single
from tocsin.core.rules import RuleSet
from tocsin.core.verdict import Verdict
from tocsin.engine.alarm import Alarm
from tocsin.engine.apply import Work
from tocsin.engine.commit import Committed, Committer
from tocsin.engine.fatal import end_if_fatal
from tocsin.engine.intake import Batch, Classified
from tocsin.engine.policy import Policy
from tocsin.engine.selfwatch import KNOWN_TROUBLES, QUIET_AFTER, SAID_AGAIN_AFTER, own_verdict, trouble
from tocsin.engine.shadow import Shadow
from tocsin.ports.clock import Clock

_log = structlog.get_logger("tocsin.engine.ingest")


KNOWN_JUDGES = 8
"""Rule sets that are remembered: more reloads than that while one alert waits are not expected."""

KEPT_AGAIN_AFTER = 3_600_000_000
"""Microseconds after which a rule set that is still in use is kept anew, so that it is not forgotten as unused."""

JUDGED_AT_ONCE = 100
"""Alerts that are judged before others get their turn: a few milliseconds."""

WORTH_HANDING_OVER = 4
"""Alerts from which a batch is quicker in another process than in a thread of this one."""


class Elsewhere(Protocol):
    """Commits batches in another process, so that this one can read the next webhooks meanwhile."""

    async def commit(self, pairs: Sequence[Classified], policy: Policy) -> Committed | None:
        """Commit a batch; None: it cannot, or what became of it is not known, and repeating it here is harmless.

        Raises:
            StoreUnavailable: The store cannot be written, from here as little as from there.
        """
        ...


@dataclass
class _Chunk:
    """A part of one webhook that is committed as a whole."""

    pairs: Sequence[Classified]
    quarantined: Sequence[Quarantined]
    done: asyncio.Future[None]


@dataclass(frozen=True)
class Limits:
    """How much is taken at a time, in alerts."""

    queue: int = 20_000
    commit: int = 300
    quarantine: int = 1_000
    """Entries that are kept of what cannot be placed."""


class Ingest:
    """Takes alerts in. One per daemon."""

    def __init__(
        self,
        committer: Committer,
        clock: Clock,
        alarm: Alarm,
        *,
        new_id: Callable[[], str],
        limits: Limits = Limits(),
        shadow: Shadow | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._committer = committer
        self._live = committer.live
        self._observer = committer.observer
        self._clock = clock
        self._alarm = alarm
        self._new_id = new_id
        self._limits = limits
        self._shadow = shadow
        self._elsewhere = elsewhere
        self._queue: deque[_Chunk] = deque()
        self._queued = 0
        self._judging = 0
        """How many alerts have been let in, and are not in the queue yet."""
        self._turns: list[tuple[set[tuple[str, str]], asyncio.Future[None]]] = []
        """The alerts of each take that is not in the queue yet, in the order in which they came, and its end."""
        self._drain: asyncio.Task[None] | None = None
        self._on_its_way: list[tuple[set[tuple[str, str]], asyncio.Future[None]]] = []
        """The alerts of each batch that is being committed, and its end."""
        self._ahead: asyncio.Task[None] | None = None
        """Makes a second batch ready while one is committed; only while a whole one waits, or batches got smaller."""
        self._judges: dict[str, RuleSet] = {}
        """The rule sets that have judged what may still wait, the latest last, by their sha."""
        self._kept: dict[str, int] = {}
        """When this process last kept a rule set with what it had judged, by its sha."""
        self._reported: dict[tuple[str, str], int] = {}
        self._reports: set[asyncio.Task[None]] = set()

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """Asked for once: before Python 3.12 asking costs a system call."""
        return asyncio.get_running_loop()

    async def take(
        self, alerts: Sequence[Alert], quarantined: Sequence[Quarantined] = (), *, is_part: bool = False
    ) -> None:
        """Return once all of it is durably committed.

        ``is_part``: of a webhook whose other parts may be taken already, so it is not refused for a full queue.

        Raises:
            Overloaded: Too much waits already; nothing was taken.
            StoreUnavailable: It was not committed, or not all of it; repeating it is harmless.
        """
        # A webhook that is larger than the queue is taken when nothing else waits: repeated, it would not get smaller.
        waiting = self._queued + self._judging
        if waiting and not is_part and waiting + len(alerts) > self._limits.queue:
            raise Overloaded(
                f"{waiting} alerts wait to be committed, {len(alerts)} more come: "
                f"more than webhook.max_queue ({self._limits.queue})"
            )
        rules = self._live.policy.rules
        self._remember(rules)
        pairs, chunks = await self._queue_judged(rules, alerts, quarantined)
        await _committed(chunks)
        if self._shadow is not None:
            self._shadow.judge(pairs)
        for item in quarantined:
            self._observer.count("quarantined_total", item.alerts)
            self.report("quarantined", item.source, _what_is_wrong(item))

    async def _queue_judged(
        self, rules: RuleSet, alerts: Sequence[Alert], quarantined: Sequence[Quarantined]
    ) -> tuple[list[Classified], list[_Chunk]]:
        """Judge alerts and queue them, after whatever came earlier with one of them: its resolve may be among these."""
        if not self._turns and len(alerts) <= JUDGED_AT_ONCE:  # nothing is awaited, so nobody can overtake
            pairs = await _judged(rules, alerts)
            return pairs, self._enqueue(pairs, quarantined)
        keys = {alert.key for alert in alerts}
        before = [done for others, done in self._turns if not keys.isdisjoint(others)]
        mine = (keys, self._loop.create_future())
        self._turns.append(mine)
        self._judging += len(alerts)
        try:
            for done in before:
                await done
            pairs = await _judged(rules, alerts)
            return pairs, self._enqueue(pairs, quarantined)
        finally:
            self._judging -= len(alerts)
            self._turns.remove(mine)
            mine[1].set_result(None)

    def _remember(self, rules: RuleSet) -> None:
        if rules.sha not in self._judges:
            if len(self._judges) >= KNOWN_JUDGES:
                del self._judges[next(iter(self._judges))]
            self._judges[rules.sha] = rules

    async def take_own(self, alerts: Sequence[Alert]) -> None:
        """Take alerts about tocsin itself; no rule judges them.

        Raises:
            StoreUnavailable: It was not committed.
        """
        policy = self._live.policy
        await _committed(self._enqueue([(alert, own_verdict(policy, alert)) for alert in alerts], ()))

    def report(self, reason: str, source: str, detail: str) -> None:
        """Tell tocsin's own people of a trouble, without waiting: one incident a reason and source."""
        now = self._clock.now()
        self._reported = {key: at for key, at in self._reported.items() if now - at < QUIET_AFTER}
        if (reason, source) not in self._reported and len(self._reported) >= KNOWN_TROUBLES:
            source = "many"
        last = self._reported.get((reason, source))
        if last is not None and now - last < SAID_AGAIN_AFTER:
            return
        self._reported[reason, source] = now
        _log.warning("trouble", reason=reason, source=source, detail=detail)
        task = asyncio.get_running_loop().create_task(self._report(trouble(reason, source, detail, now)))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def close(self) -> None:
        """Finish what has been taken."""
        for task in (*self._reports, *filter(None, (self._drain, self._ahead))):
            await asyncio.wait([task])

    async def _report(self, alert: Alert) -> None:
        try:
            await self.take_own([alert])
        except StoreUnavailable:
            self._alarm.sound(alert.labels["reason"], alert.annotations["summary"])

    def _enqueue(self, pairs: Sequence[Classified], quarantined: Sequence[Quarantined]) -> list[_Chunk]:
        size = self._limits.commit
        done = self._loop.create_future
        chunks = [_Chunk(pairs[start : start + size], (), done()) for start in range(0, len(pairs), size)]
        if quarantined:
            chunks.append(_Chunk((), quarantined, done()))
        if not chunks:
            return chunks
        self._queue.extend(chunks)
        self._queued += len(pairs)
        if self._drain is None or self._drain.done():
            self._drain = self._loop.create_task(self._drain_queue(), name="ingest")
        elif self._queued >= self._limits.commit and (self._ahead is None or self._ahead.done()):
            self._ahead = self._loop.create_task(self._drain_full_batches(), name="ingest ahead")
        return chunks

    async def _drain_queue(self) -> None:
        # The next batch is on its way before this one's webhooks are answered: their work can wait, the commit cannot.
        while self._queue:
            await self._commit_batch(self._next_batch())

    async def _drain_full_batches(self) -> None:
        while self._queued >= self._limits.commit:
            await self._commit_batch(self._next_batch())

    async def _commit_batch(self, batch: Sequence[_Chunk]) -> None:
        """Commit a batch, after any that has an alert of it: the one before may have to be taken again."""
        keys = {alert.key for chunk in batch for alert, _ in chunk.pairs}
        before = [done for others, done in self._on_its_way if not keys.isdisjoint(others)]
        mine = (keys, self._loop.create_future())
        self._on_its_way.append(mine)
        try:
            for done in before:
                await done
            await self._commit_whole(batch)
        finally:
            self._on_its_way.remove(mine)
            mine[1].set_result(None)

    async def _commit_whole(self, batch: Sequence[_Chunk]) -> None:
        try:
            await self._write(
                [pair for chunk in batch for pair in chunk.pairs],
                [item for chunk in batch for item in chunk.quarantined],
            )
        except StoreUnavailable as error:
            self._alarm.sound("store", str(error))
            _settle(batch, error)
        except MemoryError as error:
            end_if_fatal(error)
            _settle(batch, StoreUnavailable("out of memory"))
        except Exception as error:  # noqa: BLE001 - whatever one alert breaks, the others must get through
            await self._one_by_one(batch, error)
        else:
            _settle(batch)

    def _next_batch(self) -> list[_Chunk]:
        batch: list[_Chunk] = []
        size = 0
        while self._queue and (not batch or size + len(self._queue[0].pairs) <= self._limits.commit):
            chunk = self._queue.popleft()
            size += len(chunk.pairs)
            batch.append(chunk)
        self._queued -= size
        return batch

    async def _write(self, pairs: Sequence[Classified], quarantined: Sequence[Quarantined] = ()) -> None:
        if quarantined or not await self._handed_over(pairs):
            self._count(await self._write_here(pairs, quarantined))

    async def _handed_over(self, pairs: Sequence[Classified]) -> bool:
        """Whether another process has committed them: nothing in them may need more than it knows."""
        if self._elsewhere is None or len(pairs) < WORTH_HANDING_OVER or not self._is_simple(pairs):
            return False
        began = self._clock.now()
        done = await self._elsewhere.commit(pairs, self._live.policy)
        if done is None:
            return False
        self._committer.tell("ingest", began, done)
        self._count([verdict for _, verdict in pairs])
        return True

    def _is_simple(self, pairs: Sequence[Classified]) -> bool:
        """No rule has a question about the store, the rules that judged are kept, and no key has been another one."""
        policy = self._live.policy
        former = policy.former_keys
        if not former.is_learned(policy.rules):
            return False
        fresh = self._clock.now() - KEPT_AGAIN_AFTER
        kept = self._kept
        return all(
            not verdict.asks
            and kept.get(verdict.rules_sha, 0) > fresh
            and former.incident_of(verdict.dedup_key) is None
            for _, verdict in pairs
        )

    async def _write_here(self, pairs: Sequence[Classified], quarantined: Sequence[Quarantined]) -> Sequence[Verdict]:
        def work(changes: Work) -> list[Verdict]:
            changes.policy.former_keys.learn(changes.tx, changes.policy.rules)
            verdicts = Batch(changes, self._new_id).take(pairs)
            for item in quarantined:
                changes.tx.quarantine(item, self._limits.quarantine)
            self._keep_rules(changes, verdicts)
            return verdicts

        verdicts = await self._committer.commit("ingest", work)
        self._kept |= {verdict.rules_sha: self._clock.now() for verdict in verdicts if not verdict.heartbeat}
        return verdicts

    def _keep_rules(self, changes: Work, verdicts: Sequence[Verdict]) -> None:
        for sha in {verdict.rules_sha for verdict in verdicts if not verdict.heartbeat}:
            rules = changes.policy.rules if changes.policy.rules.sha == sha else self._judges.get(sha)
            if rules is not None:
                changes.tx.save_rules(rules)

    def _count(self, verdicts: Sequence[Verdict]) -> None:
        unrouted = suppressed = errors = 0
        for verdict in verdicts:
            unrouted += verdict.unrouted
            suppressed += verdict.suppress
            errors += len(verdict.errors)
        for name, amount in (
            ("alerts_unrouted_total", unrouted),
            ("alerts_suppressed_total", suppressed),
            ("rule_errors_total", errors),
        ):
            if amount:
                self._observer.count(name, amount)

    async def _one_by_one(self, batch: Sequence[_Chunk], error: Exception) -> None:
        """A batch failed for something that is in it: find it, keep it aside, take the rest."""
        _log.error("batch_failed", error=repr(error), exc_info=error)
        for chunk in batch:
            try:
                for pair in chunk.pairs:
                    await self._take_or_quarantine(pair)
                if chunk.quarantined:
                    await self._write((), chunk.quarantined)
            except StoreUnavailable as unavailable:
                _settle([chunk], unavailable)
            except Exception as hopeless:  # noqa: BLE001 - not even quarantine takes it: the sender keeps it
                _log.error("quarantine_failed", error=repr(hopeless), exc_info=hopeless)
                _settle([chunk], StoreUnavailable(f"it can neither be placed nor kept: {hopeless!r}"))
            else:
                _settle([chunk])

    async def _take_or_quarantine(self, pair: Classified) -> None:
        try:
            await self._write([pair])
        except StoreUnavailable:
            raise
        except MemoryError as error:
            end_if_fatal(error)
            raise StoreUnavailable("out of memory") from error
        except Exception as error:  # noqa: BLE001 - this one alert is the culprit, whatever it does
            alert = pair[0]
            body = msgspec.json.encode(alert).decode()
            await self._write((), [single(alert.source, body, repr(error), self._clock.now())])
            self._observer.count("quarantined_total")
            self.report("quarantined", alert.source, repr(error))


async def _judged(rules: RuleSet, alerts: Sequence[Alert]) -> list[Classified]:
    """Let the rules judge alerts; of very many a part at a time, because judging them takes a while."""
    evaluate = rules.evaluate
    pairs = [(alert, evaluate(alert)) for alert in alerts[:JUDGED_AT_ONCE]]
    for start in range(JUDGED_AT_ONCE, len(alerts), JUDGED_AT_ONCE):
        await asyncio.sleep(0)
        pairs += [(alert, evaluate(alert)) for alert in alerts[start : start + JUDGED_AT_ONCE]]
    return pairs


async def _committed(chunks: Sequence[_Chunk]) -> None:
    if len(chunks) == 1:
        await chunks[0].done
        return
    # All chunks are waited for, whatever one of them says: none may fail unheard.
    results = await asyncio.gather(*(chunk.done for chunk in chunks), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


def _what_is_wrong(item: Quarantined) -> str:
    first = item.error.partition("\n")[0]
    return first if item.alerts == 1 else f"{first}; {item.alerts} alerts in all"


def _settle(batch: Sequence[_Chunk], error: BaseException | None = None) -> None:
    for chunk in batch:
        if chunk.done.done():
            continue
        if error is None:
            chunk.done.set_result(None)
        else:
            chunk.done.set_exception(error)

"""Intake of alerts: from webhooks to commits.

Concurrent webhooks share commits: alerts that arrive during a commit go into
the next one, up to ``commit_alerts`` alerts; a commit never waits for a batch
to fill. A webhook is answered when its last alert is committed.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import msgspec
import structlog

from tocsin.conf.settings import WebhookSettings
from tocsin.core.alerts.alert import DRILL_SOURCE, Alert
from tocsin.core.alerts.quarantine import Quarantined, single
from tocsin.core.errors import Overloaded, StoreUnavailable
from tocsin.core.rules.rules import RuleSet
from tocsin.core.rules.verdict import Verdict
from tocsin.engine.change.commit import Committed, Committer
from tocsin.engine.change.policy import Policy
from tocsin.engine.change.unit_of_work import UnitOfWork
from tocsin.engine.fatal import end_if_fatal
from tocsin.engine.intake.batch import Batch, Classified, Receipts
from tocsin.engine.intake.drill_alerts import drill_evaluation
from tocsin.engine.intake.judging import is_quick, judged
from tocsin.engine.intake.receipts import RefusedAlerts
from tocsin.engine.intake.shadow import Shadow
from tocsin.engine.selfwatch.alarm import Alarm
from tocsin.engine.selfwatch.troubles import FAULT_LIMIT, MANY, MORE, Fault, Reported, alert_of, own_verdict
from tocsin.ports.clock import Clock
from tocsin.ports.observer import Limit

_log = structlog.get_logger("tocsin.engine.intake.ingest")


RULE_SETS_KEPT = 8
"""Maximum number of rule sets kept in memory.

A queued alert may have been evaluated by an earlier rule set; more than 8 reloads in that time are not expected."""

KEPT_AGAIN_AFTER = 3_600_000_000
"""Microseconds after which a rule set in use is stored again, so that retention does not delete it as unused."""

WORTH_HANDING_OVER = 4
"""Number of alerts from which a batch is faster in another process than in a thread of this one."""


class OtherCommitter(Protocol):
    """The commit process: commits batches while this process reads further webhooks."""

    async def commit(self, pairs: Sequence[Classified], received: Receipts, policy: Policy) -> Committed | None:
        """Commit a batch; return None if the commit failed or its outcome is unknown: then commit the batch yourself.

        Raises:
            StoreUnavailable: The store cannot be written by either process.
        """
        ...


@dataclass
class _Chunk:
    """A part of one webhook that is committed atomically."""

    pairs: Sequence[Classified]
    received: Receipts
    quarantined: Sequence[Quarantined]
    done: asyncio.Future[None]


class Ingest:
    """The intake of alerts. One per daemon."""

    def __init__(
        self,
        committer: Committer,
        clock: Clock,
        alarm: Alarm,
        *,
        new_id: Callable[[], str],
        limits: WebhookSettings | None = None,
        shadow: Shadow | None = None,
        other_committer: OtherCommitter | None = None,
    ) -> None:
        self._committer = committer
        self._live = committer.live
        self._observer = committer.observer
        self._clock = clock
        self._alarm = alarm
        self._new_id = new_id
        self._limits = limits or WebhookSettings()
        self._shadow = shadow
        self._other_committer = other_committer
        self._queue: deque[_Chunk] = deque()
        self._queued = 0
        self._judging = 0
        """Number of alerts that have been admitted but are not in the queue yet."""
        self._turns: list[tuple[set[tuple[str, str]], asyncio.Future[None]]] = []
        """For each `take` whose alerts are not queued yet, in order of arrival: their keys, and a future of its end."""
        self._drain: asyncio.Task[None] | None = None
        self._on_its_way: list[tuple[set[tuple[str, str]], asyncio.Future[None]]] = []
        """For each batch that is being committed: the keys of its alerts, and a future for its end."""
        self._ahead: asyncio.Task[None] | None = None
        """The task that commits full batches meanwhile; partial ones would make each commit smaller."""
        self._recent_rules: dict[str, RuleSet] = {}
        """The rule sets that may have evaluated queued alerts, by sha, latest last."""
        self._kept: dict[str, int] = {}
        """The time at which this process last stored a rule set, by its sha."""
        self._refused = RefusedAlerts()
        self._reported = Reported()
        self._reports: set[asyncio.Task[None]] = set()

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """The event loop, looked up once: before Python 3.12, each look-up costs a system call."""
        return asyncio.get_running_loop()

    async def take(
        self,
        alerts: Sequence[Alert],
        quarantined: Sequence[Quarantined] = (),
        *,
        is_part: bool = False,
        received_at: int | None = None,
    ) -> None:
        """Commit alerts; return once all of them are durable.

        ``is_part``: part of a webhook whose other parts may be committed already, so a full queue does not reject it.
        ``received_at``: the time of receipt, from which lateness counts; None: now.

        Raises:
            Overloaded: The queue is full; no alert was taken.
            StoreUnavailable: Some alerts may not be committed; repeating the call is harmless.
        """
        received_at = self._clock.now() if received_at is None else received_at
        try:
            pairs = await self._take_whole(alerts, quarantined, received_at, is_part=is_part)
        except (StoreUnavailable, asyncio.CancelledError):  # canceled: the sender has waited for too long
            self._refused.note(alerts, received_at)
            raise
        if self._shadow is not None and not _are_drills(alerts):  # the rules do not decide about a drill
            await self._shadow.judge(pairs)
        for item in quarantined:
            self._observer.count("quarantined_total", item.alerts)
            self.report("quarantined", item.source, _what_is_wrong(item), _first_line(item.error))

    async def _take_whole(
        self, alerts: Sequence[Alert], quarantined: Sequence[Quarantined], received_at: int, *, is_part: bool
    ) -> list[Classified]:
        # A webhook larger than the queue is accepted when the queue is empty: a retry would not be smaller.
        waiting = self._queued + self._judging
        if waiting and not is_part and waiting + len(alerts) > self._limits.max_queue:
            raise Overloaded(
                f"{waiting} alerts wait to be committed, {len(alerts)} more come: "
                f"more than webhook.max_queue ({self._limits.max_queue})"
            )
        policy = self._live.policy
        self._remember(policy.rules)
        evaluate = drill_evaluation(policy) if _are_drills(alerts) else policy.rules.evaluate
        pairs, chunks = await self._queue_judged(evaluate, alerts, quarantined, received_at)
        await _committed(chunks)
        return pairs

    async def _queue_judged(
        self,
        evaluate: Callable[[Alert], Verdict],
        alerts: Sequence[Alert],
        quarantined: Sequence[Quarantined],
        received_at: int,
    ) -> tuple[list[Classified], list[_Chunk]]:
        """Evaluate alerts and queue them, but after earlier calls with one of the same alerts, to keep their order."""
        if not self._turns and is_quick(alerts):  # nothing is awaited, so no other take can overtake
            pairs = [(alert, evaluate(alert)) for alert in alerts]
            return pairs, self._enqueue(pairs, quarantined, received_at)
        keys = {alert.key for alert in alerts}
        before = [done for others, done in self._turns if not keys.isdisjoint(others)]
        mine = (keys, self._loop.create_future())
        self._turns.append(mine)
        self._judging += len(alerts)
        try:
            for done in before:
                await done
            pairs = list(zip(alerts, await judged(evaluate, alerts), strict=True))
            return pairs, self._enqueue(pairs, quarantined, received_at)
        finally:
            self._judging -= len(alerts)
            self._turns.remove(mine)
            mine[1].set_result(None)

    def _remember(self, rules: RuleSet) -> None:
        if rules.sha not in self._recent_rules:
            if len(self._recent_rules) >= RULE_SETS_KEPT:
                del self._recent_rules[next(iter(self._recent_rules))]
            self._recent_rules[rules.sha] = rules

    async def take_own(self, alerts: Sequence[Alert]) -> None:
        """Take alerts about tocsin itself, which no rule evaluates.

        Raises:
            StoreUnavailable: The alerts were not committed.
        """
        policy = self._live.policy
        pairs = [(alert, own_verdict(policy, alert)) for alert in alerts]
        await _committed(self._enqueue(pairs, (), self._clock.now()))

    def report(self, reason: str, source: str, detail: str, fault: str = "", title: str = "", remedy: str = "") -> None:
        """Report a fault to the targets of `self:`; return without waiting for the commit.

        Each trouble (a reason and a source) has one incident, and ``fault`` distinguishes its faults. A new fault joins
        the open incident without another page. If a person has resolved that incident, a new fault reopens it and
        pages. ``title`` (one line about the effect of the fault) and ``remedy`` (what the reader can do) replace the
        general texts of the reason.
        """
        now = self._clock.now()
        admitted = self._reported.admit(Fault(reason, source, fault[:FAULT_LIMIT]), now)
        if admitted is None:
            return
        if admitted.source == MANY and source != MANY:
            self._observer.count("limits_exceeded_total", limit=Limit.SELF_INCIDENTS)
        if admitted.name == MORE and fault != MORE:
            self._observer.count("limits_exceeded_total", limit=Limit.SELF_FAULTS)
        _log.warning("trouble_reported", reason=reason, source=admitted.source, detail=detail)
        task = asyncio.get_running_loop().create_task(self._report(alert_of(admitted, detail, now, title, remedy)))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def close(self) -> None:
        """Wait until every alert that was taken is committed."""
        for task in (*self._reports, *filter(None, (self._drain, self._ahead))):
            await asyncio.wait([task])

    async def _report(self, alert: Alert) -> None:
        try:
            await self.take_own([alert])
        except StoreUnavailable:
            self._alarm.sound(alert)

    def _enqueue(
        self, pairs: Sequence[Classified], quarantined: Sequence[Quarantined], received_at: int
    ) -> list[_Chunk]:
        size, done = self._limits.commit_alerts, self._loop.create_future
        parts = (pairs[start : start + size] for start in range(0, len(pairs), size))
        chunks = [_Chunk(part, self._refused.receipts(part, received_at), (), done()) for part in parts]
        if quarantined:
            chunks.append(_Chunk((), (), quarantined, done()))
        if not chunks:
            return chunks
        self._queue.extend(chunks)
        self._queued += len(pairs)
        if self._drain is None or self._drain.done():
            self._drain = self._loop.create_task(self._drain_queue(), name="ingest")
        elif self._queued >= self._limits.commit_alerts and (self._ahead is None or self._ahead.done()):
            self._ahead = self._loop.create_task(self._drain_full_batches(), name="ingest ahead")
        return chunks

    async def _drain_queue(self) -> None:
        # The next commit starts before this batch's webhooks are answered, because commits limit the throughput.
        while self._queue:
            await self._commit_batch(self._next_batch())

    async def _drain_full_batches(self) -> None:
        while self._queued >= self._limits.commit_alerts:
            await self._commit_batch(self._next_batch())

    async def _commit_batch(self, batch: Sequence[_Chunk]) -> None:
        """Commit a batch, but after an earlier batch with one of the same alerts, which may have to be repeated."""
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
                [receipt for chunk in batch for receipt in chunk.received],
                [item for chunk in batch for item in chunk.quarantined],
            )
        except StoreUnavailable as error:
            self._alarm.store_failed(error)
            _settle(batch, error)
        except MemoryError as error:
            end_if_fatal(error)
            _settle(batch, StoreUnavailable("out of memory"))
        except Exception as error:  # noqa: BLE001 - a failing alert must not block the others
            await self._one_by_one(batch, error)
        else:
            _settle(batch)

    def _next_batch(self) -> list[_Chunk]:
        batch: list[_Chunk] = []
        size = 0
        while self._queue and (not batch or size + len(self._queue[0].pairs) <= self._limits.commit_alerts):
            chunk = self._queue.popleft()
            size += len(chunk.pairs)
            batch.append(chunk)
        self._queued -= size
        return batch

    async def _write(
        self, pairs: Sequence[Classified], received: Receipts, quarantined: Sequence[Quarantined] = ()
    ) -> None:
        if quarantined or not await self._handed_over(pairs, received):
            self._count(await self._write_here(pairs, received, quarantined))
        self._refused.forget(pairs)

    async def _handed_over(self, pairs: Sequence[Classified], received: Receipts) -> bool:
        """Return whether the commit process has committed the alerts; only alerts that need no stored data go there."""
        if self._other_committer is None or len(pairs) < WORTH_HANDING_OVER or not self._is_simple(pairs):
            return False
        began = self._clock.now()
        done = await self._other_committer.commit(pairs, received, self._live.policy)
        if done is None:
            return False
        self._committer.tell("ingest", began, done)
        self._count([verdict for _, verdict in pairs])
        return True

    def _is_simple(self, pairs: Sequence[Classified]) -> bool:
        """Return whether the commit process can commit these alerts.

        No rule needs the store, each rule set is stored, and no dedup key belongs to an incident that was opened under
        another key.
        """
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

    async def _write_here(
        self, pairs: Sequence[Classified], received: Receipts, quarantined: Sequence[Quarantined]
    ) -> Sequence[Verdict]:
        def do(uow: UnitOfWork) -> list[Verdict]:
            uow.policy.former_keys.learn(uow.tx, uow.policy.rules)
            verdicts = Batch(uow, self._new_id, received=received).take(pairs)
            for item in quarantined:
                uow.tx.quarantine(item, self._limits.max_quarantine)
            self._keep_rules(uow, verdicts)
            return verdicts

        verdicts = await self._committer.commit("ingest", do)
        self._kept |= {verdict.rules_sha: self._clock.now() for verdict in verdicts if not verdict.heartbeat}
        return verdicts

    def _keep_rules(self, uow: UnitOfWork, verdicts: Sequence[Verdict]) -> None:
        for sha in {verdict.rules_sha for verdict in verdicts if not verdict.heartbeat}:
            rules = uow.policy.rules if uow.policy.rules.sha == sha else self._recent_rules.get(sha)
            if rules is not None:
                uow.tx.save_rules(rules)

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
        """Repeat a batch that failed: quarantine the alerts that cause the failure, and commit the others."""
        _log.error("batch_failed", error=repr(error), exc_info=error)
        for chunk in batch:
            try:
                ats = (at for count, at in chunk.received for _ in range(count))
                for pair, at in zip(chunk.pairs, ats, strict=True):
                    await self._take_or_quarantine(pair, at)
                if chunk.quarantined:
                    await self._write((), (), chunk.quarantined)
            except StoreUnavailable as unavailable:
                _settle([chunk], unavailable)
            except Exception as hopeless:  # noqa: BLE001 - not even the quarantine works: the sender must retry
                _log.error("quarantine_failed", error=repr(hopeless), exc_info=hopeless)
                _settle([chunk], StoreUnavailable(f"the alert can be neither committed nor quarantined: {hopeless!r}"))
            else:
                _settle([chunk])

    async def _take_or_quarantine(self, pair: Classified, received_at: int) -> None:
        try:
            await self._write([pair], [(1, received_at)])
        except StoreUnavailable:
            raise
        except MemoryError as error:
            end_if_fatal(error)
            raise StoreUnavailable("out of memory") from error
        except Exception as error:  # noqa: BLE001 - this one alert is the culprit, whatever it does
            alert = pair[0]
            body = msgspec.json.encode(alert).decode()
            await self._write((), (), [single(alert.source, body, repr(error), self._clock.now())])
            self._observer.count("quarantined_total")
            self.report("quarantined", alert.source, repr(error), repr(error))


async def _committed(chunks: Sequence[_Chunk]) -> None:
    if len(chunks) == 1:
        await chunks[0].done
        return
    # Wait for all chunks even if one fails, so that no error is lost.
    results = await asyncio.gather(*(chunk.done for chunk in chunks), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


def _are_drills(alerts: Sequence[Alert]) -> bool:
    """Return whether the alerts of a webhook, which have one source, are those of scheduled drills."""
    return bool(alerts) and alerts[0].source == DRILL_SOURCE


def _what_is_wrong(item: Quarantined) -> str:
    first = _first_line(item.error)
    return first if item.alerts == 1 else f"{first}; {item.alerts} alerts in all"


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _settle(batch: Sequence[_Chunk], error: BaseException | None = None) -> None:
    for chunk in batch:
        if chunk.done.done():
            continue
        if error is None:
            chunk.done.set_result(None)
        else:
            chunk.done.set_exception(error)

"""Delivery of the outbox: claims rows, checks that they are still wanted, sends them, and records the outcomes.

Each cycle is one transaction: it records the results of attempts that have ended,
and claims new rows (with a lease and a fencing token) while channels have free
slots. Sending happens outside of any transaction, in one task per row.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import msgspec
import structlog

from tocsin.core.backoff import delay
from tocsin.core.content.page import Content
from tocsin.core.duration import SECOND
from tocsin.core.errors import StoreUnavailable
from tocsin.core.incident.event import Delivered
from tocsin.core.incident.outbox import (
    LEVEL_TRIGGERED,
    ROOM_JOBS,
    TICKET_JOBS,
    Job,
    Outgoing,
    RowState,
    derived_row,
    idempotency_key,
    still_wanted,
)
from tocsin.engine.change import rooms, tickets
from tocsin.engine.change.commit import Committer
from tocsin.engine.change.drilled import record_drill
from tocsin.engine.change.outgoing import count_page
from tocsin.engine.change.unit_of_work import UnitOfWork
from tocsin.engine.deliver.fallback import is_last_hope, substitutes, use_another_way
from tocsin.engine.deliver.missed import missed, named, refused
from tocsin.engine.deliver.preview import with_draft
from tocsin.engine.deliver.render import render
from tocsin.engine.fatal import end_if_fatal
from tocsin.engine.selfwatch.troubles import Reporter
from tocsin.engine.service import Service
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.ports.clock import Clock
from tocsin.ports.store import Attempt, MessageRef, Reader, Unreadable

_log = structlog.get_logger("tocsin.engine.deliver.dispatcher")

CLAIMS = 8
"""Maximum number of outbox queries for pages in one cycle, and again for everything else if no page was claimed.

The limit keeps the transaction short, so that other transactions are not delayed."""

RETRY_AFTER_HONORED = 5
"""Number of attempts after which a rate limit's Retry-After alone no longer decides when to retry.

Up to this number, a page is retried when the Retry-After has passed, and every other row 1 to 2 s later. From then on,
the retry waits for the longer of the Retry-After and the usual backoff."""

T = TypeVar("T")

Ended = tuple[Outgoing, Content, Receipt, int]
"""(the claimed row, its content, the receipt, the time at which the attempt ended)"""


class Dispatcher(Service):
    """Delivers the rows of the outbox."""

    name = "dispatcher"

    def __init__(
        self, committer: Committer, reporter: Reporter, clock: Clock, woken: asyncio.Event, jitter: Callable[[], float]
    ) -> None:
        super().__init__(clock, woken)
        self._committer = committer
        self._reporter = reporter
        self._jitter = jitter
        self._ended: list[Ended] = []
        self._sending: dict[tuple[str, int], asyncio.Task[None]] = {}
        """The running attempts, by key and fence of the row.

        The fence is needed because a jump of the clock can end a lease early: then the row is claimed again while its
        first attempt still runs.
        """
        self._busy: Counter[str] = Counter()
        """Number of running attempts, by channel."""
        self._look_at: int | None = None
        """The time of the next cycle, if no attempt ends before."""
        self._troubles: list[tuple[str, ...]] = []
        """The arguments of `Reporter.report`: reason, source, detail, fault, title, remedy."""
        self._render_failed_for: Outgoing | None = None
        """The row whose rendering has just failed, which ended the transaction."""
        self._unrenderable: dict[str, str] = {}
        """The error for each row whose content cannot be rendered, by key."""

    async def run_once(self) -> int | None:
        """Settle ended attempts, claim rows, and start to send them; return the time of the next cycle."""
        if not self._ended:
            look_at = await self._committer.store.read(next_look_at)
            if look_at is None or look_at > self._clock.now():
                return look_at
        try:
            claimed = await self._commit_with_ended(self._cycle)
        except (StoreUnavailable, MemoryError):
            raise
        except Exception as error:  # one row cannot be rendered: it becomes dead, and the others are sent
            if self._render_failed_for is None:
                raise
            _log.error("render_failed", row=self._render_failed_for.key, error=repr(error), exc_info=error)
            self._unrenderable[self._render_failed_for.key] = repr(error)
            self._render_failed_for = None
            return self._clock.now()
        for row, content in claimed:
            task = asyncio.get_running_loop().create_task(self._attempt(row, content), name=f"send {row.channel}")
            self._sending[row.key, row.fence] = task
            self._busy[row.channel] += 1
        # If nothing was claimed while attempts run, the rows that are due wait for a free slot: sleep without a time
        # limit (None), because the end of an attempt frees a slot and wakes the loop.
        return self._look_at if claimed or not self._sending else None

    async def wait_until_idle(self) -> None:
        """Wait until all running attempts have ended and are settled."""
        while self._sending or self._ended:
            if self._sending:
                await asyncio.wait(list(self._sending.values()))
            await self._commit_with_ended(self._settle_all)

    async def _commit_with_ended(self, do: Callable[[UnitOfWork, list[Ended]], T]) -> T:
        """Commit a change together with the ended attempts; if the commit fails, keep them for the next one."""
        ended, self._ended = self._ended, []
        try:
            result = await self._committer.commit("deliver", lambda uow: do(uow, ended))
        except BaseException:
            self._ended = ended + self._ended
            raise
        troubles, self._troubles = self._troubles, []
        for trouble in troubles:
            self._reporter.report(*trouble)
        return result

    async def stop(self) -> None:
        """Stop claiming rows, and wait until the running attempts have ended and are settled."""
        await super().stop()
        await self.wait_until_idle()

    # Inside the transaction.

    def _cycle(self, uow: UnitOfWork, ended: list[Ended]) -> list[tuple[Outgoing, Content]]:
        self._settle_all(uow, ended)
        uow.flush()
        self._fall_back_for_overdue(uow)
        claimed = self._claim(uow)
        uow.flush()
        self._look_at = next_look_at(uow.tx)
        return claimed

    def _claim(self, uow: UnitOfWork) -> list[tuple[Outgoing, Content]]:
        """Claim rows for the free slots. Each channel has its own slots, so that no channel starves another.

        While there are pages, nothing else is claimed, so that no page waits until other messages are rendered.
        """
        return self._claim_all(uow, uow.tx.claimable_for_pages) or self._claim_all(uow, uow.tx.claimable)

    def _claim_all(
        self, uow: UnitOfWork, claimable: Callable[[int, frozenset[str]], list[Outgoing]]
    ) -> list[tuple[Outgoing, Content]]:
        limit = uow.policy.delivery.concurrency
        busy = self._busy.copy()
        claimed: list[tuple[Outgoing, Content]] = []
        for _ in range(CLAIMS):
            rows = claimable(limit, frozenset(name for name, count in busy.items() if count >= limit))
            for row in rows:
                if busy[row.channel] < limit and (taken := self._take(uow, row)) is not None:
                    claimed.append(taken)
                    busy[row.channel] += 1
            if not rows:
                break
        return claimed

    def _take(self, uow: UnitOfWork, row: Outgoing) -> tuple[Outgoing, Content] | None:
        """Return the leased row with its content; None if it is not to be sent."""
        if row.attempts > 0 and row.lease_until is not None:
            # The lease of an earlier attempt expired without a result: that attempt may have delivered the message.
            row = msgspec.structs.replace(row, possibly_delivered=True)
        try:
            incident = uow.incident(row.incident_id)
        except Unreadable as error:
            self._dead(uow, row, str(error), is_refused=False)
            return None
        if incident is None or not still_wanted(row, incident):
            self._finish(uow, row, RowState.SUPERSEDED, "overtaken: no longer needed")
            return None
        if row.key in self._unrenderable:
            error_text = self._unrenderable.pop(row.key)
            self._dead(uow, row, f"its content cannot be made: {error_text}", is_refused=False)
            return None
        leased = msgspec.structs.replace(
            row,
            attempts=row.attempts + 1,
            fence=row.fence + 1,
            lease_until=uow.now + uow.policy.delivery.lease,
        )
        if leased.possibly_delivered:
            uow.figures.count("possible_duplicates_total", channel=row.channel)
        uow.tx.replace_row(leased)
        uow.tx.put_attempt(Attempt(key=row.key, attempt=leased.attempts, fence=leased.fence, started_at=uow.now))
        try:
            content = with_draft(uow.tx, uow.policy, incident, render(uow.tx, leased, incident, uow.policy))
        except StoreUnavailable:
            raise
        except Exception:
            self._render_failed_for = leased
            raise
        if content.failure:
            self._troubles.append(("template", incident.plan.name, content.failure, content.failure))
        return leased, content

    def _settle_all(self, uow: UnitOfWork, ended: list[Ended]) -> None:
        self._troubles = []
        for row, content, receipt, ended_at in ended:
            self._settle(uow, row, content, receipt, ended_at)

    def _settle(self, uow: UnitOfWork, row: Outgoing, content: Content, receipt: Receipt, ended_at: int) -> None:
        uow.tx.put_attempt(
            Attempt(
                key=row.key,
                attempt=row.attempts,
                fence=row.fence,
                started_at=content.now,
                finished_at=ended_at,
                outcome=receipt.outcome,
                reason=receipt.reason,
                http_status=receipt.http_status,
                ref=receipt.ref,
                detail=receipt.detail,
            )
        )
        uow.figures.count("deliveries_total", channel=row.channel, job=row.job, outcome=receipt.outcome)
        if receipt.outcome is Outcome.SENT:
            self._sent(uow, row, content, receipt, ended_at)
            return
        given_up = uow.now - row.created_at >= uow.policy.delivery.give_up_after
        is_refused = receipt.outcome is Outcome.PERMANENT
        if (not is_refused and not given_up) or is_last_hope(uow, row):
            self._retry(uow, row, receipt)
            if is_refused:
                self._tell_others(uow, row, f"{row.channel} refused the {row.job}: {receipt.detail or receipt.reason}")
        elif is_refused:
            self._dead(uow, row, receipt.detail or receipt.reason, is_refused=True)
        else:
            self._dead(uow, row, f"given up after {row.attempts} attempts: {receipt.detail}", is_refused=False)

    def _sent(self, uow: UnitOfWork, row: Outgoing, content: Content, receipt: Receipt, ended_at: int) -> None:
        detail = "; ".join(filter(None, [receipt.detail, content.failure]))
        if not self._finish(uow, msgspec.structs.replace(row, late=content.late), RowState.SENT, detail, receipt.ref):
            return
        if row.job in LEVEL_TRIGGERED:
            seq = content.history[-1].seq if content.history else 0
            earlier = uow.tx.message_ref(row.incident_id, row.channel, row.destination)
            ref = earlier.ref if earlier else ""
            is_new = row.job is Job.ANNOUNCE and bool(receipt.ref) and receipt.ref != ref
            if row.job is Job.ANNOUNCE:  # a history message is separate, and its reference is never needed
                ref = receipt.ref or ref
            message = MessageRef(ref, max(seq, earlier.seq if earlier else 0))
            uow.tx.put_message_ref(row.incident_id, row.channel, row.destination, message)
            if is_new:
                rooms.pin(uow, row)
        elif row.job is Job.PAGE:
            uow.figures.observe("page_latency_seconds", ended_at - row.received_at, channel=row.channel)
            if content.drill:
                record_drill(uow.tx, row)

    def _dead(self, uow: UnitOfWork, row: Outgoing, detail: str, *, is_refused: bool) -> None:
        """Give a row up: because its channel refused it (``is_refused``), or because it could not be sent."""
        if not self._finish(uow, row, RowState.DEAD, detail) or not (row.job is Job.PAGE or _is_lost(row)):
            return
        reason = refused(row.channel, detail) if is_refused else f"It was not delivered: {detail}"
        self._troubles.append(("dead", row.channel, reason, named(uow, row), *missed(uow, row)))
        if row.stranded or not row.fell_back:
            what = f"the {row.job} for {row.target}"
            outcome = f"{row.channel} refused {what}" if is_refused else f"{what} could not be delivered"
            self._fall_back(uow, row, f"{outcome}: {detail}")

    def _retry(self, uow: UnitOfWork, row: Outgoing, receipt: Receipt) -> None:
        if row.job in LEVEL_TRIGGERED and self._let_pass(uow, row, receipt):
            return
        # The stored row may have been marked while this attempt was running: a fallback was used because it is overdue.
        now_stored = uow.tx.outbox_row(row.key)
        again = msgspec.structs.replace(
            row,
            lease_until=None,
            not_before=self._again_at(uow, row, receipt),
            possibly_delivered=row.possibly_delivered or receipt.outcome is Outcome.AMBIGUOUS,
            fell_back=now_stored is not None and now_stored.fell_back,
        )
        uow.tx.settle(again, row.fence)

    def _again_at(self, uow: UnitOfWork, row: Outgoing, receipt: Receipt) -> int:
        if receipt.reason is Reason.RATE_LIMITED and receipt.retry_after and row.attempts <= RETRY_AFTER_HONORED:
            # The provider works, and says when its rate limit allows the next request. Pages are retried at that time,
            # and everything else later: other messages would use up the requests that pages need.
            after_pages = 0 if row.job is Job.PAGE else SECOND + int(self._jitter() * SECOND)
            return uow.now + receipt.retry_after + after_pages
        wait = delay(row.attempts, self._jitter())
        return uow.now + max(wait, receipt.retry_after or 0)

    def _let_pass(self, uow: UnitOfWork, row: Outgoing, receipt: Receipt) -> bool:
        """Move the row of an incident's own message, which cannot be updated now, to the end of its lane.

        Later rows of the lane then go first. The incident's own message shows the state at
        the time of sending, so its place in the lane does not matter.
        """
        behind = [
            other
            for other in uow.tx.outbox_of(row.incident_id)
            if other.state is RowState.PENDING
            and (other.channel, other.destination) == (row.channel, row.destination)
            and other.order_no > row.order_no
            and other.job not in LEVEL_TRIGGERED
        ]
        if behind and uow.tx.settle(
            msgspec.structs.replace(row, state=RowState.SUPERSEDED, lease_until=None, done_at=uow.now), row.fence
        ):
            uow.enqueue(
                derived_row(
                    row,
                    f"{row.key}:{row.attempts}",
                    uow.now,
                    attempts=row.attempts,
                    created_at=row.created_at,
                    not_before=self._again_at(uow, row, receipt),
                )
            )
        return bool(behind)

    def _finish(self, uow: UnitOfWork, row: Outgoing, state: RowState, detail: str, ref: str = "") -> bool:
        """Set a row's final state, and record the outcome in the incident's timeline."""
        done = msgspec.structs.replace(row, state=state, lease_until=None, done_at=uow.now)
        if not uow.tx.settle(done, row.fence):
            return False
        count_page(uow.figures, row, state)
        with suppress(Unreadable):  # an unreadable incident has no timeline to write to
            if row.job in ROOM_JOBS:
                rooms.settled(uow, row, state, detail, ref)
            elif row.job in TICKET_JOBS:
                tickets.settled(uow, row, state, detail, ref)
            else:
                self._record(uow, row, state, detail)
        return True

    def _record(self, uow: UnitOfWork, row: Outgoing, state: RowState, detail: str) -> None:
        incident = uow.incident(row.incident_id)
        if incident is not None and row.job not in LEVEL_TRIGGERED:
            uow.change(
                incident,
                Delivered(
                    target=row.target,
                    channel=row.channel,
                    kind=row.job,
                    step=row.step,
                    outcome=state,
                    detail=detail,
                    late=row.late,
                ),
            )

    def _fall_back_for_overdue(self, uow: UnitOfWork) -> None:
        """Use another contact as well for each page that is still undelivered after ``fallback_after``."""
        for row in uow.tx.overdue_pages():
            if _is_wanted(uow, row):
                self._fall_back(uow, row, f"{row.channel} has not taken the page for {row.target}")
                attempts = f"Attempts so far: {row.attempts}; another way to this person is used where there is one"
                self._troubles.append(("late", row.channel, attempts, named(uow, row), *missed(uow, row, is_late=True)))
            # Mark the row even if its page is no longer wanted: otherwise it would be found overdue in every cycle.
            uow.tx.replace_row(msgspec.structs.replace(row, fell_back=True))

    def _fall_back(self, uow: UnitOfWork, row: Outgoing, because: str) -> None:
        """Use another contact of the same recipient; if there is none, notify other people."""
        uow.figures.count("delivery_fallback_total")
        with suppress(Unreadable):  # without the incident, only tocsin's own people can be notified
            if not row.stranded and use_another_way(uow, row, because):
                return
        self._tell_others(uow, row, because)

    def _tell_others(self, uow: UnitOfWork, row: Outgoing, because: str) -> None:
        for notified in substitutes(uow, row):
            contact = notified.contact
            uow.enqueue(
                derived_row(
                    row,
                    idempotency_key(
                        uow.policy.instance, row.key, row.occurrence, row.round, "fell back", notified.target
                    ),
                    uow.now,
                    channel=contact.channel,
                    destination=contact.destination,
                    recipient=contact.recipient,
                    because=f"{row.because}; {because}",
                    stranded=True,
                    fell_back=True,
                )
            )

    # Outside the transaction.

    async def _attempt(self, row: Outgoing, content: Content) -> None:
        policy = self._committer.live.policy
        channel = (policy.trackers if row.job in TICKET_JOBS else policy.channels).get(row.channel)
        if channel is None:
            kind = "tracker" if row.job in TICKET_JOBS else "channel"
            receipt = Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR, f"{kind} {row.channel} is not configured")
        else:
            try:
                async with asyncio.timeout(policy.delivery.timeout / SECOND):
                    receipt = await channel.send(content)
            except TimeoutError:
                receipt = Receipt(Outcome.AMBIGUOUS, Reason.TIMEOUT, "no answer within the deadline")
            except Exception as error:  # noqa: BLE001 - a row that breaks its channel is retried; the others are not affected
                end_if_fatal(error)
                _log.error("channel_failed", channel=row.channel, job=row.job, error=repr(error), exc_info=error)
                receipt = Receipt(Outcome.AMBIGUOUS, Reason.INTERNAL, repr(error))
        del self._sending[row.key, row.fence]
        self._busy[row.channel] -= 1
        self._ended.append((row, content, receipt, self._clock.now()))
        self._woken.set()


def _is_lost(row: Outgoing) -> bool:
    """Return whether an update failed for its recipient and then also for the people notified instead."""
    return row.stranded and row.job is Job.UPDATE


def _is_wanted(uow: UnitOfWork, row: Outgoing) -> bool:
    """Return whether a page is still wanted; if its incident cannot be read, it is assumed to be."""
    try:
        incident = uow.incident(row.incident_id)
    except Unreadable:
        return True
    return incident is not None and still_wanted(row, incident)


def next_look_at(tx: Reader) -> int | None:
    """Return the earliest time at which a row can be claimed or a page is overdue."""
    moments = (tx.next_claim_at(), tx.next_overdue_at())
    return min((moment for moment in moments if moment is not None), default=None)

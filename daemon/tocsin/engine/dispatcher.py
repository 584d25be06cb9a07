"""Empties the outbox: claim, look once more, send under a deadline, bring the outcome back.

Each cycle is one transaction: it settles the attempts that have ended and
claims new rows (lease and fence) as far as there are free hands. The sending
itself happens outside of any transaction, one task a row.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import msgspec
import structlog

from tocsin.core.backoff import delay
from tocsin.core.errors import StoreUnavailable
from tocsin.core.event import Delivered
from tocsin.core.outbox import (
    LEVEL_TRIGGERED,
    ROOM_JOBS,
    TICKET_JOBS,
    Job,
    Outgoing,
    RowState,
    anew,
    idempotency_key,
    still_wanted,
)
from tocsin.core.page import Content
from tocsin.engine import rooms, tickets
from tocsin.engine.apply import Work
from tocsin.engine.commit import Committer
from tocsin.engine.fatal import end_if_fatal
from tocsin.engine.ingest import Ingest
from tocsin.engine.instead import is_same_page, takers, use_another_way
from tocsin.engine.render import render
from tocsin.engine.service import SECOND, Service
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.ports.clock import Clock
from tocsin.ports.store import Attempt, MessageRef, Reader, Unreadable

_log = structlog.get_logger("tocsin.engine.dispatcher")

CLAIMS = 8
"""Looks at the outbox in one cycle: a transaction must end while others wait for theirs."""

TAKEN_AT_ITS_WORD = 5
"""Attempts after which a provider that says when to come again is asked less often, if it never takes the message."""

T = TypeVar("T")

Ended = tuple[Outgoing, Content, Receipt, int]
"""(the row as claimed, what was sent, what became of it, when the attempt ended)"""


class Dispatcher(Service):
    """Delivers what the outbox holds. One per daemon; several daemons may share a store."""

    name = "dispatcher"

    def __init__(
        self, committer: Committer, ingest: Ingest, clock: Clock, woken: asyncio.Event, jitter: Callable[[], float]
    ) -> None:
        super().__init__(clock, woken)
        self._committer = committer
        self._ingest = ingest
        self._jitter = jitter
        self._ended: list[Ended] = []
        self._sending: dict[tuple[str, int], asyncio.Task[None]] = {}
        """By key and fence: after a jump of the clock a row may be claimed again while it is still on its way."""
        self._busy: Counter[str] = Counter()
        """How many are on their way, by channel."""
        self._look_at: int | None = None
        self._troubles: list[tuple[str, str, str]] = []
        self._rendering: Outgoing | None = None
        self._unreadable: dict[str, str] = {}
        """Rows whose content cannot be made, and why."""

    async def run_once(self) -> int | None:
        """Settle what has ended, claim what may be sent, start sending it; returns when to look again."""
        if not self._ended:
            look_at = await self._committer.store.read(next_look_at)
            if look_at is None or look_at > self._clock.now():
                return look_at
        try:
            claimed = await self._commit_with_ended(self._cycle)
        except (StoreUnavailable, MemoryError):
            raise
        except Exception as error:  # one row breaks what makes its content: it is dead, the others get through
            if self._rendering is None:
                raise
            _log.error("render_failed", row=self._rendering.key, error=repr(error), exc_info=error)
            self._unreadable[self._rendering.key] = repr(error)
            self._rendering = None
            return self._clock.now()
        for row, content in claimed:
            task = asyncio.get_running_loop().create_task(self._attempt(row, content), name=f"send {row.channel}")
            self._sending[row.key, row.fence] = task
            self._busy[row.channel] += 1
        # What may be sent but was not claimed waits for a free hand, which wakes the loop by itself.
        return self._look_at if claimed or not self._sending else None

    async def idle(self) -> None:
        """Wait until nothing is on its way and all of it is settled."""
        while self._sending or self._ended:
            if self._sending:
                await asyncio.wait(list(self._sending.values()))
            await self._commit_with_ended(self._settle_all)

    async def _commit_with_ended(self, do: Callable[[Work, list[Ended]], T]) -> T:
        """Commit with the attempts that have ended; they are kept for the next time if it fails."""
        ended, self._ended = self._ended, []
        try:
            result = await self._committer.commit("deliver", lambda work: do(work, ended))
        except BaseException:
            self._ended = ended + self._ended
            raise
        troubles, self._troubles = self._troubles, []
        for reason, source, detail in troubles:
            self._ingest.report(reason, source, detail)
        return result

    async def stop(self) -> None:
        """Claim nothing more, and let what is on its way arrive and be settled."""
        await super().stop()
        await self.idle()

    # Inside the transaction.

    def _cycle(self, work: Work, ended: list[Ended]) -> list[tuple[Outgoing, Content]]:
        self._settle_all(work, ended)
        work.flush()
        self._fall_back_for_overdue(work)
        claimed = self._claim(work)
        work.flush()
        self._look_at = next_look_at(work.tx)
        return claimed

    def _claim(self, work: Work) -> list[tuple[Outgoing, Content]]:
        """Claim as much as there are free hands: each channel has its own, so that none starves another.

        While there are pages nothing else is claimed: they go out without waiting for the words of what only informs.
        """
        return self._claim_all(work, work.tx.claimable_for_pages) or self._claim_all(work, work.tx.claimable)

    def _claim_all(
        self, work: Work, claimable: Callable[[int, frozenset[str]], list[Outgoing]]
    ) -> list[tuple[Outgoing, Content]]:
        hands = work.policy.delivery.concurrency
        busy = self._busy.copy()
        claimed: list[tuple[Outgoing, Content]] = []
        for _ in range(CLAIMS):
            rows = claimable(hands, frozenset(name for name, count in busy.items() if count >= hands))
            for row in rows:
                if busy[row.channel] < hands and (content := self._take(work, row)) is not None:
                    claimed.append(content)
                    busy[row.channel] += 1
            if not rows:
                break
        return claimed

    def _take(self, work: Work, row: Outgoing) -> tuple[Outgoing, Content] | None:
        """The row, leased, with its content; None where it is not to be sent."""
        if row.attempts > 0 and row.lease_until is not None:
            # A lease that ran out without a result: that attempt may have arrived, also where nobody needs it any more.
            row = msgspec.structs.replace(row, possibly_delivered=True)
        try:
            incident = work.incident(row.incident_id)
        except Unreadable as error:
            self._dead(work, row, str(error))
            return None
        if incident is None or not still_wanted(row, incident):
            self._finish(work, row, RowState.SUPERSEDED, "overtaken: nobody needs it any more")
            return None
        if row.key in self._unreadable:
            self._dead(work, row, f"its content cannot be made: {self._unreadable.pop(row.key)}")
            return None
        leased = msgspec.structs.replace(
            row,
            attempts=row.attempts + 1,
            fence=row.fence + 1,
            lease_until=work.now + work.policy.delivery.lease,
        )
        if leased.possibly_delivered:
            work.figures.count("possible_duplicates_total", channel=row.channel)
        work.tx.replace_row(leased)
        work.tx.put_attempt(Attempt(key=row.key, attempt=leased.attempts, fence=leased.fence, started_at=work.now))
        try:
            content = render(work.tx, leased, incident, work.policy)
        except StoreUnavailable:
            raise
        except Exception:
            self._rendering = leased
            raise
        if content.failure:
            self._troubles.append(("template", incident.plan.name, content.failure))
        return leased, content

    def _settle_all(self, work: Work, ended: list[Ended]) -> None:
        self._troubles = []
        for row, content, receipt, ended_at in ended:
            self._settle(work, row, content, receipt, ended_at)

    def _settle(self, work: Work, row: Outgoing, content: Content, receipt: Receipt, ended_at: int) -> None:
        work.tx.put_attempt(
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
        work.figures.count("deliveries_total", channel=row.channel, job=row.job, outcome=receipt.outcome)
        if receipt.outcome is Outcome.SENT:
            self._sent(work, row, content, receipt, ended_at)
            return
        given_up = work.now - row.created_at >= work.policy.delivery.give_up_after
        is_refused = receipt.outcome is Outcome.PERMANENT
        if (not is_refused and not given_up) or _is_last_hope(work, row):
            self._retry(work, row, receipt)
            if is_refused:
                self._tell_others(work, row, f"{row.channel} refused the {row.job}: {receipt.detail or receipt.reason}")
        elif is_refused:
            self._dead(work, row, receipt.detail or receipt.reason)
        else:
            self._dead(work, row, f"given up after {row.attempts} attempts: {receipt.detail}")

    def _sent(self, work: Work, row: Outgoing, content: Content, receipt: Receipt, ended_at: int) -> None:
        detail = "; ".join(filter(None, [receipt.detail, content.failure]))
        if not self._finish(work, msgspec.structs.replace(row, late=content.late), RowState.SENT, detail, receipt.ref):
            return
        if row.job in LEVEL_TRIGGERED:
            seq = content.history[-1].seq if content.history else 0
            earlier = work.tx.message_ref(row.incident_id, row.channel, row.destination)
            ref = earlier.ref if earlier else ""
            is_new = row.job is Job.ANNOUNCE and bool(receipt.ref) and receipt.ref != ref
            if row.job is Job.ANNOUNCE:  # a piece of history is a message of its own, which is never looked for again
                ref = receipt.ref or ref
            said = MessageRef(ref, max(seq, earlier.seq if earlier else 0))
            work.tx.put_message_ref(row.incident_id, row.channel, row.destination, said)
            if is_new:
                rooms.pin(work, row)
        elif row.job is Job.PAGE:
            work.figures.observe("page_latency_seconds", ended_at - row.received_at, channel=row.channel)

    def _dead(self, work: Work, row: Outgoing, detail: str) -> None:
        if not self._finish(work, row, RowState.DEAD, detail) or not (row.job is Job.PAGE or _is_lost(row)):
            return
        self._troubles.append(("dead", row.channel, f"{row.job} for {row.target}: {detail}"))
        if row.stranded or not row.fell_back:
            self._fall_back(work, row, f"{row.channel} refused the {row.job} for {row.target}: {detail}")

    def _retry(self, work: Work, row: Outgoing, receipt: Receipt) -> None:
        if row.job in LEVEL_TRIGGERED and self._let_pass(work, row, receipt):
            return
        # While it was on its way somebody else may have been told.
        now_stored = work.tx.outbox_row(row.key)
        again = msgspec.structs.replace(
            row,
            lease_until=None,
            not_before=self._again_at(work, row, receipt),
            possibly_delivered=row.possibly_delivered or receipt.outcome is Outcome.AMBIGUOUS,
            fell_back=now_stored is not None and now_stored.fell_back,
        )
        work.tx.settle(again, row.fence)

    def _again_at(self, work: Work, row: Outgoing, receipt: Receipt) -> int:
        if receipt.reason is Reason.RATE_LIMITED and receipt.retry_after and row.attempts <= TAKEN_AT_ITS_WORD:
            # The provider works and says when there is room. Pages come back at that moment, and everything else after
            # them: it would take the room that they need.
            after_pages = 0 if row.job is Job.PAGE else SECOND + int(self._jitter() * SECOND)
            return work.now + receipt.retry_after + after_pages
        wait = delay(row.attempts, self._jitter(), longest=work.policy.delivery.longest_backoff)
        return work.now + max(wait, receipt.retry_after or 0)

    def _let_pass(self, work: Work, row: Outgoing, receipt: Receipt) -> bool:
        """The incident's own message cannot be brought up to date now: what waits behind it must not wait for that.

        Such a row says whatever is true when it is sent, so it may as well
        stand at the end of its lane.
        """
        behind = [
            other
            for other in work.tx.outbox_of(row.incident_id)
            if other.state is RowState.PENDING
            and (other.channel, other.destination) == (row.channel, row.destination)
            and other.order_no > row.order_no
            and other.job not in LEVEL_TRIGGERED
        ]
        if behind and work.tx.settle(
            msgspec.structs.replace(row, state=RowState.SUPERSEDED, lease_until=None, done_at=work.now), row.fence
        ):
            work.enqueue(
                anew(
                    row,
                    f"{row.key}:{row.attempts}",
                    work.now,
                    attempts=row.attempts,
                    created_at=row.created_at,
                    not_before=self._again_at(work, row, receipt),
                )
            )
        return bool(behind)

    def _finish(self, work: Work, row: Outgoing, state: RowState, detail: str, ref: str = "") -> bool:
        """Bring a row to its final state, and its outcome into the incident's timeline."""
        done = msgspec.structs.replace(row, state=state, lease_until=None, done_at=work.now)
        if not work.tx.settle(done, row.fence):
            return False
        work.count_page(row, state)
        with suppress(Unreadable):  # then there is no timeline to write it into
            if row.job in ROOM_JOBS:
                rooms.settled(work, row, state, detail, ref)
            elif row.job in TICKET_JOBS:
                tickets.settled(work, row, state, detail, ref)
            else:
                self._record(work, row, state, detail)
        return True

    def _record(self, work: Work, row: Outgoing, state: RowState, detail: str) -> None:
        incident = work.incident(row.incident_id)
        if incident is not None and row.job not in LEVEL_TRIGGERED:
            work.change(
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

    def _fall_back_for_overdue(self, work: Work) -> None:
        """Pages that still wait after ``fallback_after``: another way is used as well."""
        for row in work.tx.overdue_pages():
            if _is_wanted(work, row):
                self._fall_back(work, row, f"{row.channel} has not taken the page for {row.target}")
                self._troubles.append(("late", row.channel, f"page for {row.target}: {row.attempts} attempts so far"))
            # Also where nobody is needed any more: it must not be overdue for ever.
            work.tx.replace_row(msgspec.structs.replace(row, fell_back=True))

    def _fall_back(self, work: Work, row: Outgoing, because: str) -> None:
        """Use another way to the same people; where there is none, tell other people of it."""
        work.figures.count("delivery_fallback_total")
        with suppress(Unreadable):  # then only tocsin's own people can be told
            if not row.stranded and use_another_way(work, row, because):
                return
        self._tell_others(work, row, because)

    def _tell_others(self, work: Work, row: Outgoing, because: str) -> None:
        for notified in takers(work, row):
            contact = notified.contact
            work.enqueue(
                anew(
                    row,
                    idempotency_key(
                        work.policy.instance, row.key, row.occurrence, row.round, "fell back", notified.target
                    ),
                    work.now,
                    channel=contact.channel,
                    destination=contact.destination,
                    recipient=contact.recipient,
                    because=f"{row.because}; {because}",
                    stranded=True,
                    fell_back=True,
                )
            )

    # Outside of any transaction.

    async def _attempt(self, row: Outgoing, content: Content) -> None:
        policy = self._committer.live.policy
        channel = (policy.trackers if row.job in TICKET_JOBS else policy.channels).get(row.channel)
        if channel is None:
            what = "tracker" if row.job in TICKET_JOBS else "channel"
            receipt = Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR, f"{what} {row.channel} is not configured")
        else:
            try:
                async with asyncio.timeout(policy.delivery.timeout / SECOND):
                    receipt = await channel.send(content)
            except TimeoutError:
                receipt = Receipt(Outcome.AMBIGUOUS, Reason.TIMEOUT, "no answer within the deadline")
            except Exception as error:  # noqa: BLE001 - a row that breaks its channel is retried, and the others flow
                end_if_fatal(error)
                _log.error("channel_failed", channel=row.channel, job=row.job, error=repr(error), exc_info=error)
                receipt = Receipt(Outcome.AMBIGUOUS, Reason.INTERNAL, repr(error))
        del self._sending[row.key, row.fence]
        self._busy[row.channel] -= 1
        self._ended.append((row, content, receipt, self._clock.now()))
        self._woken.set()


def _is_lost(row: Outgoing) -> bool:
    """Whether a message that could not reach its own person has not reached the people told instead either."""
    return row.stranded and row.job is Job.UPDATE


def _is_last_hope(work: Work, row: Outgoing) -> bool:
    """Return whether nobody else is left to be told: the newest page of its incident to tocsin's own people.

    It is tried as long as its incident is open and unacknowledged; an older one makes room for it, and so does one that
    somebody else has got. What stands on the console nobody may have read: that does not count.
    """
    if not row.is_last_fallback:
        return False
    console = (work.policy.console.channel, work.policy.console.destination)
    is_on_console = (row.channel, row.destination) == console
    return not any(
        (other.state is RowState.PENDING and other.created_at > row.created_at)
        or (other.state is RowState.SENT and is_same_page(other, row))
        for other in work.tx.outbox_of(row.incident_id, row.occurrence)
        if other.is_last_fallback and (is_on_console or (other.channel, other.destination) != console)
    )


def _is_wanted(work: Work, row: Outgoing) -> bool:
    """Whether a page is; that of an incident which cannot be read may be."""
    try:
        incident = work.incident(row.incident_id)
    except Unreadable:
        return True
    return incident is not None and still_wanted(row, incident)


def next_look_at(tx: Reader) -> int | None:
    """When there is a row to claim, or a page is overdue."""
    moments = (tx.next_claim_at(), tx.next_overdue_at())
    return min((moment for moment in moments if moment is not None), default=None)

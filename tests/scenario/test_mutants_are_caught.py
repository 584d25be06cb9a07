"""Each of these deliberately broken variants is detected by one of the checks."""

import contextlib
from collections.abc import Callable
from typing import TypeVar

from scenario import emergency
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.content.page import Content
from tocsin.core.incident.outbox import Job, Outgoing
from tocsin.engine.change.unit_of_work import UnitOfWork
from tocsin.engine.deliver.dispatcher import Dispatcher
from tocsin.engine.workers.auditor import Auditor
from tocsin.ports.channel import Outcome, Receipt
from tocsin.ports.store import Transaction
from tocsin.store.sqlite.memory_store import MemoryStore
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingChannel

T = TypeVar("T")
DOWN = {"alertname": "Down", "severity": "SEV-1"}


class AnswersBeforeItCommits(MemoryStore):
    """Says that it has written, and writes nothing while ``losing``: the power failed in between."""

    losing = False

    async def write(self, work: Callable[[Transaction], T]) -> T:
        if not self.losing:
            return await super().write(work)

        class Lost(Exception):
            pass

        results: list[T] = []

        def undone(tx: Transaction) -> None:
            results.append(work(tx))
            raise Lost

        with contextlib.suppress(Lost):
            await super().write(undone)
        return results[0]


async def lost(tocsin: Harness, answered: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The outside check: alerts answered 200 that the store does not know."""
    known = await tocsin.store.read(lambda tx: tx.latest_episodes(answered))
    return [key for key in answered if key not in known]


async def test_a_store_that_answers_before_it_commits_loses_an_alert_that_was_answered() -> None:
    clock = VirtualClock()
    store = AnswersBeforeItCommits(clock)
    async with emergency.tocsin(store=store, clock=clock) as tocsin:
        store.losing = True
        alert = tocsin.alert(AlertStatus.FIRING, DOWN)
        await tocsin.ingest.take([alert])
        store.losing = False
        assert await lost(tocsin, [alert.key]) == [alert.key]
        await tocsin.ingest.take([alert])
        assert await lost(tocsin, [alert.key]) == []


class MarksBeforeItSends(Dispatcher):
    """Settles a row as sent when it claims it; then the send fails."""

    def _claim(self, uow: UnitOfWork) -> list[tuple[Outgoing, Content]]:
        claimed = super()._claim(uow)
        for row, content in claimed:
            self._settle(uow, row, content, Receipt(Outcome.SENT), uow.now)
        return claimed


async def never_arrived(tocsin: Harness, pager: RecordingChannel) -> list[str]:
    """The outside check: pages that the store holds for sent and the provider never got."""
    rows = await tocsin.store.read(lambda tx: tx.outbox_of("incident-1"))
    sent = [row.key for row in rows if row.job is Job.PAGE and row.channel == "pager" and row.state == "sent"]
    return [key for key in sent if key not in {content.key for content in pager.sent}]


async def test_a_dispatcher_that_marks_before_it_sends_leaves_a_page_that_never_arrived() -> None:
    for kind, expected in ((Dispatcher, 0), (MarksBeforeItSends, 1)):
        answers = iter([Receipt(Outcome.RETRY), Receipt(Outcome.SENT)])
        pager = RecordingChannel("pager", answer=lambda _, left=answers: next(left))  # type: ignore[misc]
        people = emergency.reached_by(pager, on_call_engineer="first")
        tocsin = emergency.tocsin(people=people, channels=[pager])
        tocsin.dispatcher = kind(
            tocsin.dispatcher._committer, tocsin.ingest, tocsin.clock, tocsin.dispatcher._woken, jitter=lambda: 0.0
        )
        async with tocsin:
            await tocsin.fire(**DOWN)
            await tocsin.advance(minutes=1)
            assert len(await never_arrived(tocsin, pager)) == expected


class Forgetful(MemoryStore):
    """Loses the outbox rows of what it commits."""

    async def write(self, work: Callable[[Transaction], T]) -> T:
        def without_rows(tx: Transaction) -> T:
            tx.enqueue = len  # type: ignore[method-assign]
            return work(tx)

        return await super().write(without_rows)


async def test_a_store_that_loses_the_outbox_is_caught_by_the_invariants() -> None:
    clock = VirtualClock()
    async with emergency.tocsin(store=Forgetful(clock), clock=clock) as tocsin:
        await tocsin.fire(**DOWN)
        assert [found for found in await emergency.wrong(tocsin) if "every_step_reached_the_outbox" in found]


class Sleepy(MemoryStore):
    """While ``asleep`` it forgets what it is told is due."""

    asleep = True

    async def write(self, work: Callable[[Transaction], T]) -> T:
        result = await super().write(work)
        if self.asleep:
            self._connection.execute("UPDATE incidents SET due_at = NULL")
        return result


async def test_a_lost_deadline_is_found_mended_and_reported_by_the_auditor() -> None:
    clock = VirtualClock()
    store = Sleepy(clock)
    async with emergency.tocsin(store=store, clock=clock) as tocsin:
        await tocsin.fire(**DOWN)
        store.asleep = False
        assert await store.read(lambda tx: tx.next_due_at()) is None
        auditor = Auditor(tocsin.dispatcher._committer, tocsin.ingest, tocsin.clock)
        await auditor.run_once()
        assert tocsin.observer.counted("invariant_violations_total") == 0, "it may be about to happen: looked at again"
        await auditor.run_once()
        await tocsin.settle()
        assert tocsin.observer.counted("invariant_violations_total") == 1
        await tocsin.advance(minutes=15)
        engineer = [at for at, target in tocsin.pages() if target == emergency.ON_CALL]
        assert engineer == [0, 15]
        broken = (
            "Tocsin found a contradiction in an incident (due_at_is_next_due), so its next page may be late or missing"
        )
        assert broken in [content.title for content in tocsin.sent(Job.PAGE)]

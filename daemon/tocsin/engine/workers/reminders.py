"""Recurring reminders of playbooks: incidents of tocsin's own, which their recipients resolve.

Only these incidents are stored: the opening time of a reminder's latest incident shows
when the reminder was last sent, so no reminder is sent twice. A reminder that was
due during a restart is sent later, up to `core.playbook.reminder_schedule.CAUGHT_UP` late.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import structlog

from tocsin.core.alerts.subject import Subject
from tocsin.core.duration import MINUTE, SECOND
from tocsin.core.incident.escalation import unopened
from tocsin.core.incident.event import TOCSIN, Opened, Resolve
from tocsin.core.incident.incident import Incident
from tocsin.core.playbook.reminder import Reminder
from tocsin.core.playbook.reminder_schedule import LEVEL, due, next_at, plan_of
from tocsin.engine.change.commit import Committer
from tocsin.engine.change.policy import Policy
from tocsin.engine.change.unit_of_work import UnitOfWork
from tocsin.engine.measuring.reports import report_before
from tocsin.engine.service import Service
from tocsin.ports.clock import Clock
from tocsin.ports.store import Reader, Unreadable

FIRST = 2 * MINUTE
"""A reminder that was never sent before is sent only if its time was at most this long ago."""
KEY = "tocsin/reminder"
"""Prefix of the dedup keys of reminders."""

_log = structlog.get_logger("tocsin.engine.workers.reminders")


class DueReminder(NamedTuple):
    """A reminder that is due."""

    playbook: str
    reminder: Reminder
    at: int
    """The time at which the reminder was due."""

    @property
    def key(self) -> str:
        """Return the dedup key of the reminder's incidents."""
        return f"{KEY}/{self.playbook}/{self.reminder.name}"


class Reminders(Service):
    """The worker that sends reminders; it also checks every minute, in case the machine was suspended."""

    name = "reminders"
    longest_pause = MINUTE / SECOND

    def __init__(self, committer: Committer, clock: Clock, new_id: Callable[[], str]) -> None:
        super().__init__(clock)
        self._committer = committer
        self._new_id = new_id

    async def run_once(self) -> int | None:
        """Send the reminders that are due; return the time of the next check."""
        due_at = await self._committer.store.read(self.next_due_at)
        if due_at is None or due_at > self._clock.now():
            return due_at
        reports = await self._reports()
        await self._committer.commit("respond", lambda uow: self._send(uow, reports))
        return await self._committer.store.read(self.next_due_at)

    def next_due_at(self, tx: Reader) -> int | None:
        """Return the time of the next reminder; now if one is due; None if there is none."""
        policy = self._committer.live.policy
        if any(True for _ in _to_send(tx, policy)):
            return tx.now
        moments = (next_at(reminder, tx.now) for plan in policy.playbooks.values() for reminder in plan.reminders)
        return min((at for at in moments if at is not None), default=None)

    async def _reports(self) -> Mapping[str, str]:
        """Return the report of each due reminder that carries one, by the reminder's key."""
        store, policy, now = self._committer.store, self._committer.live.policy, self._clock.now()
        return {
            due_reminder.key: await report_before(
                store, policy, now, due_reminder.at, due_reminder.reminder.report_months, due_reminder.playbook
            )
            for due_reminder in _due(policy, now)
            if due_reminder.reminder.report_months
        }

    def _send(self, uow: UnitOfWork, reports: Mapping[str, str]) -> None:
        for due_reminder, last in list(_to_send(uow.tx, uow.policy)):
            self._open(uow, due_reminder, last, reports.get(due_reminder.key, ""))

    def _open(self, uow: UnitOfWork, due_reminder: DueReminder, last: Incident | None, report: str) -> None:
        if last is not None and last.is_open:  # no one has resolved the previous reminder: replace it
            uow.change(last, Resolve(by=TOCSIN))
        reminder = due_reminder.reminder
        incident = unopened(
            incident_id=self._new_id(),
            number=uow.tx.next_numbers(1),
            dedup_key=due_reminder.key,
            plan=plan_of(reminder, uow.policy.self_playbook),
            subject=Subject(
                title=reminder.name,
                service=due_reminder.playbook,
                summary=" ".join(filter(None, (reminder.text, report))),
            ),
            now=uow.now,
            by_hand=True,
            linked_to=last.id if last is not None else None,
        )
        uow.change(incident, Opened(fired=(), severity=LEVEL))


def _due(policy: Policy, now: int) -> Iterator[DueReminder]:
    for name, plan in sorted(policy.playbooks.items()):
        for reminder in plan.reminders:
            span = due(reminder, now)
            if span is not None:
                yield DueReminder(name, reminder, span.starts_at)


def _to_send(tx: Reader, policy: Policy) -> Iterator[tuple[DueReminder, Incident | None]]:
    """Yield the reminders to send now, with their latest incidents; leave out one whose latest incident is damaged."""
    for due_reminder in _due(policy, tx.now):
        try:
            last = tx.latest_incidents([due_reminder.key]).get(due_reminder.key)
        except Unreadable as error:
            _log.error("reminder_skipped", playbook=due_reminder.playbook, error=str(error))
            continue
        if not _is_sent(last, due_reminder, tx.now):
            yield due_reminder, last


def _is_sent(last: Incident | None, due_reminder: DueReminder, now: int) -> bool:
    """Return whether a reminder need not be sent for this time: it was sent, or did not exist at that time."""
    if last is None:
        return now - due_reminder.at > FIRST
    return last.first_opened_at >= due_reminder.at

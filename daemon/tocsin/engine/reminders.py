"""The playbooks' recurring reminders: incidents of tocsin's own that tell their people, who resolve them.

Nothing is remembered but in the incidents: the latest one of a reminder says
which time was the last, so none is sent twice, and what fell into a restart is
sent after it, up to `core.reminding.CAUGHT_UP` late.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from tocsin.core.escalation import unopened
from tocsin.core.event import TOCSIN, Opened, Resolve
from tocsin.core.incident import Incident
from tocsin.core.playbook import MINUTE
from tocsin.core.reminder import Reminder
from tocsin.core.reminding import LEVEL, due, next_at, plan_of
from tocsin.engine.apply import Work
from tocsin.engine.commit import Committer
from tocsin.engine.policy import Policy
from tocsin.engine.service import SECOND, Service
from tocsin.ports.clock import Clock
from tocsin.ports.store import Reader

FIRST = 2 * MINUTE
"""How late the first time of a reminder is still sent."""
KEY = "tocsin/reminder"
"""What the dedup key of such an incident begins with."""


class Due(NamedTuple):
    """A reminder whose time has come."""

    playbook: str
    reminder: Reminder
    at: int

    @property
    def key(self) -> str:
        """The dedup key of its incidents."""
        return f"{KEY}/{self.playbook}/{self.reminder.name}"


class Reminders(Service):
    """Looks at each time of each reminder, and every minute: a suspended machine does not move this pause."""

    name = "reminders"
    longest_pause = MINUTE / SECOND

    def __init__(self, committer: Committer, clock: Clock, new_id: Callable[[], str]) -> None:
        super().__init__(clock)
        self._committer = committer
        self._new_id = new_id

    async def run_once(self) -> int | None:
        """Send what is due; returns when to look again."""
        due_at = await self._committer.store.read(self.next_due_at)
        if due_at is None or due_at > self._clock.now():
            return due_at
        await self._committer.commit("respond", self._send)
        return await self._committer.store.read(self.next_due_at)

    def next_due_at(self, tx: Reader) -> int | None:
        """When the next reminder is due; now where one is. None: there is none."""
        policy = self._committer.live.policy
        if any(not _is_sent(tx.latest_incidents([one.key]).get(one.key), one, tx.now) for one in _due(policy, tx.now)):
            return tx.now
        moments = (next_at(reminder, tx.now) for plan in policy.playbooks.values() for reminder in plan.reminders)
        return min((at for at in moments if at is not None), default=None)

    def _send(self, work: Work) -> None:
        for one in _due(work.policy, work.now):
            last = work.tx.latest_incidents([one.key]).get(one.key)
            if not _is_sent(last, one, work.now):
                self._open(work, one, last)

    def _open(self, work: Work, one: Due, last: Incident | None) -> None:
        if last is not None and last.is_open:  # nobody has said that it was done: this one takes its place
            work.change(last, Resolve(by=TOCSIN))
        reminder = one.reminder
        incident = unopened(
            incident_id=self._new_id(),
            number=work.tx.next_numbers(1),
            dedup_key=one.key,
            plan=plan_of(reminder, work.policy.self_playbook),
            title=reminder.name,
            service=one.playbook,
            summary=reminder.text,
            now=work.now,
            by_hand=True,
            linked_to=last.id if last is not None else None,
        )
        work.change(incident, Opened(fired=(), severity=LEVEL))


def _due(policy: Policy, now: int) -> Iterator[Due]:
    for name, plan in sorted(policy.playbooks.items()):
        for reminder in plan.reminders:
            span = due(reminder, now)
            if span is not None:
                yield Due(name, reminder, span.starts_at)


def _is_sent(last: Incident | None, one: Due, now: int) -> bool:
    """Whether there is nothing to send; the first time of all is not caught up: nobody knows that it was waited for."""
    if last is None:
        return now - one.at > FIRST
    return last.first_opened_at >= one.at

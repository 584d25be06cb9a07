"""Scheduled drills of playbooks: ``drills:``.

tocsin posts the alert of a drill as a webhook to its own address, so a drill rehearses the path from webhook to page.
A drill ends when its page is acknowledged, or after `ENDS_AFTER`. Only the incidents are stored, as for reminders.
"""

import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import structlog

from tocsin.core.alerts.alert import DRILL_SOURCE, EpisodeStatus
from tocsin.core.duration import MINUTE, SECOND
from tocsin.core.errors import TocsinError
from tocsin.core.incident.incident import Incident
from tocsin.core.playbook.drill import ENDS_AFTER, drill_key
from tocsin.core.playbook.playbook import Playbook
from tocsin.core.playbook.reminder import ScheduledDrill
from tocsin.core.playbook.reminder_schedule import due, next_at
from tocsin.engine.change.commit import Committer
from tocsin.engine.change.drilled import NAME_LABEL, drill_labels, drill_of
from tocsin.engine.change.policy import Policy
from tocsin.engine.selfwatch.troubles import Reporter
from tocsin.engine.service import Service
from tocsin.ports.clock import Clock
from tocsin.ports.store import Reader, Unreadable

FIRST = 2 * MINUTE
"""A drill that was never held before is held only if its time was at most this long ago."""
SENDS_FOR = 4 * SECOND
"""Time after which a cycle sends no further webhook; the next cycle sends the others.

Together with the time that one webhook may take, this is less than `WATCHDOG_PATIENCE`, so that slow answers do not
restart tocsin.
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_log = structlog.get_logger("tocsin.engine.workers.drills")


class _Webhook(NamedTuple):
    """A webhook to send, about one drill."""

    playbook: str
    labels: dict[str, str]
    starts_at: int
    ends_at: int | None = None
    """None: the webhook begins the drill."""
    outcome: str = ""
    """``acknowledged``, ``unanswered`` or ``held``; "" for a webhook that begins the drill."""
    took: int = 0
    """Time to the acknowledgment in microseconds."""

    @property
    def name(self) -> str:
        """Return the name of the drill."""
        return self.labels[NAME_LABEL]

    def body(self) -> bytes:
        """Return the webhook as Alertmanager would send it."""
        status = "firing" if self.ends_at is None else "resolved"
        alert = {
            "status": status,
            "labels": self.labels,
            "annotations": {"summary": f"Drill: {self.name}"},
            "startsAt": _iso(self.starts_at),
            "endsAt": "0001-01-01T00:00:00Z" if self.ends_at is None else _iso(self.ends_at),
        }
        return json.dumps({"version": "4", "status": status, "receiver": "tocsin", "alerts": [alert]}).encode()


class Drills(Service):
    """The worker that begins and ends scheduled drills when they are due, and checks every minute."""

    name = "drills"
    longest_pause = MINUTE / SECOND

    def __init__(
        self, committer: Committer, reporter: Reporter, clock: Clock, post: Callable[[bytes], Awaitable[None]]
    ) -> None:
        """Create the worker.

        Args:
            committer: Its store holds the drills' incidents, and its policy the schedules.
            reporter: Reports a drill that could not begin, or that no one has acknowledged.
            clock: The store's clock.
            post: Sends a webhook with the source `DRILL_SOURCE`, and returns once it was answered with 200. Raises
                OSError or TocsinError.
        """
        super().__init__(clock)
        self._committer = committer
        self._reporter = reporter
        self._post = post

    async def run_once(self) -> int | None:
        """Begin the drills that are due, and end those that are over; return the time of the next check."""
        began = self._clock.now()
        for webhook in await self._committer.store.read(self._webhooks):
            if self._clock.now() >= began + SENDS_FOR:
                break
            await self._send(webhook)
        return await self._committer.store.read(self.next_due_at)

    def next_due_at(self, tx: Reader) -> int | None:
        """Return the time at which the next drill begins or a running drill ends; None if there is none."""
        policy = self._committer.live.policy
        moments = [next_at(drill, tx.now) for _, drill in _drills(policy)]
        moments += [
            last.opened_at + ENDS_AFTER for _, _, last in _with_last(tx, policy) if last is not None and _runs(last)
        ]
        return min((at for at in moments if at is not None and at > tx.now), default=None)

    async def _send(self, webhook: _Webhook) -> None:
        observer = self._committer.observer
        try:
            await self._post(webhook.body())
        except (OSError, TocsinError) as error:
            _log.warning("drill_failed", playbook=webhook.playbook, drill=webhook.name, error=str(error))
            observer.count("drills_total", playbook=webhook.playbook, outcome="failed")
            detail = f"The webhook of the drill {webhook.name!r} was not accepted: {error}"
            self._reporter.report("drill", webhook.playbook, detail, webhook.name)
            return
        if webhook.outcome:
            observer.count("drills_total", playbook=webhook.playbook, outcome=webhook.outcome)
        if webhook.outcome == "acknowledged":
            observer.observe("drill_acknowledge_seconds", webhook.took / SECOND, playbook=webhook.playbook)
        elif webhook.outcome:
            within = f"within {ENDS_AFTER // MINUTE} minutes"
            held = "was held back, by a maintenance window for example, and not sent"
            what = "No one acknowledged the page" if webhook.outcome == "unanswered" else "The page"
            became = within if webhook.outcome == "unanswered" else f"{held} {within}"
            detail = f"{what} of the drill {webhook.name!r} {became}."
            self._reporter.report("drill", webhook.playbook, detail, webhook.name)

    def _webhooks(self, tx: Reader) -> list[_Webhook]:
        policy = self._committer.live.policy
        due_now = (_next(plan.name, drill, last, tx.now) for plan, drill, last in _with_last(tx, policy))
        return [*filter(None, due_now), *_ends_of_removed(tx, policy)]


def _drills(policy: Policy) -> Iterator[tuple[Playbook, ScheduledDrill]]:
    for _, plan in sorted(policy.playbooks.items()):
        for drill in plan.drills:
            yield plan, drill


def _with_last(tx: Reader, policy: Policy) -> Iterator[tuple[Playbook, ScheduledDrill, Incident | None]]:
    """Yield each drill with its latest incident; leave out a drill whose latest incident is damaged."""
    for plan, drill in _drills(policy):
        key = drill_key(plan.name, drill.name)
        try:
            yield plan, drill, tx.latest_incidents([key]).get(key)
        except Unreadable as error:
            _log.error("drill_skipped", playbook=plan.name, drill=drill.name, error=str(error))


def _ends_of_removed(tx: Reader, policy: Policy) -> Iterator[_Webhook]:
    """Yield webhooks that end running drills which no playbook has any more: nothing else would end their alerts."""
    for episode in tx.episodes_at(DRILL_SOURCE, tx.now):
        if episode.status is EpisodeStatus.FIRING and drill_of(episode.as_it_came) not in policy.drill_plans:
            labels = episode.as_it_came
            yield _Webhook(labels["playbook"], labels, episode.last_start_at or tx.now, tx.now)


def _runs(incident: Incident) -> bool:
    return incident.alerts_firing > 0


def _next(playbook: str, drill: ScheduledDrill, last: Incident | None, now: int) -> _Webhook | None:
    """Return the webhook that ends a drill or begins the next one; None if neither is due."""
    labels = drill_labels(playbook, drill.name)
    if last is not None and _runs(last):
        starts_at = last.first_alert_at or last.opened_at
        answered_at = last.acknowledged_at or last.resolved_at
        if answered_at is not None:
            return _Webhook(playbook, labels, starts_at, now, "acknowledged", answered_at - last.opened_at)
        if now < last.opened_at + ENDS_AFTER:
            return None
        return _Webhook(playbook, labels, starts_at, now, "unanswered" if last.reached else "held")
    span = due(drill, now)
    if span is None or (last is not None and last.opened_at >= span.starts_at):
        return None
    # The drill did not exist yet at that time.
    is_missed = last is None and now - span.starts_at > FIRST
    return None if is_missed else _Webhook(playbook, labels, now)


def _iso(micros: int) -> str:
    return (_EPOCH + timedelta(microseconds=micros)).isoformat().replace("+00:00", "Z")

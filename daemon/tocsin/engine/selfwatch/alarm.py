"""The alarm: messages to the targets of `self:` while the store cannot be written."""

import asyncio

import structlog
from msgspec import Struct

from tocsin.core.alerts.alert import Alert
from tocsin.core.content.page import Content
from tocsin.core.duration import MINUTE
from tocsin.core.errors import StoreLost, StoreUnavailable
from tocsin.core.incident.outbox import Job, idempotency_key
from tocsin.core.oncall.people import Notified
from tocsin.core.oncall.rotation import OnCallInput
from tocsin.engine.change.policy import Live
from tocsin.engine.selfwatch.troubles import REMEDY, remedy_of
from tocsin.ports.clock import Clock

SOUND_AGAIN_AFTER = 5 * MINUTE
"""Interval of the messages for one reason."""
_FREE_SPACE = "Usually the disk is full: free some space."

_log = structlog.get_logger("tocsin.engine.selfwatch.alarm")


class _Notice(Struct, frozen=True):
    """The text of the message."""

    reason: str
    fault: str
    """The fault and its consequence, as a title."""
    remedy: str
    """The first action for the reader, short enough for an SMS and a call."""
    meaning: str = ""
    """Further facts, as a sentence."""
    steps: str = ""
    """Paths, errors and commands: for the log and for channels with room for them."""


class Alarm:
    """The sender of alarms, directly through the channels of ``self:``; at most once in five minutes per reason."""

    def __init__(self, live: Live, clock: Clock, host: str = "") -> None:
        self._live = live
        self._clock = clock
        self._where = f" on {host}" if host else ""
        self._sounded: dict[str, int] = {}
        """The time of the last message for each reason."""
        self._remedy = _FREE_SPACE
        """The remedy for the database, by its last error."""
        self._tasks: set[asyncio.Task[None]] = set()

    def store_failed(self, error: StoreUnavailable) -> None:
        """Send an alarm that the database cannot be written or is lost. Does not wait, and never raises."""
        down = f"Tocsin is DOWN{self._where}: it takes no new alerts and pages no one"
        if isinstance(error, StoreLost):
            remedy = f"Its database file was removed or replaced. {error.steps}"
            self._remedy = "Another message has the steps."
            self._sound(_Notice("store_lost", down, remedy, "", f"{error.saved} ({error.what}.)".lstrip()))
            return
        self._remedy = _FREE_SPACE
        remedy = "Its database cannot be written, usually because the disk is full: free some space"
        goes_on = "Once it can write, tocsin goes on by itself, and Alertmanager then resends the alerts it refused."
        self._sound(_Notice("store", down, remedy, goes_on, f"The error: {error}"))

    def sound(self, alert: Alert) -> None:
        """Send an alarm about another fault, given as its alert, while the database cannot be written."""
        reason, source = alert.labels["reason"], alert.labels["source"]
        fault, remedy = alert.annotations["summary"], alert.annotations.get(REMEDY, "").partition("\n")[0]
        unwritten = (
            f"Then repair tocsin's database{self._where}: it cannot be written, so tocsin records no acknowledgment. "
            f"{self._remedy}"
        )
        remedy = remedy or remedy_of(reason, source)
        self._sound(_Notice(reason, fault, remedy, unwritten, alert.annotations["description"]))

    def _sound(self, notice: _Notice) -> None:
        now = self._clock.now()
        last = self._sounded.get(notice.reason)
        if last is not None and now - last < SOUND_AGAIN_AFTER:
            return
        self._sounded[notice.reason] = now
        _log.error("alarm_raised", reason=notice.reason, detail=notice.fault, remedy=notice.remedy, steps=notice.steps)
        task = asyncio.get_running_loop().create_task(self._send(notice, now))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait up to five seconds for messages that are being sent."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    async def _send(self, notice: _Notice, now: int) -> None:
        policy = self._live.policy
        timeout = policy.delivery.timeout / 1_000_000
        for notified in policy.people.resolve(
            policy.self_targets, policy.channel_names, policy.console, OnCallInput(now)
        ):
            channel = policy.channels.get(notified.contact.channel)
            if channel is None:
                continue
            content = _content(policy.instance, notice, notified, now)
            try:
                async with asyncio.timeout(timeout):
                    receipt = await channel.send(content)
            except Exception as error:  # noqa: BLE001 - the other recipients must still get the alarm
                _log.error("alarm_failed", channel=channel.name, error=repr(error))
            else:
                _log.info("alarm_sent", channel=channel.name, outcome=receipt.outcome, detail=receipt.detail)


def _content(instance: str, notice: _Notice, notified: Notified, now: int) -> Content:
    key = idempotency_key(instance, "alarm", 0, 0, f"{notice.reason} {now}", notified.target)
    return Content(
        job=Job.PAGE,
        key=key,
        about="",
        target=notified.target,
        destination=notified.contact.destination,
        recipient=notified.contact.recipient,
        because=notice.remedy,
        late=0,
        stranded=notified.stranded,
        possible_duplicate=False,
        ref="",
        incident_id="",
        number=0,
        occurrence=0,
        title=notice.fault,
        summary=notice.meaning,
        steps=notice.steps,
        playbook="tocsin",
        playbook_title="tocsin itself",
        severity="critical",
        rank=0,
        ranks=1,
        service="tocsin",
        state="triggered",
        flags=(),
        dedup_key=f"tocsin/alarm/{notice.reason}",
        drill=False,
        is_alarm=True,
        unrouted=False,
        opened_at=now,
        acknowledged_at=None,
        acknowledged_by=None,
        resolved_at=None,
        resolved_by=None,
        recovering=False,
        alerts_firing=0,
        alerts_total=0,
        alerts=(),
        now=now,
    )

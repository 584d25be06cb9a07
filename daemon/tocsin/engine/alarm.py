"""The last way out: telling tocsin's own people when the store cannot be written."""

import asyncio

import structlog

from tocsin.core.outbox import Job, idempotency_key
from tocsin.core.page import Content
from tocsin.core.people import Notified
from tocsin.core.rotation import Duty
from tocsin.engine.policy import Live
from tocsin.ports.clock import Clock

MINUTE = 60_000_000

SOUND_AGAIN_AFTER = 5 * MINUTE

_log = structlog.get_logger("tocsin.engine.alarm")


class Alarm:
    """Sends straight through the channels of ``self:``, without the outbox; at most once in five minutes a reason."""

    def __init__(self, live: Live, clock: Clock) -> None:
        self._live = live
        self._clock = clock
        self._sounded: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def sound(self, reason: str, detail: str) -> None:
        """Tell them, without waiting and without ever failing."""
        now = self._clock.now()
        last = self._sounded.get(reason)
        if last is not None and now - last < SOUND_AGAIN_AFTER:
            return
        self._sounded[reason] = now
        _log.error("alarm", reason=reason, detail=detail)
        task = asyncio.get_running_loop().create_task(self._send(reason, detail, now))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Let what is on its way arrive."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    async def _send(self, reason: str, detail: str, now: int) -> None:
        policy = self._live.policy
        timeout = policy.delivery.timeout / 1_000_000
        for notified in policy.people.resolve(policy.self_targets, policy.channel_names, policy.console, Duty(now)):
            channel = policy.channels.get(notified.contact.channel)
            if channel is None:
                continue
            content = _content(policy.instance, reason, detail, notified, now)
            try:
                async with asyncio.timeout(timeout):
                    receipt = await channel.send(content)
            except Exception as error:  # noqa: BLE001 - the last way out: whoever else is to be told must be told
                _log.error("alarm_failed", channel=channel.name, error=repr(error))
            else:
                _log.info("alarm_sent", channel=channel.name, outcome=receipt.outcome, detail=receipt.detail)


def _content(instance: str, reason: str, detail: str, notified: Notified, now: int) -> Content:
    key = idempotency_key(instance, "alarm", 0, 0, f"{reason} {now}", notified.target)
    return Content(
        job=Job.PAGE,
        key=key,
        about="",
        target=notified.target,
        destination=notified.contact.destination,
        recipient=notified.contact.recipient,
        because="tocsin cannot rely on its store: what it cannot write is answered with 503, and senders repeat it",
        late=0,
        stranded=notified.stranded,
        possible_duplicate=False,
        ref="",
        incident_id="",
        number=0,
        occurrence=0,
        title=f"tocsin: {reason}: {detail}",
        playbook="tocsin",
        playbook_title="tocsin's own troubles",
        severity="self",
        rank=0,
        ranks=1,
        service="tocsin",
        state="triggered",
        flags=(),
        dedup_key=f"tocsin/alarm/{reason}",
        drill=False,
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

"""Large webhooks, processed slice by slice, so that they do not delay other requests.

A large webhook may take longer than its sender waits, but its processing continues to
the end. A sender that retries the same body waits for the processing in progress, or
gets its outcome. Otherwise a webhook that takes longer than the sender's timeout would
be processed again and again.
"""

import asyncio
import hashlib
from dataclasses import dataclass

from tocsin.core.errors import Overloaded
from tocsin.web.alertmanager import payload, slices
from tocsin.web.alertmanager.lenient import status_of
from tocsin.web.alertmanager.outcome import Accepted
from tocsin.web.alertmanager.rejected import Rejected
from tocsin.web.edge import Edge

Digest = bytes

KEPT_FOR = 300.0
"""Seconds that an outcome is kept for a retry of its sender; Alertmanager retries for as long by default."""
KEPT = 16
"""Maximum number of kept outcomes."""


@dataclass
class _Cut:
    """A body that was cut into slices."""

    slices: slices.Slices
    rejected: Rejected


class LargeWebhooks:
    """Processor of webhooks that are too large to read at once. One per application."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._running: dict[Digest, asyncio.Task[Accepted]] = {}
        self._outcomes: dict[Digest, tuple[float, Accepted]] = {}
        """Outcomes that no sender has received, oldest first, each with its time by the event loop's clock."""
        self._turn = asyncio.Lock()
        """Makes the slices of several webhooks take turns, so that a small webhook does not wait for a huge one."""

    async def take(self, body: bytes, source: str, received_at: int) -> Accepted:
        """Process a webhook that was received at this time; return when all of it is durably committed.

        Raises:
            Malformed: The body is not a webhook; nothing was accepted.
            Overloaded: Too many large webhooks are in progress.
            StoreUnavailable: The webhook was not committed, or only in part; a retry is safe.
        """
        digest = await asyncio.to_thread(_digest, body, source)
        outcome = self._outcome(digest)
        if outcome is None:
            outcome = await asyncio.shield(self._running.get(digest) or self._begin(digest, body, source, received_at))
            self._outcomes.pop(digest, None)
        return outcome

    async def close(self) -> None:
        """Stop processing. Senders retry: webhooks that are not committed completely were not answered."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _begin(self, digest: Digest, body: bytes, source: str, received_at: int) -> asyncio.Task[Accepted]:
        self._expect_room()
        task = asyncio.get_running_loop().create_task(self._take(body, source, received_at), name="large webhook")
        self._running[digest] = task
        task.add_done_callback(lambda done: self._end(digest, done))
        return task

    def _outcome(self, digest: Digest) -> Accepted | None:
        at, outcome = self._outcomes.pop(digest, (0.0, None))
        is_fresh = asyncio.get_running_loop().time() - at < KEPT_FOR
        return outcome if is_fresh else None

    def _expect_room(self) -> None:
        limit = self._edge.settings().webhook.max_large
        if len(self._running) >= limit:
            raise Overloaded(
                f"{len(self._running)} large webhooks are in progress; webhook.max_large allows {limit}; retry later"
            )

    def _end(self, digest: Digest, done: asyncio.Task[Accepted]) -> None:
        del self._running[digest]
        # An error is raised to the waiting requests. If the sender already got a 503, its retry starts from scratch.
        if done.cancelled() or done.exception() is not None:
            return
        self._outcomes[digest] = (asyncio.get_running_loop().time(), done.result())
        while len(self._outcomes) > KEPT:
            del self._outcomes[next(iter(self._outcomes))]

    async def _take(self, body: bytes, source: str, received_at: int) -> Accepted:
        edge = self._edge
        now = edge.now()
        cut = await asyncio.to_thread(_cut, body, source, edge.settings().webhook.max_rejected)
        envelope = cut.slices.envelope
        group_status = status_of(envelope.get("status"))
        outcome = Accepted(truncated=payload.truncated_of(envelope), quarantined=cut.rejected.entry(now))
        for alerts in cut.slices:
            async with self._turn:
                webhook = await asyncio.to_thread(payload.read_slice, alerts, source, group_status, now)
            await edge.intake.take(webhook.alerts, is_part=True, received_at=received_at)
            outcome.add(webhook)
        if outcome.quarantined is not None:
            await edge.intake.take((), [outcome.quarantined], is_part=True)
        outcome.tell(edge.observer)
        return outcome


def _digest(body: bytes, source: str) -> Digest:
    digest = hashlib.sha256(source.encode() + b"\n")
    digest.update(body)
    return digest.digest()


def _cut(body: bytes, source: str, max_rejected: int) -> _Cut:
    def cut(text: str) -> _Cut:
        rejected = Rejected(source, max_rejected)
        return _Cut(slices.cut(text, rejected), rejected)

    return payload.shallow_if_needed(payload.text_of(body), cut)

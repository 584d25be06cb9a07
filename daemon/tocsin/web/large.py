"""Large webhooks, taken slice by slice, so that they delay nobody else.

A large webhook may take longer than its sender waits. What has begun goes on to
its end all the same. A sender that retries the same body waits for the work
that is going on, or is told its outcome, in place of beginning it anew: else a
webhook that takes longer than a sender waits would be taken again and again.
"""

import asyncio
import hashlib
from dataclasses import dataclass

from tocsin.core.errors import Overloaded
from tocsin.web import slices, wire
from tocsin.web.keys import Edge
from tocsin.web.rejected import Rejected
from tocsin.web.taken import Taken
from tocsin.web.tolerant import status_of

Digest = bytes

KEPT_FOR = 300.0
"""Seconds that an outcome waits for its sender to retry: as long as Alertmanager does by default."""
KEPT = 16
"""Outcomes that wait at most."""


@dataclass
class _Cut:
    """A body that has been looked through."""

    slices: slices.Slices
    rejected: Rejected


class LargeWebhooks:
    """Takes those that are not read at once. One per application."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._running: dict[Digest, asyncio.Task[Taken]] = {}
        self._untold: dict[Digest, tuple[float, Taken]] = {}
        """Outcomes that no sender has been told, the oldest first, with the moment of each by the loop's clock."""
        self._turn = asyncio.Lock()
        """Slices of several webhooks are read in turns: a small storm does not wait for the end of a huge one."""

    async def take(self, body: bytes, source: str) -> Taken:
        """Return once all of it is durably committed.

        Raises:
            Malformed: It is no webhook; nothing of it was taken.
            Overloaded: Too many large ones are being taken.
            StoreUnavailable: It was not committed, or not all of it; repeating it is harmless.
        """
        digest = await asyncio.to_thread(_digest, body, source)
        taken = self._outcome(digest)
        if taken is None:
            taken = await asyncio.shield(self._running.get(digest) or self._begin(digest, body, source))
            self._untold.pop(digest, None)
        return taken

    async def close(self) -> None:
        """Take no further slice: nothing that is not committed yet was answered, and its sender retries it."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _begin(self, digest: Digest, body: bytes, source: str) -> asyncio.Task[Taken]:
        self._expect_room()
        task = asyncio.get_running_loop().create_task(self._take(body, source), name="large webhook")
        self._running[digest] = task
        task.add_done_callback(lambda done: self._end(digest, done))
        return task

    def _outcome(self, digest: Digest) -> Taken | None:
        at, taken = self._untold.pop(digest, (0.0, None))
        is_fresh = asyncio.get_running_loop().time() - at < KEPT_FOR
        return taken if is_fresh else None

    def _expect_room(self) -> None:
        limit = self._edge.settings().webhook.max_large
        if len(self._running) >= limit:
            raise Overloaded(
                f"{len(self._running)} large webhooks are being taken: no more than webhook.max_large ({limit}) may be"
            )

    def _end(self, digest: Digest, done: asyncio.Task[Taken]) -> None:
        del self._running[digest]
        # An error is for whoever waits; where the sender has had its 503 already, its retry begins anew.
        if done.cancelled() or done.exception() is not None:
            return
        self._untold[digest] = (asyncio.get_running_loop().time(), done.result())
        while len(self._untold) > KEPT:
            del self._untold[next(iter(self._untold))]

    async def _take(self, body: bytes, source: str) -> Taken:
        edge = self._edge
        now = edge.now()
        cut = await asyncio.to_thread(_cut, body, source, edge.settings().webhook.max_rejected)
        envelope = cut.slices.envelope
        group_status = status_of(envelope.get("status"))
        taken = Taken(truncated=wire.truncated_of(envelope), quarantined=cut.rejected.entry(now))
        for alerts in cut.slices:
            async with self._turn:
                webhook = await asyncio.to_thread(wire.read_slice, alerts, source, group_status, now)
            await edge.intake.take(webhook.alerts, is_part=True)
            taken.add(webhook)
        if taken.quarantined is not None:
            await edge.intake.take((), [taken.quarantined], is_part=True)
        taken.tell(edge.observer)
        return taken


def _digest(body: bytes, source: str) -> Digest:
    digest = hashlib.sha256(source.encode() + b"\n")
    digest.update(body)
    return digest.digest()


def _cut(body: bytes, source: str, max_rejected: int) -> _Cut:
    def cut(text: str) -> _Cut:
        rejected = Rejected(source, max_rejected)
        return _Cut(slices.cut(text, rejected), rejected)

    return wire.shallow_if_needed(wire.text_of(body), cut)

"""Large webhooks, taken slice by slice, so that they delay nobody else.

A large webhook may take longer than its sender waits. What has begun goes on to
its end all the same, and a sender that retries the same body waits for the work
that is going on, in place of beginning it anew.
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
        task = self._running.get(digest)
        if task is None:
            self._expect_room()
            task = asyncio.get_running_loop().create_task(self._take(body, source), name="large webhook")
            self._running[digest] = task
            task.add_done_callback(lambda done: self._forget(digest, done))
        return await asyncio.shield(task)

    def _expect_room(self) -> None:
        limit = self._edge.settings().webhook.max_large
        if len(self._running) >= limit:
            raise Overloaded(
                f"{len(self._running)} large webhooks are being taken: no more than webhook.max_large ({limit}) may be"
            )

    def _forget(self, digest: Digest, done: asyncio.Task[Taken]) -> None:
        del self._running[digest]
        if not done.cancelled():
            done.exception()  # where nobody waits any more: the sender has had its 503

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

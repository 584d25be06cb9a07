"""The protocol between the daemon and its commit process, over a socket pair. A frame is length, kind, body."""

import pickle
import socket
import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, cast

import msgspec
from msgspec.structs import astuple, force_setattr

from tocsin.core.alerts.alert import Alert
from tocsin.core.incident.outbox import Job
from tocsin.core.rules.rules import RuleSet
from tocsin.core.rules.verdict import Verdict
from tocsin.engine.change.commit import Committed
from tocsin.engine.change.former_keys import FormerKeys
from tocsin.engine.change.policy import Policy
from tocsin.engine.intake.batch import Classified, Receipts
from tocsin.ports.channel import Channel
from tocsin.ports.tracker import Tracker

_HEAD = struct.Struct("!IB")

_LABELS = Verdict.__struct_fields__.index("labels")


class FrameKind(IntEnum):
    """The kind of a frame, which determines its body."""

    READY = 1
    """No body. The process can take batches."""
    POLICY = 2
    """The policy for the following batches."""
    BATCH = 3
    """An `EncodedBatch`."""
    DONE = 4
    """A `Committed`. The batch is durable."""
    FAILED = 5
    """An error message. Nothing of the batch was written."""


class _Alert(Alert, frozen=True, array_like=True):
    """An alert in a frame: its fields without their names."""


class _Verdict(Verdict, frozen=True, array_like=True):
    """A verdict in a frame. Its labels are sent only if they differ from the alert's labels."""


class EncodedBatch(msgspec.Struct, frozen=True, array_like=True):
    """Alerts to commit, the store's time, and when the alerts were received."""

    now: int
    received: list[tuple[int, int]]
    pairs: list[tuple[_Alert, _Verdict]]


class ChannelTraits(msgspec.Struct, frozen=True):
    """The attributes of a channel that a transaction needs."""

    name: str
    kind: str
    handles: frozenset[Job]
    keyed: bool


class TrackerTraits(msgspec.Struct, frozen=True):
    """The attributes of a tracker that a transaction needs."""

    name: str
    kind: str


class Gone(Exception):
    """The other process has closed the socket."""


encode = msgspec.msgpack.Encoder().encode
_decode_batch = msgspec.msgpack.Decoder(EncodedBatch).decode
decode_committed = msgspec.msgpack.Decoder(Committed).decode


def encode_pairs(pairs: Sequence[Classified]) -> bytes:
    """Encode the alerts of a `batch_frame` in advance."""
    return encode([(astuple(alert), _without_labels(alert, verdict)) for alert, verdict in pairs])


def _without_labels(alert: Alert, verdict: Verdict) -> tuple[Any, ...]:
    fields = astuple(verdict)
    return fields if verdict.labels is not alert.labels else (*fields[:_LABELS], {}, *fields[_LABELS + 1 :])


def batch_frame(pairs: bytes, received: Receipts, now: int) -> bytes:
    """Encode the body of a `FrameKind.BATCH`."""
    return encode((now, received, msgspec.Raw(pairs)))


def batch_of(body: bytes | bytearray) -> EncodedBatch:
    """Decode the body of a `FrameKind.BATCH`."""
    batch = _decode_batch(body)
    for alert, verdict in batch.pairs:
        if not verdict.labels:
            force_setattr(verdict, "labels", alert.labels)
    return batch


def policy_frame(policy: Policy) -> bytes:
    """Encode the body of a `FrameKind.POLICY`: the policy without its rules and without running channels and trackers.

    Pickle is safe here: both ends are this program, and no other process has the socket.
    """
    own = policy.self_playbook
    channels = {
        name: ChannelTraits(channel.name, channel.kind, channel.handles, channel.keyed)
        for name, channel in policy.channels.items()
    }
    trackers = {name: TrackerTraits(tracker.name, tracker.kind) for name, tracker in policy.trackers.items()}
    rules = RuleSet((), own.name, {own.name: [own.unrouted]}, {own.name: own.unrouted})
    fields = {name: getattr(policy, name) for name in policy.__dataclass_fields__}
    return pickle.dumps(
        fields
        | {"rules": rules, "channels": channels, "trackers": trackers, "templates": {}, "former_keys": FormerKeys()}
    )


def policy_of(body: bytes | bytearray) -> Policy:
    """Decode the body of a `FrameKind.POLICY`."""
    fields = pickle.loads(body)  # noqa: S301 - see `policy_frame`
    fields["channels"] = cast("dict[str, Channel]", fields["channels"])
    fields["trackers"] = cast("dict[str, Tracker]", fields["trackers"])
    return Policy(**fields)


def send(link: socket.socket, kind: FrameKind, body: bytes = b"") -> None:
    """Send one frame.

    Raises:
        OSError: The other process has closed the socket.
    """
    link.sendall(_HEAD.pack(len(body), kind) + body)


def receive(link: socket.socket) -> tuple[FrameKind, bytearray]:
    """Wait for one frame.

    Raises:
        Gone: The other process has closed the socket.
        ValueError: The kind of the frame is unknown.
    """
    length, kind = _HEAD.unpack(_exactly(link, _HEAD.size))
    return FrameKind(kind), _exactly(link, length)


def _exactly(link: socket.socket, length: int) -> bytearray:
    body = bytearray(length)
    rest = memoryview(body)
    while rest:
        # Read the whole body in one call if possible, because each return waits for the GIL.
        count = link.recv_into(rest, flags=socket.MSG_WAITALL)
        if count == 0:
            raise Gone
        rest = rest[count:]
    return body

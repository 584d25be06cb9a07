"""What the daemon and its committing process say to each other over a socket pair: length, kind, body."""

import pickle
import socket
import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, cast

import msgspec
from msgspec.structs import astuple, force_setattr

from tocsin.core.alert import Alert
from tocsin.core.outbox import Job
from tocsin.core.rules import RuleSet
from tocsin.core.verdict import Verdict
from tocsin.engine.commit import Committed
from tocsin.engine.former_keys import FormerKeys
from tocsin.engine.intake import Classified
from tocsin.engine.policy import Policy
from tocsin.ports.channel import Channel
from tocsin.ports.tracker import Tracker

_HEAD = struct.Struct("!IB")

_LABELS = Verdict.__struct_fields__.index("labels")


class Kind(IntEnum):
    """What a frame's body is."""

    READY = 1
    """Nothing: the process can take batches."""
    POLICY = 2
    """The policy by which the following batches are committed."""
    BATCH = 3
    """A `Batch`."""
    DONE = 4
    """A `Committed`: it is durable."""
    FAILED = 5
    """Text: why nothing of the batch was written."""


class _Alert(Alert, frozen=True, array_like=True):
    """An alert on the wire: its fields without their names."""


class _Verdict(Verdict, frozen=True, array_like=True):
    """A verdict on the wire. Its labels are sent only where they are not the alert's own."""


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """Alerts to commit, and the store's time."""

    now: int
    pairs: list[tuple[_Alert, _Verdict]]


class Traits(msgspec.Struct, frozen=True):
    """What a transaction asks about a channel; it sends nothing."""

    name: str
    kind: str
    handles: frozenset[Job]
    keyed: bool


class TrackerTraits(msgspec.Struct, frozen=True):
    """What a transaction asks of a tracker."""

    name: str
    kind: str


class Gone(Exception):
    """The other side has closed the socket."""


encode = msgspec.msgpack.Encoder().encode
_decode_batch = msgspec.msgpack.Decoder(Batch).decode
decode_committed = msgspec.msgpack.Decoder(Committed).decode


def encode_pairs(pairs: Sequence[Classified]) -> bytes:
    """What is most of a `batch_frame`, so that it can be made ahead."""
    return encode([(astuple(alert), _without_labels(alert, verdict)) for alert, verdict in pairs])


def _without_labels(alert: Alert, verdict: Verdict) -> tuple[Any, ...]:
    fields = astuple(verdict)
    return fields if verdict.labels is not alert.labels else (*fields[:_LABELS], {}, *fields[_LABELS + 1 :])


def batch_frame(pairs: bytes, now: int) -> bytes:
    """The body of a `Kind.BATCH`."""
    return encode((now, msgspec.Raw(pairs)))


def batch_of(body: bytes | bytearray) -> Batch:
    """The batch of a `Kind.BATCH`."""
    batch = _decode_batch(body)
    for alert, verdict in batch.pairs:
        if not verdict.labels:
            force_setattr(verdict, "labels", alert.labels)
    return batch


def policy_frame(policy: Policy) -> bytes:
    """The body of a `Kind.POLICY`: all that a transaction needs of it, without rules and without ways out.

    Pickled, because both ends are this program, and nobody else has the socket.
    """
    own = policy.self_playbook
    channels = {
        name: Traits(channel.name, channel.kind, channel.handles, channel.keyed)
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
    """The policy of a `Kind.POLICY`."""
    fields = pickle.loads(body)  # noqa: S301 - see `policy_frame`
    fields["channels"] = cast("dict[str, Channel]", fields["channels"])
    fields["trackers"] = cast("dict[str, Tracker]", fields["trackers"])
    return Policy(**fields)


def send(link: socket.socket, kind: Kind, body: bytes = b"") -> None:
    """Send one frame.

    Raises:
        OSError: The other side is gone.
    """
    link.sendall(_HEAD.pack(len(body), kind) + body)


def receive(link: socket.socket) -> tuple[Kind, bytearray]:
    """Wait for one frame.

    Raises:
        Gone: There will be none.
        ValueError: It is of no kind that there is.
    """
    length, kind = _HEAD.unpack(_exactly(link, _HEAD.size))
    return Kind(kind), _exactly(link, length)


def _exactly(link: socket.socket, length: int) -> bytearray:
    body = bytearray(length)
    rest = memoryview(body)
    while rest:
        # Whole, if it can be: each return has to wait for the interpreter.
        count = link.recv_into(rest, flags=socket.MSG_WAITALL)
        if count == 0:
            raise Gone
        rest = rest[count:]
    return body

"""What the daemon and its committing process say to each other over a socket pair: length, kind, body."""

import pickle
import socket
import struct
from enum import IntEnum
from typing import cast

import msgspec

from tocsin.core.alert import Alert
from tocsin.core.outbox import Job
from tocsin.core.rules import RuleSet
from tocsin.core.verdict import Verdict
from tocsin.engine.commit import Committed
from tocsin.engine.policy import Policy
from tocsin.ports.channel import Channel

_HEAD = struct.Struct("!IB")


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


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """Alerts to commit, and the store's time."""

    now: int
    pairs: list[tuple[Alert, Verdict]]


class Traits(msgspec.Struct, frozen=True):
    """What a transaction asks about a channel; it sends nothing."""

    name: str
    kind: str
    handles: frozenset[Job]
    keyed: bool


class Gone(Exception):
    """The other side has closed the socket."""


encode = msgspec.msgpack.Encoder().encode
decode_batch = msgspec.msgpack.Decoder(Batch).decode
decode_committed = msgspec.msgpack.Decoder(Committed).decode


def batch_frame(pairs: bytes, now: int) -> bytes:
    """The body of a `Kind.BATCH`; ``pairs`` are encoded already."""
    return encode((now, msgspec.Raw(pairs)))


def policy_frame(policy: Policy) -> bytes:
    """The body of a `Kind.POLICY`: all that a transaction needs of it, without rules and without ways out.

    Pickled, because both ends are this program, and nobody else has the socket.
    """
    own = policy.self_playbook
    channels = {
        name: Traits(channel.name, channel.kind, channel.handles, channel.keyed)
        for name, channel in policy.channels.items()
    }
    rules = RuleSet((), own.name, {own.name: [own.unrouted]}, {own.name: own.unrouted})
    fields = {name: getattr(policy, name) for name in policy.__dataclass_fields__}
    return pickle.dumps(fields | {"rules": rules, "channels": channels, "templates": {}})


def policy_of(body: bytes) -> Policy:
    """The policy of a `Kind.POLICY`."""
    fields = pickle.loads(body)  # noqa: S301 - see `policy_frame`
    fields["channels"] = cast("dict[str, Channel]", fields["channels"])
    return Policy(**fields)


def send(link: socket.socket, kind: Kind, body: bytes = b"") -> None:
    """Send one frame.

    Raises:
        OSError: The other side is gone, or does not take it in time.
    """
    link.sendall(_HEAD.pack(len(body), kind))
    link.sendall(body)


def receive(link: socket.socket) -> tuple[Kind, bytes]:
    """Wait for one frame.

    Raises:
        Gone: There will be none.
        OSError: None comes in time.
        ValueError: It is of no kind that there is.
    """
    length, kind = _HEAD.unpack(_exactly(link, _HEAD.size))
    return Kind(kind), _exactly(link, length)


def _exactly(link: socket.socket, length: int) -> bytes:
    body = bytearray(length)
    rest = memoryview(body)
    while rest:
        count = link.recv_into(rest)
        if count == 0:
            raise Gone
        rest = rest[count:]
    return bytes(body)

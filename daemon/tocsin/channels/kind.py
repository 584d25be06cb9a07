"""A kind of channel: its settings and contacts, as the configuration reads them, and how one is built."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tocsin.conf.channels import ChannelKind, ChannelSettings
from tocsin.ports.channel import Channel

S = TypeVar("S", bound=ChannelSettings)


@dataclass(frozen=True)
class BuildableKind(ChannelKind, Generic[S]):
    """An entry of the registry: a `ChannelKind` that can create a channel from its settings."""

    build: Callable[[str, S], Channel]
    """(name, settings) -> the channel, not yet started."""

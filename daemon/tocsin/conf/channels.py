"""What the configuration knows of channels and trackers: that there are kinds of them, which it is handed.

A kind is declared beside its channel (``channels/<kind>/``) and registered in
``channels/registry``; this floor only reads ``channels:`` and contacts by it.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from tocsin.conf.schema import Section
from tocsin.core.people import Contact


class ChannelSettings(Section):
    """Base of what stands under ``channels: <name>:`` beside ``kind``.

    A secret is a field of type `conf.secrets.Secret`: ``token: Secret`` is
    written as ``token_file``, ``token_env`` or ``token_credential``.
    """

    def destinations(self) -> frozenset[str] | None:
        """The destinations that contacts may have here, where the settings list them; None: any."""
        return None

    @property
    def asks_for_answers(self) -> bool:
        """Whether somebody who is paged may answer by the same way, where there is one back."""
        return True

    @property
    def informs(self) -> bool:
        """Return whether the channel carries updates and reminders beside pages."""
        return True

    def doubts(self) -> tuple[str, ...]:
        """What works, but is hardly meant: told as warnings."""
        return ()


class ContactSettings(Section):
    """Base of what stands under ``contact:`` beside ``channel``."""

    @abstractmethod
    def contact(self, channel: str) -> Contact:
        """The way to this destination on the channel of that name."""


@dataclass(frozen=True)
class ChannelKind:
    """One kind of channel, as far as the configuration goes."""

    kind: str
    settings: type[ChannelSettings]
    contacts: type[ContactSettings]


class TrackerSettings(Section):
    """Base of what stands under ``trackers: <name>:`` beside ``kind``."""

    def doubts(self) -> tuple[str, ...]:
        """What works, but is hardly meant: told as warnings."""
        return ()


@dataclass(frozen=True)
class TrackerKind:
    """One kind of tracker, as far as the configuration goes."""

    kind: str
    settings: type[TrackerSettings]


@dataclass(frozen=True)
class Kinds:
    """What there is, by name: the kinds of channels, ``console`` among them, and of trackers."""

    channels: Mapping[str, ChannelKind]
    trackers: Mapping[str, TrackerKind] = field(default_factory=dict)


@dataclass(frozen=True)
class ConfiguredTracker:
    """One entry of ``trackers:``."""

    name: str
    kind: str
    settings: TrackerSettings


@dataclass(frozen=True)
class ConfiguredChannel:
    """One entry of ``channels:``."""

    name: str
    kind: str
    settings: ChannelSettings

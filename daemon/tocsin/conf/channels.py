"""Kinds of channels and trackers, as the configuration uses them.

A kind is declared beside its channel (``channels/<kind>/``) and registered in ``channels/registry``; this package
receives the kinds and uses them to read ``channels:`` and contacts.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from tocsin.conf.schema import Section
from tocsin.core.oncall.people import Contact


class ChannelSettings(Section):
    """Base class for the keys beside ``kind`` in ``channels: <name>:``.

    A secret is a field of type `conf.secrets.Secret`: ``token: Secret`` is written as ``token_file``, ``token_env`` or
    ``token_credential``.
    """

    def destinations(self) -> frozenset[str] | None:
        """Return the destinations that contacts may use on this channel; None if the settings do not list them."""
        return None

    @property
    def asks_for_answers(self) -> bool:
        """Return whether the recipient of a page can respond through the same channel."""
        return True

    @property
    def informs(self) -> bool:
        """Return whether the channel carries updates and reminders in addition to pages."""
        return True

    def doubts(self) -> tuple[str, ...]:
        """Return likely mistakes, which are reported as warnings."""
        return ()


class ContactSettings(Section):
    """Base class for the keys beside ``channel`` in ``contact:``."""

    @abstractmethod
    def contact(self, channel: str) -> Contact:
        """Return the contact of these settings through the channel with the name ``channel``."""


@dataclass(frozen=True)
class ChannelKind:
    """A kind of channel, as the configuration uses it."""

    kind: str
    settings: type[ChannelSettings]
    contacts: type[ContactSettings]


class TrackerSettings(Section):
    """Base class for the keys beside ``kind`` in ``trackers: <name>:``."""

    def doubts(self) -> tuple[str, ...]:
        """Return likely mistakes, which are reported as warnings."""
        return ()


@dataclass(frozen=True)
class TrackerKind:
    """A kind of tracker, as the configuration uses it."""

    kind: str
    settings: type[TrackerSettings]


@dataclass(frozen=True)
class Kinds:
    """The available kinds by name: channels, including ``console``, and trackers."""

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

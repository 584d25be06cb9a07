"""A kind of tracker: its settings, as the configuration reads them, and how one is built."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tocsin.conf.channels import TrackerKind, TrackerSettings
from tocsin.ports.tracker import Tracker

S = TypeVar("S", bound=TrackerSettings)


@dataclass(frozen=True)
class BuildableTracker(TrackerKind, Generic[S]):
    """An entry of the registry: a `TrackerKind` that can create a tracker from its settings."""

    build: Callable[[str, S], Tracker]
    """(name, settings) -> the tracker, not yet started."""

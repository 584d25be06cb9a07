"""A source of alerts that can be queried: one replica of an Alertmanager."""

from collections.abc import Mapping
from typing import Protocol

from tocsin.core.errors import TocsinError


class Unreachable(TocsinError):
    """An Alertmanager that gives no usable answer: no response, an invalid one, or its alerts are not loaded yet."""


class Replica(Protocol):
    """One of the Alertmanagers that share a source's alerts."""

    @property
    def url(self) -> str:
        """The base URL."""
        ...

    async def alerts(self) -> Mapping[str, Mapping[str, str]]:
        """Return the labels of every unresolved alert, including silenced and inhibited ones, by fingerprint.

        Raises:
            Unreachable: The Alertmanager gives no usable response.
        """
        ...

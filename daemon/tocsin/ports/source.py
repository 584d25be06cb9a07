"""A source of alerts that can be asked: one replica of an Alertmanager."""

from collections.abc import Mapping
from typing import Protocol

from tocsin.core.errors import TocsinError


class Unreachable(TocsinError):
    """It does not answer, answers badly, or does not know its alerts yet: its word counts for nothing."""


class Replica(Protocol):
    """One of the Alertmanagers that share a source's alerts."""

    @property
    def url(self) -> str:
        """Where it is."""
        ...

    async def alerts(self) -> Mapping[str, Mapping[str, str]]:
        """The labels of every alert that it knows and that is not resolved, silenced and inhibited ones too.

        By fingerprint.

        Raises:
            Unreachable: It cannot say.
        """
        ...

"""Metrics about the daemon itself."""

from enum import StrEnum
from typing import Protocol


class Limit(StrEnum):
    """A limit that cuts or drops something without an error: the values of ``limits_exceeded_total{limit}``."""

    ANSWER_BYTES = "answer_bytes"
    MEASURED_RECORDS = "measured_records"
    METRICS_RENDERINGS = "metrics_renderings"
    SELF_FAULTS = "self_faults"
    SELF_INCIDENTS = "self_incidents"
    SENDERS = "senders"
    SLACK_CLICKS = "slack_clicks"
    SMS_CHARACTERS = "sms_characters"
    WATCHDOG_SOURCES = "watchdog_sources"


class Observer(Protocol):
    """A recorder of metrics, by DESIGN's names without the ``tocsin_`` prefix.

    An unknown name or label raises an error at once: a misspelled metric is never silent.
    """

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Record a value (seconds) in a histogram."""
        ...

    def gauge(self, name: str, value: float | None, **labels: str) -> None:
        """Set a gauge; None removes the child (no data, no gauge)."""
        ...

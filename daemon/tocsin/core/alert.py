"""Alerts and their episodes, as Alertmanager tells them and as tocsin keeps them."""

from enum import StrEnum

import msgspec

from tocsin.core.condition import Condition

_FNV_OFFSET = 14695981039346656037
_FNV_PRIME = 1099511628211
_FNV_MASK = (1 << 64) - 1

SELF_SOURCE = "tocsin"
"""The source name of the alerts that tocsin raises about itself."""

DRILL_LABEL = "tocsin_drill"
"""A label that marks a drill: paged like any other alert, left out of the measures."""


class AlertStatus(StrEnum):
    """What Alertmanager says of one alert."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(msgspec.Struct, frozen=True):
    """One alert of one webhook.

    Identity is (source, fingerprint); ``starts_at`` moves and is evidence only
    (Alertmanager merges updates and keeps the earliest start).

    Times are microseconds since the epoch, UTC; None where the sender gave
    none or Go's zero time (year 1).
    """

    source: str
    fingerprint: str
    status: AlertStatus
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: int | None = None
    ends_at: int | None = None
    generator_url: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """The alert's identity."""
        return (self.source, self.fingerprint)

    @property
    def name(self) -> str:
        """The ``alertname`` label, or "" (it is a convention, not required)."""
        return self.labels.get("alertname", "")


class EpisodeStatus(StrEnum):
    """Where an episode stands."""

    FIRING = "firing"
    RESOLVED = "resolved"
    HELD = "held"
    """A late copy of an episode that had just resolved: believed if nothing contradicts it in time."""
    SUPPRESSED = "suppressed"
    """A rule said that nobody is to be told."""


class Episode(msgspec.Struct, frozen=True):
    """One firing spell of one alert, from firing to resolved; numbered by tocsin.

    Times are microseconds since the epoch, UTC.
    """

    source: str
    fingerprint: str
    episode: int
    status: EpisodeStatus
    starts_at: int | None
    """As the sender says; the earliest seen."""
    ends_at: int | None
    """As the sender says, or the moment tocsin heard of the end."""
    first_seen_at: int
    last_seen_at: int
    labels: dict[str, str]
    annotations: dict[str, str]
    incident_id: str | None
    """None for what opened no incident: suppressed, or resolved before it was seen firing."""
    generator_url: str = ""
    severity: str = ""
    """The level of the incident's playbook that the rules gave this alert."""
    trace: tuple[str, ...] = ()
    """Names of the rules that decided its severity, in order."""
    rules_sha: str = ""
    """The rule set that did; empty where none did, or an older version wrote the row."""
    own_labels: dict[str, str] | None = None
    """Its labels as they came, where rules have added some or replaced them."""
    holds: tuple[Condition, ...] = ()
    """Those of the conditions of rules that held then."""
    held_until: int | None = None
    newest_start_at: int | None = None
    """The latest start that a copy of this spell gave, none later than its receipt; None: ``starts_at``."""

    @property
    def key(self) -> tuple[str, str]:
        """The alert's identity."""
        return (self.source, self.fingerprint)

    @property
    def last_start_at(self) -> int | None:
        """Return the latest start that the sender gave for this spell; None where it gave none."""
        return self.starts_at if self.newest_start_at is None else self.newest_start_at

    def stood_at(self, at: int) -> bool:
        """Whether its source says that it fires, or that it ended no sooner than ``at`` (epoch microseconds)."""
        if self.status is EpisodeStatus.RESOLVED:
            return self.ends_at is not None and self.ends_at >= at
        return self.status is EpisodeStatus.FIRING

    @property
    def as_it_came(self) -> dict[str, str]:
        """Its labels without those of rules."""
        return self.labels if self.own_labels is None else self.own_labels


def fingerprint(labels: dict[str, str]) -> str:
    """Alertmanager's fingerprint of a label set: FNV-1a-64 as 16 hex digits.

    Over the sorted names and values, each followed by the byte 0xFF; the same
    in every Alertmanager since 0.1 (prometheus/common ``model.LabelSet``).
    """
    value = _FNV_OFFSET
    for name in sorted(labels):
        for byte in name.encode() + b"\xff" + labels[name].encode() + b"\xff":
            value = ((value ^ byte) * _FNV_PRIME) & _FNV_MASK
    return f"{value:016x}"

"""Alerts as Alertmanager sends them, and their episodes as tocsin keeps them."""

from enum import StrEnum

import msgspec

from tocsin.core.matching.condition import Condition

_FNV_OFFSET = 14695981039346656037
_FNV_PRIME = 1099511628211
_FNV_MASK = (1 << 64) - 1

SELF_SOURCE = "tocsin"
"""Source name of the alerts that tocsin raises about itself."""
SELF_ALERT = "TocsinTrouble"
"""Name of the alerts that tocsin raises about itself."""

DRILL_SOURCE = "tocsin-drill"
"""Source of the alerts of scheduled drills. Only tocsin itself may use it."""

OWN_SOURCES = frozenset({SELF_SOURCE, DRILL_SOURCE})
"""Sources whose alerts tocsin itself sends: the rules do not decide about their incidents."""

DRILL_LABEL = "tocsin_drill"
"""Label that marks a drill: paged like any other alert, but not counted in the statistics."""


class AlertStatus(StrEnum):
    """Status of an alert as Alertmanager sends it."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(msgspec.Struct, frozen=True):
    """One alert of one webhook.

    Identity is (source, fingerprint). ``starts_at`` may change and is evidence only:
    Alertmanager merges updates and keeps the earliest start.

    Times are microseconds since the epoch, UTC; None where the sender gave
    no time or Go's zero time (year 1).
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
        """The alert's identity: (source, fingerprint)."""
        return (self.source, self.fingerprint)

    @property
    def name(self) -> str:
        """The ``alertname`` label, or "" if there is none (Alertmanager does not require it)."""
        return self.labels.get("alertname", "")


class EpisodeStatus(StrEnum):
    """Status of an episode."""

    FIRING = "firing"
    RESOLVED = "resolved"
    HELD = "held"
    """Begun by a firing copy that may be late: the alert counts as firing, unless a resolve comes in time."""
    SUPPRESSED = "suppressed"
    """Recorded without a notification, because a rule said so."""


class Episode(msgspec.Struct, frozen=True):
    """One firing period of one alert, from firing to resolved; numbered by tocsin.

    Times are microseconds since the epoch, UTC.
    """

    source: str
    fingerprint: str
    episode: int
    status: EpisodeStatus
    starts_at: int | None
    """The earliest start that the sender gave."""
    ends_at: int | None
    """The end that the sender gave, or the time at which tocsin received the resolve."""
    first_seen_at: int
    last_seen_at: int
    labels: dict[str, str]
    annotations: dict[str, str]
    incident_id: str | None
    """None if there is no incident: the alert is suppressed, or was never seen firing."""
    generator_url: str = ""
    severity: str = ""
    """The level of the incident's playbook that the rules gave this alert."""
    trace: tuple[str, ...] = ()
    """Names of the rules that decided the severity, in order."""
    rules_sha: str = ""
    """Hash of the rule set that evaluated the alert; "" if none did, or if an older version wrote the row."""
    own_labels: dict[str, str] | None = None
    """The labels as received, if rules have added or replaced some; else None."""
    holds: tuple[Condition, ...] = ()
    """The rules' conditions that were true for this alert."""
    held_until: int | None = None
    newest_start_at: int | None = None
    """The latest start in any copy of this episode, none later than its receipt; None: ``starts_at``."""

    @property
    def key(self) -> tuple[str, str]:
        """The alert's identity: (source, fingerprint)."""
        return (self.source, self.fingerprint)

    @property
    def last_start_at(self) -> int | None:
        """The latest start that the sender gave for this episode; None if it gave none."""
        return self.starts_at if self.newest_start_at is None else self.newest_start_at

    def stood_at(self, at: int) -> bool:
        """Return whether the alert fired at ``at`` (epoch microseconds) or later, according to its source."""
        if self.status is EpisodeStatus.RESOLVED:
            return self.ends_at is not None and self.ends_at >= at
        return self.status is EpisodeStatus.FIRING

    @property
    def as_it_came(self) -> dict[str, str]:
        """The labels as received, without those that rules have set."""
        return self.labels if self.own_labels is None else self.own_labels


def alert_of(episode: Episode) -> Alert:
    """Return the alert of a stored episode as it was received, firing."""
    return Alert(
        source=episode.source,
        fingerprint=episode.fingerprint,
        status=AlertStatus.FIRING,
        labels=episode.as_it_came,
        annotations=episode.annotations,
        starts_at=episode.starts_at,
        generator_url=episode.generator_url,
    )


def fingerprint(labels: dict[str, str]) -> str:
    """Return Alertmanager's fingerprint of a label set: FNV-1a-64 as 16 hex digits.

    The hash covers the sorted names and values, each followed by the byte 0xFF. It is the same
    in every Alertmanager since 0.1 (prometheus/common ``model.LabelSet``).
    """
    value = _FNV_OFFSET
    for name in sorted(labels):
        for byte in name.encode() + b"\xff" + labels[name].encode() + b"\xff":
            value = ((value ^ byte) * _FNV_PRIME) & _FNV_MASK
    return f"{value:016x}"

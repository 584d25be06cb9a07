"""Deduplication of alerts: each received copy begins, repeats or ends an episode.

Alertmanager delivers at least once, in any order, from several replicas: each
delivery of an alert is a copy. An alert is identified by (source, fingerprint).
An episode is one firing period of an alert. This module compares a copy with the
newest known episode of the same alert.
"""

from enum import StrEnum

import msgspec

from tocsin.core.alerts.alert import Alert, AlertStatus, Episode, EpisodeStatus
from tocsin.core.duration import SECOND
from tocsin.core.rules.verdict import Verdict
from tocsin.core.typed_replace import replace

LATE_COPY_WITHIN = 90 * SECOND
"""Time after a resolve in which a firing copy may be a late one, from the slower replica of a pair.

Such a copy has a start that was already known for the resolved episode. The copy is held for the
same time. If no resolve arrives meanwhile, the alert counts as firing.
"""


class Sighting(StrEnum):
    """The result of comparing a copy of an alert with the newest episode of the alert."""

    BEGINS = "begins"
    """A new episode fires."""
    REPEATS = "repeats"
    """The firing episode is confirmed; only its annotations or severity may have changed."""
    ENDS = "ends"
    """The firing episode has resolved."""
    HELD = "held"
    """Possibly a late copy of an episode that has just resolved."""
    NO_EVENT = "no_event"
    """The episode is stored, but no incident changes: the alert is suppressed, still held, or was never seen firing."""
    NOTHING = "nothing"
    """Already known, or outdated; nothing is written."""


class Placed(msgspec.Struct, frozen=True):
    """The result for one copy, and the updated episode (None: nothing to write)."""

    sighting: Sighting
    episode: Episode | None


def place(alert: Alert, verdict: Verdict, last: Episode | None, now: int) -> Placed:
    """Compare a copy of an alert with the alert's newest known episode, and return the result."""
    if alert.status is AlertStatus.FIRING:
        return _place_firing(alert, verdict, last, now)
    return _place_resolved(alert, verdict, last, now)


def _place_firing(alert: Alert, verdict: Verdict, last: Episode | None, now: int) -> Placed:
    if last is not None and last.status is not EpisodeStatus.RESOLVED:
        refreshed = _refreshed(last, alert, verdict, now)
        if last.status is EpisodeStatus.FIRING:
            is_by_others = is_judged_by_other_rules(last, verdict)
            return Placed(Sighting.REPEATS, _seen_again(last, alert, now) if is_by_others else refreshed)
        if last.status is EpisodeStatus.HELD and _is_accepted(alert, last, now):
            accepted = replace(refreshed, status=EpisodeStatus.FIRING, held_until=None)
            return Placed(Sighting.BEGINS, accepted)
        if last.status is EpisodeStatus.HELD or verdict.suppress:
            return Placed(Sighting.NO_EVENT, refreshed)
    if verdict.suppress:
        return Placed(Sighting.NO_EVENT, _episode(alert, verdict, last, EpisodeStatus.SUPPRESSED, now))
    if last is not None and _is_late_copy(alert, last, now):
        held = _episode(alert, verdict, last, EpisodeStatus.HELD, now)
        return Placed(
            Sighting.HELD,
            replace(held, held_until=now + LATE_COPY_WITHIN, incident_id=last.incident_id),
        )
    return Placed(Sighting.BEGINS, _episode(alert, verdict, last, EpisodeStatus.FIRING, now))


def _place_resolved(alert: Alert, verdict: Verdict, last: Episode | None, now: int) -> Placed:
    if last is None or _is_of_unseen_episode(alert, last):
        return Placed(Sighting.NO_EVENT, _episode(alert, verdict, last, EpisodeStatus.RESOLVED, now))
    if last.status is EpisodeStatus.RESOLVED or _is_outdated(alert, last):
        return Placed(Sighting.NOTHING, None)
    ended = replace(
        last,
        status=EpisodeStatus.RESOLVED,
        ends_at=alert.ends_at if alert.ends_at is not None else now,
        last_seen_at=now,
        held_until=None,
    )
    return Placed(Sighting.ENDS if last.status is EpisodeStatus.FIRING else Sighting.NO_EVENT, ended)


def _is_of_unseen_episode(alert: Alert, last: Episode) -> bool:
    """Return whether a resolve ends a newer episode, of which no firing copy was ever received.

    In Grafana's resolves, ``startsAt`` may equal ``endsAt``. Then the start is unknown, and the resolve counts as a
    repetition.
    """
    if last.status is not EpisodeStatus.RESOLVED or alert.starts_at is None or alert.starts_at == alert.ends_at:
        return False
    # Needed if the sender's clock is ahead: `last_start_at` below is limited to the time of tocsin's clock.
    if alert.starts_at == last.starts_at:
        return False
    return alert.starts_at > (last.last_start_at or last.ends_at or 0)


def _is_late_copy(alert: Alert, last: Episode, now: int) -> bool:
    """Return whether a firing copy must be held as a late one.

    A copy whose resolved episode had no incident is never held: a page too many is better than a lost one.
    """
    return (
        last.status is EpisodeStatus.RESOLVED
        and last.incident_id is not None
        and alert.starts_at is not None
        and last.starts_at is not None
        and not _began_later(alert, last)
        and now - last.last_seen_at < LATE_COPY_WITHIN
    )


def _is_accepted(alert: Alert, held: Episode, now: int) -> bool:
    """Return whether a held alert counts as firing: its start is later than all known ones, or the time is over."""
    return _began_later(alert, held) or held.held_until is None or held.held_until <= now


def _began_later(alert: Alert, last: Episode) -> bool:
    """Return whether an alert's start is later than every start given for the last known episode."""
    start = last.last_start_at
    if alert.starts_at is None or start is None or alert.starts_at == last.starts_at:
        return False
    return alert.starts_at > start


def _is_outdated(alert: Alert, last: Episode) -> bool:
    """Return whether a resolve belongs to an earlier episode and was delivered after the next one began."""
    start = last.last_start_at
    if alert.ends_at is None or start is None:
        return False
    if alert.starts_at is not None and last.starts_at is not None and alert.starts_at < last.starts_at:
        # Both starts are by the sender's clock, which may be ahead. `last_start_at` is limited to tocsin's clock,
        # so the end must also be compared with the start as it was sent.
        start = max(start, last.starts_at)
    return alert.ends_at < start


def _with_start(last: Episode, alert: Alert, now: int) -> Episode:
    """Return the episode with a further start from the sender: the earliest and the newest are kept.

    A start in the future comes from a wrong clock. It is limited to ``now``: otherwise every resolve would look
    outdated.
    """
    if alert.starts_at is None:
        return last
    earliest = alert.starts_at if last.starts_at is None else min(last.starts_at, alert.starts_at)
    newest = max(last.last_start_at or 0, min(alert.starts_at, now))
    return replace(last, starts_at=earliest, newest_start_at=newest if newest != earliest else None)


def is_judged_by_other_rules(last: Episode, verdict: Verdict) -> bool:
    """Return whether only a change of the rules can have changed the verdict on a firing episode, which keeps its own.

    Otherwise, an upgrade or a reload would page again for what fires already.
    """
    return last.rules_sha != verdict.rules_sha and last.holds == verdict.holds


def _seen_again(last: Episode, alert: Alert, now: int) -> Episode:
    seen = replace(last, last_seen_at=now, annotations=alert.annotations)
    return _with_start(seen, alert, now) if alert.starts_at != last.starts_at else seen


def _refreshed(last: Episode, alert: Alert, verdict: Verdict, now: int) -> Episode:
    refreshed = _seen_again(last, alert, now)
    if verdict.severity == last.severity:
        return refreshed
    # The stored rules must be the ones that gave this severity: explanations are evaluated from them.
    return replace(
        refreshed,
        severity=verdict.severity,
        trace=verdict.trace,
        rules_sha=verdict.rules_sha,
        holds=verdict.holds,
    )


def _episode(alert: Alert, verdict: Verdict, last: Episode | None, status: EpisodeStatus, now: int) -> Episode:
    # Positional, because this is called for every alert: keyword arguments would take six times as long.
    return Episode(
        alert.source,
        alert.fingerprint,
        last.episode + 1 if last is not None else 1,
        status,
        alert.starts_at,
        alert.ends_at if status is EpisodeStatus.RESOLVED else None,
        now,  # first seen
        now,  # last seen
        verdict.labels,
        alert.annotations,
        None,  # its incident
        alert.generator_url,
        verdict.severity,
        verdict.trace,
        verdict.rules_sha,
        None if verdict.labels is alert.labels else alert.labels,
        verdict.holds,
        None,  # held until
        now if alert.starts_at is not None and alert.starts_at > now else None,  # newest start
    )

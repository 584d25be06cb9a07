"""Which episode an alert belongs to: what is new, what repeats, what ends.

Alertmanager delivers at least once, in any order, from several replicas. What
makes an alert the same is (source, fingerprint); which of its firing spells it
tells of is decided here, against the newest episode that tocsin knows.
"""

from enum import StrEnum

import msgspec

from tocsin.core.alert import Alert, AlertStatus, Episode, EpisodeStatus
from tocsin.core.verdict import Verdict

SECOND = 1_000_000

LATE_COPY_WITHIN = 90 * SECOND
"""A firing copy with a start of an episode that resolved less than this ago comes, most likely,
from the slower replica of a pair: it is held this long, and believed if nothing contradicts it."""


class Sighting(StrEnum):
    """What an alert turned out to be."""

    BEGINS = "begins"
    """A new episode fires."""
    REPEATS = "repeats"
    """The firing episode is confirmed; at most its annotations or severity have changed."""
    ENDS = "ends"
    """The firing episode has resolved."""
    HELD = "held"
    """Perhaps a late copy of an episode that has just resolved."""
    UNTOLD = "untold"
    """Kept, but no incident hears of it: suppressed, or resolved without having been seen firing."""
    NOTHING = "nothing"
    """Known already, or overtaken; nothing is written."""


class Placed(msgspec.Struct, frozen=True):
    """An alert's sighting, and the episode as it now stands (None: nothing to write)."""

    sighting: Sighting
    episode: Episode | None


def place(alert: Alert, verdict: Verdict, last: Episode | None, now: int) -> Placed:
    """Decide what this alert says, given the newest episode known of it."""
    if alert.status is AlertStatus.FIRING:
        return _place_firing(alert, verdict, last, now)
    return _place_resolved(alert, verdict, last, now)


def _place_firing(alert: Alert, verdict: Verdict, last: Episode | None, now: int) -> Placed:
    if last is not None and last.status is not EpisodeStatus.RESOLVED:
        going_on = _refreshed(last, alert, verdict, now)
        if last.status is EpisodeStatus.FIRING:
            return Placed(Sighting.REPEATS, going_on)
        if last.status is EpisodeStatus.HELD and _is_believed(alert, last, now):
            believed = msgspec.structs.replace(going_on, status=EpisodeStatus.FIRING, held_until=None)
            return Placed(Sighting.BEGINS, believed)
        if last.status is EpisodeStatus.HELD or verdict.suppress:
            return Placed(Sighting.UNTOLD, going_on)
    if verdict.suppress:
        return Placed(Sighting.UNTOLD, _episode(alert, verdict, last, EpisodeStatus.SUPPRESSED, now))
    if last is not None and _is_late_copy(alert, last, now):
        held = _episode(alert, verdict, last, EpisodeStatus.HELD, now)
        return Placed(
            Sighting.HELD,
            msgspec.structs.replace(held, held_until=now + LATE_COPY_WITHIN, incident_id=last.incident_id),
        )
    return Placed(Sighting.BEGINS, _episode(alert, verdict, last, EpisodeStatus.FIRING, now))


def _place_resolved(alert: Alert, verdict: Verdict, last: Episode | None, now: int) -> Placed:
    if last is None or _is_of_unseen_spell(alert, last):
        return Placed(Sighting.UNTOLD, _episode(alert, verdict, last, EpisodeStatus.RESOLVED, now))
    if last.status is EpisodeStatus.RESOLVED or _is_overtaken(alert, last):
        return Placed(Sighting.NOTHING, None)
    ended = msgspec.structs.replace(
        last,
        status=EpisodeStatus.RESOLVED,
        ends_at=alert.ends_at if alert.ends_at is not None else now,
        last_seen_at=now,
        held_until=None,
    )
    return Placed(Sighting.ENDS if last.status is EpisodeStatus.FIRING else Sighting.UNTOLD, ended)


def _is_of_unseen_spell(alert: Alert, last: Episode) -> bool:
    """Return whether a resolve reports a spell that began after the last known one and was never seen firing.

    Grafana writes the end in place of the start, and repeats a resolve with other times: a spell without length says
    nothing of its start, so it is a repetition.
    """
    if last.status is not EpisodeStatus.RESOLVED or alert.starts_at is None or alert.starts_at == alert.ends_at:
        return False
    if alert.starts_at == last.starts_at:  # also where the sender's clock is ahead: what is compared below is bounded
        return False
    return alert.starts_at > (last.last_start_at or last.ends_at or 0)


def _is_late_copy(alert: Alert, last: Episode, now: int) -> bool:
    """Without an incident there is nothing that could carry the wait: believed at once (fail open)."""
    return (
        last.status is EpisodeStatus.RESOLVED
        and last.incident_id is not None
        and alert.starts_at is not None
        and last.starts_at is not None
        and not _began_later(alert, last)
        and now - last.last_seen_at < LATE_COPY_WITHIN
    )


def _is_believed(alert: Alert, held: Episode, now: int) -> bool:
    """A start of its own shows that it is no copy; and nothing is held for longer than it was to be."""
    return _began_later(alert, held) or held.held_until is None or held.held_until <= now


def _began_later(alert: Alert, last: Episode) -> bool:
    """Return whether the start of an alert is later than every start that was given for the last known spell."""
    start = last.last_start_at
    if alert.starts_at is None or start is None or alert.starts_at == last.starts_at:
        return False
    return alert.starts_at > start


def _is_overtaken(alert: Alert, last: Episode) -> bool:
    """Return whether a resolve is of an earlier spell, delivered after the next spell began."""
    start = last.last_start_at
    if alert.ends_at is None or start is None:
        return False
    if alert.starts_at is not None and last.starts_at is not None and alert.starts_at < last.starts_at:
        # Both come from the sender's clock, which may be ahead: its own start counts, not the bounded one.
        start = max(start, last.starts_at)
    return alert.ends_at < start


def _with_start(last: Episode, alert: Alert, now: int) -> Episode:
    """Return the episode with another start that the sender gives: the earliest and the newest are kept.

    A start in the future comes from a wrong clock: taken as it is, it would make every resolve look overtaken.
    """
    if alert.starts_at is None:
        return last
    earliest = alert.starts_at if last.starts_at is None else min(last.starts_at, alert.starts_at)
    newest = max(last.last_start_at or 0, min(alert.starts_at, now))
    return msgspec.structs.replace(last, starts_at=earliest, newest_start_at=newest if newest != earliest else None)


def _refreshed(last: Episode, alert: Alert, verdict: Verdict, now: int) -> Episode:
    going_on = msgspec.structs.replace(last, last_seen_at=now, annotations=alert.annotations)
    if alert.starts_at != last.starts_at:
        going_on = _with_start(going_on, alert, now)
    if verdict.severity == last.severity:
        return going_on
    # What is kept of the rules is what explains the severity.
    return msgspec.structs.replace(
        going_on,
        severity=verdict.severity,
        trace=verdict.trace,
        rules_sha=verdict.rules_sha,
        holds=verdict.holds,
    )


def _episode(alert: Alert, verdict: Verdict, last: Episode | None, status: EpisodeStatus, now: int) -> Episode:
    # One for every alert; by their names its fields take six times as long.
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

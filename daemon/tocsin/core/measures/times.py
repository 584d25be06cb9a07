"""Times of incidents: to acknowledge, to resolve, to detect, between failures; and targets.

A time belongs to the period in which it ends. An incident that was opened before the period and resolved in it counts
in the period with its whole time to resolve; one that is still open counts in none yet.
"""

from collections.abc import Iterable, Sequence

from tocsin.core.duration import SECOND
from tocsin.core.incident.sla import Promise
from tocsin.core.measures.figures import TargetFigure, TimeFigure, ratio
from tocsin.core.measures.period import ReportPeriod
from tocsin.core.measures.records import TARGETS, MeasuredIncident


def to_acknowledge(incidents: Iterable[MeasuredIncident], period: ReportPeriod) -> TimeFigure:
    """Return the MTTA: from the trigger to the first acknowledgment by a person, of acknowledgments in the period.

    An occurrence that no person acknowledged is missing here; `unacknowledged` counts it.
    """
    return _mean(
        each.acknowledged_at - each.opened_at
        for each in incidents
        if each.acknowledged_at is not None and period.has(each.acknowledged_at)
    )


def to_resolve(incidents: Iterable[MeasuredIncident], period: ReportPeriod) -> TimeFigure:
    """Return the MTTR: from the trigger to the last alert's end or a person's resolve, of resolves in the period."""
    return _mean(
        each.ended_at - each.opened_at
        for each in incidents
        if each.ended_at is not None and period.has(each.resolved_at)
    )


def to_detect(incidents: Iterable[MeasuredIncident], period: ReportPeriod) -> TimeFigure:
    """Return the MTTD: from the first alert's start, as reported by it, to the trigger, of triggers in the period.

    An incident without alerts, or whose alerts report no start, is missing.
    """
    return _mean(
        each.opened_at - each.first_alert_at
        for each in incidents
        if each.first_alert_at is not None and period.has(each.opened_at)
    )


def between_failures(
    incidents: Iterable[MeasuredIncident], period: ReportPeriod, since: int | None, now: int
) -> TimeFigure:
    """Return the MTBF: the observed part of the period, divided by the number of incidents that began in it.

    The observed part begins with the first known incident (``since``) at the earliest, and ends now at the latest.
    That incident is not divided by: no time before it was observed. There is no time between fewer than two incidents.
    A reopened incident is the same failure.
    """
    began = [each.opened_at for each in incidents if each.is_first and period.has(each.opened_at)]
    observed = min(period.ends_at, now) - max(period.starts_at, period.starts_at if since is None else since)
    if len(began) < 2 or observed <= 0:
        return TimeFigure(None, len(began))
    return TimeFigure(observed / (len(began) - (since in began)) / SECOND, len(began))


def target_figures(incidents: Sequence[MeasuredIncident], period: ReportPeriod) -> tuple[TargetFigure, ...]:
    """Return how often each target was met and missed; targets that no occurrence has are left out.

    A target is missed in the period in which its time passed. It is met in the period in which a person acknowledged
    (respond, acknowledge) or the occurrence was resolved (resolve). An occurrence that ended by itself before its
    time to respond had passed counts neither way for these two.
    """
    figures = []
    for target in TARGETS:
        having = [each for each in incidents if target in each.targets or target in each.missed]
        missed = sum(period.has(each.missed.get(target)) for each in having)
        met = sum(target not in each.missed and period.has(_met_at(each, target)) for each in having)
        if having:
            figures.append(TargetFigure(target.value, met, missed, ratio(met, missed)))
    return tuple(figures)


def _met_at(incident: MeasuredIncident, target: Promise) -> int | None:
    if target is Promise.RESOLVE:
        return incident.resolved_at
    if incident.acknowledged_at is None and incident.by_person:
        return incident.resolved_at
    return incident.acknowledged_at


def _mean(microseconds: Iterable[int]) -> TimeFigure:
    values = [max(0, value) for value in microseconds]
    return TimeFigure(sum(values) / len(values) / SECOND if values else None, len(values))

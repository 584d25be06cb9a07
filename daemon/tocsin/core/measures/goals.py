"""Comparison with goals: the limits of a playbook, and the recovery objectives of a service."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

import msgspec

from tocsin.core.duration import SECOND
from tocsin.core.measures.figures import GoalFigure, PostMortemFigures, RecoveryFigures, TimeFigure, ratio
from tocsin.core.measures.period import ReportPeriod
from tocsin.core.measures.records import MeasuredIncident
from tocsin.core.playbook.goals import PlaybookGoals

_MONTH_DAYS = 30
"""Length of a month, for a period that has no whole months."""


class RecoveryObjectives(msgspec.Struct, frozen=True, kw_only=True):
    """The recovery objectives of a service, in microseconds; None if it has none."""

    rto: int | None = None
    """Maximum time until the service works again."""
    rpo: int | None = None
    """Maximum time for which data may be lost."""


def goal_figures(
    playbook: str,
    goals: PlaybookGoals,
    resolve: Mapping[str, TimeFigure],
    detect: TimeFigure,
    incidents_a_month: float | None,
    post_mortems: PostMortemFigures,
) -> Iterable[GoalFigure]:
    """Yield each goal of a playbook with what was achieved; ``resolve`` are the times to resolve by severity.

    The count of incidents is compared also if it is 0, as that is an achievement; other goals without data are
    neither met nor missed.
    """
    for goal in goals.mttr:
        time = resolve.get(goal.severity, TimeFigure(None, 0))
        yield _below(playbook, "mttr", goal.within / SECOND, time.seconds, goal.severity)
    if goals.mttd is not None:
        yield _below(playbook, "mttd", goals.mttd / SECOND, detect.seconds)
    if goals.incidents_a_month is not None:
        yield _below(playbook, "incidents_a_month", goals.incidents_a_month, incidents_a_month)
    if goals.post_mortems_in_time:
        achieved = post_mortems.in_time_ratio
        yield GoalFigure(
            playbook=playbook,
            goal="post_mortems_in_time",
            severity="",
            limit=1.0,
            achieved=achieved,
            met=None if achieved is None else achieved >= 1,
        )


def _below(playbook: str, goal: str, limit: float, achieved: float | None, severity: str = "") -> GoalFigure:
    met = None if achieved is None else achieved < limit
    return GoalFigure(playbook=playbook, goal=goal, severity=severity, limit=limit, achieved=achieved, met=met)


def a_month(incidents: int, period: ReportPeriod, since: int | None, now: int) -> float | None:
    """Return the number of incidents a month in a period; None if there are no data for any of it.

    A period of whole months is divided by their number, any other one by its length in months of 30 days; less than
    a month is not extrapolated.
    """
    if since is None or since >= min(period.ends_at, now):
        return None
    return incidents / max(1.0, period.months or period.days / _MONTH_DAYS)


def recovery_figures(
    incidents: Sequence[MeasuredIncident], objectives: Mapping[str, RecoveryObjectives]
) -> Iterable[RecoveryFigures]:
    """Yield the achievement of the services' objectives by occurrences that ended in the period.

    RTO: from the start of the first alert (or the trigger, if that is not known) to the end of the last one or a
    person's resolve. RPO: the fact ``data_loss`` of each incident; one without it is unknown, not met. Both are met
    up to and including the target.
    """
    for service, objective in sorted(objectives.items()):
        ended = [each for each in incidents if each.service == service and each.ended_at is not None]
        if objective.rto is not None:
            outages = [max(0, (each.ended_at or 0) - each.began_at) for each in ended]
            yield _recovery(service, "rto", objective.rto, outages, 0)
        if objective.rpo is not None:
            one_each = [next(group) for _, group in groupby(_by_id(ended), lambda each: each.incident_id)]
            losses = [each.data_loss for each in one_each if each.data_loss is not None]
            yield _recovery(service, "rpo", objective.rpo, losses, len(one_each) - len(losses))


def _by_id(incidents: Iterable[MeasuredIncident]) -> list[MeasuredIncident]:
    return sorted(incidents, key=lambda each: each.incident_id)


def _recovery(service: str, objective: str, target: int, values: Sequence[int], unknown: int) -> RecoveryFigures:
    met = sum(value <= target for value in values)
    return RecoveryFigures(
        service=service,
        objective=objective,
        target_seconds=target / SECOND,
        met=met,
        missed=len(values) - met,
        unknown=unknown,
        met_ratio=ratio(met, len(values) - met),
        worst_seconds=max(values) / SECOND if values else None,
    )

"""A report in a few sentences, for the reminder of a review."""

from collections.abc import Iterator

from tocsin.core.duration import SECOND, duration
from tocsin.core.measures.figures import GoalFigure, Measures, TimeFigure
from tocsin.core.measures.report import IncidentReport

GOALS = {
    "mttr": "MTTR",
    "mttd": "MTTD",
    "incidents_a_month": "incidents a month",
    "post_mortems_in_time": "postmortems in time",
}
"""The goals by their names for people."""


def summary(report: IncidentReport) -> str:
    """Return the report in a few sentences, with the figures of the previous period in parentheses."""
    period, now, before = report.period, report.current, report.previous
    if report.is_empty:
        return (
            f"No incidents in {period.name} ({period.time_zone}). {before.incidents} in {report.previous_period.name}."
        )
    figures = ", ".join((f"{_count(now.incidents, 'incident')} ({before.incidents})", *_times(now, before)))
    where = f"{period.name} ({period.time_zone}), in parentheses {report.previous_period.name}"
    return " ".join((f"{where}: {figures}.", *_rest(now)))


def _times(now: Measures, before: Measures) -> Iterator[str]:
    """Yield the mean times that at least one of the periods has."""
    for name, time, previous in (
        ("MTTA", now.acknowledge, before.acknowledge),
        ("MTTR", now.resolve, before.resolve),
        ("MTBF", now.between, before.between),
    ):
        if time.seconds is not None or previous.seconds is not None:
            yield f"{name} {_time(time)} ({_time(previous)})"


def _rest(now: Measures) -> Iterator[str]:
    if now.users.total is not None:
        yield f"{_count(now.users.total, 'affected user')}."
    items, post_mortems, pages = now.action_items, now.post_mortems, now.pages
    yield f"Action items: {items.done} done, {items.open} open, {items.overdue} overdue."
    if post_mortems.due:
        yield f"Postmortems: {post_mortems.due} due, {post_mortems.in_time} in time, {post_mortems.late} late."
    duties = now.duties
    if duties.due or duties.open:
        yield f"Duties: {duties.due} due, {duties.in_time} in time, {duties.late} late, {duties.open} open."
    yield f"{_count(pages.pages, 'page')} to {_count(pages.people, 'person', 'people')}, {pages.at_night} at night."
    if missed := [_missed(goal) for goal in now.goals if goal.met is False]:
        yield f"Missed goals: {'; '.join(missed)}."


def _missed(goal: GoalFigure) -> str:
    name = " ".join(filter(None, (goal.playbook, GOALS.get(goal.goal, goal.goal), goal.severity)))
    return f"{name} {goal_value(goal.goal, goal.achieved)} instead of {goal_limit(goal)}"


def goal_limit(goal: GoalFigure) -> str:
    """Return the limit of a goal as text: ``below 30 min``."""
    value = goal_value(goal.goal, goal.limit)
    return value if goal.goal == "post_mortems_in_time" else f"below {value}"


def goal_value(goal: str, value: float | None) -> str:
    """Return a value of a goal as text: a time, a number or a share."""
    if value is None:
        return "no data"
    if goal in ("mttr", "mttd"):
        return duration(round(value * SECOND))
    return (
        f"{value:.0%}"
        if goal == "post_mortems_in_time"
        else f"{value:g}"
        if value == round(value, 2)
        else f"{value:.2f}"
    )


def _time(figure: TimeFigure) -> str:
    return "no data" if figure.seconds is None else duration(round(figure.seconds * SECOND))


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"

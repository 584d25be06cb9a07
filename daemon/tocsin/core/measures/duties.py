"""Figures about the work that incidents require: postmortems, other duties, action items; and about affected users."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from tocsin.core.measures.figures import (
    DutyFigures,
    DutyGroupFigures,
    ItemFigures,
    PostMortemFigures,
    UserFigures,
    ratio,
)
from tocsin.core.measures.period import ReportPeriod
from tocsin.core.measures.records import DutyKind, MeasuredDuty, MeasuredIncident


def item_figures(duties: Iterable[MeasuredDuty], period: ReportPeriod, now: int) -> ItemFigures:
    """Return the figures of action items; those added after the period do not count."""
    end = min(period.ends_at, now + 1)
    items = [duty for duty in duties if duty.kind is DutyKind.ACTION_ITEM and duty.added_at < end]
    done = [item for item in items if period.has(item.done_at)]
    still_open = [item for item in items if is_open_at(item, end)]
    return ItemFigures(
        added=sum(period.has(item.added_at) for item in items),
        done=len(done),
        done_late=sum((item.done_at or 0) > item.due_at for item in done),
        open=len(still_open),
        overdue=sum(item.due_at < end for item in still_open),
        completion_ratio=ratio(len(done), len(still_open)),
    )


def post_mortem_figures(duties: Iterable[MeasuredDuty], period: ReportPeriod, now: int) -> PostMortemFigures:
    """Return the figures of the postmortems whose due time is in the period; a waived one is neither in time nor late.

    One that is completed before the report is made counts as completed, even if that was after the period.
    """
    return PostMortemFigures(**_outcomes((duty for duty in duties if duty.kind is DutyKind.POST_MORTEM), period, now))


def duty_figures(duties: Iterable[MeasuredDuty], period: ReportPeriod, now: int) -> DutyFigures:
    """Return the figures of all duties but the postmortems; what is due counts as in `post_mortem_figures`."""
    return DutyFigures(**_of_others(_others(duties), period, now))


def duty_groups(duties: Iterable[MeasuredDuty], period: ReportPeriod, now: int) -> tuple[DutyGroupFigures, ...]:
    """Return the figures of each playbook's duties by name, of those with data in the period."""
    groups: defaultdict[tuple[str, str], list[MeasuredDuty]] = defaultdict(list)
    for duty in _others(duties):
        groups[duty.playbook, duty.name].append(duty)
    figures = (
        DutyGroupFigures(playbook=playbook, duty=name, **_of_others(groups[playbook, name], period, now))
        for playbook, name in sorted(groups)
    )
    return tuple(each for each in figures if each.due or each.open)


def _others(duties: Iterable[MeasuredDuty]) -> list[MeasuredDuty]:
    return [duty for duty in duties if duty.kind is DutyKind.DUTY]


def _of_others(duties: Sequence[MeasuredDuty], period: ReportPeriod, now: int) -> dict[str, Any]:
    end = min(period.ends_at, now + 1)
    still_open = [duty for duty in duties if is_open_at(duty, end)]
    overdue = sum(duty.due_at < end for duty in still_open)
    return {**_outcomes(duties, period, now), "open": len(still_open), "overdue": overdue}


def _outcomes(duties: Iterable[MeasuredDuty], period: ReportPeriod, now: int) -> dict[str, Any]:
    due = [duty for duty in duties if period.has(duty.due_at)]
    needed = [duty for duty in due if not duty.waived]
    in_time = sum(duty.done_at is not None and duty.done_at <= duty.due_at for duty in needed)
    pending = sum(duty.done_at is None and duty.due_at >= now for duty in needed)
    late = len(needed) - in_time - pending
    return {
        "due": len(due),
        "in_time": in_time,
        "late": late,
        "waived": len(due) - len(needed),
        "pending": pending,
        "in_time_ratio": ratio(in_time, late),
    }


def is_open_at(duty: MeasuredDuty, at: int) -> bool:
    """Return whether a duty existed and was not done at a time."""
    return duty.added_at < at and (duty.done_at is None or duty.done_at >= at)


def user_figures(incidents: Sequence[MeasuredIncident], period: ReportPeriod) -> UserFigures:
    """Return the affected users of the incidents that began in the period, each incident once."""
    began = [each for each in incidents if each.is_first and period.has(each.opened_at)]
    numbers = [each.users_affected for each in began if each.users_affected is not None]
    return UserFigures(
        total=sum(numbers) if numbers else None,
        per_incident=sum(numbers) / len(numbers) if numbers else None,
        known=len(numbers),
        unknown=len(began) - len(numbers),
    )

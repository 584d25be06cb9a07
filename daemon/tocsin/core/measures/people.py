"""Figures about pages to people. A night is from 22:00 to 07:00 on the person's own wall clock."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import lru_cache

from tocsin.core.duration import HOUR
from tocsin.core.measures.figures import PageFigures, PersonFigures
from tocsin.core.measures.period import ReportPeriod, local
from tocsin.core.measures.records import MeasuredPage

NIGHT_FROM, NIGHT_UNTIL = 22, 7
"""Hours of the wall clock."""


def night_of(at: int, zone: str) -> date | None:
    """Return the evening's date of the night that contains a time; None by day."""
    return _night_of_hour(at // (HOUR // 4), zone)


@lru_cache(maxsize=4096)
def _night_of_hour(quarter: int, zone: str) -> date | None:
    """Return the night of a quarter of an hour: every offset from UTC is a multiple of it."""
    then = local(quarter * (HOUR // 4), zone)
    if then.hour >= NIGHT_FROM:
        return then.date()
    return then.date() - timedelta(days=1) if then.hour < NIGHT_UNTIL else None


def person_figures(
    pages: Iterable[MeasuredPage], period: ReportPeriod, zones: Mapping[str, str]
) -> tuple[PersonFigures, ...]:
    """Return the figures of each person who was paged in the period, most pages first.

    ``zones`` are the persons' time zones; a person without one has the period's.
    """
    by_person: defaultdict[str, list[MeasuredPage]] = defaultdict(list)
    for page in pages:
        if period.has(page.at):
            by_person[page.person].append(page)
    total = sum(map(len, by_person.values()))
    figures = []
    for person, own in by_person.items():
        nights = [night_of(page.at, zones.get(person) or period.time_zone) for page in own]
        disturbed = [night for night in nights if night is not None]
        figures.append(
            PersonFigures(
                person=person,
                pages=len(own),
                incidents=len({page.incident_id for page in own}),
                at_night=len(disturbed),
                nights=len(set(disturbed)),
                share=len(own) / total,
            )
        )
    return tuple(sorted(figures, key=lambda each: (-each.pages, -each.at_night, each.person)))


def page_figures(people: tuple[PersonFigures, ...], period: ReportPeriod, now: int) -> PageFigures:
    """Return the figures of all pages to people. The fairness is known only if at least two people were paged."""
    pages = sum(each.pages for each in people)
    at_night = sum(each.at_night for each in people)
    nights = period.days_begun(now)
    return PageFigures(
        pages=pages,
        people=len(people),
        at_night=at_night,
        nights=sum(each.nights for each in people),
        per_person=pages / len(people) if people else None,
        per_night=at_night / nights if nights else None,
        busiest_ratio=max(each.pages for each in people) * len(people) / pages if len(people) > 1 else None,
    )

"""Periods of a report: whole days on the wall clock of a time zone."""

from datetime import UTC, date, datetime

import pytest

from tocsin.core.duration import DAY, HOUR
from tocsin.core.errors import InvalidValue
from tocsin.core.measures.period import (
    LONGEST_DAYS,
    between,
    expect_begun,
    month,
    month_of,
    months_before,
    previous,
)


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


def test_a_month_begins_at_midnight_of_its_zone() -> None:
    november = month("2026-11", "Europe/Berlin")
    assert (november.name, november.first_day, november.last_day) == (
        "November 2026",
        date(2026, 11, 1),
        date(2026, 11, 30),
    )
    assert (november.starts_at, november.ends_at) == (at("2026-10-31T23:00"), at("2026-11-30T23:00"))
    assert november.time_zone == "Europe/Berlin"


def test_a_month_in_which_the_clock_is_changed_is_an_hour_longer() -> None:
    october = month("2026-10", "Europe/Berlin")
    assert october.ends_at - october.starts_at == 31 * DAY + HOUR


def test_its_first_microsecond_belongs_to_it_and_the_one_after_its_last_day_does_not() -> None:
    november = month("2026-11", "UTC")
    assert november.has(at("2026-11-01T00:00"))
    assert not november.has(at("2026-11-01T00:00") - 1)
    assert november.has(at("2026-12-01T00:00") - 1)
    assert not november.has(at("2026-12-01T00:00"))
    assert not november.has(None)


def test_both_ends_of_a_span_of_days_belong_to_it() -> None:
    span = between("2026-11-03", "2026-11-09", "UTC")
    assert (span.name, span.days) == ("2026-11-03 to 2026-11-09", 7)
    assert (span.starts_at, span.ends_at) == (at("2026-11-03T00:00"), at("2026-11-10T00:00"))
    assert between("2026-11-03", "2026-11-03", "UTC").name == "2026-11-03"


def test_before_a_month_comes_a_month_and_before_days_as_many_days() -> None:
    assert previous(month("2026-03", "UTC")).name == "February 2026"
    assert previous(month("2026-01", "UTC")).name == "December 2025"
    assert previous(between("2026-11-08", "2026-11-10", "UTC")).name == "2026-11-05 to 2026-11-07"
    quarter = months_before(at("2027-01-12T10:00"), 3, "UTC")
    assert (quarter.name, previous(quarter).name) == ("October to December 2026", "July to September 2026")


def test_a_review_looks_at_the_whole_months_before_it() -> None:
    assert months_before(at("2026-12-07T10:00"), 1, "UTC").name == "November 2026"
    assert months_before(at("2026-12-07T10:00"), 12, "UTC").name == "December 2025 to November 2026"
    # New Year has come in Auckland, and not in UTC.
    assert months_before(at("2026-12-31T12:00"), 1, "Pacific/Auckland").name == "December 2026"
    assert month_of(at("2026-12-31T12:00"), "UTC").name == "December 2026"


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: month("2026-13", "UTC"), "'2026-13' is not a month; write for example 2026-11"),
        (lambda: month("2026-1", "UTC"), "is not a month"),
        (lambda: month("November", "UTC"), "is not a month"),
        (lambda: month("1999-12", "UTC"), "is not a month"),
        (lambda: month("२०२६-११", "UTC"), "is not a month"),
        (lambda: between("2026-02-29", "2026-03-01", "UTC"), "'2026-02-29' is not a day; write for example 2026-11-30"),
        (lambda: between("2026-11-01", "tomorrow", "UTC"), "'tomorrow' is not a day"),
        (lambda: between("20261101", "2026-11-02", "UTC"), "is not a day"),
        (lambda: between("9999-12-31", "9999-12-31", "UTC"), "is not a day"),
        (lambda: between("2026-11-02", "2026-11-01", "UTC"), "2026-11-01, is before the first day, 2026-11-02"),
        (lambda: between("2024-01-01", "2026-01-01", "UTC"), f"more than {LONGEST_DAYS} days"),
        (
            lambda: expect_begun(month("2027-01", "UTC"), at("2026-11-30T13:00")),
            r"January 2027 has not begun: today is 2026-11-30 \(UTC\)",
        ),
    ],
)
def test_a_period_that_cannot_be_is_refused_in_words(make, told: str) -> None:
    with pytest.raises(InvalidValue, match=told):
        make()


def test_a_period_has_begun_with_its_first_microsecond() -> None:
    december = month("2026-12", "UTC")
    expect_begun(december, december.starts_at)
    with pytest.raises(InvalidValue):
        expect_begun(december, december.starts_at - 1)

"""The report of a period: what it lists, compares and leaves out."""

import msgspec
import pytest

from core.measured import LATER, NOVEMBER, START, at, duty, incident, page
from tocsin.core.duration import DAY
from tocsin.core.measures.listing import LISTED_DUTIES, LISTED_INCIDENTS
from tocsin.core.measures.period import between, previous
from tocsin.core.measures.records import Records
from tocsin.core.measures.report import Conditions, IncidentReport, ReportFilter, report
from tocsin.core.measures.summary import summary


def made(records: Records, period=NOVEMBER, now: int = LATER, **only: str) -> IncidentReport:
    return report(records, period, previous(period), Conditions(now=now, only=ReportFilter(**only)))


def test_an_empty_period_has_no_figures_and_says_so() -> None:
    empty = made(Records())
    assert empty.is_empty
    assert (empty.current.incidents, empty.current.open) == (0, 0)
    for figure in ("acknowledge", "resolve", "detect", "between"):
        assert getattr(empty.current, figure).seconds is None
    assert summary(empty) == "No incidents in November 2026 (UTC). 0 in October 2026."


def test_one_incident_is_reported_beside_the_month_before() -> None:
    one = made(Records(incidents=(incident(0, 5, 30), incident(-9000, -8990, -8900)), pages=(page(0),), since=START))
    assert not one.is_empty
    assert summary(one) == (
        "November 2026 (UTC), in parentheses October 2026: 1 incident (1), MTTA 5 min (10 min), MTTR 30 min"
        " (1 h 40 min). Action items: 0 done, 0 open, 0 overdue. 1 page to 1 person,"
        " 1 at night."
    )
    two = made(Records(incidents=(incident(0), incident(60)), since=START - DAY))
    assert "2 incidents (0), MTBF 15 d (no data). Action" in summary(two)
    [line] = one.incidents
    assert (line.acknowledge_seconds, line.resolve_seconds, line.pages) == (300, 1800, 0)


def test_a_period_that_is_not_over_is_reported_until_now() -> None:
    now = START + 3 * DAY
    running = made(Records(incidents=(incident(0), incident(60, 61, 70)), since=START), now=now)
    assert not running.is_over
    assert (running.current.open, len(running.trend)) == (1, 4)
    assert running.current.between.seconds == 3 * 86_400


def test_only_those_of_a_playbook_a_service_and_a_team_are_reported() -> None:
    records = Records(
        incidents=(incident(0), incident(1, playbook="other"), incident(2, service="mail"), incident(3, team="ops")),
        duties=(duty(0, 9, playbook="other"), duty(0, 9)),
        pages=(page(0), page(1, service="mail")),
    )
    assert made(records).current.incidents == 4
    one = made(records, playbook="erlmcp", service="checkout", team="shop")
    assert (one.current.incidents, one.current.action_items.open, one.current.pages.pages) == (1, 1, 1)
    assert (one.playbook, one.service, one.team) == ("erlmcp", "checkout", "shop")


def test_the_slowest_and_the_noisiest_come_first() -> None:
    records = Records(
        incidents=(
            incident(0, None, 9, title="fast"),
            incident(10, None, 500, title="slow", dedup_key="b"),
            incident(20, None, None, title="open", dedup_key="c"),
            incident(0, None, 30, title="again", occurrence=2, incident_id="incident-0"),
        ),
        pages=(page(1, dedup_key="b", title="slow"), page(2, dedup_key="b"), page(3)),
    )
    one = made(records)
    assert [line.title for line in one.slowest] == ["slow", "again", "fast"]
    assert [(line.title, line.pages, line.occurrences) for line in one.noisiest] == [
        ("slow", 2, 1),
        ("fast", 1, 2),
        ("open", 0, 1),
    ]


def test_open_duties_are_those_at_the_end_of_the_period_the_longest_overdue_first() -> None:
    one = made(Records(duties=(duty(0, 90, text="b"), duty(0, 10, text="a"), duty(0, 5, 6), duty(9, 99_999, text="c"))))
    assert [(line.text, line.overdue) for line in one.open_duties] == [("a", True), ("b", True), ("c", False)]


def test_only_so_many_incidents_and_duties_are_listed_and_the_rest_is_counted() -> None:
    many = made(
        Records(
            incidents=tuple(incident(minute) for minute in range(LISTED_INCIDENTS + 3)),
            duties=tuple(duty(0, minute) for minute in range(LISTED_DUTIES + 2)),
        )
    )
    assert (len(many.incidents), many.left_out) == (LISTED_INCIDENTS, 3)
    assert many.incidents[0].opened_at == at(LISTED_INCIDENTS + 2)
    assert (len(many.open_duties), many.open_duties_left_out) == (LISTED_DUTIES, 2)
    assert many.current.incidents == LISTED_INCIDENTS + 3


@pytest.mark.parametrize(
    ("first", "last", "days", "points"),
    [("2026-11-01", "2026-11-30", 1, 30), ("2026-10-01", "2026-12-01", 1, 62), ("2026-09-01", "2026-11-30", 7, 13),
     ("2025-11-01", "2026-11-30", 7, 57), ("2026-11-01", "2026-11-01", 1, 1)],
)  # fmt: skip
def test_a_trend_has_few_points_and_each_incident_is_in_one(first: str, last: str, days: int, points: int) -> None:
    records = Records(incidents=tuple(incident(day * 1440, day * 1440 + 1, day * 1440 + 2) for day in range(-400, 60)))
    one = made(records, between(first, last, "UTC"))
    assert (one.trend_days, len(one.trend)) == (days, points)
    assert sum(point.incidents for point in one.trend) == one.current.incidents


def test_a_report_goes_through_json_and_back() -> None:
    one = made(Records(incidents=(incident(0, 1, 2),), duties=(duty(0, 9),), pages=(page(0),), since=START))
    assert msgspec.json.decode(msgspec.json.encode(one), type=IncidentReport) == one

"""Plots of a report: a bar for each value, drawn to scale, and none where there are no data."""

import re
from typing import Any

from tocsin.cli.reporting.plots import WIDTH, plots


def point(day: int, incidents: int, mtta: float | None, pages: int, at_night: int) -> dict[str, Any]:
    return {
        "first_day": f"2026-11-{day:02}",
        "incidents": incidents,
        "acknowledge_seconds": mtta,
        "resolve_seconds": None,
        "pages": pages,
        "at_night": at_night,
    }


def report(*trend: dict[str, Any], people: tuple[dict[str, Any], ...] = (), days: int = 1) -> dict[str, Any]:
    period = {"time_zone": "UTC", "first_day": "2026-11-01", "last_day": "2026-11-30"}
    return {"trend": list(trend), "trend_days": days, "period": period, "current": {"people": list(people)}}


def bars(svg: str) -> list[tuple[float, float]]:
    """(left, width) of each bar."""
    return [(float(x), float(width)) for x, width in re.findall(r'<rect [^>]*x="([\d.]+)"[^>]*width="([\d.]+)"', svg)]


def heights(svg: str) -> list[tuple[str, float]]:
    """(color, height) of each bar."""
    return [(color, float(size)) for color, size in re.findall(r'<rect class="(\w)"[^>]* height="([\d.]+)"', svg)]


def test_bars_are_drawn_to_scale_and_missing_data_have_none() -> None:
    made = {plot.title: str(plot.svg) for plot in plots(report(point(1, 2, 60, 4, 1), point(2, 4, None, 0, 0)))}
    assert list(made) == ["Incidents, each day", "Mean time to acknowledge, each day", "Pages to people, each day"]
    (_, first), (_, second) = heights(made["Incidents, each day"])
    assert second == 2 * first
    assert len(heights(made["Mean time to acknowledge, each day"])) == 1
    (by_day, day), (at_night, night) = heights(made["Pages to people, each day"])
    assert (by_day, at_night) == ("a", "b")
    assert abs(day - 3 * night) < 0.3
    assert "<title>2026-11-01, by day: 3</title>" in made["Pages to people, each day"]


def test_each_person_has_a_bar_and_a_long_name_is_cut() -> None:
    people = tuple({"person": f"{'x' * 30}{n}", "pages": n, "at_night": 1} for n in range(20, 0, -1))
    [plot] = plots(report(people=people))
    assert plot.svg.count("xxxxxxxxxxxxxx…</text>") == 12
    assert plot.legend == (("a", "by day"), ("b", "at night"))
    assert plot.title == "Pages by person, the 12 with the most"


def test_the_axis_is_the_whole_period_also_while_it_runs() -> None:
    [plot] = plots(report(point(1, 2, None, 0, 0), point(3, 1, None, 0, 0)))
    (first, width), (second, _) = bars(str(plot.svg))
    assert first < 60
    assert second < 80
    assert width < 12
    assert ">2026-11-01</text>" in plot.svg
    assert ">2026-11-30</text>" in plot.svg


def test_a_bar_of_several_days_says_so() -> None:
    [plot] = plots(report(point(1, 2, None, 0, 0), point(8, 1, None, 0, 0), days=7))
    assert plot.title == "Incidents, each 7 days"
    assert "<title>7 days from 2026-11-08, incidents: 1</title>" in plot.svg


def test_a_period_of_one_day_has_no_bar_as_wide_as_the_plot() -> None:
    made = report(point(1, 2, None, 0, 0))
    made["period"]["last_day"] = "2026-11-01"
    [plot] = plots(made)
    [(_, width)] = bars(str(plot.svg))
    assert width == 48
    assert plot.svg.count(">2026-11-01</text>") == 1


def test_the_number_beside_the_longest_bar_stays_within_the_plot() -> None:
    [plot] = plots(report(people=({"person": "alex", "pages": 10_019, "at_night": 4},)))
    found = re.search(r'x="([\d.]+)" y="[\d.]+">10,019</text>', str(plot.svg))
    assert found
    assert float(found[1]) + len("10,019") * 7 <= WIDTH


def test_a_name_cannot_leave_its_place() -> None:
    [plot] = plots(report(people=({"person": '"/><script>', "pages": 1, "at_night": 0},)))
    assert "<script>" not in plot.svg
    assert "&#34;/&gt;&lt;script&gt;" in plot.svg


def test_without_data_there_are_no_plots() -> None:
    assert plots(report()) == []
    assert plots(report(point(1, 0, None, 0, 0))) == []

"""Plots of a report: a bar for each value, drawn to scale, and none where there are no data."""

import re
from typing import Any

from tocsin.cli.reporting.plots import plots


def point(day: int, incidents: int, mtta: float | None, pages: int, at_night: int) -> dict[str, Any]:
    return {
        "first_day": f"2026-11-{day:02}",
        "incidents": incidents,
        "acknowledge_seconds": mtta,
        "resolve_seconds": None,
        "pages": pages,
        "at_night": at_night,
    }


def report(*trend: dict[str, Any], people: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"trend": list(trend), "period": {"time_zone": "UTC"}, "current": {"people": list(people)}}


def heights(svg: str) -> list[tuple[str, float]]:
    """(color, height) of each bar."""
    return [(color, float(size)) for color, size in re.findall(r'<rect class="(\w)"[^>]* height="([\d.]+)"', svg)]


def test_bars_are_drawn_to_scale_and_missing_data_have_none() -> None:
    made = {plot.title: str(plot.svg) for plot in plots(report(point(1, 2, 60, 4, 1), point(2, 4, None, 0, 0)))}
    assert list(made) == ["Incidents", "Mean time to acknowledge", "Pages to people"]
    (_, first), (_, second) = heights(made["Incidents"])
    assert second == 2 * first
    assert len(heights(made["Mean time to acknowledge"])) == 1
    (by_day, day), (at_night, night) = heights(made["Pages to people"])
    assert (by_day, at_night) == ("a", "b")
    assert abs(day - 3 * night) < 0.3
    assert "<title>2026-11-01: 3 by day</title>" in made["Pages to people"]


def test_each_person_has_a_bar_and_a_long_name_is_cut() -> None:
    people = tuple({"person": f"{'x' * 30}{n}", "pages": n, "at_night": 1} for n in range(20, 0, -1))
    [plot] = plots(report(people=people))
    assert plot.svg.count("xxxxxxxxxxxxxx…</text>") == 12
    assert plot.legend == (("a", "by day"), ("b", "at night"))


def test_a_name_cannot_leave_its_place() -> None:
    [plot] = plots(report(people=({"person": '"/><script>', "pages": 1, "at_night": 0},)))
    assert "<script>" not in plot.svg
    assert "&#34;/&gt;&lt;script&gt;" in plot.svg


def test_without_data_there_are_no_plots() -> None:
    assert plots(report()) == []
    assert plots(report(point(1, 0, None, 0, 0))) == []

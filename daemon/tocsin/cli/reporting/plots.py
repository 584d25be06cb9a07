"""Plots of a report as SVG, drawn from numbers; texts are escaped. A plot needs no script."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from tocsin.cli.reporting.tables import Answer
from tocsin.cli.reporting.values import Unit, plain
from tocsin.core.plain_text import one_line

WIDTH, HEIGHT = 360, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 6, 10, 22
_WIDEST = 48
"""The widest bar, if there are few."""
_BARS = 12
"""Maximum number of bars of people."""


@dataclass(frozen=True)
class Plot:
    """A plot with its title and the meaning of its colors."""

    title: str
    legend: tuple[tuple[str, str], ...]
    """(class of the color, meaning)"""
    svg: Markup


@dataclass(frozen=True)
class Series:
    """Values with a color; None is missing data."""

    name: str
    color: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Axis:
    """The days of a period, from left to right."""

    first_day: str
    last_day: str
    slots: int
    """Number of bars that the whole period has room for."""
    step: str
    """The time of one bar: ``day``, or ``7 days``."""

    @property
    def width(self) -> float:
        """Return the width of a bar with its gap."""
        return (WIDTH - _LEFT - _RIGHT) / self.slots


_DAY_AND_NIGHT = (("a", "by day"), ("b", "at night"))


def plots(report: Answer) -> list[Plot]:
    """Return the plots; those without data are left out."""
    trend, zone, axis = report["trend"], report["period"]["time_zone"], _axis_of(report)

    def series(name: str, color: str, key: str) -> Series:
        return Series(name, color, [point[key] for point in trend])

    by_day = Series("by day", "a", [point["pages"] - point["at_night"] for point in trend])
    made = [
        (f"Incidents, each {axis.step}", (), [series("incidents", "a", "incidents")], Unit.COUNT),
        (f"Mean time to acknowledge, each {axis.step}", (), [series("MTTA", "c", "acknowledge_seconds")], Unit.SECONDS),
        (f"Mean time to resolve, each {axis.step}", (), [series("MTTR", "c", "resolve_seconds")], Unit.SECONDS),
        (
            f"Pages to people, each {axis.step}",
            _DAY_AND_NIGHT,
            [by_day, series("at night", "b", "at_night")],
            Unit.COUNT,
        ),
    ]
    days = [point["first_day"] for point in trend]
    shown = [
        Plot(title, legend, svg)
        for title, legend, stacked, unit in made
        if (svg := _bars(axis, days, stacked, unit)) is not None
    ]
    people = report["current"]["people"]
    if bars := _people(people[:_BARS], zone):
        title = "Pages by person" if len(people) <= _BARS else f"Pages by person, the {_BARS} with the most"
        shown.append(Plot(title, _DAY_AND_NIGHT, bars))
    return shown


def _axis_of(report: Answer) -> Axis:
    first, last, step = report["period"]["first_day"], report["period"]["last_day"], report["trend_days"]
    days = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
    return Axis(first, last, -(-days // step), "day" if step == 1 else f"{step} days")


def _bars(axis: Axis, days: Sequence[str], stacked: Sequence[Series], unit: Unit) -> Markup | None:
    """Return a bar for each day, one above the other for several series; None if there is nothing to show.

    Days that are still to come have their room on the axis.
    """
    totals = [sum(series.values[place] or 0 for series in stacked) for place in range(len(days))]
    highest = max(totals, default=0)
    if not highest:
        return None
    top = _rounded_up(highest, unit)
    parts = [_grid(top, unit)]
    for place, day in enumerate(days):
        base = 0.0
        for series in stacked:
            value = series.values[place]
            if value:
                began = day if axis.step == "day" else f"{axis.step} from {day}"
                text = f"{began}, {series.name}: {plain(value, unit, 'UTC')}"
                left = _LEFT + place * axis.width
                parts.append(_bar(left, axis.width, (base, base + value), top, series.color, text))
                base += value
    parts.append(_label(_LEFT, "start", axis.first_day))
    if axis.last_day != axis.first_day:
        parts.append(_label(WIDTH - _RIGHT, "end", axis.last_day))
    names = ", ".join(series.name for series in stacked)
    return _svg(HEIGHT, f"{names}, {axis.first_day} to {axis.last_day}; at most {plain(highest, unit, 'UTC')}", parts)


def _y(value: float, top: float) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * value / top


def _bar(x: float, width: float, span: tuple[float, float], top: float, color: str, text: str) -> Markup:
    y = _y(span[1], top)
    gap = max(min(2.0, width / 4), width - _WIDEST)
    return Markup(
        '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>'
    ).format(color, x + gap / 2, y, max(0.5, width - gap), max(0.5, _y(span[0], top) - y), text)


def _grid(top: float, unit: Unit) -> Markup:
    lines = Markup("")
    for part in (0.0, 0.5, 1.0):
        y = _y(top * part, top)
        is_shown = unit is Unit.SECONDS or top * part == int(top * part)
        text = plain(top * part, unit, "UTC") if is_shown and part else "0" if not part else ""
        lines += Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
            _LEFT, WIDTH - _RIGHT, y, y
        )
        lines += Markup('<text x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(_LEFT - 5, y + 4, text)
    return lines


def _label(x: float, anchor: str, text: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(x, HEIGHT - 6, anchor, text)


def _people(people: Sequence[Answer], zone: str) -> Markup | None:
    """Return a bar for each person; None if no one was paged."""
    if not people:
        return None
    row, left, most = 20, 110, max(each["pages"] for each in people)
    parts = []
    for place, each in enumerate(people):
        y = 6 + place * row
        by_day = each["pages"] - each["at_night"]
        scale = (WIDTH - left - 12 - 8 * len(f"{most:,}")) / most
        person = one_line(each["person"])
        name = person if len(person) <= 15 else f"{person[:14]}…"
        parts.append(Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(left - 6, y + 12, name))
        for x, value, color, what in (
            (0, by_day, "a", "by day"),
            (by_day, each["at_night"], "b", "at night"),
        ):
            if value:
                text = f"{person}: {plain(value, Unit.COUNT, zone)} {what}"
                parts.append(
                    Markup(
                        '<rect class="{}" x="{:.1f}" y="{}" width="{:.1f}" height="{}"><title>{}</title></rect>'
                    ).format(color, left + x * scale, y, value * scale, row - 5, text)
                )
        end = left + each["pages"] * scale
        parts.append(Markup('<text x="{:.1f}" y="{}">{}</text>').format(end + 5, y + 12, f"{each['pages']:,}"))
    return _svg(12 + len(people) * row, "Pages by person, by day and at night", parts)


def _svg(height: int, text: str, parts: Sequence[Markup]) -> Markup:
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, height, text, Markup("").join(parts)
    )


def _rounded_up(value: float, unit: Unit) -> float:
    """Return a round number at or above a value, for the top of an axis."""
    steps: Sequence[float] = (2, 4, 6, 8, 10, 20, 30, 40, 60, 80, 100, 150, 200, 300, 400, 600, 800, 1000)
    if unit is Unit.SECONDS:
        steps = (2, 10, 20, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 57600, 86400, 172800, 604800)
    return next((step for step in steps if value <= step), float(-(-value // steps[-1]) * steps[-1]))

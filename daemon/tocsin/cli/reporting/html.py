"""The report as one HTML page without scripts, links or other files: it can be mailed and printed."""

from importlib.resources import files

import jinja2

from tocsin.cli.reporting.plots import plots
from tocsin.cli.reporting.tables import Answer, ReportTable, heading, introduction, state, tables
from tocsin.cli.reporting.values import Unit, parts, plain
from tocsin.core.plain_text import one_line

_TILES = (
    "Incidents that began",
    "MTTA: mean time to acknowledge",
    "MTTR: mean time to resolve",
    "MTBF: mean time between incidents",
    "Pages to people",
    "Pages at night (22:00 to 07:00)",
)
"""The measures at the top of the page."""


def html(report: Answer) -> str:
    """Return the report as HTML. Every text is escaped by the template engine."""
    zone = report["period"]["time_zone"]
    made = tables(report)
    overview = {row.labels[0]: row.values[0] for row in made[0].rows} if made else {}
    tiles = [
        (name, *(_tile(raw, overview[name].unit, zone) for raw in (overview[name].raw, overview[name].previous)))
        for name in _TILES
        if name in overview
    ]
    return _template().render(
        title=heading(report),
        introduction=one_line(introduction(report)),
        state=one_line(state(report)),
        previous=report["previous_period"]["name"],
        tiles=tiles,
        plots=plots(report),
        tables=[_shown(table, zone) for table in made],
    )


def _tile(raw: float | str | None, unit: Unit, zone: str) -> str:
    return "no data" if raw is None else plain(raw, unit, zone)


def _shown(table: ReportTable, zone: str) -> dict[str, object]:
    """Return a table with its cells as text, and the style of each value."""
    return {
        "title": table.title,
        "labels": table.labels,
        "values": table.values,
        "note": table.note,
        "rows": [
            {
                "labels": [one_line(label) for label in row.labels],
                "values": [
                    (*map(one_line, parts(value, zone)), value.style.replace("bold ", "")) for value in row.values
                ],
            }
            for row in table.rows
        ],
    }


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(files("tocsin.cli.reporting").joinpath("report.html.j2").read_text(encoding="utf-8"))

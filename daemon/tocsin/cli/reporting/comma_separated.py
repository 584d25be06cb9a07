"""The report as CSV, for a spreadsheet: one row per figure."""

import csv
import io
import re

from tocsin.cli.reporting.tables import Answer, covered, tables
from tocsin.cli.reporting.values import Value
from tocsin.core.plain_text import one_line

COLUMNS = ("period", "section", "item", "figure", "unit", "value", "previous")
_FORMULA = re.compile(r"""((?:^|;)["'\s]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])""")
"""Beginnings of a cell that a spreadsheet runs as a formula, also by their full-width forms."""


def comma_separated(report: Answer) -> str:
    """Return the report as CSV (RFC 4180). Times are in seconds, moments in UTC; missing data is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_MINIMAL)
    writer.writerow(COLUMNS)
    period = report["period"]
    only = covered(report)
    name = f"{period['first_day']} to {period['last_day']} ({period['time_zone']}){f', only {only}' if only else ''}"
    for table in tables(report):
        for row in table.rows:
            item = safe(" / ".join(row.labels))
            for figure, value in zip(table.values, row.values, strict=True):
                previous = _raw(value.previous) if value.is_compared else ""
                writer.writerow((safe(name), table.title, item, figure, value.unit.value, _cell(value), previous))
    return out.getvalue()


def safe(text: str) -> str:
    """Return text from outside as a cell that a spreadsheet does not run: an apostrophe keeps it text.

    Where the list separator is a semicolon, a spreadsheet begins a cell at each.
    """
    return _FORMULA.sub(r"\1'", one_line(text))


def _cell(value: Value) -> str:
    return safe(value.raw) if isinstance(value.raw, str) else _raw(value.raw)


def _raw(number: float | None) -> str:
    return "" if number is None else str(int(number)) if number == int(number) else str(round(number, 6))

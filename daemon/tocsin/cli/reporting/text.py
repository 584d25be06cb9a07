"""The report for a terminal or a plain text file."""

from rich.text import Text

from tocsin.cli.output import clean, say, say_rows
from tocsin.cli.reporting.tables import Answer, ReportTable, heading, introduction, state, tables
from tocsin.cli.reporting.values import shown


def print_report(report: Answer) -> None:
    """Print the report: with colors on a terminal, without in a pipe."""
    zone = report["period"]["time_zone"]
    say(clean(heading(report), "bold"))
    say(introduction(report))
    if sentence := state(report):
        say("")
        say(clean(sentence, "bold"))
    for table in tables(report):
        say("")
        say(clean(table.title, "bold"))
        _print_table(table, zone)
        if table.note:
            say(table.note)


def _print_table(table: ReportTable, zone: str) -> None:
    rows: list[list[Text]] = [
        [*(clean(label) for label in row.labels), *(clean(shown(value, zone), value.style) for value in row.values)]
        for row in table.rows
    ]
    say_rows(table.columns, rows, cut=(*table.labels, *table.values))

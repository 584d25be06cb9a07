"""``tocsin report``: the measures of a month or another period."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import click

from tocsin.cli import options
from tocsin.cli.client import DaemonClient, connected
from tocsin.cli.output import console, say_json

API = "/api/v1/reports"
FORMATS = ("text", "markdown", "csv", "json", "html")


@click.command(
    epilog=options.example(
        "tocsin report --month 2026-11",
        "tocsin report --from 2026-11-01 --to 2026-11-15 --playbook erlmcp",
        "tocsin report --month 2026-11 --format html > report.html",
    )
)
@click.option("--month", metavar="YYYY-MM", help="The month. Default: the current one.")
@click.option("--from", "first", metavar="YYYY-MM-DD", help="The first day, instead of --month.")
@click.option("--to", "last", metavar="YYYY-MM-DD", help="The last day, which belongs to the period. Default: today.")
@click.option("--playbook", help="Only incidents of this playbook.")
@click.option("--service", help="Only incidents of this service.")
@click.option("--team", help="Only incidents of this team.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="The format.")
@connected
async def command(
    daemon: DaemonClient,
    /,
    *,
    form: str,
    first: str | None,
    last: str | None,
    **others: str | None,
) -> None:
    """Report the incidents of a period: times, targets, goals, people, duties.

    Each figure stands beside that of the period before. A day begins at midnight
    in the time zone `reports.time_zone` of tocsin.yaml. Drills and tocsin's own
    incidents are left out. `html` is a page with plots that needs no other file.
    """
    with _progress():
        report = await daemon.get(API, **{"from": first, "to": last}, **others)
    _print(report, form)


@contextlib.contextmanager
def _progress() -> Iterator[None]:
    """Show on a terminal that the daemon works."""
    if not sys.stderr.isatty():
        yield
        return
    with console(err=True).status("Reading the incidents ..."):
        yield


def _print(report: dict[str, Any], form: str) -> None:
    match form:
        case "json":
            say_json(report)
        case "html":
            from tocsin.cli.reporting.html import html

            click.echo(html(report), nl=False)
        case "csv":
            from tocsin.cli.reporting.comma_separated import comma_separated

            click.echo(comma_separated(report), nl=False)
        case "markdown":
            from tocsin.cli.reporting.markdown import markdown

            click.echo(markdown(report), nl=False)
        case _:
            from tocsin.cli.reporting.text import print_report

            print_report(report)

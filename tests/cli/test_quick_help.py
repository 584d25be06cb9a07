"""Help is fast: a command's dependencies are imported when it runs, not for its description."""

import subprocess
import sys

import pytest

from cli.test_files import ALL

HEAVY = (
    *("aiohttp", "pydantic", "yaml", "sqlalchemy", "alembic", "jinja2", "structlog", "icalendar", "prometheus_client"),
    *("slack_sdk", "pagerduty", "re2", "dateutil", "aiosmtplib", "tocsin.conf", "tocsin.engine", "tocsin.store"),
    *("tocsin.app", "tocsin.testing", "tocsin.web", "tocsin.trackers"),
)
HELP = """
import sys, time
from tocsin.cli.main import cli
try:
    cli(sys.argv[1:], prog_name="tocsin")
except SystemExit as end:
    assert end.code == 0, end.code
print(time.process_time(), *sys.modules, file=sys.stderr)
"""

LIBRARIES = """
import sys, time
import asyncio, click, msgspec, rich.console, rich.table
print(time.process_time(), file=sys.stderr)
"""


@pytest.mark.parametrize("path", [(), *ALL], ids=" ".join)
def test_help_imports_nothing_heavy(path: tuple[str, ...]) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", HELP, *path, "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    modules = shown.stderr.split()[1:]
    assert "tocsin.cli.main" in modules
    assert [name for name in modules if name in HEAVY] == []


def test_help_costs_little_more_processor_time_than_the_libraries_that_print_it() -> None:
    """A share and not a number of seconds: machines differ, and a busy one takes twice as long for everything."""

    def seconds(code: str) -> float:
        run = [sys.executable, "-c", code, "--help"]
        return float(subprocess.run(run, capture_output=True, text=True, timeout=60, check=True).stderr.split()[0])

    rounds = [(seconds(HELP), seconds(LIBRARIES)) for _ in range(5)]
    assert min(help_ for help_, _ in rounds) < 2.5 * min(libraries for _, libraries in rounds)

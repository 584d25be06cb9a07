"""Help is there at once: what a verb needs is imported when it runs, not when it is described."""

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


@pytest.mark.parametrize("path", [(), *ALL], ids=" ".join)
def test_help_imports_nothing_heavy(path: tuple[str, ...]) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", HELP, *path, "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    modules = shown.stderr.split()[1:]
    assert "tocsin.cli.main" in modules
    assert [name for name in modules if name in HEAVY] == []


def test_help_takes_less_than_a_third_of_a_second_of_cpu() -> None:
    def seconds() -> float:
        run = [sys.executable, "-c", HELP, "--help"]
        return float(subprocess.run(run, capture_output=True, text=True, timeout=60, check=True).stderr.split()[0])

    assert min(seconds() for _ in range(3)) < 0.3

"""``tocsin serve``: the daemon."""

import os
import sys
from pathlib import Path

import click

from tocsin.cli import options


@click.command(epilog=options.example("tocsin serve --config /etc/tocsin/config --rules /etc/tocsin/rules"))
@options.configuration
def command(config_dir: Path, rules_dir: Path) -> None:
    """Take alerts and page people, until SIGTERM. SIGHUP reloads the configuration."""
    from tocsin.app.lifecycle import run  # noqa: PLC0415  # the whole daemon: not for --help

    sys.exit(run(config_dir, rules_dir, os.environ))

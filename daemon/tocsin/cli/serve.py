"""``tocsin serve``: the daemon."""

import os
import sys
from pathlib import Path

import click

from tocsin.cli import options
from tocsin.cli.hint import hint


@click.command(
    epilog=options.example(
        "tocsin serve --config /etc/tocsin/config --rules /etc/tocsin/rules",
        "tocsin serve --shadow ../rules-of-my-branch",
    )
)
@options.configuration
@click.option(
    "--shadow",
    "shadow_dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    envvar="TOCSIN_SHADOW",
    help="Let other rules judge each alert as well, and show where they differ. They page nobody.",
)
@click.option("--hint", "has_hint", is_flag=True, help="Print what to type next, once it serves.")
def command(config_dir: Path, rules_dir: Path, shadow_dir: Path | None, *, has_hint: bool) -> None:
    """Take alerts and page people, until SIGTERM. SIGHUP reloads the configuration."""
    from tocsin.app.lifecycle import run

    def serving(addresses: list[str]) -> None:
        if has_hint:
            click.echo(hint(addresses[0]))

    sys.exit(run(config_dir, rules_dir, os.environ, shadow_dir, serving))

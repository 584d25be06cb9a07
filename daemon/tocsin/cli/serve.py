"""``tocsin serve``: run the daemon."""

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
    show_envvar=True,
    help="Also evaluate these rules for each alert and report differences; they page no one.",
)
@click.option("--hint", "has_hint", is_flag=True, help="Print example commands after the start.")
def command(config_dir: Path, rules_dir: Path, shadow_dir: Path | None, *, has_hint: bool) -> None:
    """Run the daemon, which receives alerts and pages people.

    SIGTERM stops it; SIGHUP reloads the configuration, as `tocsin reload` does.
    """
    from tocsin.app.lifecycle import run

    def serving(addresses: list[str]) -> None:
        if has_hint:
            click.echo(hint(addresses[0]))

    sys.exit(run(config_dir, rules_dir, os.environ, shadow_dir, serving))

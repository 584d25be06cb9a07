"""``tocsin``: one verb a file, each imported only when it is asked for."""

from importlib import import_module

import click

import tocsin
from tocsin.cli import options

VERBS = (
    "init",
    "check",
    "test",
    "simulate",
    "serve",
    "reload",
    "declare",
    "incidents",
    "windows",
    "oncall",
    "explain",
    "postmortem",
    "replay",
    "drill",
)
"""Modules of this package; each has a ``command``. They are listed in this order."""


class Verbs(click.Group):
    """A group whose commands are modules."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """The verbs, in the order in which somebody new needs them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """The verb of that name, or None."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"tocsin.cli.{cmd_name}").command
        return command


@click.command(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=options.example("tocsin init . && tocsin check && tocsin serve"),
)
@click.version_option(tocsin.__version__, message="tocsin %(version)s")
def cli() -> None:
    """Stand between Alertmanager and the people on call.

    Exit codes: 0 all is well, 1 what was asked about is not, 2 wrong usage.
    """


def main() -> None:
    """The entry point."""
    cli(prog_name="tocsin")

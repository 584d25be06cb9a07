"""``tocsin``: one module per command, imported only when the command is used."""

import shlex
from importlib import import_module

import click

import tocsin
from tocsin.cli import options
from tocsin.core.suggestions import nearest

VERBS = (
    "init",
    "playbooks",
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
    "report",
    "replay",
    "drill",
    "drills",
)
"""Modules of this package, in the order of the help; each has a ``command``."""


class Verbs(click.Group):
    """A group with one module per command."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the command names in the order in which a new user needs them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """Return the command of that name; None if there is none."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"tocsin.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; if there is no command of that name, suggest the nearest one."""
        name = args[0]
        if name in VERBS or name.startswith("-"):
            return super().resolve_command(ctx, args)
        raise click.UsageError(f"There is no command {name!r}.{self._suggestion(ctx, args)}", ctx)

    def _suggestion(self, ctx: click.Context, args: list[str]) -> str:
        """Return the corrected command line with the nearest command, which may be in a group (``incidents ack``)."""
        paths: dict[str, str] = {}
        for verb in VERBS:
            command = self.get_command(ctx, verb)
            if isinstance(command, click.Group):
                paths |= {name: f"{verb} {name}" for name in command.list_commands(ctx) if name not in paths}
        paths |= {verb: verb for verb in VERBS}
        near = nearest(args[0], paths)
        return f" Did you mean `tocsin {shlex.join((*paths[near[0]].split(), *args[1:]))}`?" if near else ""


@click.command(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=options.example("tocsin init . && tocsin check && tocsin serve"),
)
@click.version_option(tocsin.__version__, message="tocsin %(version)s")
def cli() -> None:
    """Page the people on call about alerts from Prometheus Alertmanager.

    `serve` runs the daemon. The commands from `reload` to `drills` talk to a
    running daemon; the others work on the files in config/ and rules/.

    Exit codes: 0 success, 1 a problem was found, 2 usage error.
    """


def main() -> None:
    """Run the command line."""
    cli(prog_name="tocsin")

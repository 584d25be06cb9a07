"""``tocsin``: one verb a file, each imported only when it is asked for."""

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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb that is meant; where there is none, say which one it could be."""
        name = args[0]
        if name in VERBS or name.startswith("-"):
            return super().resolve_command(ctx, args)
        raise click.UsageError(f"there is no command {name!r}.{self._suggestion(ctx, args)}", ctx)

    def _suggestion(self, ctx: click.Context, args: list[str]) -> str:
        """Return the whole line with the nearest verb: one of a group's (``incidents ack``) as well."""
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
    """Stand between Alertmanager and the people on call.

    Exit codes: 0 success, 1 a problem was found, 2 usage error.
    """


def main() -> None:
    """The entry point."""
    cli(prog_name="tocsin")

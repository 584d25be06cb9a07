"""The reference of the command line, generated from its help by ``python -m tocsin.cli.reference PAGE``."""

import inspect
import sys
from collections.abc import Iterator

import click

from tocsin.cli.main import cli
from tocsin.conf.document import write


def reference() -> str:
    """Return a table of all commands, and a section for each."""
    commands = list(_commands(cli, click.Context(cli, info_name="tocsin")))
    rows = [
        f"| [`{path}`](#{path.replace(' ', '-')}) | {command.get_short_help_str(200)} |"
        for path, command, _ in commands
    ]
    sections = [_section(path, command, context) for path, command, context in commands]
    return "\n".join(("", "| command | |", "|---|---|", *rows, "", *sections, ""))


def _commands(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    """Yield each command below a group: its full name, the command, and its context."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        below = click.Context(command, info_name=name, parent=context)
        yield below.command_path, command, below
        if isinstance(command, click.Group):
            yield from _commands(command, below)


def _is_shared(option: click.Option) -> bool:
    """Return whether the page explains an option once for all commands."""
    return option.name in ("url", "token_file", "as_json") or option.envvar in ("TOCSIN_CONFIG", "TOCSIN_RULES")


def _section(path: str, command: click.Command, context: click.Context) -> str:
    """Return the heading, usage, help, options and examples of a command."""
    usage = " ".join((path, *command.collect_usage_pieces(context)))
    text = inspect.cleandoc(command.help or "").replace("\b\n", "").replace("*", "\\*")
    # The page explains once what many commands take: the options with a variable of their own, and --json.
    own = [each for each in command.params if isinstance(each, click.Option) and not _is_shared(each)]
    records = [record for each in own if (record := each.get_help_record(context))]
    options = [f"| `{names}` | {meaning.replace('|', chr(92) + '|')} |" for names, meaning in records]
    lines = [line.strip() for line in (command.epilog or "").splitlines()]
    example = [line for line in lines if line.startswith("tocsin ")]
    return "\n".join(
        (
            f"## {path}\n\n```\n{usage}\n```\n\n{text}\n",
            *(("| option | |", "|---|---|", *options, "") if options else ()),
            *(("```", *example, "```", "") if example else ()),
        )
    )


if __name__ == "__main__":
    write(sys.argv[1:], {"commands": reference})

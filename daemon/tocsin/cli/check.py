"""``tocsin check``: everything that is wrong with the configuration, at once."""

import os
import sys
from pathlib import Path

import click

from tocsin.channels.registry import KINDS
from tocsin.cli import options
from tocsin.cli.output import clean, say
from tocsin.conf.bundle import Bundle, load
from tocsin.conf.source import ConfigError, Mark, Problem


@click.command(epilog=options.example("tocsin check --config config --rules rules --format github"))
@options.configuration
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["text", "github"]),
    default="text",
    show_default=True,
    help="For people, or as annotations of a pull request.",
)
def command(config_dir: Path, rules_dir: Path, fmt: str) -> None:
    """Say what is wrong with the configuration.

    All of it at once, as file:line:column. Exits 1 when something is wrong;
    warnings alone are no reason.
    """
    tell = _tell_github if fmt == "github" else _tell
    try:
        bundle = load(config_dir, rules_dir, KINDS, os.environ)
    except ConfigError as error:
        for problem in error.problems:
            tell("error", problem)
        say(_count(len(error.problems), "problem"), err=True)
        sys.exit(1)
    for warning in bundle.warnings:
        tell("warning", warning)
    say(clean("good", "green"), f": {_summary(bundle)}")


def _tell(level: str, problem: Problem) -> None:
    place = Mark(problem.path, problem.line, problem.column)
    style = "bold red" if level == "error" else "yellow"
    told = f"{problem.message}; {problem.hint}" if problem.hint else problem.message
    warning = "warning: " if level == "warning" else ""
    say(clean(f"{place}: ", "bold"), clean(warning, style), told)


def _tell_github(level: str, problem: Problem) -> None:
    """One workflow command of GitHub Actions, in its own escaping."""
    place = f"file={_escaped(problem.path)},line={max(problem.line, 1)},col={max(problem.column, 1)}"
    told = f"{problem.message}; {problem.hint}" if problem.hint else problem.message
    click.echo(f"::{level} {place}::{_escaped(told, also='')}")


def _escaped(text: str, also: str = ":,") -> str:
    """What would end a command or a property, percent-encoded."""
    return "".join(f"%{ord(char):02X}" if char in "%\r\n" + also else char for char in text)


def _summary(bundle: Bundle) -> str:
    names = ", ".join(sorted(bundle.playbooks))
    return ", ".join(
        (
            _count(len(bundle.rules.rules), "rule"),
            f"{_count(len(bundle.playbooks), 'playbook')} ({names})",
            _count(len(bundle.people.persons), "person", "people"),
            _count(len(bundle.windows), "maintenance window"),
            f"{_count(len(bundle.channels), 'channel')} ({', '.join(channel.name for channel in bundle.channels)})",
            _count(len(bundle.tokens), "token"),
            _count(len(bundle.warnings), "warning"),
        )
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"

"""``tocsin check``: everything that is wrong with the configuration, at once."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tocsin.cli import options
from tocsin.cli.output import clean, say, say_json

if TYPE_CHECKING:
    from tocsin.conf.bundle import Bundle
    from tocsin.conf.channels import ConfiguredTracker
    from tocsin.conf.source import Problem

Found = Sequence[tuple[str, "Problem"]]
"""What was found, each with its level: ``error`` or ``warning``."""


@click.command(epilog=options.example("tocsin check --config config --rules rules --strict --format github"))
@options.configuration
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["text", "github", "json"]),
    default="text",
    show_default=True,
    help="For people, as annotations of a pull request, or for programs.",
)
@click.option("--strict", is_flag=True, help="Exit 1 for warnings too.")
def command(config_dir: Path, rules_dir: Path, fmt: str, *, strict: bool) -> None:
    """Say what is wrong with the configuration.

    All of it at once, as file:line:column. Exits 1 when something is wrong;
    warnings alone are no reason, unless --strict says so.
    """
    bundle, problems, warnings = _load(config_dir, rules_dir)
    found = [*(("error", _here(problem)) for problem in problems), *(("warning", _here(told)) for told in warnings)]
    is_good = bundle is not None and not (strict and warnings)
    _FORMATS[fmt](found, bundle if is_good else None)
    sys.exit(0 if is_good else 1)


def _load(config_dir: Path, rules_dir: Path) -> tuple[Bundle | None, Sequence[Problem], Sequence[Problem]]:
    from tocsin.app.kinds import KINDS
    from tocsin.conf.bundle import load
    from tocsin.conf.source import ConfigError

    try:
        bundle = load(config_dir, rules_dir, KINDS, os.environ, now=time.time_ns() // 1000)
    except ConfigError as error:
        return None, error.problems, error.warnings
    return bundle, (), bundle.warnings


def _here(problem: Problem) -> Problem:
    """The same, its file named from the working directory where it lies below that."""
    from tocsin.conf.source import Problem

    path, here = Path(problem.path), Path.cwd()
    if not path.is_absolute() or not path.is_relative_to(here):
        return problem
    return Problem(str(path.relative_to(here)), *(problem.line, problem.column, problem.message, problem.hint))


def _told(problem: Problem) -> str:
    return f"{problem.message}; {problem.hint}" if problem.hint else problem.message


def _as_text(found: Found, bundle: Bundle | None) -> None:
    from tocsin.conf.source import Mark

    for level, problem in found:
        place = Mark(problem.path, problem.line, problem.column)
        style, said = ("bold red", "") if level == "error" else ("yellow", "warning: ")
        say(clean(f"{place}: ", "bold"), clean(said, style), _told(problem))
    levels = [level for level, _ in found]
    if bundle is not None:
        say(clean("good", "green"), f": {_summary(bundle)}")
    else:
        warnings = f", {_count(levels.count('warning'), 'warning')}" if "warning" in levels else ""
        say(_count(levels.count("error"), "problem") + warnings, err=True)


def _as_json(found: Found, bundle: Bundle | None) -> None:
    del bundle
    say_json([_object(level, problem) for level, problem in found])


def _object(level: str, problem: Problem) -> Mapping[str, Any]:
    place = {"file": problem.path, "line": problem.line or None, "column": problem.column or None}
    return {"level": level, **place, "message": problem.message, "hint": problem.hint}


def _as_github(found: Found, bundle: Bundle | None) -> None:
    """Workflow commands of GitHub Actions: each becomes an annotation at its line of the pull request."""
    del bundle
    for level, problem in found:
        click.echo(f"::{level} {_properties(problem)}::{_escaped(_message(problem), also='')}")


def _properties(problem: Problem) -> str:
    """Where it is, in as far as that is a place in a file: an environment variable has none."""
    if not problem.line:
        return f"file={_escaped(problem.path)}" if Path(problem.path).exists() else "title=tocsin check"
    return f"file={_escaped(problem.path)},line={problem.line},col={problem.column}"


def _message(problem: Problem) -> str:
    return _told(problem) if problem.line else f"{problem.path}: {_told(problem)}"


def _escaped(text: str, also: str = ":,") -> str:
    """What would end a command or a property, percent-encoded."""
    return "".join(f"%{ord(char):02X}" if char in "%\r\n" + also else char for char in text)


_FORMATS: Mapping[str, Callable[[Found, Bundle | None], None]] = {
    "text": _as_text,
    "github": _as_github,
    "json": _as_json,
}


def _summary(bundle: Bundle) -> str:
    names = ", ".join(sorted(bundle.playbooks))
    return ", ".join(
        (
            _count(len(bundle.rules.rules), "rule"),
            f"{_count(len(bundle.playbooks), 'playbook')} ({names})",
            _count(len(bundle.people.persons), "person", "people"),
            _count(len(bundle.windows), "maintenance window"),
            f"{_count(len(bundle.channels), 'channel')} ({', '.join(channel.name for channel in bundle.channels)})",
            *([_listed(bundle.trackers)] if bundle.trackers else []),
            _count(len(bundle.tokens), "token"),
            _count(len(bundle.warnings), "warning"),
        )
    )


def _listed(trackers: tuple[ConfiguredTracker, ...]) -> str:
    return f"{_count(len(trackers), 'tracker')} ({', '.join(tracker.name for tracker in trackers)})"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"

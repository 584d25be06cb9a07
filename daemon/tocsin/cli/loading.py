"""Functions shared by commands that load a configuration themselves."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol

from tocsin.cli.output import clean, console, say

if TYPE_CHECKING:
    from tocsin.conf.bundle import Bundle
    from tocsin.conf.source import Problem


def loaded(config_dir: Path, rules_dir: Path) -> Bundle:
    """Return the configuration; if it cannot be used, print its problems and exit with 1."""
    from tocsin.app.kinds import KINDS
    from tocsin.conf.bundle import load
    from tocsin.conf.source import ConfigError

    try:
        return load(config_dir, rules_dir, KINDS, os.environ)
    except ConfigError as error:
        refuse(error.problems)


def refuse(problems: Sequence[Problem]) -> NoReturn:
    """Print the problems and exit with 1."""
    from tocsin.conf.source import Mark

    for problem in problems:
        place = Mark(problem.path, problem.line, problem.column)
        message = f"{problem.message}; {problem.hint}" if problem.hint else problem.message
        say(clean(f"{place}: ", "bold"), message, err=True)
        say_excerpt(problem, err=True)
    say(f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}", err=True)
    sys.exit(1)


def say_excerpt(problem: Problem, *, err: bool = False) -> None:
    """Print the source line of a problem with a caret below the column, if the problem has one."""
    for line in problem.excerpt.splitlines():
        say(line, err=err)


class Advance(Protocol):
    """Callback that reports progress."""

    def __call__(self, done: int) -> None:
        """Add ``done`` to the completed steps."""
        ...


@contextmanager
def progress(what: str, total: int) -> Iterator[Advance]:
    """Show a progress bar on a terminal, and remove it at the end; show nothing if the output is not a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    if not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(err=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)

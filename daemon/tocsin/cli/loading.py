"""What the verbs that run a configuration without a daemon have in common."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tocsin.app.kinds import KINDS
from tocsin.cli.output import clean, console, say
from tocsin.conf.bundle import Bundle, load
from tocsin.conf.source import ConfigError, Mark, Problem


def loaded(config_dir: Path, rules_dir: Path) -> Bundle:
    """The configuration; one that cannot be used is told, and ends the program with 1."""
    try:
        return load(config_dir, rules_dir, KINDS, os.environ)
    except ConfigError as error:
        refuse(error.problems)


def refuse(problems: Sequence[Problem]) -> NoReturn:
    """Tell problems, and exit 1."""
    for problem in problems:
        place = Mark(problem.path, problem.line, problem.column)
        told = f"{problem.message}; {problem.hint}" if problem.hint else problem.message
        say(clean(f"{place}: ", "bold"), told, err=True)
    say(f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}", err=True)
    sys.exit(1)


class Advance(Protocol):
    """Told of progress."""

    def __call__(self, done: int) -> None:
        """So much more is done."""
        ...


@contextmanager
def progress(what: str, total: int) -> Iterator[Advance]:
    """A bar on a terminal, gone when it is done; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(err=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)

"""What the verbs that run a configuration without a daemon have in common."""

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
    """The configuration; one that cannot be used is told, and ends the program with 1."""
    from tocsin.app.kinds import KINDS
    from tocsin.conf.bundle import load
    from tocsin.conf.source import ConfigError

    try:
        return load(config_dir, rules_dir, KINDS, os.environ)
    except ConfigError as error:
        refuse(error.problems)


def refuse(problems: Sequence[Problem]) -> NoReturn:
    """Tell problems, and exit 1."""
    from tocsin.conf.source import Mark

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
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    if not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(err=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)

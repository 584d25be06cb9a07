"""Options that several verbs share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from tocsin.conf.duration import parse_duration

F = TypeVar("F", bound=Callable[..., Any])


def example(*lines: str) -> str:
    """The end of a ``--help``: lines that may be typed as they are."""
    # click keeps the line ends of a paragraph that begins with a backspace.
    return "\n".join(("\b", "Example:", *(f"  {line}" for line in lines)))


def configuration(function: F) -> F:
    """``--config DIR`` and ``--rules DIR``: arguments ``config_dir`` and ``rules_dir``."""
    for option, parameter, default, holds in (
        ("--rules", "rules_dir", "rules", "the rules"),
        ("--config", "config_dir", "config", "tocsin.yaml, people.yaml, playbooks/ and windows.yaml"),
    ):
        function = click.option(
            option,
            parameter,
            type=click.Path(path_type=Path),
            callback=_existing,
            metavar="DIR",
            default=default,
            envvar=f"TOCSIN_{default.upper()}",
            show_default=True,
            help=f"Where {holds} are.",
        )(function)
    return function


def as_json(function: F) -> F:
    """``--json``: argument ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print the API's own objects.")(function)


def _existing(_: click.Context, parameter: click.Parameter, value: Path) -> Path:
    if not value.is_dir():
        raise click.BadParameter(
            f"there is no directory {str(value)!r}; `tocsin init .` writes config/ and rules/ here", param=parameter
        )
    return value


def duration(_: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """The callback of an option that takes a duration such as ``1h30m``: microseconds."""
    if value is None:
        return None
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), param=parameter) from None

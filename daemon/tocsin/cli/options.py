"""Options that several verbs share."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

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
    from tocsin.conf.duration import parse_duration

    if value is None:
        return None
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), param=parameter) from None


class _Moment(click.ParamType[str]):
    """A time; without an offset it is one of this machine's clock."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The time as the API wants it."""
        try:
            return datetime.fromisoformat(value).astimezone(UTC).isoformat()
        except (ValueError, OverflowError, OSError):
            self.fail(f"{value!r} is no time; write for example 2026-11-25T22:00 or 2026-11-25T22:00+01:00", param, ctx)


MOMENT = _Moment()


def for_a_time(function: F) -> F:
    """``--from``, ``--until``, ``--for`` and ``--comment``: argument ``when``, the keys of a request."""

    @wraps(function)
    def with_times(
        *args: Any, starts: str | None, until: str | None, length: str | None, comment: str, **others: Any
    ) -> Any:
        if (length is None) == (until is None):
            raise click.UsageError("give --for or --until")
        given = {"starts_at": starts, "ends_at": until, "duration": length}
        when = {key: value for key, value in given.items() if value is not None}
        return function(*args, when={**when, "comment": comment}, **others)

    decorated: Any = with_times
    for option in (
        click.option("--comment", default="", help="For people."),
        click.option("--for", "length", metavar="DURATION", help="Or how long, for example 8h or 1h30m."),
        click.option("--until", type=MOMENT, help="When it is over."),
        click.option("--from", "starts", type=MOMENT, help="When it begins; now unless given."),
    ):
        decorated = option(decorated)
    return cast("F", decorated)

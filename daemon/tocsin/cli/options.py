"""Options shared by several commands."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

F = TypeVar("F", bound=Callable[..., Any])


def example(*lines: str) -> str:
    """Return the epilog of a help text: examples of complete commands."""
    # click keeps the line ends of a paragraph that begins with a backspace.
    return "\n".join(("\b", "Example:", *(f"  {line}" for line in lines)))


def configuration(function: F) -> F:
    """Add ``--config DIR`` and ``--rules DIR`` as the arguments ``config_dir`` and ``rules_dir``."""
    for option, parameter, default, contents in (
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
            help=f"Directory of {contents}.",
        )(function)
    return function


def as_json(function: F) -> F:
    """Add ``--json`` as the argument ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def _existing(_: click.Context, parameter: click.Parameter, value: Path) -> Path:
    if not value.is_dir():
        raise click.BadParameter(
            f"there is no directory {str(value)!r}; `tocsin init .` writes config/ and rules/ here", param=parameter
        )
    return value


def duration(_: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Parse the value of an option such as ``1h30m`` into microseconds."""
    from tocsin.core.duration import parse_duration

    if value is None:
        return None
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), param=parameter) from None


class _Moment(click.ParamType[str]):
    """A time; a time without an offset is in the time zone of this machine."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the time in the format of the API."""
        try:
            return datetime.fromisoformat(value).astimezone(UTC).isoformat()
        except (ValueError, OverflowError, OSError):
            self.fail(
                f"{value!r} is not a time; write for example 2026-11-25T22:00 or 2026-11-25T22:00+01:00", param, ctx
            )


MOMENT = _Moment()


def for_a_time(function: F) -> F:
    """Add ``--from``, ``--until``, ``--for`` and ``--comment``, passed on as ``when``: keys and values of a request."""

    @wraps(function)
    def with_times(
        *args: Any, starts: str | None, until: str | None, length: str | None, comment: str, **others: Any
    ) -> Any:
        if (length is None) == (until is None):
            raise click.UsageError("give --for or --until, for example --for 8h")
        given = {"starts_at": starts, "ends_at": until, "duration": length}
        when = {key: value for key, value in given.items() if value is not None}
        return function(*args, when={**when, "comment": comment}, **others)

    decorated: Any = with_times
    for option in (
        click.option("--comment", default="", help="A note for other people."),
        click.option("--for", "length", metavar="DURATION", help="Length instead of --until, for example 8h or 1h30m."),
        click.option("--until", type=MOMENT, help="End."),
        click.option("--from", "starts", type=MOMENT, help="Beginning. Default: now."),
    ):
        decorated = option(decorated)
    return cast("F", decorated)

"""``tocsin reload``: make the daemon load the configuration on disk."""

import json
from typing import Any

import click

from tocsin.cli import options
from tocsin.cli.client import DaemonClient, Refused, connected
from tocsin.cli.output import clean, say, say_json


@click.command(epilog=options.example("tocsin reload", "tocsin reload --force"))
@click.option("--force", is_flag=True, help="Also load a configuration that removes every token, channel or contact.")
@options.as_json
@connected
async def command(daemon: DaemonClient, *, force: bool, as_json: bool) -> None:
    """Reload the configuration on disk and print what changed.

    An invalid configuration is refused, and the daemon keeps the running one.
    A configuration that removes every token, every channel or the last contact
    of a person who may be paged is refused as well, unless --force is given.
    Needs a token with the scope `admin`. Exits 1 if the reload is refused.
    """
    try:
        result = await daemon.post("/-/reload", {}, force="true" if force else None)
    except Refused as refusal:
        _say_refusal(refusal, as_json=as_json)
        raise
    if as_json:
        say_json(result)
        return
    say(clean("reloaded", "green"), f": {_count(len(result['changes']), 'change')}")
    for change in result["changes"]:
        place = f" ({change['place']})" if change["place"] else ""
        say(f"  {change['kind']} {change['name']} {change['how']}{place}")
    for note in result["notes"]:
        say(f"  {note}")


def _say_refusal(refusal: Refused, *, as_json: bool) -> None:
    """Print the errors of a refused configuration and exit with 1; return if the error is of another kind."""
    try:
        result: dict[str, Any] = json.loads(refusal.answer)
        errors = [str(error) for error in result["errors"]]
    except (ValueError, KeyError, TypeError):
        return
    if as_json:
        say_json(result)
    else:
        for line in (line for error in errors for line in error.splitlines()):
            say(line, err=True)
        say(f"The daemon keeps the running configuration: {_count(len(errors), 'problem')}.", err=True)
    raise SystemExit(1)


def _count(number: int, singular: str) -> str:
    return f"{number} {singular}" if number == 1 else f"{number} {singular}s"

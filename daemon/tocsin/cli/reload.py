"""``tocsin reload``: take over the configuration on disk."""

import json
from typing import Any

import click

from tocsin.cli import options
from tocsin.cli.client import Daemon, Refused, connected
from tocsin.cli.output import clean, say, say_json


@click.command(epilog=options.example("tocsin reload", "tocsin reload --force"))
@click.option("--force", is_flag=True, help="Also take over one that removes every token, channel or contact.")
@options.as_json
@connected
async def command(daemon: Daemon, *, force: bool, as_json: bool) -> None:
    """Reload the configuration on disk and print what changed.

    A configuration with a mistake is refused, and the running one stays; so
    is one that removes every token, every channel or the last contact of
    a person who may be paged, unless --force says that this is intended. Needs
    a token with the scope `admin`. Exits 1 when it is refused.
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
    """Print a reload's own refusal, and exit 1; another error is left to the caller."""
    try:
        result: dict[str, Any] = json.loads(refusal.answer)
        errors = [str(error) for error in result["errors"]]
    except (ValueError, KeyError, TypeError):
        return
    if as_json:
        say_json(result)
    else:
        for error in errors:
            say(error, err=True)
        say(f"The running configuration stays: {_count(len(errors), 'problem')}.", err=True)
    raise SystemExit(1)


def _count(number: int, one: str) -> str:
    return f"{number} {one}" if number == 1 else f"{number} {one}s"

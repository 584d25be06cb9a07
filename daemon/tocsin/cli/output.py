"""What the command line prints: colours on a terminal, none in a pipe, and nothing that a label could break.

Labels come from outside, so no text is ever read as markup, and every
character that could move a cursor is replaced before it is printed.
"""

import json
import sys
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tocsin.channels.text import one_line
from tocsin.core.duration import duration

SECOND = 1_000_000
WIDE = 1000
"""The columns of a pipe: nothing is cut for a reader who is a program."""

STATE_STYLES = {
    "pending": "cyan",
    "triggered": "bold red",
    "acknowledged": "yellow",
    "snoozed": "blue",
    "resolved": "green",
}


def console(*, err: bool = False) -> Console:
    """A console on what is standard output (or error) now. rich honours NO_COLOR and FORCE_COLOR."""
    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else WIDE
    return Console(file=stream, markup=False, highlight=False, emoji=False, soft_wrap=True, width=width)


def say(*parts: str | Text, err: bool = False) -> None:
    """Print one line."""
    console(err=err).print(Text.assemble(*(clean(part) if isinstance(part, str) else part for part in parts)))


def say_json(value: Any) -> None:
    """Print the API's own object."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def clean(text: object, style: str = "") -> Text:
    """One harmless line of text; spaces at its ends are kept."""
    raw = str(text)
    body = one_line(raw)
    ahead = " " * (len(raw) - len(raw.lstrip(" "))) if body else ""
    return Text(ahead + body + (" " * (len(raw) - len(raw.rstrip(" ")))), style)


def table(*columns: str) -> Table:
    """A table without lines; its cells go through `clean`."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def state(value: str) -> Text:
    """An incident's state, in its colour."""
    return clean(value, STATE_STYLES.get(value.strip(), ""))


def micros(moment: str | None) -> int:
    """One of the API's times in microseconds; 0 for none."""
    if moment is None:
        return 0
    since = datetime.fromisoformat(moment) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def ago(moment: str | None, now: datetime) -> str:
    """How long ago one of the API's times was, or how long until it comes."""
    if moment is None:
        return ""
    passed = int((now - datetime.fromisoformat(moment)).total_seconds()) * SECOND
    return f"{duration(passed)} ago" if passed >= 0 else f"in {duration(-passed)}"

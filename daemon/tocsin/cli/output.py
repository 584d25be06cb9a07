"""What the command line prints: colours on a terminal, none in a pipe, and nothing that a label could break.

Labels come from outside, so no text is ever read as markup, and every
character that could move a cursor is replaced before it is printed.
"""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.cells import cell_len
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


GAP = 2
"""Spaces between two columns."""
LEAST = 12
"""The width that a column which may be cut keeps before another one is left out."""


def say_rows(
    columns: Sequence[str],
    rows: Sequence[Sequence[Text]],
    *,
    cut: Sequence[str],
    optional: Sequence[str] = (),
) -> None:
    """Print a table with one line a row.

    On a terminal the columns in ``cut`` are shortened to its width, the widest
    first; those in ``optional`` are left out where they are empty, and in
    their order where the others do not fit. In a pipe nothing is cut or left out.
    """
    out = console()
    widths = {name: max((cell_len(name), *(row[place].cell_len for row in rows))) for place, name in enumerate(columns)}
    if sys.stdout.isatty():
        empty = {name for place, name in enumerate(columns) if name in optional and not any(row[place] for row in rows)}
        widths = {name: width for name, width in widths.items() if name not in empty}
        widths = _fitting(widths, out.width, cut, optional)
    for line in ([Text(name, "bold") for name in columns], *rows):
        cells = [(cell.copy(), widths[name]) for name, cell in zip(columns, line, strict=True) if name in widths]
        for cell, width in cells:
            cell.truncate(width, overflow="ellipsis", pad=True)
        shown = Text(" " * GAP).join(cell for cell, _ in cells)
        shown.rstrip()
        out.print(shown)


def _fitting(widths: dict[str, int], room: int, cut: Sequence[str], optional: Sequence[str]) -> dict[str, int]:
    """Return the widths of the columns that are shown."""
    fitted = dict(widths)
    left_out = list(optional)

    def excess() -> int:
        return sum(fitted.values()) + GAP * (len(fitted) - 1) - room

    while excess() > 0:
        able = [name for name in cut if fitted.get(name, 0) > LEAST]
        if able:
            widest = max(able, key=lambda name: fitted[name])
            fitted[widest] -= 1
        elif left_out:
            fitted.pop(left_out.pop(0), None)
            fitted |= {name: widths[name] for name in cut if name in fitted}
        elif (widest := max(fitted, key=lambda name: fitted[name])) and fitted[widest] > 1:
            fitted[widest] -= 1
        else:
            break
    return fitted


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

"""Output of the command line: colors on a terminal, plain text in a pipe, and no control characters.

Labels come from outside, so no text is interpreted as markup, and every
character that could move the cursor is replaced before it is printed.
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
from tocsin.core.duration import SECOND, duration

WIDE = 1000
"""Width of the output in a pipe, in characters, so that nothing is cut for programs."""

STATE_STYLES = {
    "pending": "cyan",
    "triggered": "bold red",
    "acknowledged": "yellow",
    "snoozed": "blue",
    "resolved": "green",
}


def console(*, err: bool = False) -> Console:
    """Return a console on the current standard output or error. rich honors NO_COLOR and FORCE_COLOR."""
    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else WIDE
    return Console(file=stream, markup=False, highlight=False, emoji=False, soft_wrap=True, width=width)


def say(*parts: str | Text, err: bool = False) -> None:
    """Print one line."""
    console(err=err).print(Text.assemble(*(clean(part) if isinstance(part, str) else part for part in parts)))


def say_json(value: Any) -> None:
    """Print an object of the API as JSON."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def clean(text: object, style: str = "") -> Text:
    """Return the text as one line without control characters; spaces at both ends are kept."""
    raw = str(text)
    body = one_line(raw)
    ahead = " " * (len(raw) - len(raw.lstrip(" "))) if body else ""
    return Text(ahead + body + (" " * (len(raw) - len(raw.rstrip(" ")))), style)


def table(*columns: str) -> Table:
    """Return a table without lines; callers must pass the cells through `clean`."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


GAP = 2
"""Number of spaces between two columns."""
LEAST = 12
"""Width down to which columns are cut before optional columns are left out."""


def say_rows(
    columns: Sequence[str],
    rows: Sequence[Sequence[Text]],
    *,
    cut: Sequence[str],
    optional: Sequence[str] = (),
    least: int = LEAST,
) -> None:
    """Print a table with one line per row.

    On a terminal, the rows must fit its width. The columns in ``cut`` are shortened, the
    widest first, down to ``least`` characters. Of the columns in ``optional``, empty ones are
    left out, and then, in the given order, as many as necessary. In a pipe, nothing is cut or
    left out.
    """
    out = console()
    widths = {name: max((cell_len(name), *(row[place].cell_len for row in rows))) for place, name in enumerate(columns)}
    if sys.stdout.isatty():
        empty = {name for place, name in enumerate(columns) if name in optional and not any(row[place] for row in rows)}
        widths = {name: width for name, width in widths.items() if name not in empty}
        widths = _fitting(widths, out.width, cut, optional, least)
    for line in ([Text(name, "bold") for name in columns], *rows):
        cells = [(cell.copy(), widths[name]) for name, cell in zip(columns, line, strict=True) if name in widths]
        for cell, width in cells:
            cell.truncate(width, overflow="ellipsis", pad=True)
        shown = Text(" " * GAP).join(cell for cell, _ in cells)
        shown.rstrip()
        out.print(shown)


def _fitting(
    widths: dict[str, int], room: int, cut: Sequence[str], optional: Sequence[str], least: int
) -> dict[str, int]:
    """Return the widths of the columns that fit into ``room``."""
    fitted = dict(widths)
    left_out = list(optional)

    def excess() -> int:
        return sum(fitted.values()) + GAP * (len(fitted) - 1) - room

    while excess() > 0:
        able = [name for name in cut if fitted.get(name, 0) > least]
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
    """Return the state of an incident in its color."""
    return clean(value, STATE_STYLES.get(value.strip(), ""))


def micros(moment: str | None) -> int:
    """Return a time of the API in microseconds since the epoch; 0 for None."""
    if moment is None:
        return 0
    since = datetime.fromisoformat(moment) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def relative_time(moment: str | None, now: datetime) -> str:
    """Return the distance of a time of the API from now, such as ``5 min ago`` or ``in 2 h``; "" for None."""
    if moment is None:
        return ""
    passed = int((now - datetime.fromisoformat(moment)).total_seconds()) * SECOND
    return f"{duration(passed)} ago" if passed >= 0 else f"in {duration(-passed)}"

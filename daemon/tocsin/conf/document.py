"""The generated parts of READMEs: ``python -m tocsin.conf.document rules/README.md`` writes them.

Each part is between ``<!-- NAME: written by make docs -->`` and ``<!-- /NAME -->``.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tocsin.core.content.template_context import VARIABLES
from tocsin.core.matching.condition import CONDITIONS, Described
from tocsin.core.rules.action import ACTIONS, Action, Form

_PART = re.compile(r"(<!-- ([\w ]+): written by make docs -->\n).*?(<!-- /\2 -->)", re.DOTALL)


def _table(rows: Iterable[Action | Described]) -> str:
    lines = [f"| `{row.name}` | {row.meaning} | `{row.example.replace('|', chr(92) + '|')}` |\n" for row in rows]
    return "".join(("\n| key | meaning | example |\n|---|---|---|\n", *lines, "\n"))


def _variables() -> str:
    rows = [f"| `{name}` | {each.meaning} | {each.example} |\n" for name, each in VARIABLES.items()]
    return "".join(("\n| variable | what it says | example |\n|---|---|---|\n", *rows, "\n"))


PARTS: Mapping[str, Callable[[], str]] = {
    "template variables": _variables,
    "conditions": lambda: _table(CONDITIONS.values()),
    "under set": lambda: _table(action for action in ACTIONS.values() if action.form is Form.TEXT),
    "beside set": lambda: _table(action for action in ACTIONS.values() if action.form is not Form.TEXT),
}
"""The function that generates each part, by name."""


def documented(page: str, parts: Mapping[str, Callable[[], str]] = PARTS) -> str:
    """Return a page with its generated parts up to date.

    Raises:
        KeyError: The page names a part that does not exist.
    """
    return _PART.sub(lambda result: result[1] + parts[result[2]]() + result[3], page)


def write(names: Iterable[str], parts: Mapping[str, Callable[[], str]] = PARTS) -> None:
    """Write the parts of the pages with these file names."""
    for name in names:
        path = Path(name)
        path.write_text(documented(path.read_text(encoding="utf-8"), parts), encoding="utf-8")


if __name__ == "__main__":
    write(sys.argv[1:])

"""The parts of READMEs that come from the code: ``python -m tocsin.conf.document rules/README.md`` writes them.

Each stands between ``<!-- NAME: written by make docs -->`` and ``<!-- /NAME -->``.
"""

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from tocsin.core.action import ACTIONS, Action, Form
from tocsin.core.brief import VARIABLES
from tocsin.core.condition import CONDITIONS, Described

_PART = re.compile(r"(<!-- ([\w ]+): written by make docs -->\n).*?(<!-- /\2 -->)", re.DOTALL)


def _table(rows: Iterable[Action | Described]) -> str:
    lines = [f"| `{row.name}` | {row.meaning} | `{row.example.replace('|', chr(92) + '|')}` |\n" for row in rows]
    return "".join(("\n| key | meaning | example |\n|---|---|---|\n", *lines, "\n"))


def _variables() -> str:
    rows = [f"| `{name}` | {each.meaning} | {each.example} |\n" for name, each in VARIABLES.items()]
    return "".join(("\n| variable | what it says | example |\n|---|---|---|\n", *rows, "\n"))


PARTS: dict[str, Callable[[], str]] = {
    "template variables": _variables,
    "conditions": lambda: _table(CONDITIONS.values()),
    "under set": lambda: _table(action for action in ACTIONS.values() if action.form is Form.TEXT),
    "beside set": lambda: _table(action for action in ACTIONS.values() if action.form is not Form.TEXT),
}
"""What stands between the marks of each name."""


def documented(page: str) -> str:
    """A page with its parts as the code says.

    Raises:
        KeyError: It has marks of a name that is none.
    """
    return _PART.sub(lambda found: found[1] + PARTS[found[2]]() + found[3], page)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(documented(path.read_text(encoding="utf-8")), encoding="utf-8")

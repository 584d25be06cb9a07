"""Lookup tables: ``tables: {services: {checkout: {team: shop, tier0: true}}}``."""

from collections.abc import Mapping

from tocsin.conf.source import Findings, Mark, Node
from tocsin.core.rules.action import Rows
from tocsin.core.suggestions import did_you_mean


class Tables:
    """The tables of a rules directory, by their names."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._report = findings.problem
        self._places: dict[str, Mark] = {}
        self._rows: dict[str, dict[str, Mapping[str, str]]] = {}
        self._used: set[str] = set()

    def __getitem__(self, name: str) -> Rows:
        return self._rows[name]

    def read(self, node: Node | None) -> None:
        """Take the tables of one file."""
        if node is None or node.broken:
            return
        if not isinstance(node.value, dict):
            hint = "write for example `{services: {checkout: {team: shop}}}`"
            self._report(node.head, "a mapping of tables is expected here", hint)
            return
        for name, child in node.value.items():
            if name in self._places:
                message = f"there is another table {name!r}"
                self._report(child.head, message, f"the first is at {self._places[name]}; rename one")
            self._places.setdefault(name, child.head)
            self._rows.setdefault(name, self._table(child))

    def rows(self, name: str, node: Node) -> Rows | None:
        """Return the rows of the table that a rule names at this position."""
        result = self._rows.get(name)
        self._used.add(name)
        if result is None:
            hint = did_you_mean(name, self._rows) or "write it under `tables:`, in any file of this directory"
            self._report(node.mark, f"there is no table {name!r}", hint)
        return result

    def report_unused(self) -> None:
        """Warn about tables that no rule uses."""
        for name in sorted(self._rows.keys() - self._used):
            self._findings.warn(self._places[name], f"no rule looks anything up in the table {name!r}")

    def _table(self, node: Node) -> dict[str, Mapping[str, str]]:
        if not isinstance(node.value, dict):
            if not node.broken:
                self._report(
                    node.head, "a mapping of rows is expected here", "write for example `{checkout: {team: shop}}`"
                )
            return {}
        return {key: self._row(child) for key, child in node.value.items()}

    def _row(self, node: Node) -> Mapping[str, str]:
        if not isinstance(node.value, dict):
            if not node.broken:
                hint = "write for example `{team: shop, tier0: true}`"
                self._report(node.head, "a mapping of columns is expected here", hint)
            return {}
        return {name: self._cell(child) for name, child in node.value.items()}

    def _cell(self, node: Node) -> str:
        if isinstance(node.value, bool):
            return str(node.value).lower()
        if isinstance(node.value, str | int | float):
            return str(node.value)
        if node.value is None:
            self._report(node.head, "has no value", 'write one, "" for an empty one, or remove it')
        elif not node.broken:
            self._report(node.mark, "text, a number, true or false is expected here", "a table has no deeper levels")
        return ""

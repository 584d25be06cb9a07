"""The actions of a rule. This module reads their forms; their meaning is in `tocsin.core.rules.action`."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tocsin.conf.keys import key_hint
from tocsin.conf.rules.tables import Tables
from tocsin.conf.rules.values import Values
from tocsin.conf.rules.when import KEYS as WHEN
from tocsin.conf.source import Findings, Node
from tocsin.core.rules.action import ACTIONS, Action, Form, Lookup

UNDER_SET = tuple(action.name for action in ACTIONS.values() if action.form is Form.TEXT)
BESIDE_SET = tuple(name for name in ACTIONS if name not in UNDER_SET)
KEYS = ("name", *WHEN, "set", *BESIDE_SET)
"""The keys of a rule."""

_MATCH = frozenset({"if", "when", "where", "expr", "condition", "conditions", "selector"})
"""Other programs' names for `match`."""
_LOOKUP = ("table", "by")


class ActionReader:
    """Reads the actions of rules."""

    def __init__(self, values: Values, tables: Tables, findings: Findings) -> None:
        self._values = values
        self._tables = tables
        self._report = findings.problem
        self._readers: dict[Form, Callable[[Node], Any]] = {
            Form.TEXT: values.template,
            Form.TEXTS: values.templates,
            Form.NAMES: values.names,
            Form.DURATION: values.duration,
            Form.SWITCH: values.switch,
            Form.STEPS: values.count,
            Form.LEVEL: values.template,
            Form.LOOKUP: self._lookup,
        }

    def actions(self, node: Node) -> dict[str, Any]:
        """Return the valid actions of the rule by name."""
        result: dict[str, Any] = {}
        under = node.child("set")
        if under is not None and isinstance(under.value, dict):
            self.report_unknown(under.value, UNDER_SET)
        elif under is not None:
            self._values.no_mapping(under, "write for example `set: {severity: SEV-2}`")
        for action in ACTIONS.values():
            child = _value_of(node, action)
            if child is None:
                continue
            value = self._readers[action.form](child)
            if value is not None:
                result[action.name] = value
        return result

    def report_unknown(self, children: Mapping[str, Node], known: Iterable[str]) -> None:
        """Report unknown and misplaced keys."""
        for key, child in children.items():
            if key in known:
                continue
            hint = key_hint(key, known)
            if key in _MATCH and "match" in known:
                hint = "did you mean match?"
            elif key in UNDER_SET:
                hint = f"write `set: {{{key}: ...}}`"
            elif key in KEYS:
                hint = "write it beside `set:`, not under it"
            self._report(child.head, f"unknown key {key!r}", hint)

    def _lookup(self, node: Node) -> Lookup | None:
        example = 'write for example `{table: services, by: "{service|}"}`'
        if not isinstance(node.value, dict):
            self._values.no_mapping(node, example)
            return None
        for name, child in node.value.items():
            if name not in _LOOKUP:
                self._report(child.head, f"unknown key {name!r}", key_hint(name, _LOOKUP))
        table, by = node.child("table"), node.child("by")
        for name, value in (("table", table), ("by", by)):
            if value is None:
                self._report(node.head, f"{name!r} is missing", example)
        if table is None or by is None:
            return None
        wanted, template = self._values.text(table), self._values.template(by)
        rows = self._tables.rows(wanted, table) if wanted is not None else None
        if wanted is None or template is None or rows is None:
            return None
        return Lookup(wanted, template, rows)


def _value_of(node: Node, action: Action) -> Node | None:
    if action.form is not Form.TEXT:
        return node.child(action.name)
    under = node.child("set")
    return under.child(action.name) if under is not None else None

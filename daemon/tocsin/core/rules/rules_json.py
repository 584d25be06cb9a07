"""Rules as plain data and back, so that the rules behind an alert can be stored and evaluated again."""

from collections.abc import Mapping
from typing import Any

from tocsin.core.matching.condition import AskOpen, AskRate
from tocsin.core.matching.matcher import Matcher, Matchers
from tocsin.core.matching.placeholders import Template
from tocsin.core.rules.action import ACTIONS, Form, Lookup, Rows, Value, written
from tocsin.core.rules.rule import Rule

_TEXT = (Form.TEXT, Form.LEVEL)


def to_plain(rule: Rule) -> dict[str, Any]:
    """Return a rule as JSON-compatible data; the rows of its lookup tables are separate: see `tables_of`."""
    plain: dict[str, Any] = {"name": rule.name, "path": rule.path, "line": rule.line}
    if rule.matchers:
        plain["match"] = _matchers(rule.matchers)
    if rule.any_of:
        plain["any"] = [_matchers(entry) for entry in rule.any_of]
    if rule.when_open is not None:
        plain["when_open"] = rule.when_open.written()
    if rule.rate is not None:
        plain["rate"] = rule.rate.written()
    if rule.actions:
        # The order matters: it decides which labels each action sees.
        plain["actions"] = {name: written(value) for name, value in rule.actions.items()}
    return plain


def tables_of(rule: Rule) -> dict[str, Rows]:
    """Return the lookup tables of a rule, by name."""
    return {value.table: value.rows for value in rule.actions.values() if isinstance(value, Lookup)}


def from_plain(plain: Mapping[str, Any], tables: Mapping[str, Rows]) -> Rule:
    """Return a rule from its stored form.

    Raises:
        KeyError: It has an action that this version does not know.
        TocsinError: One of its matchers or placeholders cannot be read.
    """
    return Rule(
        name=plain["name"],
        path=plain["path"],
        line=plain["line"],
        matchers=_read_matchers(plain.get("match", ())),
        any_of=tuple(_read_matchers(entry) for entry in plain.get("any", ())),
        when_open=_read_open(plain["when_open"]) if "when_open" in plain else None,
        rate=AskRate(**plain["rate"]) if "rate" in plain else None,
        actions={name: _read(ACTIONS[name].form, value, tables) for name, value in plain.get("actions", {}).items()},
    )


def _matchers(matchers: Matchers) -> list[list[str]]:
    return [[matcher.name, matcher.op, matcher.value] for matcher in matchers]


def _read_matchers(plain: Any) -> Matchers:
    return tuple(Matcher(name, op, value) for name, op, value in plain)


def _read_open(plain: Mapping[str, Any]) -> AskOpen:
    texts = {name: Template.parse(text) for name, text in plain.items() if name != "severity"}
    return AskOpen(severity=tuple(Template.parse(text) for text in plain.get("severity", ())), **texts)


def _read(form: Form, plain: Any, tables: Mapping[str, Rows]) -> Value:
    if form in _TEXT:
        return Template.parse(plain)
    if form is Form.TEXTS:
        return {name: Template.parse(text) for name, text in plain.items()}
    if form is Form.NAMES:
        return tuple(plain)
    if form is Form.LOOKUP:
        return Lookup(plain["table"], Template.parse(plain["by"]), tables[plain["table"]])
    value: int | bool = plain
    return value

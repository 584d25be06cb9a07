"""JSON Schema for the files that people edit, made of what the code reads."""

from collections.abc import Callable
from typing import Any

from tocsin.conf.duration import duration_pattern
from tocsin.core.action import ACTIONS, Action, Form
from tocsin.core.condition import COLUMNS, CONDITIONS

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "minLength": 1}
_DURATION: Schema = {"type": "string", "pattern": duration_pattern()}
_COUNT: Schema = {"type": "integer", "minimum": 1}
_CELL: Schema = {"type": ["string", "number", "boolean"]}


def _object(properties: dict[str, Schema], required: tuple[str, ...] = (), **more: Any) -> Schema:
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False, **more}
    return {**found, "required": list(required)} if required else found


def _mapping(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


_FORMS: dict[Form, Callable[[], Schema]] = {
    Form.TEXT: lambda: _TEXT,
    Form.TEXTS: lambda: _mapping(_TEXT),
    Form.NAMES: lambda: {"type": "array", "items": {"type": "string"}},
    Form.DURATION: lambda: _DURATION,
    Form.SWITCH: lambda: {"type": "boolean"},
    Form.STEPS: lambda: _COUNT,
    Form.LEVEL: lambda: _TEXT,
    Form.LOOKUP: lambda: _object({"table": _TEXT, "by": _TEXT}, ("table", "by")),
}

_CONDITIONS: dict[str, Schema] = {
    "match": {
        "anyOf": [
            _TEXT,
            {"type": "array", "items": _TEXT},
            {"type": "object", "maxProperties": 0},
        ]
    },
    "any": {"type": "array", "items": _TEXT, "minItems": 1},
    "when_open": _object(
        {name: _TEXT for name in COLUMNS if name != "severity"}
        | {"severity": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}},
        minProperties=1,
    ),
    "rate": _object({"more_than": _COUNT, "within": _DURATION}, ("more_than", "within")),
}


def rules_schema() -> Schema:
    """The schema of a file of rules."""
    conditions = {
        name: {**_CONDITIONS[name], "description": described.meaning} for name, described in CONDITIONS.items()
    }
    under = {action.name: _action(action) for action in ACTIONS.values() if action.form is Form.TEXT}
    beside = {action.name: _action(action) for action in ACTIONS.values() if action.form is not Form.TEXT}
    name = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]*$", "description": "Unique: the trace tells it."}
    rule = _object(
        {"name": name, **conditions, "set": _object(under), **beside},
        ("name",),
        anyOf=[{"required": ["match"]}, {"required": ["any"]}],
    )
    tables = {**_mapping(_mapping(_mapping(_CELL))), "description": "By table, row and column; see `lookup`."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rules of tocsin",
        **_object({"tables": tables, "rules": {"type": "array", "items": rule}}, minProperties=1),
    }


def _action(action: Action) -> Schema:
    return {**_FORMS[action.form](), "description": action.meaning}

"""JSON Schemas of the configuration files, for editors: made of the same models and actions that read the files.

An editor shows them while somebody types; what decides is `tocsin check`, which knows more than a schema can say.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from tocsin.conf.channels import Kinds
from tocsin.conf.duration import DURATION_SCHEMA, SIZE_SCHEMA, format_duration, format_size
from tocsin.conf.people import PeopleFile
from tocsin.conf.playbooks import PlaybookFile
from tocsin.conf.secrets import WAYS, Secret
from tocsin.conf.settings import Listen, Settings
from tocsin.conf.windows import WindowsFile
from tocsin.core.action import ACTIONS, Form
from tocsin.core.condition import COLUMNS, CONDITIONS

Schema = dict[str, Any]

_DIALECT = "http://json-schema.org/draft-07/schema#"
_SECRET: Schema = {"secret": True}
"""Stands for a secret until the key that holds it is replaced by the keys that say where it is."""


def schemas(kinds: Kinds) -> dict[str, Schema]:
    """The schema of each file of config/schemas/, by the file's name; each a value of its own."""
    return {name: copy.deepcopy(make(kinds)) for name, make in _FILES.items()}


def model_schema(title: str, model: type[BaseModel]) -> Schema:
    """The schema of a file that consists of what one model holds."""
    return _file(title, _of_model(model))


def tocsin_schema(kinds: Kinds) -> Schema:
    """tocsin.yaml."""
    schema = _of_model(Settings)
    _tell_apart(schema, "ChannelEntry", "kind", {kind.kind: kind.settings for kind in kinds.channels.values()})
    _tell_apart(schema, "TrackerEntry", "kind", {kind.kind: kind.settings for kind in kinds.trackers.values()})
    return _file("config/tocsin.yaml: tocsin's own settings", schema)


def people_schema(kinds: Kinds) -> Schema:
    """people.yaml; which kind of channel a contact's is, is known to tocsin.yaml only."""
    schema = _of_model(PeopleFile)
    forms = [_of_model(kind.contacts) for kind in kinds.channels.values()]
    keys: Schema = {}
    for form in forms:
        keys |= form["properties"]
    for entry in ("ContactEntry", "MethodEntry", "TargetEntry"):
        contact = schema["$defs"].get(entry)
        if contact is not None:
            contact["properties"] |= keys
            contact["additionalProperties"] = False
    return _file("config/people.yaml: who there is, and how each is reached", schema)


def playbook_schema(kinds: Kinds) -> Schema:
    """playbooks/*.yaml."""
    del kinds
    schema = _of_model(PlaybookFile)
    cell = schema["$defs"]["CellEntry"]
    cell["oneOf"] = [{"required": ["after"]}, {"required": ["on"]}, {"required": ["flagged"]}]
    action = schema["$defs"]["ActionEntry"]
    action["oneOf"] = [{"required": ["message", "to"]}, {"required": ["tracker"]}, {"required": ["automation"]}]
    return _file("config/playbooks/*.yaml: an organisation's response rules", schema)


def rules_schema(kinds: Kinds) -> Schema:
    """rules/*.yaml."""
    del kinds
    under = {action.name: _action(action.name) for action in ACTIONS.values() if action.form is Form.TEXT}
    beside = {action.name: _action(action.name) for action in ACTIONS.values() if action.form is not Form.TEXT}
    name = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]*$", "description": "Unique; the trace tells it."}
    rule = {
        "type": "object",
        "required": ["name"],
        "anyOf": [{"required": ["match"]}, {"required": ["any"]}],
        "properties": {"name": name, **_WHEN, "set": _object(under), **beside},
        "additionalProperties": False,
    }
    cell = {"type": ["string", "number", "boolean"]}
    table = {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": cell}}
    top = {
        "type": "object",
        "minProperties": 1,
        "properties": {
            "rules": {"type": "array", "items": rule},
            "tables": {
                "type": "object",
                "additionalProperties": table,
                "description": "Lookup tables: name, row, column.",
            },
        },
        "additionalProperties": False,
    }
    return _file("rules/*.yaml: which alert becomes which incident", top)


_FILES: Mapping[str, Callable[[Kinds], Schema]] = {
    "tocsin.json": tocsin_schema,
    "people.json": people_schema,
    "playbook.json": playbook_schema,
    "rules.json": rules_schema,
    "windows.json": lambda _: model_schema("config/windows.yaml: maintenance windows", WindowsFile),
}
"""Every file of config/schemas/, and what makes it."""


# --- rules ------------------------------------------------------------------------------------------------------------

_TEXT: Schema = {"type": "string", "pattern": r"\S"}
_COUNT: Schema = {"type": "integer", "minimum": 1}


def _object(properties: Schema, **more: Any) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


_MATCHERS: Schema = {**_TEXT, "description": "Alertmanager's matchers, separated by commas; all of them must match."}
_WHEN: Schema = {
    "match": {
        "description": CONDITIONS["match"].meaning,
        "anyOf": [_MATCHERS, {"type": "array", "items": _MATCHERS}, {"type": "object", "maxProperties": 0}],
    },
    "any": {
        "description": CONDITIONS["any"].meaning,
        "type": "array",
        "items": _MATCHERS,
        "minItems": 1,
    },
    "when_open": {
        "description": CONDITIONS["when_open"].meaning,
        **_object(
            {
                name: {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
                if name == "severity"
                else _TEXT
                for name in COLUMNS
            },
            minProperties=1,
        ),
    },
    "rate": {
        "description": CONDITIONS["rate"].meaning,
        **_object({"more_than": _COUNT, "within": DURATION_SCHEMA}, required=["more_than", "within"]),
    },
}

_FORMS: Mapping[Form, Schema] = {
    Form.TEXT: _TEXT,
    Form.TEXTS: {"type": "object", "additionalProperties": _TEXT},
    Form.NAMES: {"type": "array", "items": {"type": "string"}},
    Form.DURATION: DURATION_SCHEMA,
    Form.SWITCH: {"type": "boolean"},
    Form.STEPS: _COUNT,
    Form.LEVEL: _TEXT,
    Form.LOOKUP: _object({"table": _TEXT, "by": _TEXT}, required=["table", "by"]),
}


def _action(name: str) -> Schema:
    action = ACTIONS[name]
    return {**_FORMS[action.form], "description": f"{action.meaning}\nExample: {action.example}"}


# --- models -----------------------------------------------------------------------------------------------------------


class _Generator(GenerateJsonSchema):
    """As the files are written, where that differs from what the models hold."""

    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> JsonSchemaValue:
        if schema["cls"] is Secret:
            return dict(_SECRET)
        return super().is_instance_schema(schema)

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """A key without a value is a mistake: whoever wants nothing leaves the key out."""
        return self.generate_inner(schema["schema"])

    def encode_default(self, dft: Any) -> Any:
        return str(dft) if isinstance(dft, Listen) else super().encode_default(dft)

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False


def _of_model(model: type[BaseModel]) -> Schema:
    schema: Schema = _tidied(model.model_json_schema(by_alias=True, schema_generator=_Generator))
    return schema


def _tidied(schema: Any) -> Any:
    """Without what says nothing, with secrets as they are written, and no key that is none."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _tidied(value) for key, value in schema.items()}
    if "default" in found:
        found |= _default(found)
    if "title" in found and "type" in found and isinstance(found["title"], str):
        del found["title"]  # a class's name says nothing to whoever edits a file
    if isinstance(found.get("description"), str):
        found["description"] = found["description"].replace("``", "`")
    if "patternProperties" in found:
        found["additionalProperties"] = False
    return _with_secrets(found) if isinstance(found.get("properties"), dict) else found


def _default(schema: Schema) -> Schema:
    """A default as it would be written; none where a whole section or nothing is one."""
    value = schema.pop("default")
    for form, written in ((DURATION_SCHEMA, format_duration), (SIZE_SCHEMA, format_size)):
        if schema.get("pattern") == form["pattern"] and isinstance(value, int):
            return {"default": written(value)}
    return {} if value in (None, "", []) or isinstance(value, dict) else {"default": value}


def _with_secrets(schema: Schema) -> Schema:
    properties: Schema = {}
    required = list(schema.get("required", ()))
    ways: list[Schema] = []
    for key, value in schema["properties"].items():
        if not value.get("secret"):
            properties[key] = value
            continue
        names = [f"{key}_{way}" for way in WAYS]
        properties |= {name: {"type": "string", "minLength": 1} for name in names}
        if key in required:
            required.remove(key)
            ways.append({"oneOf": [{"required": [name]} for name in names]})
        else:
            ways.append({"not": {"anyOf": [{"required": pair} for pair in _pairs(names)]}})
    found = {**schema, "properties": properties}
    if "required" in found:
        found["required"] = required
    if ways:
        found["allOf"] = ways
    return {key: value for key, value in found.items() if (key, value) != ("required", [])}


def _pairs(names: list[str]) -> list[list[str]]:
    return [[one, other] for index, one in enumerate(names) for other in names[index + 1 :]]


def _tell_apart(schema: Schema, entry: str, key: str, models: Mapping[str, type[BaseModel]]) -> None:
    """Give an entry, beside its key, the keys that the model of the key's value has."""
    definitions = schema["$defs"]
    branches = []
    for word, model in models.items():
        form = _of_model(model)
        definitions |= form.pop("$defs", {})
        form["properties"] = {key: {"const": word}, **form["properties"]}
        branches.append({"if": {"required": [key], "properties": {key: {"const": word}}}, "then": form})
    definitions[entry] = {
        "type": "object",
        "required": [key],
        "properties": {key: {"enum": list(models)}},
        "allOf": branches,
    }


def _file(title: str, schema: Schema) -> Schema:
    schema.pop("description", None)  # a model's own, which is written for whoever reads the code
    return {"$schema": _DIALECT, "title": title, **schema}

"""JSON Schemas of the configuration files for editors, generated from the models and actions that read the files.

Editors use them while a file is edited. `tocsin check` is authoritative: it checks more than a schema can express.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from tocsin.conf.channels import Kinds
from tocsin.conf.duration import DURATION_SCHEMA, SIZE_SCHEMA, format_size
from tocsin.conf.people import PeopleFile
from tocsin.conf.playbooks import PlaybookFile
from tocsin.conf.secrets import WAYS, Secret
from tocsin.conf.settings import Listen, Settings
from tocsin.conf.windows import WindowsFile
from tocsin.core.duration import format_duration
from tocsin.core.matching.condition import COLUMNS, CONDITIONS
from tocsin.core.rules.action import ACTIONS, Form

Schema = dict[str, Any]

_DIALECT = "http://json-schema.org/draft-07/schema#"
_SECRET: Schema = {"secret": True}
"""A marker for a secret, until its key is replaced by the keys that name where the secret is stored."""


def schemas(kinds: Kinds) -> dict[str, Schema]:
    """Return the schemas of config/schemas/ by file name; no two share a value."""
    return {name: copy.deepcopy(make(kinds)) for name, make in _FILES.items()}


def model_schema(title: str, model: type[BaseModel]) -> Schema:
    """Return the schema of a file that a single model describes."""
    return _file(title, _of_model(model))


def tocsin_schema(kinds: Kinds) -> Schema:
    """Return the schema of tocsin.yaml."""
    schema = _of_model(Settings)
    _report_apart(schema, "ChannelEntry", "kind", {kind.kind: kind.settings for kind in kinds.channels.values()})
    _report_apart(schema, "TrackerEntry", "kind", {kind.kind: kind.settings for kind in kinds.trackers.values()})
    return _file("config/tocsin.yaml: tocsin's own settings", schema)


def people_schema(kinds: Kinds) -> Schema:
    """Return the schema of people.yaml. The kind of a contact's channel is known only from tocsin.yaml."""
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
    """Return the schema of playbooks/*.yaml."""
    del kinds
    schema = _of_model(PlaybookFile)
    cell = schema["$defs"]["CellEntry"]
    cell["oneOf"] = [{"required": ["after"]}, {"required": ["on"]}, {"required": ["flagged"]}]
    action = schema["$defs"]["ActionEntry"]
    action["oneOf"] = [{"required": ["message", "to"]}, {"required": ["tracker"]}, {"required": ["automation"]}]
    return _file("config/playbooks/*.yaml: an organisation's response rules", schema)


def rules_schema(kinds: Kinds) -> Schema:
    """Return the schema of rules/*.yaml."""
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
"""The files of config/schemas/, each with the function that generates the file."""


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
    """A schema generator for the form in files, where it differs from that of the models."""

    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> JsonSchemaValue:
        if schema["cls"] is Secret:
            return dict(_SECRET)
        return super().is_instance_schema(schema)

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Disallow null: a key without a value is a mistake. To leave a setting unset, leave the key out."""
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
    """Return the schema in the form of files: with the keys for secrets, without empty parts and disallowed keys."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _tidied(value) for key, value in schema.items()}
    if "default" in result:
        result |= _default(result)
    if "title" in result and "type" in result and isinstance(result["title"], str):
        del result["title"]  # a class's name is of no use to editors of a file
    if isinstance(result.get("description"), str):
        result["description"] = result["description"].replace("``", "`")
    if "patternProperties" in result:
        result["additionalProperties"] = False
    return _with_secrets(result) if isinstance(result.get("properties"), dict) else result


def _default(schema: Schema) -> Schema:
    """Return a default in the form of files; none if the default is a whole section or null."""
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
    result = {**schema, "properties": properties}
    if "required" in result:
        result["required"] = required
    if ways:
        result["allOf"] = ways
    return {key: value for key, value in result.items() if (key, value) != ("required", [])}


def _pairs(names: list[str]) -> list[list[str]]:
    return [[one, other] for index, one in enumerate(names) for other in names[index + 1 :]]


def _report_apart(schema: Schema, entry: str, key: str, models: Mapping[str, type[BaseModel]]) -> None:
    """Add to an entry the keys of the model that the value of its discriminating key selects."""
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
    schema.pop("description", None)  # a model's docstring is for readers of the code
    return {"$schema": _DIALECT, "title": title, **schema}

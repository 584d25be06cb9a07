"""Validation of a configuration file by its JSON Schema, as in an editor."""

from jsonschema import Draft7Validator

from tocsin.app.kinds import KINDS
from tocsin.conf.json_schema import schemas
from tocsin.conf.source import Findings, parse_yaml
from tocsin.testing import cases

SCHEMAS = {**schemas(KINDS), "rule-tests.json": cases.schema()}


def mistakes_seen(schema: str, text: str) -> list[str]:
    """Return the parts of a YAML text that are underlined."""
    node = parse_yaml(text, "file", Findings(), may_be_empty=True)
    assert node is not None
    return [error.message for error in Draft7Validator(SCHEMAS[schema]).iter_errors(node.plain())]

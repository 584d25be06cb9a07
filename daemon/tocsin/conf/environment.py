"""``TOCSIN_*`` environment variables: each overrides one key of tocsin.yaml.

The name is ``TOCSIN_`` and the key's path in capitals, joined by ``_``:
``store.url`` is ``TOCSIN_STORE_URL``. A key that holds a list or a mapping takes
YAML, read like a file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, BeforeValidator

from tocsin.conf.scalar import RefusedScalar, plain_value
from tocsin.conf.schema import bare
from tocsin.conf.secrets import Secret
from tocsin.conf.settings import Settings
from tocsin.conf.source import Findings, Mark, Node, parse_yaml
from tocsin.core.suggestions import did_you_mean

PREFIX = "TOCSIN_"

COMMAND_LINE = frozenset(
    {
        *("TOCSIN_URL", "TOCSIN_TOKEN_FILE", "TOCSIN_CONFIG", "TOCSIN_RULES", "TOCSIN_SHADOW"),
        *("TOCSIN_CORPUS", "TOCSIN_MUTANTS"),
    }
)
"""Variables that mean something else: the command line's, and the tests'."""

Keys = tuple[str, ...]


def variables(model: type[BaseModel] = Settings, path: Keys = ()) -> Iterator[tuple[str, Keys, Any]]:
    """Return (variable, the keys of the setting that it overrides, the setting's field) of every setting."""
    for name, info in model.model_fields.items():
        keys = (*path, info.alias or name)
        inner = bare(info.annotation)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from variables(inner, keys)
        elif inner is not Secret:  # a secret in the process's environment would be anyone's to read
            yield PREFIX + "_".join(keys).upper(), keys, info


def overridden(node: Node, environ: Mapping[str, str], findings: Findings) -> Node:
    """Return the settings with the environment's values in place of the file's."""
    known = {variable: (keys, info) for variable, keys, info in variables()}
    named = set(_named_variables(node))
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        if variable in known:
            keys, info = known[variable]
            value = _value(variable, environ[variable], info, findings)
            if value is not None:
                named |= set(_named_variables(value))
                node = _put(node, keys, value)
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        if variable not in known and variable not in COMMAND_LINE | named:
            findings.warn(Mark(variable), "overrides no setting", did_you_mean(variable, known))
    return node


def _value(variable: str, text: str, info: Any, findings: Findings) -> Node | None:
    """Return the value of a variable, read as its setting's type."""
    annotation = bare(info.annotation)
    mark = Mark(variable)
    if annotation in (int, bool) and not any(isinstance(message, BeforeValidator) for message in info.metadata):
        try:
            return Node(plain_value(text.strip()), mark)
        except RefusedScalar as surprise:
            findings.problem(mark, str(surprise), surprise.hint)
            return None
    if getattr(annotation, "__origin__", None) in (dict, tuple):
        return parse_yaml(text, variable, findings)
    return Node(text, mark)


def _put(node: Node, keys: Keys, value: Node) -> Node:
    if not keys:
        return value
    if not isinstance(node.value, dict):  # told when it is validated
        return node
    inner = node.value.get(keys[0], Node({}, value.mark))
    return replace(node, value={**node.value, keys[0]: _put(inner, keys[1:], value)})


def _named_variables(node: Node) -> Iterator[str]:
    """Return the variables named by ``*_env`` keys: they hold secrets and override nothing."""
    for step, child in node.children():
        if isinstance(step, str) and step.endswith("_env") and isinstance(child.value, str):
            yield child.value
        yield from _named_variables(child)

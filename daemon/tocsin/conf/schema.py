"""Validation of nodes by models; pydantic's errors are reported at their positions, in our words."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, ClassVar, TypeVar, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    ValidationError,
)
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError, core_schema

from tocsin.conf.foreign import without_foreign
from tocsin.conf.keys import key_hint
from tocsin.conf.secrets import WAYS, Secret
from tocsin.conf.source import Findings, Node, Step
from tocsin.core.suggestions import did_you_mean, nearest

M = TypeVar("M", bound=BaseModel)


class Section(BaseModel):
    """Base of every model of the configuration files: no unknown key, no change, no value in an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    HINTS: ClassVar[Mapping[str, str]] = {}
    """Hints for missing or misplaced keys, by key."""


_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
_NAME_HINT = "write letters, digits, - _ and . only, a letter or digit first"

Whole = Annotated[int, Field(strict=True)]
"""A whole number, written as one."""
YesNo = Annotated[bool, Field(strict=True)]
"""``true`` or ``false``."""
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""Text that is not empty."""
Name = Annotated[str, StringConstraints(pattern=_NAME)]
"""A name by which other parts of the configuration refer to an item."""

_WANTED = {
    "string": ("text is expected here", "put it in quotes"),
    "int": ("a whole number is expected here", ""),
    "float": ("a number is expected here", ""),
    "bool": ("true or false is expected here", ""),
    "list": ("a list is expected here", "write [a, b], or one line each that begins with -"),
    "tuple": ("a list is expected here", "write [a, b], or one line each that begins with -"),
    "dict": ("a mapping is expected here", "write `key: value` lines"),
    "model": ("a mapping is expected here", "write `key: value` lines"),
}
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}
_SECRET_KEY = re.compile(r"(?i)secret|token|password|passwd|routing_key|credential|url")


def mistake(message: str, hint: str = "") -> PydanticCustomError:
    """Return an error for a validator to raise; it is reported unchanged at the validated value."""
    return PydanticCustomError("mistake", "{message}", {"message": message, "hint": hint})


@dataclass(frozen=True)
class IdForm:
    """The form of a provider's ids, as an annotation: a name in place of an id would be accepted but reach no one."""

    pattern: str
    is_called: str
    """For example: a Slack channel id such as C0123ABCD."""
    found_at: str
    """The place where a person finds the id."""
    may_be_empty: bool = False
    """Set if "" means that there is none."""

    @property
    def _pattern(self) -> str:
        return f"({self.pattern})?" if self.may_be_empty else self.pattern

    def check(self, value: str) -> str:
        """Return the value.

        Raises:
            PydanticCustomError: It has another form.
        """
        if not re.fullmatch(self._pattern, value):
            raise mistake(f"{value!r} is not {self.is_called}", f"find it {self.found_at}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Add the check to the text's schema."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Add the pattern for editors."""
        return {**handler(schema), "pattern": f"^{self._pattern}$"}


def validate(node: Node, model: type[M], findings: Findings) -> M | None:
    """Return the model of a node's content; None if it is invalid, which is reported to ``findings``."""
    node = without_foreign(node, findings)
    try:
        return model.model_validate(node.plain())
    except ValidationError as errors:
        reported = errors.errors(include_url=False, include_input=False)
        for error in reported:
            if not _is_mistyped(error, reported):
                _report(error, node, model, findings)
    return None


def _is_mistyped(error: ErrorDetails, errors: Sequence[ErrorDetails]) -> bool:
    """Return whether a key is missing only because it is mistyped, which is reported as an unknown key."""
    if error["type"] != "missing":
        return False
    *owner, key = error["loc"]
    unknown = (other["loc"] for other in errors if other["type"] == "extra_forbidden")
    return any([*loc[:-1]] == owner and nearest(str(loc[-1]), [str(key)]) for loc in unknown)


def _report(error: ErrorDetails, top: Node, model: type[BaseModel], findings: Findings) -> None:
    steps = _steps(error, top)
    node = top.at(*steps)
    if node.broken or _only_repeats(error, node):
        return
    kind, key = error["type"], str(error["loc"][-1]) if error["loc"] else ""
    if kind == "missing":
        owner = _at_end(model, steps)
        is_secret = bare(at_step(owner, key)) is Secret
        findings.problem(node.head, f"{key!r} is missing", _secret_hint(key) if is_secret else _own_hint(owner, key))
    elif kind == "extra_forbidden":
        owner = _at_end(model, steps[:-1])
        hint = _own_hint(owner, key) or key_hint(key, _known_keys(owner))
        findings.problem(node.head, f"unknown key {key!r}", hint)
    elif key == "[key]":
        findings.problem(node.head, f"{steps[-1]!r} is not a name here", _reason(error))
    elif node.value is None and kind != "mistake":
        findings.problem(node.head, "has no value", "write one, or remove the line")
    else:
        findings.problem(node.mark, *_about_value(error, node, steps, model))


def _about_value(error: ErrorDetails, node: Node, steps: list[Step], model: type[BaseModel]) -> tuple[str, str]:
    """Return the error message and the hint for a value."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "mistake":
        return context["message"], context["hint"]
    if kind in ("enum", "literal_error"):
        expected = re.findall(r"'([^']*)'", context["expected"])
        return f"{_shown(node, steps)} is not allowed here", did_you_mean(str(node.value), expected)
    wanted = _WANTED.get(kind.split("_")[0])
    if wanted and kind.endswith(("_type", "_parsing", "_from_float")):
        message, hint = wanted
        needs_quotes = isinstance(node.value, int | float | bool)
        if kind == "string_type":
            hint = f'{hint}: "{node.braces}"' if node.braces else hint if needs_quotes else ""
        elif kind == "model_type":
            hint = _short_form(node, _at_end(model, steps)) or hint
        return message, hint
    return _reason(error), ""


def _only_repeats(error: ErrorDetails, node: Node) -> bool:
    """Return whether a list is too short only because of invalid items, which are reported individually."""
    return error["type"] == "too_short" and len(list(node.children())) >= error["ctx"]["min_length"]


def _reason(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return _NAME_HINT if context["pattern"] == _NAME else f"does not have the form {context['pattern']}"
    if kind in ("too_short", "string_too_short"):
        return "must not be empty"
    if kind in _BOUNDS:
        word, key = _BOUNDS[kind]
        return f"must be {word} {context[key]}"
    if kind == "value_error":
        return str(context["error"])
    return error["msg"][:1].lower() + error["msg"][1:]


def _steps(error: ErrorDetails, top: Node) -> list[Step]:
    """Return the part of pydantic's path that exists in the file: validators and unions add steps of their own."""
    steps: list[Step] = []
    node = top
    for step in error["loc"]:
        child = node.child(step)
        if child is not None:
            steps.append(step)
            node = child
    return steps


def _shown(node: Node, steps: list[Step]) -> str:
    key = next((step for step in reversed(steps) if isinstance(step, str)), "")
    if _SECRET_KEY.search(key):
        return "this value"
    return repr(node.value) if isinstance(node.value, str | int | float) else "this value"


def _own_hint(owner: Any, key: str) -> str:
    return owner.HINTS.get(key, "") if isinstance(owner, type) and issubclass(owner, Section) else ""


def _short_form(node: Node, owner: Any) -> str:
    """Return the full form of a mapping that needs only one key, where a word was written in its place."""
    is_model = isinstance(owner, type) and issubclass(owner, BaseModel)
    needed = [name for name, info in owner.model_fields.items() if info.is_required()] if is_model else []
    is_word = isinstance(node.value, str) and re.fullmatch(r"[\w.-]+", node.value)
    return f"write {{{needed[0]}: {node.value}}}" if len(needed) == 1 and is_word else ""


def _known_keys(result: Any) -> list[str]:
    """Return the keys that a model allows."""
    if not (isinstance(result, type) and issubclass(result, BaseModel)):
        return []
    keys: list[str] = []
    for name, info in result.model_fields.items():
        key = info.alias or name
        keys += [f"{key}_{way}" for way in WAYS] if bare(info.annotation) is Secret else [key]
    return keys


def _secret_hint(key: str) -> str:
    return "write " + " or ".join(f"{key}_{way}:" for way in WAYS)


def _at_end(model: type[BaseModel], steps: list[Step]) -> Any:
    annotation: Any = model
    for step in steps:
        annotation = at_step(bare(annotation), step)
    return bare(annotation)


def at_step(annotation: Any, step: Step) -> Any:
    """Return the annotation at a key or index of a value with this annotation; None if none is allowed there."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, info in annotation.model_fields.items():
            if step == (info.alias or name):
                return info.annotation
        return None
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return arguments[1]
    return arguments[0] if arguments else None


def bare(annotation: Any) -> Any:
    """Return an annotation without ``Annotated`` and without ``| None``."""
    while get_origin(annotation) in (Annotated, Union, UnionType):
        arguments = [argument for argument in get_args(annotation) if argument is not type(None)]
        annotation = arguments[0]
    return annotation

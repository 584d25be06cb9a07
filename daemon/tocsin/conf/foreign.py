"""Detection of other programs' template syntax (Prometheus, Alertmanager, Jinja2, a shell).

Only the texts of rules have placeholders, written as `{label}`. Any other template syntax is refused, because
recipients would see it unexpanded.
"""

import re
from dataclasses import replace
from typing import NamedTuple

from tocsin.conf.source import Findings, Node

_ANYWHERE = r"""
    (?<![\\{])\{\{-?\s*(?P<mustache>[$.][A-Za-z_][^{}]*|[\#/]?[A-Za-z_][\w.\s|\[\]"'$-]*(?:\([^{}]*\)[^{}]*)?)\}\}
  | (?<![\\{])\{%(?P<tag>[^{}]*)%\}
  | (?<!\\)\$\{(?P<shell>[A-Za-z_][^{}]*)\}
"""
"""`{{ x }}`, `{% if x %}` and `${x}`; `{{` around anything but a name is a literal brace."""

_IN_PLACEHOLDERS = r"""
  | (?<!\\)\$(?P<variable>[A-Za-z_][\w.]*)
  | (?<!\\)\$\((?P<command>[^()]*)\)
  | (?<!\\)%\{(?P<percent>[^{}]*)\}
  | (?<!\\)%\((?P<python>\w+)\)[sdr]
  | (?<![\\{])\{(?P<single>
        [$.][^{}]* | (?:alert\.)?(?:[a-z]*[Ll]abels|[a-z]*[Aa]nnotations|Common[AL]\w+|Group[AL]\w+)\.[^{}]*
      | [^{}|]*(?:![rsa]|:[-+=?<>^.0-9]|["'()])[^{}]*
      | [^{}|]*\|\s*(?:upper|lower|toUpper|toLower|title|trim|capitalize|safeHtml|humanize\w*)\s*
      | [^{}|]*\|\s*(?:default|otherwise|join|replace|reReplaceAll)\s*[("'][^{}]*
    )\}
"""
"""`$x`, `$(x)`, `%{x}`, `%(x)s`, and single braces around something other than a label: `{$labels.x}`, `{x!r}`, `{x |
upper}`.
"""

_TEXT = re.compile(_ANYWHERE, re.VERBOSE)
_TEMPLATE = re.compile(_ANYWHERE + _IN_PLACEHOLDERS, re.VERBOSE)
_ROOTS = r"(?:alert\.|alerts\[0\]\.)?(?:\w*[Ll]abels|Alert|alert)\."
_LABEL = re.compile(rf"\s*-?\s*[$.]?(?:{_ROOTS})?(?P<label>[A-Za-z_]\w*)\s*(?P<rest>.*?)\s*-?\s*", re.DOTALL)
_DEFAULT = re.compile(r"""(?:\|\s*(?:default|otherwise)\s*\(?\s*|:?-|or\s+)(["']?)(?P<text>[^"'{}|()]+)\1\)?""")
_NO_LABELS = frozenset({"value", "if", "else", "end", "range", "with", "define", "template", "for", "each", "humanize"})

KEEP = "a backslash before {, }, $ or % keeps it as text"


class Foreign(NamedTuple):
    """A piece of a text that another program would fill in."""

    start: int
    written: str
    label: str
    """The placeholder that is probably meant."""

    @property
    def message(self) -> str:
        """Return the error message."""
        return f"{self.written!r} is the template syntax of another program, which tocsin does not fill in"


def foreign_in_template(text: str) -> Foreign | None:
    """Return the first foreign piece of a text that has placeholders, None if there is none."""
    return _first(_TEMPLATE, text)


def without_foreign(node: Node, findings: Findings) -> Node:
    """Report all foreign syntax below a node whose texts have no placeholders, and mark those texts as broken."""
    if isinstance(node.value, dict):
        return replace(node, value={key: without_foreign(child, findings) for key, child in node.value.items()})
    if isinstance(node.value, list):
        return replace(node, value=[without_foreign(child, findings) for child in node.value])
    if node.broken or not isinstance(node.value, str) or (result := _first(_TEXT, node.value)) is None:
        return node
    is_shell = result.written.startswith("${")
    hint = "write the value; for a secret, KEY_env: names the variable" if is_shell else "this text has no placeholders"
    findings.problem(node.inside(result.start), result.message, hint)
    return replace(node, broken=True)


def _first(pattern: re.Pattern[str], text: str) -> Foreign | None:
    if "{" not in text and "$" not in text and "%" not in text:
        return None
    match = pattern.search(text)
    if match is None:
        return None
    inner = next(group for group in match.groups() if group is not None)
    return Foreign(match.start(), match[0], _placeholder(inner))


def _placeholder(expression: str) -> str:
    """Return the placeholder that corresponds to another program's syntax."""
    result = _LABEL.fullmatch(expression)
    if result is None or result["label"] in _NO_LABELS or "nnotations" in expression:
        return "{label}"
    default = _DEFAULT.search(result["rest"])
    return f"{{{result['label']}|{default['text'].strip()}}}" if default else f"{{{result['label']}}}"

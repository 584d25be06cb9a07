"""Whatever tocsin's own people are told of is told in words."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tocsin
from tocsin.engine.selfwatch import trouble

SOURCES = Path(tocsin.__file__).parent
FOR_CALLERS_OF_THE_API = {"content_type"}
"""Codes of refusals that only the API gives, whose caller reads the answer."""


def reasons() -> set[str]:
    """Every reason that the code reports: by its name, by the code of a refusal, or from the sending of a page."""
    trees = [ast.parse(path.read_text()) for path in SOURCES.rglob("*.py")]
    return {reason for tree in trees for call in ast.walk(tree) for reason in _of(call)} - FOR_CALLERS_OF_THE_API


def _of(node: ast.AST) -> Iterator[str]:
    if not isinstance(node, ast.Call):
        return
    match ast.unparse(node.func).rpartition(".")[2], ast.unparse(node.func), node.args:
        case "report", _, [ast.Constant(value=str(reason)), *_]:
            yield reason
        case _, "self._troubles.append", [ast.Tuple(elts=[ast.Constant(value=str(reason)), *_])]:
            yield reason
        case "Refusal" | "_refused", _, [ast.Constant(value=int(status)), ast.Constant(value=str(code)), *_]:
            if status < 500 and ("_refused" in ast.unparse(node.func) or _is_told(node)):
                yield code
        case "wrong_signature", _, _:
            yield "bad_signature"


def _is_told(refusal: ast.Call) -> bool:
    return any(keyword.arg == "reason" for keyword in refusal.keywords)


@pytest.mark.parametrize("reason", sorted(reasons()))
def test_every_trouble_has_a_title(reason: str) -> None:
    assert trouble(reason, "eu", "", 0).annotations["summary"] != f"{reason} (eu)"


def test_reasons_of_each_kind_are_found() -> None:
    assert reasons() >= {"truncated", "dead", "unauthorized", "malformed", "bad_signature"}

"""Every fault that tocsin reports about itself has a title in words."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tocsin
from tocsin.engine.selfwatch.troubles import PLACES, STANDING, TITLES, Fault, alert_of, title_of
from tocsin.web.routes import ROUTES

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
        case "report" | "Fault", _, [ast.Constant(value=str(reason)), *_]:
            yield reason
        case _, "self._troubles.append", [ast.Tuple(elts=[ast.Constant(value=str(reason)), *_])]:
            yield reason
        case "Refusal" | "_refused", _, [ast.Constant(value=int(status)), ast.Constant(value=str(code)), *_]:
            if status < 500 and ("_refused" in ast.unparse(node.func) or _is_reported(node)):
                yield code
        case "wrong_signature", _, _:
            yield "bad_signature"


def _is_reported(refusal: ast.Call) -> bool:
    return any(keyword.arg == "reason" for keyword in refusal.keywords)


@pytest.mark.parametrize("reason", sorted(reasons()))
def test_every_trouble_has_a_title(reason: str) -> None:
    assert alert_of(Fault(reason, "eu"), "", 0).annotations["summary"] != f"{reason} (eu)"


@pytest.mark.parametrize("reason", sorted(TITLES))
def test_a_title_begins_with_a_capital_or_the_name_of_its_source_and_has_no_placeholder_left(reason: str) -> None:
    title = title_of(reason, "eu", "192.0.2.7")
    assert title[0].isupper() or title.startswith("eu ")
    assert "{" not in title


@pytest.mark.parametrize("endpoint", sorted({route.endpoint for route in ROUTES} - {"api", "webhooks"}))
def test_a_title_names_the_sender_at_each_endpoint_by_its_proper_name(endpoint: str) -> None:
    assert title_of("bad_signature", endpoint).startswith(PLACES[endpoint])


def test_refused_callbacks_cost_responses_and_no_alerts() -> None:
    for endpoint in {route.endpoint for route in ROUTES} - {"api", "webhooks", "alertmanager"}:
        title = title_of("bad_signature", endpoint)
        assert "requests with a wrong signature" in title
        assert "paged" not in title


def test_the_map_says_of_every_trouble_what_opens_and_what_ends_it() -> None:
    text = (SOURCES.parent / "README.md").read_text().partition("## tocsin's own incidents")[2].partition("\n## ")[0]
    rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `")]
    named = [reason for row in rows for reason in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(TITLES)


def test_reasons_of_each_kind_are_found() -> None:
    assert reasons() >= {"truncated", "dead", "unauthorized", "malformed", "bad_signature", *STANDING}

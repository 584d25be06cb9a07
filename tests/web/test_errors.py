"""Each error of tocsin's has one answer over HTTP, and says in words what is wrong."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import tocsin
from tocsin.core import errors
from tocsin.core.errors import InvalidText, WindowError
from tocsin.web.openapi import document
from tocsin.web.routes import ROUTES
from tocsin.web.server.answers import answer_to

PACKAGE = Path(tocsin.__file__).parent
STATUSES = {
    "TocsinError": 500,
    "Conflict": 500,
    "IllegalTransition": 409,
    "LimitReached": 409,
    "InvalidValue": 422,
    "InvalidText": 422,
    "UnknownChoice": 422,
    "UnknownLevel": 422,
    "WindowError": 422,
    "MatcherError": 422,
    "PlaceholderError": 422,
    "UnknownName": 404,
    "SourceUnavailable": 503,
    "StoreUnavailable": 503,
    "Overloaded": 503,
    "StoreHeld": 503,
    "StoreLost": 503,
}
TREE = {name: error for name, error in vars(errors).items() if isinstance(error, type)}
SHOWN = ("core/incident", "core/oncall", "core/playbook", "engine", "web")
"""Folders whose errors answer requests."""


@cache
def classes() -> frozenset[str]:
    """Return the names of the package's classes that no text has by chance: those of several words."""
    text = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    names = [name for name in re.findall(r"^class (\w+)", text, re.MULTILINE) if re.search(r"[a-z][A-Z]", name)]
    return frozenset({*names, *(name.lower() for name in names)} - {"postmortem"})


def messages() -> Iterator[tuple[str, str]]:
    """Return the place and the text of each error that answers a request; ``VALUE`` stands for a value."""
    for folder in SHOWN:
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                call = node.exc if isinstance(node, ast.Raise) else None
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.args:
                    text = _text(call.args[0]) if call.func.id in {*TREE, "bad_request"} - {"InvalidText"} else None
                    if text is not None:
                        yield f"{path.relative_to(PACKAGE)}:{call.lineno}", text


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "VALUE" for part in node.values)
    return None


def test_every_error_is_in_the_table() -> None:
    assert set(STATUSES) == set(TREE)


@pytest.mark.parametrize("name", STATUSES)
def test_each_error_has_one_status_and_shows_its_message(name: str) -> None:
    error = InvalidText("a note", 10, 11) if name == "InvalidText" else TREE[name]("it is over; make a new one")
    answer = answer_to(error)
    if STATUSES[name] == 500:
        assert answer is None
        return
    assert answer is not None
    assert answer.status == STATUSES[name]
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body)["error"]["message"] == str(error)
    assert ("Retry-After" in answer.headers) is (answer.status == 503)


def test_an_error_with_a_hint_shows_it() -> None:
    answer = answer_to(WindowError("the window is shorter than a minute", "write for example 2h"))
    assert answer is not None
    assert b"shorter than a minute; write for example 2h" in answer.body  # type: ignore[operator]


@pytest.mark.parametrize(("place", "text"), [pytest.param(*each, id=each[0]) for each in messages()])
def test_each_message_is_a_sentence_without_names_of_classes(place: str, text: str) -> None:
    assert len(text.split()) >= 2, place
    assert not text.endswith("."), place
    assert not classes().intersection(re.findall(r"\w+", text)), place


def test_the_description_of_the_api_lists_the_statuses_of_each_operation() -> None:
    paths = document(ROUTES)["paths"]

    def of(method: str, path: str) -> set[str]:
        return set(paths[path][method]["responses"])

    assert of("post", "/api/v1/incidents/{ref}/notes") == {
        *("200", "400", "401", "403", "404", "409", "413", "415", "422", "429", "503")
    }
    assert of("get", "/api/v1/incidents") == {"200", "400", "401", "403", "429", "503"}
    assert of("get", "/api/v1/incidents/{ref}") == {"200", "401", "403", "404", "429", "503"}
    assert of("post", "/api/v1/windows/preview") == {"200", "400", "401", "403", "413", "415", "422", "429", "503"}
    assert of("post", "/webhooks/alertmanager/{source}") == of("post", "/webhooks/alertmanager") | {"404"}
    assert of("get", "/-/ready") == of("get", "/-/healthy") == {"200", "503"}
    assert of("get", "/metrics") == {"200"}


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 50_000, b'{"occurrence": NaN}'])
async def test_a_body_that_is_no_json_is_refused(door, body):
    headers = {"Content-Type": "application/json"}
    async with door.call("POST", "/api/v1/incidents/1/acknowledge", data=body, headers=headers) as answer:
        assert answer.status == 400
        message = (await answer.json())["error"]["message"]
    # Brackets alone are refused where the first one opens a list.
    assert message == "Expected `object`, got `array`" or (
        message.startswith("the body is not JSON (")
        and message.endswith('); send a JSON object with the fields "occurrence"')
    )

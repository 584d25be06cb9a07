"""No text of a request to the API is stored at any length."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiohttp import ClientResponse

from tocsin.web.routes import ROUTES
from web.frontdoor import FrontDoor

LONG = "x" * 100_000
EXAMPLES: dict[str, Any] = {
    "incidents": {"severity": "SEV-1"},
    "action-items": {"kind": "immediate"},
    "windows": {"match": 'service="shop"', "duration": "1h"},
    "severity": {"severity": "SEV-1"},
    "postmortem": {"link": "https://example.com/", "waived": False},
}
"""Bodies with which a request would be accepted, by the last part of the path; others are made of their types."""
OF_TYPE: dict[Any, Any] = {str: "a", int: 1, bool: True, str | None: None}


def body_of(takes: type) -> dict[str, Any]:
    """A body with its required members."""
    fields = msgspec.structs.fields(takes)
    return {field.encode_name: OF_TYPE.get(field.type, {"a": "b"}) for field in fields if field.required}


TEXTS = [
    (route.path, field.encode_name, body_of(route.takes))
    for route in ROUTES
    if route.takes is not None
    for field in msgspec.structs.fields(route.takes)
    if field.type in (str, str | None)
]


FREE = frozenset({"title", "service", "team", "summary", "reason", "name", "comment", "text", "link", "owner"})
"""Texts that may be anything; others choose something that exists, or are durations and matchers."""
ELSEWHERE = ("drafts", "overrides", "postmortem", "duties")
"""Parts of paths whose requests need more than an incident; the tests of those have their texts."""
FREE_TEXTS = [
    (path, name, body) for path, name, body in TEXTS if name in FREE and not any(part in path for part in ELSEWHERE)
]


def path_of(pattern: str) -> str:
    """The path about the first incident."""
    wanted = {"{ref": "1", "{draft": "1", "{duty": "a"}
    parts = [wanted[part.partition(":")[0]] if part.startswith("{") else part for part in pattern.split("/")]
    return "/".join(parts)


@asynccontextmanager
async def requested(door: FrontDoor, path: str, body: dict[str, Any], name: str) -> AsyncIterator[ClientResponse]:
    """Send a request about an incident that is in the right state for it."""
    await door.engine.fire(alertname="Down")
    example = {**EXAMPLES.get(path.rpartition("/")[2], {}), name: body[name]}
    async with door.call("POST", path_of(path), json={**body, **example}) as answer:
        yield answer


@pytest.mark.parametrize(("path", "name", "body"), FREE_TEXTS, ids=[f"{path}: {name}" for path, name, _ in FREE_TEXTS])
async def test_the_same_request_with_a_short_text_is_accepted(
    door: FrontDoor, path: str, name: str, body: dict[str, Any]
) -> None:
    text = "https://example.com/" if name == "link" else "alice" if name == "owner" else "short"
    async with requested(door, path, {**body, name: text}, name) as answer:
        assert answer.status in (200, 201), await answer.text()


@pytest.mark.parametrize(("path", "name", "body"), TEXTS, ids=[f"{path}: {name}" for path, name, _ in TEXTS])
async def test_a_text_of_any_length_is_refused(door: FrontDoor, path: str, name: str, body: dict[str, Any]) -> None:
    async with requested(door, path, {**body, name: LONG}, name) as answer:
        shown = await answer.json()
    if name in FREE and "overrides" not in path:
        assert "characters" in shown["error"]["message"], "refused for another reason"
    if answer.status == 200:
        assert LONG not in str(shown)
        assert path.endswith(("explain", "preview")), "it has stored it"
    async with door.call("GET", "/api/v1/incidents/1") as answer:
        assert LONG not in await answer.text()
    assert await door.engine.store.read(lambda tx: max(len(str(entry)) for entry in tx.entries("incident-1"))) < 20_000

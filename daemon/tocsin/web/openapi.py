"""The OpenAPI 3.1 document, made from the route table and the types of what goes in and out."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from aiohttp import web

import tocsin
from tocsin.conf.settings import Scope
from tocsin.web.answers import json_answer
from tocsin.web.guard import Access, Route
from tocsin.web.views import is_time

DOCUMENT: web.AppKey[dict[str, Any]] = web.AppKey("openapi", dict)

_PARAMETER = re.compile(r"\{(\w+)(?::(?:[^{}]|\{[^{}]*\})*)?\}")
"""``{name}`` or ``{name:regex}`` in a path of aiohttp's; the regex may hold braces of its own."""

_PARAMETERS = {
    "ref": "the incident's id, or its number",
    "fingerprint": "the alert's fingerprint, as Alertmanager shows it",
    "path": "anything else, which is refused and told to those who look after tocsin",
    "item": "the number of an action item",
    "draft": "the number of a draft, as `drafts` shows it",
    "override": "the id of an override or a swap that was made by hand",
    "window": "the id of a window that was made by hand",
    "source": "the name of one Alertmanager, or of one HA group of them",
}

_PROBLEMS = {
    "400": "something about the request is wrong; the message says what and where",
    "401": "no such token",
    "403": "the token lacks the scope",
    "404": "there is no such thing",
    "409": "the incident's state does not allow it",
    "422": "a value is empty, too long or out of range; the message names the limit",
    "503": "the store cannot be reached or too much waits; try again",
}


async def serve(request: web.Request) -> web.Response:
    """This document."""
    return json_answer(request.app[DOCUMENT])


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The document for these routes."""
    routes = tuple(routes)
    types = {type_ for route in routes for type_ in (route.takes, route.gives) if type_ is not None}
    _, components = msgspec.json.schema_components(
        sorted(types, key=lambda type_: type_.__name__), ref_template="#/components/schemas/{name}"
    )
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(plain_path(route.path), {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tocsin",
            "version": tocsin.__version__,
            "description": "Takes alerts from Alertmanager and pages the people on call. Times are RFC 3339, UTC.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": {name: _with_times(schema) for name, schema in components.items()} | {"Problem": _PROBLEM},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


def plain_path(path: str) -> str:
    """A path as OpenAPI writes it: ``{name}`` without aiohttp's regex."""
    return _PARAMETER.sub(r"{\1}", path)


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": (route.handler.__doc__ or "").partition("\n")[0],
        "description": _access(route.access),
        "responses": _answers(route),
    }
    parameters = [_parameter(name, "path", _PARAMETERS[name]) for name in _PARAMETER.findall(route.path)]
    parameters += [_parameter(name, "query", text) for name, text in route.query.items()]
    if parameters:
        operation["parameters"] = parameters
    if route.takes is not None:
        operation["requestBody"] = _content({"$ref": f"#/components/schemas/{route.takes.__name__}"})
    elif route.edge != "api":
        operation["requestBody"] = _content({"type": "object"})
    if isinstance(route.access, Scope):
        operation["security"] = [{"bearer": [route.access.value]}, {"basic": [route.access.value]}]
    return operation


def _answers(route: Route) -> dict[str, Any]:
    good = {"$ref": f"#/components/schemas/{route.gives.__name__}"} if route.gives else {}
    problem = {"$ref": "#/components/schemas/Problem"}
    return {
        "200": {"description": "done", **(_content(good) if good else {})},
        **{code: {"description": text, **_content(problem)} for code, text in _PROBLEMS.items()},
    }


def _parameter(name: str, place: str, text: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": text,
        "schema": {"type": "integer" if name in ("limit", "episode", "days") else "string"},
    }


def _content(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def _access(access: Scope | Access) -> str:
    match access:
        case Scope():
            return f"Needs a token with the scope `{access.value}`."
        case Access.SIGNED:
            return "Believed by its signature."
        case Access.OPEN:
            return "Open."


def _with_times(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a view as it goes out: its times are text there (`views.public`)."""
    properties = {
        name: _time(member) if is_time(name) else member for name, member in schema.get("properties", {}).items()
    }
    return {**schema, "properties": properties} if properties else schema


def _time(member: dict[str, Any]) -> dict[str, Any]:
    time = {"type": "string", "format": "date-time"}
    return {"anyOf": [time, {"type": "null"}]} if "anyOf" in member else time


_PROBLEM = {
    "title": "Problem",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        }
    },
}

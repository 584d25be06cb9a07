"""The OpenAPI 3.1 document, generated from the route table and the types of requests and answers."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from aiohttp import web

import tocsin
from tocsin.conf.settings import Scope
from tocsin.core.alerts.subject import Subject
from tocsin.web.api.views import flat, is_time
from tocsin.web.server.answers import json_answer
from tocsin.web.server.guard import Access, Route

DOCUMENT: web.AppKey[dict[str, Any]] = web.AppKey("openapi", dict)

_PARAMETER = re.compile(r"\{(\w+)(?::(?:[^{}]|\{[^{}]*\})*)?\}")
"""``{name}`` or ``{name:regex}`` in an aiohttp path; the regex may contain braces."""

_REFERENCE = "#/components/schemas/{name}"

_PARAMETERS = {
    "ref": "the incident's id, or its number",
    "fingerprint": "the alert's fingerprint, as Alertmanager shows it",
    "path": "any other path, which is refused and reported to the operators of tocsin",
    "item": "the number of an action item",
    "duty": "the name of a duty, as `duties` of the incident shows it",
    "draft": "the number of a draft, as `drafts` shows it",
    "override": "the id of a manual override or swap",
    "window": "the id of a manual maintenance window",
    "source": "the name of an Alertmanager, or of an HA group of Alertmanagers",
}

HEALTH = ("/-/healthy", "/-/ready")
"""Paths that answer with text."""

_PROBLEMS = {
    "400": "the request cannot be read: not JSON, a missing field, a wrong type, an invalid parameter",
    "401": "the token is missing or not valid",
    "403": "the token lacks the required scope",
    "404": "the path names nothing that exists",
    "409": "the state does not allow the request, or a limit is reached",
    "413": "the body is too large",
    "415": "the body is compressed, or its content type is not JSON",
    "422": "a value cannot be used: unknown, empty, too long, out of range; the message says what is right",
    "429": "too many requests without a valid token or signature; retry later",
    "503": "the store is unavailable or overloaded; retry",
}


async def serve(request: web.Request) -> web.Response:
    """Return the OpenAPI document."""
    return json_answer(request.app[DOCUMENT])


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the OpenAPI document for these routes."""
    routes = tuple(routes)
    types = {type_ for route in routes for type_ in (route.takes, route.gives) if type_ is not None}
    _, components = msgspec.json.schema_components(
        sorted(types, key=lambda type_: type_.__name__), ref_template=_REFERENCE
    )
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(plain_path(route.path), {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tocsin",
            "version": tocsin.__version__,
            "description": "Receives alerts from Alertmanager and pages the people on call. Times are RFC 3339, UTC.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": {name: _with_times(schema) for name, schema in _flat(components).items()}
            | {"Problem": _PROBLEM},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


def plain_path(path: str) -> str:
    """Return an aiohttp path in OpenAPI's notation: ``{name}`` without a regex."""
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
    elif route.endpoint != "api":
        operation["requestBody"] = _content({"type": "object"})
    if isinstance(route.access, Scope):
        operation["security"] = [{"bearer": [route.access.value]}, {"basic": [route.access.value]}]
    return operation


def _answers(route: Route) -> dict[str, Any]:
    success = {"$ref": f"#/components/schemas/{route.gives.__name__}"} if route.gives else {}
    problem = {"$ref": "#/components/schemas/Problem"}
    if route.path in HEALTH:
        return {"200": {"description": "success"}, "503": {"description": "the daemon is not; the text says why"}}
    return {
        "200": {"description": "success", **(_content(success) if success else {})},
        **{
            code: {"description": _PROBLEMS[code], **_content(_either(route, code, problem))}
            for code in statuses(route)
        },
    }


def _either(route: Route, code: str, problem: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an error: a problem, or also the route's own result."""
    if code != "400" or route.gives_400 is None:
        return problem
    return {"oneOf": [{"$ref": f"#/components/schemas/{route.gives_400.__name__}"}, problem]}


def statuses(route: Route) -> list[str]:
    """Return the statuses of a route's errors."""
    has_body = route.method == "POST" and bool(route.takes or route.endpoint != "api")
    found = {
        "400": has_body or bool(route.query),
        "401": route.access is not Access.OPEN,
        "403": route.access is not Access.OPEN,
        "404": "{" in route.path,
        "409": route.takes is not None and route.access is Scope.RESPOND,
        "413": has_body,
        "415": has_body,
        "422": route.takes is not None,
        "429": route.access is not Access.OPEN,
        "503": route.access is not Access.OPEN,
    }
    return [status for status, applies in found.items() if applies]


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
            return "Authenticated by a signature."
        case Access.OPEN:
            return "Needs no token."


def _flat(components: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas of views after `views.flat`."""
    members = components.pop(Subject.__name__)["properties"]
    subject = {name: {"type": member["type"]} for name, member in members.items()}
    for schema in components.values():
        if schema.get("properties", {}).get("subject") == {"$ref": _REFERENCE.format(name=Subject.__name__)}:
            schema["properties"] = flat({**schema["properties"], "subject": subject})
            schema["required"] = list(schema["properties"])
    return components


def _with_times(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a view after `views.public`, which converts times to text."""
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

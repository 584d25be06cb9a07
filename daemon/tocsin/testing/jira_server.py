"""A stand-in for Jira: one project, with the validation of Jira Cloud (REST API 3) or a Data Center (REST API 2).

``python -m tocsin.testing.jira_server --port 8086 --log jira.jsonl``
"""

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp
from aiohttp import web

from tocsin.testing.jira_limits import JiraLimits
from tocsin.testing.standin import Handler, StandIn, arguments, serve

PROJECT = "OPS"
EMAIL = "tocsin@example.com"
TOKEN = "jira-token-0123456789"  # noqa: S105 - of a stand-in
ISSUE_TYPES = frozenset({"Task", "Incident"})
PRIORITIES = frozenset({"Highest", "High", "Medium", "Low", "Lowest"})
TEXT_LIMIT = 32_767
SEARCH_LAG = 5.0
"""Seconds for which a new issue is missing from the search."""
_STATUSES = {"To Do": "new", "In Progress": "indeterminate", "Done": "done"}
_WAYS = {"11": "To Do", "21": "In Progress", "31": "Done"}
_FIELDS = {"project", "issuetype", "summary", "description", "labels", "priority"}
_JQL = re.compile(r'project = "(?P<project>[A-Z]+)" AND labels = "(?P<label>[^" ]+)"')
_TOO_MANY = "The request has been rate-limited. Please try again later."
_ADF_BLOCKS = {"paragraph", "heading", "bulletList"}


class JiraServer(StandIn):
    """An ``accepted`` entry holds ``kind`` (``issue``, ``change``, ``comment`` or ``transition``), ``key`` and more."""

    def __init__(
        self,
        *,
        port: int = 0,
        log: Path | None = None,
        cloud: bool = True,
        demanded: frozenset[str] = frozenset(),
        asked_on_the_way: Mapping[str, frozenset[str]] = MappingProxyType({}),
        limited: bool = True,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a project; ``demanded`` are further fields that it demands of a new issue.

        ``asked_on_the_way``: the fields that the transition to a status demands, by the status. ``limited`` False: no
        rate limits, for tests of other behavior; ``now`` is the clock of the limits and of the search index.
        """
        super().__init__(port=port, log=log)
        self.cloud = cloud
        self.demanded = demanded
        self.asked_on_the_way = asked_on_the_way
        self.issues: dict[str, dict[str, Any]] = {}
        self._indexed_at: dict[str, float] = {}
        self._now = now
        self._limits = JiraLimits(now, on=limited)

    def index(self) -> None:
        """Add every issue to the search index now."""
        self._indexed_at = dict.fromkeys(self.issues, 0.0)

    def routes(self, app: web.Application) -> None:
        """Serve the project's issues; of a Data Center at version 2 only."""
        api = "/rest/api/3" if self.cloud else "/rest/api/2"
        search = f"{api}/search/jql" if self.cloud else f"{api}/search"
        for method, path, handler in (
            ("POST", f"{api}/issue", self._create),
            ("GET", f"{api}/issue/{{key}}", self._get),
            ("PUT", f"{api}/issue/{{key}}", self._change),
            ("GET", f"{api}/issue/{{key}}/comment", self._comments),
            ("POST", f"{api}/issue/{{key}}/comment", self._comment),
            ("GET", f"{api}/issue/{{key}}/transitions", self._ways),
            ("POST", f"{api}/issue/{{key}}/transitions", self._move),
            ("POST", search, self._search),
        ):
            app.router.add_route(method, path, self.faulty(self._limited(path, handler)))

    def _limited(self, path: str, handler: Handler) -> Handler:
        """Return the handler of an endpoint, which refuses requests beyond Jira's rate limits."""

        async def handle(request: web.Request) -> web.StreamResponse:
            refused = self._limits.refused(request.method, path, request.match_info.get("key"))
            if refused is None:
                return await handler(request)
            headers = {"Retry-After": str(refused.wait), "RateLimit-Reason": refused.reason}
            return web.json_response({"errorMessages": [_TOO_MANY], "errors": {}}, status=429, headers=headers)

        return handle

    async def _create(self, request: web.Request) -> web.Response:
        given, refusal = await self._body(request)
        if refusal is not None:
            return refusal
        fields = given.get("fields")
        errors = self._errors(fields) if isinstance(fields, dict) else {"fields": "required"}
        if errors:
            return _refusal(400, errors)
        key = f"{PROJECT}-{len(self.issues) + 1}"
        self.issues[key] = {**given["fields"], "status": "To Do", "comments": []}
        self._indexed_at[key] = self._now() + SEARCH_LAG
        self.accept(kind="issue", key=key, **given["fields"])
        return web.json_response({"id": "10001", "key": key, "self": f"{self.url}/rest/api/3/issue/10001"}, status=201)

    def _errors(self, fields: dict[str, Any]) -> dict[str, str]:
        """Return what is wrong with the fields of a new issue, by field."""
        missing = {"project", "issuetype", "summary", "description", *self.demanded} - set(fields)
        return self._wrong_values(fields) | {name: f"{name} is required." for name in missing}

    def _wrong_values(self, fields: dict[str, Any]) -> dict[str, str]:
        checks: dict[str, Callable[[Any], bool]] = {
            "project": lambda value: value == {"key": PROJECT},
            "issuetype": lambda value: _name(value) in ISSUE_TYPES,
            "summary": _is_summary,
            "description": self._is_text,
            "labels": lambda value: isinstance(value, list) and all(map(_is_label, value)),
            "priority": lambda value: _name(value) in PRIORITIES,
        }
        errors = {
            name: f"{name} is not valid" for name, good in checks.items() if not good(fields.get(name, _MISSING[name]))
        }
        unknown = set(fields) - _FIELDS - self.demanded
        return errors | {name: f"Field '{name}' cannot be set." for name in unknown}

    def _is_text(self, text: object) -> bool:
        """Return whether it is an Atlassian document (cloud) or wiki markup (Data Center). None means no text."""
        if text is None:
            return True
        if not self.cloud:
            return isinstance(text, str) and len(text) <= TEXT_LIMIT
        return isinstance(text, dict) and is_document(text) and len(words_of(text)) <= TEXT_LIMIT

    async def _get(self, request: web.Request) -> web.Response:
        issue = self._issue(request)
        refusal = self._stranger(request)
        if refusal is not None or issue is None:
            return refusal or _refusal(404)
        return web.json_response({"key": request.match_info["key"], "fields": {"status": _status(issue["status"])}})

    async def _change(self, request: web.Request) -> web.Response:
        given, refusal = await self._body(request)
        issue = self._issue(request)
        if refusal is not None or issue is None:
            return refusal or _refusal(404)
        fields = given.get("fields", {})
        errors = self._wrong_values(fields)
        if errors:
            return _refusal(400, errors)
        issue |= fields
        self.accept(kind="change", key=request.match_info["key"], **fields)
        return web.Response(status=204)

    async def _comments(self, request: web.Request) -> web.Response:
        issue = self._issue(request)
        refusal = self._stranger(request)
        if refusal is not None or issue is None:
            return refusal or _refusal(404)
        shown = issue["comments"][::-1] if request.query.get("orderBy") == "-created" else issue["comments"]
        if request.query.get("expand") != "properties":
            shown = [{name: value for name, value in each.items() if name != "properties"} for each in shown]
        return web.json_response({"comments": shown[: int(request.query.get("maxResults", "50"))]})

    async def _comment(self, request: web.Request) -> web.Response:
        given, refusal = await self._body(request)
        issue = self._issue(request)
        if refusal is not None or issue is None:
            return refusal or _refusal(404)
        if not set(given) <= {"body", "properties", "visibility"} or not self._is_text(given.get("body")):
            return _refusal(400, {"comment": "Comment body is not valid!"})
        if not (words_of(given["body"]) if self.cloud else given["body"]).strip():
            return _refusal(400, {"comment": "Comment body can not be empty!"})
        issue["comments"].append(given)
        self.accept(kind="comment", key=request.match_info["key"], **given)
        return web.json_response({"id": "10000", **given}, status=201)

    async def _ways(self, request: web.Request) -> web.Response:
        issue = self._issue(request)
        refusal = self._stranger(request)
        if refusal is not None or issue is None:
            return refusal or _refusal(404)
        ways = [{"id": way, "name": f"Move to {to}", "to": _status(to)} for way, to in _WAYS.items()]
        return web.json_response({"transitions": [way for way in ways if way["to"] != _status(issue["status"])]})

    async def _move(self, request: web.Request) -> web.Response:
        given, refusal = await self._body(request)
        issue = self._issue(request)
        if refusal is not None or issue is None:
            return refusal or _refusal(404)
        to = _WAYS.get(str(given.get("transition", {}).get("id")))
        if to is None or to == issue["status"]:
            return _refusal(400, {"transition": "It is not on the appropriate workflow step."})
        fields, asked = given.get("fields", {}), self.asked_on_the_way.get(to, frozenset())
        if set(fields) != asked:
            errors = {name: f"{name} is required." for name in asked - set(fields)}
            unknown = {
                name: f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
                for name in set(fields) - asked
            }
            return _refusal(400, errors | unknown)
        if not set(given) <= {"transition", "fields", "update"}:
            return _refusal(400, {"transition": "not valid"})
        issue["status"] = to
        self.accept(kind="transition", key=request.match_info["key"], to=to, **({"fields": fields} if fields else {}))
        return web.Response(status=204)

    async def _search(self, request: web.Request) -> web.Response:
        given, refusal = await self._body(request)
        if refusal is not None:
            return refusal
        jql = _JQL.fullmatch(str(given.get("jql")))
        if jql is None or jql["project"] != PROJECT:
            return _refusal(400, {"jql": "Error in the JQL Query"})
        known = [key for key in self.issues if self._indexed_at[key] <= self._now()]
        result = [{"key": key} for key in known if jql["label"] in self.issues[key].get("labels", ())]
        return web.json_response({"issues": result[: int(given.get("maxResults", 50))]})

    def _issue(self, request: web.Request) -> dict[str, Any] | None:
        return self.issues.get(request.match_info["key"])

    def _stranger(self, request: web.Request) -> web.Response | None:
        wanted = aiohttp.encode_basic_auth(EMAIL, TOKEN) if self.cloud else f"Bearer {TOKEN}"
        if request.headers.get("Authorization") != wanted:
            return _refusal(401)
        return None

    async def _body(self, request: web.Request) -> tuple[dict[str, Any], web.Response | None]:
        refusal = self._stranger(request)
        if refusal is not None:
            return {}, refusal
        if request.content_type != "application/json":
            return {}, web.Response(status=415)
        try:
            given = await request.json()
        except ValueError:
            return {}, _refusal(400, {"body": "not JSON"})
        return (given, None) if isinstance(given, dict) else ({}, _refusal(400, {"body": "not an object"}))


_MISSING: Mapping[str, Any] = MappingProxyType(
    {
        "project": {"key": PROJECT},
        "issuetype": {"name": "Task"},
        "summary": "x",
        "description": None,
        "labels": [],
        "priority": {"name": "Medium"},
    }
)
"""Marks a missing argument."""


def _is_summary(value: object) -> bool:
    """Return whether Jira accepts it: 1 to 255 characters that are not all blank, on one line."""
    return isinstance(value, str) and bool(value.strip()) and len(value) <= 255 and not set(value) & {"\n", "\r"}


def _is_label(value: object) -> bool:
    """Return whether Jira accepts it: 1 to 255 characters without white space."""
    return isinstance(value, str) and 0 < len(value) <= 255 and not any(char.isspace() for char in value)


def _name(value: object) -> object:
    return value.get("name") if isinstance(value, dict) else None


def is_document(node: dict[str, Any]) -> bool:
    """Return whether it is an Atlassian document of supported nodes; an empty text node is refused, as by Jira."""
    if node.get("type") != "doc" or node.get("version") != 1:
        return False
    return all(block.get("type") in _ADF_BLOCKS and _is_block(block) for block in node.get("content", ()))


def _is_block(block: dict[str, Any]) -> bool:
    content = block.get("content", [])
    match block.get("type"):
        case "bulletList":
            return bool(content) and all(
                item.get("type") == "listItem" and all(map(_is_block, item["content"])) for item in content
            )
        case "heading":
            return block.get("attrs", {}).get("level") in range(1, 7) and all(map(_is_inline, content))
        case "paragraph":
            return all(map(_is_inline, content))
    return False


def _is_inline(node: dict[str, Any]) -> bool:
    marks = node.get("marks", [])
    return node.get("type") == "text" and bool(node.get("text")) and all(mark == {"type": "strong"} for mark in marks)


def words_of(node: dict[str, Any]) -> str:
    """Return the text of an Atlassian document, one line per block."""
    if node.get("type") == "text":
        return str(node["text"])
    parts = [words_of(child) for child in node.get("content", ())]
    return ("\n" if node.get("type") in ("doc", "bulletList") else "").join(parts)


def _status(name: str) -> dict[str, Any]:
    return {"name": name, "statusCategory": {"key": _STATUSES[name]}}


def _refusal(status: int, errors: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"errorMessages": [], "errors": errors or {}}, status=status)


def main() -> None:
    """Run it by itself."""
    given = arguments("A stand-in for Jira Cloud on loopback.").parse_args()
    serve(lambda: JiraServer(port=given.port, log=given.log))


if __name__ == "__main__":
    main()

"""A stand-in for GitHub: the issues of one repository, with the validation of its REST API (2022-11-28).

``python -m tocsin.testing.github_server --port 8085 --log github.jsonl``
"""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from tocsin.testing.rate_limit import RateLimit, longest_wait
from tocsin.testing.standin import StandIn, arguments, serve

REPOSITORY = "example/site"
TOKEN = "github_pat_0123456789abcdefghij"  # noqa: S105 - of a stand-in
BODY_LIMIT = 65_536
TITLE_LIMIT = 256
LABEL_LIMIT = 50
PER_PAGE = 100
CREATED_A_MINUTE = 80
CREATED_AN_HOUR = 500
_OF_AN_ISSUE = {"title", "body", "labels", "assignees", "milestone", "type"}
_OF_A_CHANGE = _OF_AN_ISSUE | {"state", "state_reason"}


class GitHubServer(StandIn):
    """Server of one repository's issues.

    An ``accepted`` entry holds ``kind`` (``issue``, ``change`` or ``comment``), ``number`` and the request's content.
    """

    def __init__(self, *, port: int = 0, log: Path | None = None, now: Callable[[], float] = time.time) -> None:
        """Create a server; ``now`` is GitHub's clock, in seconds since the epoch."""
        super().__init__(port=port, log=log)
        self.issues: dict[int, dict[str, Any]] = {}
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.limits = (RateLimit(CREATED_A_MINUTE, 60.0), RateLimit(CREATED_AN_HOUR, 3600.0))
        """The secondary limits of requests that create or change content."""
        self._now = now

    def routes(self, app: web.Application) -> None:
        """Serve the issues."""
        issues = "/repos/{owner}/{name}/issues"
        for method, path, handler in (
            ("GET", issues, self._list),
            ("POST", issues, self._create),
            ("GET", f"{issues}/{{number}}", self._get),
            ("PATCH", f"{issues}/{{number}}", self._change),
            ("GET", f"{issues}/{{number}}/comments", self._list_comments),
            ("POST", f"{issues}/{{number}}/comments", self._comment),
        ):
            app.router.add_route(method, path, self.faulty(handler))

    async def _list(self, request: web.Request) -> web.Response:
        refusal = _stranger(request)
        if refusal is not None:
            return refusal
        state = request.query.get("state", "open")
        order = request.query.get("sort", "created"), request.query.get("direction", "desc")
        if state not in ("open", "closed", "all"):
            return _refusal(422, "Validation Failed", "state")
        if order[0] not in ("created", "updated", "comments") or order[1] not in ("asc", "desc"):
            return _refusal(422, "Validation Failed", "sort")
        issues = [issue for issue in self.issues.values() if state in ("all", issue["state"])]
        by = (lambda issue: issue["updated_at"]) if order[0] == "updated" else (lambda issue: issue["number"])
        return self._page(request, sorted(issues, key=by, reverse=order[1] == "desc"))

    def _page(self, request: web.Request, issues: list[dict[str, Any]]) -> web.Response:
        """Return one page of what was changed ``since``, and a Link to the next."""
        since = request.query.get("since")
        if since is not None and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", since):
            return _refusal(422, "Validation Failed", "since")
        issues = [each for each in issues if since is None or each["updated_at"] >= since]
        number, size = int(request.query.get("page", "1")), min(int(request.query.get("per_page", "30")), PER_PAGE)
        end = number * size
        following = request.url.update_query(page=str(number + 1))
        headers = {"Link": f'<{following}>; rel="next"'} if end < len(issues) else {}
        return web.json_response(issues[end - size : end], headers=headers)

    def _times(self) -> dict[str, str]:
        now = datetime.fromtimestamp(self._now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"created_at": now, "updated_at": now}

    def _limited(self) -> web.Response | None:
        wait = longest_wait(self.limits, "content")
        if wait is None:
            return None
        message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        return web.json_response({"message": message}, status=403, headers={"Retry-After": str(wait)})

    async def _create(self, request: web.Request) -> web.Response:
        fields, refusal = await _body(request, _OF_AN_ISSUE)
        refusal = refusal or self._limited()
        if refusal is not None:
            return refusal
        if not fields.get("title", "").strip():
            return _refusal(422, "Validation Failed", "title")
        number = len(self.issues) + 1
        labels = [{"name": label} for label in fields.get("labels", ())]
        link = f"https://github.com/{REPOSITORY}/issues/{number}"
        made = {"number": number, "labels": labels, "state": "open", "html_url": link, **self._times()}
        self.issues[number] = {**fields, **made}
        self.accept(kind="issue", number=number, **fields)
        return web.json_response(self.issues[number], status=201)

    async def _get(self, request: web.Request) -> web.Response:
        refusal = _stranger(request)
        if refusal is not None:
            return refusal
        issue = self._issue(request)
        return web.json_response(issue) if issue is not None else _refusal(404, "Not Found")

    async def _change(self, request: web.Request) -> web.Response:
        fields, refusal = await _body(request, _OF_A_CHANGE)
        refusal = refusal or self._limited()
        if refusal is not None:
            return refusal
        issue = self._issue(request)
        if issue is None:
            return _refusal(404, "Not Found")
        if not fields.get("title", "x").strip():
            return _refusal(422, "Validation Failed", "title")
        if fields.get("state", "open") not in ("open", "closed"):
            return _refusal(422, "Validation Failed", "state")
        if fields.get("state_reason", "completed") not in ("completed", "not_planned", "reopened", "duplicate"):
            return _refusal(422, "Validation Failed", "state_reason")
        issue |= {
            **fields,
            "updated_at": self._times()["updated_at"],
            **({"labels": [{"name": each} for each in fields["labels"]]} if "labels" in fields else {}),
        }
        self.accept(kind="change", number=issue["number"], **fields)
        return web.json_response(issue)

    async def _list_comments(self, request: web.Request) -> web.Response:
        refusal = _stranger(request)
        issue = self._issue(request)
        if refusal is not None or issue is None:
            return refusal or _refusal(404, "Not Found")
        return self._page(request, self.comments.get(issue["number"], []))

    async def _comment(self, request: web.Request) -> web.Response:
        fields, refusal = await _body(request, {"body"})
        refusal = refusal or self._limited()
        if refusal is not None:
            return refusal
        issue = self._issue(request)
        if issue is None:
            return _refusal(404, "Not Found")
        if not fields.get("body", "").strip():
            return _refusal(422, "Validation Failed", "body")
        self.comments.setdefault(issue["number"], []).append({**fields, **self._times()})
        self.accept(kind="comment", number=issue["number"], **fields)
        return web.json_response({"id": 1, **fields}, status=201)

    def _issue(self, request: web.Request) -> dict[str, Any] | None:
        number = request.match_info["number"]
        return self.issues.get(int(number)) if number.isdigit() else None


def _stranger(request: web.Request) -> web.Response | None:
    """Return the error for a missing or wrong token."""
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        return _refusal(401, "Bad credentials")
    if f"{request.match_info['owner']}/{request.match_info['name']}" != REPOSITORY:
        return _refusal(404, "Not Found")
    if not request.headers.get("User-Agent"):
        return _refusal(403, "Request forbidden by administrative rules")
    if request.headers.get("Accept") != "application/vnd.github+json":
        return _refusal(415, "Must accept 'application/json'")
    if request.headers.get("X-GitHub-Api-Version") != "2022-11-28":
        return _refusal(400, "not a supported version")
    return None


async def _body(request: web.Request, known: set[str]) -> tuple[dict[str, Any], web.Response | None]:
    refusal = _stranger(request)
    if refusal is not None:
        return {}, refusal
    try:
        fields = await request.json()
    except ValueError:
        return {}, _refusal(400, "Problems parsing JSON")
    if not isinstance(fields, dict) or not set(fields) <= known:
        return {}, _refusal(422, "Invalid request")
    labels = fields.get("labels", [])
    checks = {
        "title": isinstance(fields.get("title", ""), str) and len(fields.get("title", "")) <= TITLE_LIMIT,
        "body": isinstance(fields.get("body", ""), str) and len(fields.get("body", "")) <= BODY_LIMIT,
        "labels": isinstance(labels, list)
        and all(isinstance(label, str) and 0 < len(label) <= LABEL_LIMIT for label in labels),
    }
    wrong = next((name for name, good in checks.items() if not good), None)
    return fields, _refusal(422, "Validation Failed", wrong) if wrong else None


def _refusal(status: int, message: str, field: str | None = None) -> web.Response:
    errors = {"errors": [{"resource": "Issue", "code": "invalid", "field": field}]} if field else {}
    return web.json_response(
        {"message": message, **errors, "documentation_url": "https://docs.github.com/rest"}, status=status
    )


def main() -> None:
    """Run it by itself."""
    fields = arguments("A stand-in for GitHub's issues on loopback.").parse_args()
    serve(lambda: GitHubServer(port=fields.port, log=fields.log))


if __name__ == "__main__":
    main()

"""The GitHub tracker: issues, as GitHub's REST API has them (version 2022-11-28)."""

from contextlib import aclosing
from typing import Any

import aiohttp
from msgspec import structs

from tocsin.channels import http, wording
from tocsin.channels.text import cut
from tocsin.core.content.page import Content
from tocsin.core.content.rendered_text import RenderedText
from tocsin.core.duration import SECOND
from tocsin.core.incident.outbox import Job
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.trackers import words
from tocsin.trackers.client import ApiTracker, Client, Do, every, text, ticket_ref
from tocsin.trackers.github.settings import GitHubSettings

TITLE_LIMIT = 256
"""Maximum length of an issue's title, in characters."""
BODY_LIMIT = 60_000
"""Maximum number of characters of a body: GitHub's 65,536, less room for the marker."""
LABEL_LIMIT = 50
"""Maximum length of a label, in characters."""
PER_PAGE = 20
"""Number of issues or comments in one request: with the longest bodies they reach the response limit."""
PAGES = 10
"""Maximum number of pages of results that are searched after an attempt without an answer."""
LOOK_BACK = 72 * 3600 * SECOND
"""Longer than an attempt is made again by default (``delivery.give_up_after``)."""


class GitHubTracker(ApiTracker):
    """The issues of one repository.

    An attempt without a response may have opened an issue. Each issue has an invisible marker, which the next attempt
    looks for.
    """

    kind = "github"

    def __init__(self, name: str, settings: GitHubSettings) -> None:
        self._settings = settings
        self._issues = f"/repos/{settings.repository}/issues"
        token = settings.token.reveal()
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        super().__init__(name, Client(settings.base_url, headers, (token,), settings.timeout, _limited))

    def do(self, job: Job) -> Do:
        """Do a job."""
        how: dict[Job, Do] = {
            Job.TICKET_OPEN: self._open,
            Job.TICKET_UPDATE: self._update,
            Job.TICKET_COMMENT: self._say,
            Job.TICKET_CLOSE: self._close,
        }
        return how[job]

    async def _open(self, content: Content) -> Receipt:
        issue = await self._opened_before(content) if content.possible_duplicate else None
        if issue is None:
            body = {
                "title": words.title(content, TITLE_LIMIT),
                "body": _marked(words.body(content), content.key),
                "labels": list(self._labels(content, content.severity)),
            }
            issue = await self._client.call("POST", self._issues, content.now, body)
        number = text(issue, "number")
        return ticket_ref(number, f"#{number}", text(issue, "html_url"))

    async def _opened_before(self, content: Content) -> Any:
        query = {"state": "all", "sort": "created", "direction": "desc"}
        return await self._find(self._issues, content, query)

    async def _find(self, path: str, content: Content, query: dict[str, str]) -> Any:
        listed = self._client.listing(path, content.now, PAGES, per_page=str(PER_PAGE), **query)
        async with aclosing(listed):
            async for each in listed:
                if _mark(content.key) in text(each, "body"):
                    return each
        return None

    async def _update(self, content: Content) -> Receipt:
        return await every(lambda: self._relabel(content), lambda: self._say(content))

    async def _relabel(self, content: Content) -> None:
        """Set the labels of the severity. Labels that a person has set stay; those of other severities go."""
        issue = await self._client.call("GET", self._issue(content), content.now)
        there = issue.get("labels") if isinstance(issue, dict) else None
        names = [text(label, "name") if isinstance(label, dict) else str(label) for label in there or ()]
        wanted = self._labels(content, content.severity)
        others = {label for severity in content.severities for label in self._labels(content, severity)} - set(wanted)
        kept = [name for name in names if name and name not in others]
        body: dict[str, Any] = {"labels": list(dict.fromkeys((*kept, *wanted)))}
        if content.state != "resolved":
            body["state"] = "open"
        await self._client.call("PATCH", self._issue(content), content.now, body)

    async def _close(self, content: Content) -> Receipt:
        async def close() -> None:
            body = {"state": "closed", "state_reason": "completed"}
            await self._client.call("PATCH", self._issue(content), content.now, body)

        # The comment first, so that it is written whatever becomes of the change. Every attempt looks for it, because
        # the one before may have ended at the change.
        return await every(lambda: self._comment(content, is_new=False), close)

    async def _say(self, content: Content) -> Receipt:
        return await self._comment(content, is_new=not content.possible_duplicate)

    async def _comment(self, content: Content, *, is_new: bool) -> Receipt:
        """Write the comment. ``is_new``: no earlier attempt can have written it."""
        answer_text = words.body(content)
        if answer_text is None:
            return Receipt(Outcome.SENT)
        path = f"{self._issue(content)}/comments"
        if not is_new:
            since = wording.iso(content.now - LOOK_BACK).partition("+")[0].partition(".")[0] + "Z"
            if await self._find(path, content, {"since": since}) is not None:
                return Receipt(Outcome.SENT)
        await self._client.call("POST", path, content.now, {"body": _marked(answer_text, content.key)})
        return Receipt(Outcome.SENT)

    def _issue(self, content: Content) -> str:
        return f"{self._issues}/{content.ticket.ref if content.ticket is not None else ''}"

    def _labels(self, content: Content, severity: str) -> tuple[str, ...]:
        own = (*self._settings.labels, *self._settings.severity_labels.get(severity, ()))
        return words.labels(content, (*own, *content.ticket_labels), severity, LABEL_LIMIT)


def _limited(answer: aiohttp.ClientResponse, receipt: Receipt, now: int) -> Receipt:
    """Return the receipt, adjusted if the status (403 or 429) is a rate limit ("Rate limits for the REST API")."""
    spent = answer.headers.get("x-ratelimit-remaining") == "0"
    if answer.status not in (403, 429) or not (spent or "Retry-After" in answer.headers or answer.status == 429):
        return receipt
    wait = http.retry_after(answer.headers, now)
    reset = answer.headers.get("x-ratelimit-reset", "")
    if wait is None and spent and reset.isascii() and reset.isdigit():
        wait = min(max(int(reset[:12]) * SECOND - now, 0), http.LONGEST_WAIT)
    return structs.replace(receipt, outcome=Outcome.RETRY, reason=Reason.RATE_LIMITED, retry_after=wait)


def _mark(key: str) -> str:
    return f"<!-- tocsin {key} -->"


def _marked(answer_text: RenderedText | None, key: str) -> str:
    return f"{cut(answer_text.markdown if answer_text is not None else '', BODY_LIMIT)}\n\n{_mark(key)}"

"""The Jira tracker: issues, as Jira's REST API has them (version 3 of Cloud, version 2 of Data Center)."""

from typing import Any

import aiohttp

from tocsin.core.content.page import Content
from tocsin.core.content.rendered_text import RenderedText
from tocsin.core.duration import SECOND
from tocsin.core.incident.outbox import Job
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.trackers import words
from tocsin.trackers.client import ApiTracker, CallFailed, Client, Do, every, text, ticket_ref
from tocsin.trackers.jira.settings import JiraSettings
from tocsin.trackers.jira.texts import document, wiki

SUMMARY_LIMIT = 255
"""Maximum length of an issue's summary, in characters."""
SEARCH_LAG = 60 * SECOND
"""Time for which a new issue may be missing from Jira's search; Atlassian guarantees none, and mentions seconds."""
SEARCH_AGAIN = 10 * SECOND
"""Time until a search without a result is repeated."""
SEARCHES = 1000
"""Number of remembered searches without a result; a forgotten one starts over."""
PROPERTY = "tocsin"
"""The comment property that identifies our comments."""


class JiraTracker(ApiTracker):
    """The issues of one project.

    An attempt without a response may have opened an issue: each has a unique label, by which later attempts search.
    Jira's search finds a new issue only after some time, so they search for `SEARCH_LAG` before one of them opens
    another.
    """

    kind = "jira"

    def __init__(self, name: str, settings: JiraSettings) -> None:
        self._settings = settings
        self._is_cloud = settings.deployment == "cloud"
        self._missing_since: dict[str, int] = {}
        """When the search for the issue of a key first found nothing."""
        self._api = "/rest/api/3" if self._is_cloud else "/rest/api/2"
        token = settings.token.reveal()
        authorization = aiohttp.encode_basic_auth(settings.email or "", token) if self._is_cloud else f"Bearer {token}"
        headers = {"Authorization": authorization, "Accept": "application/json"}
        super().__init__(name, Client(settings.base_url, headers, (token, authorization), settings.timeout))

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
        key = await self._opened_before(content) if content.possible_duplicate else ""
        if not key:
            fields: dict[str, Any] = {
                **self._settings.fields,
                "project": {"key": self._settings.project},
                "issuetype": {"name": self._settings.issue_type},
                "summary": words.title(content, SUMMARY_LIMIT),
                "description": self._text(words.body(content)),
                "labels": list(dict.fromkeys((*self._settings.labels, *_wanted_labels(content), _label(content)))),
                **self._priority(content),
            }
            key = text(await self._client.call("POST", f"{self._api}/issue", content.now, {"fields": fields}), "key")
        return ticket_ref(key, key, f"{self._settings.base_url}/browse/{key}")

    async def _opened_before(self, content: Content) -> str:
        path = f"{self._api}/search/jql" if self._is_cloud else f"{self._api}/search"
        jql = f'project = "{self._settings.project}" AND labels = "{_label(content)}"'
        response = await self._client.call(
            "POST", path, content.now, {"jql": jql, "fields": ["summary"], "maxResults": 1}
        )
        issues = response.get("issues") if isinstance(response, dict) else None
        if isinstance(issues, list) and issues:
            self._missing_since.pop(content.key, None)
            return text(issues[0], "key")
        self._wait_for_search(content)
        return ""

    def _wait_for_search(self, content: Content) -> None:
        """Wait until the search has found nothing for long enough to be trusted.

        Raises:
            CallFailed: The search has to be repeated later.
        """
        since = self._missing_since[content.key] = min(self._missing_since.get(content.key, content.now), content.now)
        while len(self._missing_since) > SEARCHES:
            self._missing_since.pop(next(iter(self._missing_since)))
        if content.now - since < SEARCH_LAG:
            detail = "an earlier attempt may have opened an issue that Jira's search does not show yet"
            raise CallFailed(Receipt(Outcome.RETRY, Reason.BAD_ANSWER, detail, retry_after=SEARCH_AGAIN))
        del self._missing_since[content.key]

    async def _update(self, content: Content) -> Receipt:
        async def prioritize() -> None:
            fields = self._priority(content)
            if fields:
                await self._client.call("PUT", self._issue(content), content.now, {"fields": fields})

        async def reopen() -> None:
            if content.state != "resolved":
                await self._move(content, done=False)

        return await every(prioritize, reopen, lambda: self._comment(content, is_new=not content.possible_duplicate))

    async def _close(self, content: Content) -> Receipt:
        # The comment first: a workflow may lock closed issues, or refuse the transition for as long as anyone tries.
        # Every attempt looks for it, because the one before may have ended at the transition.
        return await every(lambda: self._comment(content, is_new=False), lambda: self._move(content, done=True))

    async def _say(self, content: Content) -> Receipt:
        return await self._comment(content, is_new=not content.possible_duplicate)

    async def _move(self, content: Content, *, done: bool) -> None:
        """Move the issue to a status that is done, or not done, unless it already has one."""
        issue = await self._client.call("GET", self._issue(content), content.now, fields="status")
        status = issue.get("fields", {}).get("status") if isinstance(issue, dict) else None
        if (text(status, "statusCategory", "key") == "done") is done:
            return
        path = f"{self._issue(content)}/transitions"
        offered = await self._client.call("GET", path, content.now)
        ways = offered.get("transitions") if isinstance(offered, dict) else None
        wanted = self._settings.close_to if done else self._settings.reopen_to
        fields = self._settings.close_fields if done else self._settings.reopen_fields
        arguments = {"fields": fields} if fields else {}
        for way in ways if isinstance(ways, list) else ():
            if _leads(way, wanted, done=done):
                await self._client.call("POST", path, content.now, {"transition": {"id": text(way, "id")}, **arguments})
                return
        where = wanted or ("a status that is done" if done else "a status that is not done")
        raise CallFailed(Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR, f"no transition leads to {where}"))

    async def _comment(self, content: Content, *, is_new: bool) -> Receipt:
        """Write the comment. ``is_new``: no earlier attempt can have written it."""
        comment = words.body(content)
        if comment is None or not wiki(comment).strip():  # Jira refuses a comment without a word
            return Receipt(Outcome.SENT)
        path = f"{self._issue(content)}/comment"
        if not is_new and await self._said_before(content, path):
            return Receipt(Outcome.SENT)
        mark = {"key": PROPERTY, "value": {"key": content.key}}
        await self._client.call("POST", path, content.now, {"body": self._text(comment), "properties": [mark]})
        return Receipt(Outcome.SENT)

    async def _said_before(self, content: Content, path: str) -> bool:
        query = {"orderBy": "-created", "maxResults": "20", "expand": "properties"}
        response = await self._client.call("GET", path, content.now, **query)
        comments = response.get("comments") if isinstance(response, dict) else None
        return any(
            text(mark, "key") == PROPERTY and text(mark, "value", "key") == content.key
            for comment in (comments if isinstance(comments, list) else ())
            for mark in (comment.get("properties") or () if isinstance(comment, dict) else ())
        )

    def _issue(self, content: Content) -> str:
        return f"{self._api}/issue/{content.ticket.ref if content.ticket is not None else ''}"

    def _priority(self, content: Content) -> dict[str, Any]:
        name = self._settings.priorities.get(content.severity)
        return {"priority": {"name": name}} if name else {}

    def _text(self, comment: RenderedText | None) -> Any:
        comment = comment or RenderedText()
        return document(comment) if self._is_cloud else wiki(comment)


def _label(content: Content) -> str:
    return f"tocsin-{content.key[:24]}"


def _wanted_labels(content: Content) -> tuple[str, ...]:
    """Return the playbook's labels; Jira allows no spaces in them."""
    return words.labels(content, (label.replace(" ", "-") for label in content.ticket_labels), content.severity)


def _leads(way: object, wanted: str | None, *, done: bool) -> bool:
    if wanted is not None:
        return wanted.casefold() in (text(way, "to", "name").casefold(), text(way, "name").casefold())
    return (text(way, "to", "statusCategory", "key") == "done") is done

"""The stand-ins for GitHub, Jira and Statuspage refuse what the real ones refuse."""

from typing import Any

import aiohttp
import pytest

from tocsin.testing import github_server, jira_server, statuspage_server
from tocsin.testing.github_server import GitHubServer
from tocsin.testing.jira_server import JiraServer
from tocsin.testing.statuspage_server import StatuspageServer

START = 1_795_143_909


class Caller:
    """One API's client, with its credentials."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._url = url
        self._headers = headers

    async def __call__(
        self, method: str, path: str, body: object = None, **query: str
    ) -> tuple[int, Any, aiohttp.ClientResponse]:
        url = path if path.startswith("http") else f"{self._url}{path}"
        given = {"json": body} if body is not None else {}
        async with (
            aiohttp.ClientSession(headers=self._headers) as session,
            session.request(method, url, params=query or None, **given) as answer,
        ):
            text = await answer.read()
            return answer.status, (await answer.json() if text else None), answer


# GitHub.

ISSUES = f"/repos/{github_server.REPOSITORY}/issues"
ISSUE = {"title": "Down", "body": "Help.", "labels": ["incident"]}


def github_caller(server: GitHubServer) -> Caller:
    return Caller(
        server.url,
        {
            "Authorization": f"Bearer {github_server.TOKEN}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
    )


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 201),
        ({"title": "   "}, 422),
        ({"title": ""}, 422),
        ({"title": "t" * 257}, 422),
        ({"body": "b" * 65_537}, 422),
        ({"labels": ["l" * 51]}, 422),
        ({"labels": [""]}, 422),
        ({"lables": []}, 422),
    ],
)
async def test_github_takes_the_issues_that_it_documents(change: dict[str, Any], status: int) -> None:
    async with GitHubServer() as server:
        assert (await github_caller(server)("POST", ISSUES, ISSUE | change))[0] == status


async def test_github_refuses_a_blank_comment_and_a_title_that_becomes_blank() -> None:
    async with GitHubServer() as server:
        call = github_caller(server)
        await call("POST", ISSUES, ISSUE)
        assert (await call("POST", f"{ISSUES}/1/comments", {"body": " \n"}))[0] == 422
        assert (await call("PATCH", f"{ISSUES}/1", {"title": " "}))[0] == 422


async def test_github_lists_what_was_asked_for_and_links_to_the_next_page() -> None:
    now = [START]
    async with GitHubServer(now=lambda: now[0]) as server:
        call = github_caller(server)
        for _ in range(5):
            await call("POST", ISSUES, ISSUE)
            now[0] += 60
        await call("PATCH", f"{ISSUES}/1", {"state": "closed"})

        async def numbers(**query: str) -> list[int]:
            _, found, _ = await call("GET", ISSUES, **query)
            return [issue["number"] for issue in found]

        assert await numbers() == [5, 4, 3, 2]
        assert await numbers(state="closed") == [1]
        assert await numbers(state="all", direction="asc") == [1, 2, 3, 4, 5]
        assert await numbers(state="all", sort="updated") == [1, 5, 4, 3, 2]
        assert await numbers(state="all", since="2026-11-20T03:08:09Z") == [5, 4, 1]
        _, first, answer = await call("GET", ISSUES, state="all", per_page="2")
        _, second, answer = await call("GET", str(answer.links["next"]["url"]))
        _, last, answer = await call("GET", str(answer.links["next"]["url"]))
        assert [[each["number"] for each in page] for page in (first, second, last)] == [[5, 4], [3, 2], [1]]
        assert "next" not in answer.links
        for query in ({"state": "any"}, {"sort": "title"}, {"direction": "up"}, {"since": "yesterday"}):
            assert (await call("GET", ISSUES, **query))[0] == 422


async def test_github_limits_how_much_is_created_in_a_minute() -> None:
    async with GitHubServer() as server:
        assert [limit.calls for limit in server.limits] == [80, 500]
        server.limits[0].calls = 2
        call = github_caller(server)
        statuses = [(await call("POST", ISSUES, ISSUE))[0] for _ in range(2)]
        status, body, answer = await call("POST", ISSUES, ISSUE)
        assert (statuses, status) == ([201, 201], 403)
        assert "secondary rate limit" in body["message"]
        assert 0 < int(answer.headers["Retry-After"]) <= 60
        assert (await call("GET", ISSUES))[0] == 200


# Jira.

API = "/rest/api/2"
FIELDS = {
    "project": {"key": jira_server.PROJECT},
    "issuetype": {"name": "Task"},
    "summary": "Down",
    "description": "Help.",
    "labels": ["incident", "tocsin-1"],
}
JQL = {"jql": f'project = "{jira_server.PROJECT}" AND labels = "tocsin-1"'}


def jira_caller(server: JiraServer) -> Caller:
    return Caller(server.url, {"Authorization": f"Bearer {jira_server.TOKEN}"})


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, None),
        ({"summary": "s" * 256}, "summary"),
        ({"summary": "two\nlines"}, "summary"),
        ({"summary": "two\rlines"}, "summary"),
        ({"summary": "  "}, "summary"),
        ({"labels": ["two words"]}, "labels"),
        ({"labels": ["a\tb"]}, "labels"),
        ({"labels": ["l" * 256]}, "labels"),
        ({"labels": [""]}, "labels"),
        ({"description": "d" * 32_768}, "description"),
        ({"priority": {"name": "Urgent"}}, "priority"),
        ({"priority": "High"}, "priority"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_jira_takes_the_fields_that_it_documents(change: dict[str, Any], wrong: str | None) -> None:
    async with JiraServer(cloud=False) as server:
        call = jira_caller(server)
        status, body, _ = await call("POST", f"{API}/issue", {"fields": FIELDS | change})
        assert (status, list(body.get("errors", {}))) == ((400, [wrong]) if wrong else (201, []))
        if wrong:
            await call("POST", f"{API}/issue", {"fields": FIELDS})
            assert (await call("PUT", f"{API}/issue/OPS-1", {"fields": change}))[0] == 400


async def test_jiras_search_does_not_know_of_a_new_issue_at_once() -> None:
    async with JiraServer(cloud=False) as server:
        call = jira_caller(server)
        await call("POST", f"{API}/issue", {"fields": FIELDS})
        assert (await call("POST", f"{API}/search", JQL))[1] == {"issues": []}
        assert (await call("GET", f"{API}/issue/OPS-1"))[0] == 200
        server.index()
        assert (await call("POST", f"{API}/search", JQL))[1] == {"issues": [{"key": "OPS-1"}]}


@pytest.mark.parametrize("body", ["", " \n"])
async def test_jira_refuses_an_empty_comment(body: str) -> None:
    async with JiraServer(cloud=False) as server:
        call = jira_caller(server)
        await call("POST", f"{API}/issue", {"fields": FIELDS})
        status, answer, _ = await call("POST", f"{API}/issue/OPS-1/comment", {"body": body})
        assert (status, answer["errors"]) == (400, {"comment": "Comment body can not be empty!"})


async def test_jira_refuses_an_empty_document_as_a_comment() -> None:
    async with JiraServer() as server:
        call = Caller(server.url, {"Authorization": aiohttp.encode_basic_auth(jira_server.EMAIL, jira_server.TOKEN)})
        document = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": []}]}
        await call("POST", "/rest/api/3/issue", {"fields": FIELDS | {"description": document}})
        assert (await call("POST", "/rest/api/3/issue/OPS-1/comment", {"body": document}))[0] == 400


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, {"resolution": "resolution is required."}),
        ({"resolution": {"name": "Done"}}, None),
        (
            {"resolution": {"name": "Done"}, "x": 1},
            {"x": "Field 'x' cannot be set. It is not on the appropriate screen"},
        ),
    ],
)
async def test_jira_demands_the_fields_of_a_transition(fields: dict[str, Any], told: dict[str, str] | None) -> None:
    async with JiraServer(cloud=False, asked_on_the_way={"Done": frozenset({"resolution"})}) as server:
        call = jira_caller(server)
        await call("POST", f"{API}/issue", {"fields": FIELDS})
        given = {"transition": {"id": "31"}, **({"fields": fields} if fields else {})}
        status, body, _ = await call("POST", f"{API}/issue/OPS-1/transitions", given)
        assert status == (400 if told else 204)
        assert server.issues["OPS-1"]["status"] == ("To Do" if told else "Done")
        for name, words in (told or {}).items():
            assert body["errors"][name].startswith(words)
        assert (await call("POST", f"{API}/issue/OPS-1/transitions", {"transition": {"id": "21"}}))[0] == 204


async def test_jira_takes_as_many_writes_to_one_issue_as_atlassian_publishes() -> None:
    now = 0.0
    async with JiraServer(cloud=False, now=lambda: now) as server:
        call = jira_caller(server)
        for _ in range(2):
            await call("POST", f"{API}/issue", {"fields": FIELDS})
        statuses = []
        for now in (0.0, 2.0, 4.0, 6.0, 8.0):
            statuses += [(await call("POST", f"{API}/issue/OPS-1/comment", {"body": "x"}))[0] for _ in range(20)]
            if now == 0.0:
                status, _, answer = await call("PUT", f"{API}/issue/OPS-1", {"fields": {}})
                assert (status, answer.headers["Retry-After"]) == (429, "2")
                assert answer.headers["RateLimit-Reason"] == "jira-per-issue-on-write"
        assert statuses == [201] * 100
        now = 10.0
        status, _, answer = await call("POST", f"{API}/issue/OPS-1/comment", {"body": "x"})
        assert (status, answer.headers["Retry-After"]) == (429, "20")
        assert (await call("POST", f"{API}/issue/OPS-2/comment", {"body": "x"}))[0] == 201
        assert (await call("GET", f"{API}/issue/OPS-1"))[0] == 200


async def test_jira_takes_as_many_calls_of_an_endpoint_in_a_second_as_atlassian_publishes() -> None:
    async with JiraServer(cloud=False, now=lambda: 0.0) as server:
        call = jira_caller(server)
        statuses = [(await call("POST", f"{API}/issue", {"fields": FIELDS}))[0] for _ in range(101)]
        assert statuses == [201] * 100 + [429]
        status, _, answer = await call("POST", f"{API}/issue", {"fields": FIELDS})
        assert (status, answer.headers["RateLimit-Reason"]) == (429, "jira-burst-based")
        assert (await call("GET", f"{API}/issue/OPS-1"))[0] == 200


# Statuspage.


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 201),
        ({"name": " "}, 422),
        ({"name": "n" * 256}, 422),
        ({"body": "b" * 25_001}, 422),
        ({"status": "fixed"}, 422),
        ({"impact_override": "severe"}, 422),
        ({"components": {"unknown": "operational"}}, 422),
        ({"metadata": {"tocsin": "text"}}, 422),
        ({"title": "x"}, 422),
    ],
)
async def test_statuspage_takes_what_it_documents(change: dict[str, Any], status: int) -> None:
    async with StatuspageServer() as server:
        call = Caller(server.url, {"Authorization": f"OAuth {statuspage_server.TOKEN}"})
        path = f"/v1/pages/{statuspage_server.PAGE}/incidents"
        assert (await call("POST", path, {"incident": {"name": "Down"} | change}))[0] == status


async def test_statuspage_takes_one_call_a_second_measured_over_a_minute() -> None:
    async with StatuspageServer() as server:
        assert server.rate.calls == 60
        server.rate.calls = 1
        call = Caller(server.url, {"Authorization": f"OAuth {statuspage_server.TOKEN}"})
        path = f"/v1/pages/{statuspage_server.PAGE}/incidents/unresolved"
        assert [(await call("GET", path))[0] for _ in range(2)] == [200, 420]

"""The Jira tracker against strict stand-ins: Jira Cloud and a Data Center."""

from typing import Any

import pytest
from pydantic import ValidationError

from conformance.trackers.tracker_rigs import HOSTILE, RIGS, about, said
from tocsin.conf.channels import ConfiguredTracker
from tocsin.conf.secrets import Secret
from tocsin.core.outbox import Job
from tocsin.core.said import Piece, Said
from tocsin.ports.channel import Outcome
from tocsin.ports.tracker import Tracker
from tocsin.testing.jira_server import JiraServer, words_of
from tocsin.trackers.jira.settings import JiraSettings
from tocsin.trackers.jira.texts import document, wiki
from tocsin.trackers.registry import build

CLOUD, DATA_CENTER = RIGS["jira cloud"], RIGS["jira data center"]


@pytest.fixture
async def server():
    async with JiraServer() as running:
        yield running


@pytest.fixture
async def jira(server: JiraServer):
    async with CLOUD.running(server.url) as running:
        yield running


def other(server: JiraServer, **settings: Any) -> Tracker:
    given = CLOUD.settings(server.url) | settings
    return build(ConfiguredTracker("mine", "jira", JiraSettings.model_validate(given)))


async def test_an_issue_has_its_key_its_link_and_its_priority(server: JiraServer, jira: Tracker) -> None:
    receipt = await jira.send(about(Job.TICKET_OPEN))
    assert receipt.ref == f"OPS-1 OPS-1 {server.url}/browse/OPS-1"
    [issue] = server.accepted
    assert issue["summary"] == "[SEV-1] #12 checkout: HighLatency on checkout"
    assert issue["priority"] == {"name": "Highest"}
    assert "incident" in issue["labels"]
    assert "Service: checkout" in words_of(issue["description"])


async def test_a_new_severity_is_a_new_priority(server: JiraServer, jira: Tracker) -> None:
    ref = (await jira.send(about(Job.TICKET_OPEN))).ref
    await jira.send(about(Job.TICKET_UPDATE, ref, severity="SEV-2", because="", text=None))
    assert server.accepted[1:] == [
        {"at": server.accepted[1]["at"], "kind": "change", "key": "OPS-1", "priority": {"name": "High"}}
    ]


async def test_it_is_done_with_the_incident_and_to_do_again_with_it(server: JiraServer, jira: Tracker) -> None:
    ref = (await jira.send(about(Job.TICKET_OPEN))).ref
    await jira.send(about(Job.TICKET_CLOSE, ref, state="resolved", key="a" * 40))
    assert server.issues["OPS-1"]["status"] == "Done"
    again = await jira.send(about(Job.TICKET_CLOSE, ref, state="resolved", key="b" * 40))
    assert again.outcome is Outcome.SENT, "it is done already"
    await jira.send(about(Job.TICKET_UPDATE, ref, key="c" * 40))
    assert server.issues["OPS-1"]["status"] == "To Do"


async def test_the_statuses_may_be_named(server: JiraServer) -> None:
    tracker = other(server, reopen_to="in progress", close_to="done")
    await tracker.start()
    ref = (await tracker.send(about(Job.TICKET_OPEN))).ref
    await tracker.send(about(Job.TICKET_CLOSE, ref, state="resolved", key="a" * 40))
    await tracker.send(about(Job.TICKET_UPDATE, ref, key="b" * 40))
    assert server.issues["OPS-1"]["status"] == "In Progress"
    await tracker.close()


async def test_a_status_that_no_transition_leads_to_is_told_by_name(server: JiraServer) -> None:
    tracker = other(server, close_to="Verified")
    await tracker.start()
    ref = (await tracker.send(about(Job.TICKET_OPEN))).ref
    receipt = await tracker.send(about(Job.TICKET_CLOSE, ref, state="resolved"))
    assert (receipt.outcome, receipt.detail) == (Outcome.PERMANENT, "no transition leads to Verified")
    await tracker.close()


async def test_what_a_project_demands_is_told_and_may_be_given() -> None:
    async with JiraServer(demanded=frozenset({"customfield_10042"})) as server:
        async with CLOUD.running(server.url) as tracker:
            refused = await tracker.send(about(Job.TICKET_OPEN))
        assert refused.outcome is Outcome.PERMANENT
        assert "customfield_10042" in refused.detail
        tracker = other(server, fields={"customfield_10042": "ops"})
        await tracker.start()
        assert (await tracker.send(about(Job.TICKET_OPEN))).outcome is Outcome.SENT
        await tracker.close()


async def test_a_data_center_gets_wiki_markup_in_which_a_label_means_nothing() -> None:
    async with JiraServer(cloud=False) as server, DATA_CENTER.running(server.url) as tracker:
        await tracker.send(about(Job.TICKET_OPEN, text=said("## Incident\n- **bold** ", "{code}*x* h1. [y|http://z]")))
        [issue] = server.accepted
        assert issue["description"] == "h2. Incident\n* *bold* \\{code\\}\\*x\\* h1. \\[y\\|http://z\\]"


def test_an_author_has_headings_lists_and_bold_and_a_label_has_nothing() -> None:
    text = Said((Piece("# Title\n\n- one **two** "), Piece("**three**", foreign=True), Piece("\n```\n# no\n```\nend")))
    heading, items, verbatim, end = document(text)["content"]
    assert (heading["type"], heading["attrs"]) == ("heading", {"level": 1})
    [item] = items["content"]
    spans = [(node["text"], "marks" in node) for node in item["content"][0]["content"]]
    assert spans == [("one ", False), ("two", True), (" ", False), ("**three**", False)]
    assert words_of(verbatim) == "# no"
    assert words_of(end) == "end"


def test_a_text_is_cut_to_what_jira_takes() -> None:
    long = said("line\n" * 20_000, HOSTILE)
    assert len(words_of(document(long))) <= 32_767
    assert len(wiki(long)) <= 32_767


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"email": None}, "does not say whose token"),
        ({"deployment": "data_center"}, "has an email:"),
        ({"project": "ops"}, "project"),
        ({"labels": ["two words"]}, "labels"),
        ({"base_url": "http://jira.example.com"}, "must begin with https://"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, Any], told: str) -> None:
    good = {"base_url": "https://x.atlassian.net", "email": "a@example.com", "token": Secret("t"), "project": "OPS"}
    assert JiraSettings.model_validate(good)
    with pytest.raises(ValidationError, match=told):
        JiraSettings.model_validate(good | given)

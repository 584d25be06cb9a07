"""The Jira tracker against strict stand-ins: Jira Cloud and a Data Center."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from conformance.trackers.tracker_rigs import HOSTILE, RIGS, about, said
from tocsin.conf.channels import ConfiguredTracker
from tocsin.conf.secrets import Secret
from tocsin.core.content.rendered_text import Piece, RenderedText
from tocsin.core.duration import SECOND
from tocsin.core.incident.outbox import Job
from tocsin.ports.channel import Outcome
from tocsin.ports.tracker import Tracker
from tocsin.testing.content import NOW
from tocsin.testing.jira_server import JiraServer, words_of
from tocsin.testing.standin import Drop, ErrorStatus, Pass
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


async def test_the_playbooks_labels_have_no_spaces(server: JiraServer, jira: Tracker) -> None:
    await jira.send(about(Job.TICKET_OPEN, ticket_labels=("area infra", "{severity}")))
    [issue] = server.accepted
    assert issue["labels"][:3] == ["incident", "area-infra", "SEV-1"]


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


async def test_a_status_without_a_transition_is_reported_by_name(server: JiraServer) -> None:
    tracker = other(server, close_to="Verified")
    await tracker.start()
    ref = (await tracker.send(about(Job.TICKET_OPEN))).ref
    receipt = await tracker.send(about(Job.TICKET_CLOSE, ref, state="resolved"))
    assert (receipt.outcome, receipt.detail) == (Outcome.PERMANENT, "no transition leads to Verified")
    await tracker.close()


async def test_a_projects_required_fields_are_reported_and_can_be_configured() -> None:
    async with JiraServer(demanded=frozenset({"customfield_10042"})) as server:
        async with CLOUD.running(server.url) as tracker:
            refused = await tracker.send(about(Job.TICKET_OPEN))
        assert refused.outcome is Outcome.PERMANENT
        assert "customfield_10042" in refused.detail
        tracker = other(server, fields={"customfield_10042": "ops"})
        await tracker.start()
        assert (await tracker.send(about(Job.TICKET_OPEN))).outcome is Outcome.SENT
        await tracker.close()


RESOLUTION = {"Done": frozenset({"resolution"})}


async def test_a_closing_comment_is_written_although_the_transition_demands_a_field() -> None:
    async with JiraServer(asked_on_the_way=RESOLUTION) as server, CLOUD.running(server.url) as tracker:
        ref = (await tracker.send(about(Job.TICKET_OPEN))).ref
        receipt = await tracker.send(about(Job.TICKET_CLOSE, ref, state="resolved", text=said("It is over.")))
        assert receipt.outcome is Outcome.PERMANENT
        assert "resolution is required" in receipt.detail
        assert [words_of(each["body"]) for each in server.issues["OPS-1"]["comments"]] == ["It is over."]


async def test_the_fields_that_a_transition_demands_may_be_given() -> None:
    asked = {**RESOLUTION, "To Do": frozenset({"customfield_7"})}
    given = {"close_fields": {"resolution": {"name": "Done"}}, "reopen_fields": {"customfield_7": "fired again"}}
    async with JiraServer(asked_on_the_way=asked) as server:
        tracker = other(server, **given)
        await tracker.start()
        ref = (await tracker.send(about(Job.TICKET_OPEN))).ref
        for job, key in ((Job.TICKET_CLOSE, "b"), (Job.TICKET_UPDATE, "c")):
            state = "resolved" if job is Job.TICKET_CLOSE else "triggered"
            assert (await tracker.send(about(job, ref, state=state, key=key * 40))).outcome is Outcome.SENT
        moves = [entry["fields"] for entry in server.accepted if entry["kind"] == "transition"]
        assert moves == [{"resolution": {"name": "Done"}}, {"customfield_7": "fired again"}]
        await tracker.close()


@pytest.mark.parametrize("job", [Job.TICKET_UPDATE, Job.TICKET_CLOSE])
async def test_a_comment_is_written_once_regardless_of_the_transition(
    server: JiraServer, jira: Tracker, job: Job
) -> None:
    """Each of the calls of a job fails for good, or for a while, one after the other; it is tried until it is over."""
    for number, (fault, at) in enumerate(
        (fault, at) for fault in (ErrorStatus(400), ErrorStatus(503), Drop()) for at in range(6)
    ):
        ref = (await jira.send(about(Job.TICKET_OPEN, key=f"o{number:039}"))).ref
        issue = server.issues[ref.split(" ")[0]]
        issue["status"] = "To Do" if job is Job.TICKET_CLOSE else "Done"
        state = "resolved" if job is Job.TICKET_CLOSE else "triggered"
        words = {"key": f"{number:040}", "text": said("It is over."), "state": state}
        server.fail(*[Pass()] * at, fault, *([fault] if isinstance(fault, Drop) else []))
        receipt, unsure = await jira.send(about(job, ref, **words)), False
        for _ in range(3):
            if receipt.outcome in (Outcome.SENT, Outcome.PERMANENT):
                break
            unsure = unsure or receipt.outcome is Outcome.AMBIGUOUS
            receipt = await jira.send(about(job, ref, **words, possible_duplicate=unsure))
        server.recover()
        refused_itself = receipt.outcome is Outcome.PERMANENT and not issue["comments"]
        assert len(issue["comments"]) == 1 or refused_itself, (fault, at, receipt)
        done = issue["status"] == "Done"
        assert done is (job is Job.TICKET_CLOSE) or receipt.outcome is Outcome.PERMANENT


async def test_the_search_is_asked_until_it_must_know_before_another_issue_is_opened(
    server: JiraServer, jira: Tracker
) -> None:
    lost = {"possible_duplicate": True}
    for seconds in (0, 10, 30, 59):
        receipt = await jira.send(about(Job.TICKET_OPEN, **lost, now=NOW + seconds * SECOND))
        assert (receipt.outcome, receipt.retry_after) == (Outcome.RETRY, 10 * SECOND)
    assert server.issues == {}
    assert (await jira.send(about(Job.TICKET_OPEN, **lost, now=NOW - 3600 * SECOND))).outcome is Outcome.RETRY
    receipt = await jira.send(about(Job.TICKET_OPEN, **lost, now=NOW - 3540 * SECOND))
    assert (receipt.outcome, list(server.issues)) == (Outcome.SENT, ["OPS-1"])


async def test_a_comment_of_nothing_but_space_is_not_sent(server: JiraServer, jira: Tracker) -> None:
    ref = (await jira.send(about(Job.TICKET_OPEN))).ref
    receipt = await jira.send(about(Job.TICKET_COMMENT, ref, text=said(" \n  \n")))
    assert (receipt.outcome, len(server.accepted)) == (Outcome.SENT, 1)


@given(subject=st.text(st.characters(codec=None), max_size=300) | st.sampled_from([" ", "a\rb", "a\u2028b", "x" * 300]))
@settings(max_examples=50, deadline=None)
async def test_a_summary_is_one_line_that_is_never_blank(subject: str) -> None:
    async with JiraServer(cloud=False) as server, DATA_CENTER.running(server.url) as tracker:
        assert (await tracker.send(about(Job.TICKET_OPEN, subject=subject))).outcome is Outcome.SENT


async def test_a_data_center_gets_wiki_markup_in_which_a_label_means_nothing() -> None:
    async with JiraServer(cloud=False) as server, DATA_CENTER.running(server.url) as tracker:
        await tracker.send(about(Job.TICKET_OPEN, text=said("## Incident\n- **bold** ", "{code}*x* h1. [y|http://z]")))
        [issue] = server.accepted
        assert issue["description"] == "h2. Incident\n* *bold* \\{code\\}\\*x\\* h1. \\[y\\|http://z\\]"


def test_an_author_has_headings_lists_and_bold_and_a_label_has_nothing() -> None:
    text = RenderedText(
        (Piece("# Title\n\n- one **two** "), Piece("**three**", foreign=True), Piece("\n```\n# no\n```\nend"))
    )
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

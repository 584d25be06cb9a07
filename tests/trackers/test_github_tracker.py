"""The GitHub tracker against a strict stand-in."""

import pytest

from conformance.trackers.tracker_rigs import HOSTILE, RIGS, about, said
from tocsin.core.acting import Ticket
from tocsin.core.outbox import Job
from tocsin.ports.channel import Outcome, Reason
from tocsin.ports.tracker import Tracker
from tocsin.testing.content import NOW, alert_line
from tocsin.testing.github_server import GitHubServer
from tocsin.testing.standin import Status

RIG = RIGS["github"]
LIMITED = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW // 1_000_000 + 90)}


@pytest.fixture
async def server():
    async with GitHubServer() as running:
        yield running


@pytest.fixture
async def github(server: GitHubServer):
    async with RIG.running(server.url) as running:
        yield running


async def opened(github: Tracker) -> str:
    return (await github.send(about(Job.TICKET_OPEN))).ref


async def test_an_issue_has_its_labels_and_says_what_is_wrong(server: GitHubServer, github: Tracker) -> None:
    receipt = await github.send(about(Job.TICKET_OPEN))
    assert receipt.ref == "1 #1 https://github.com/example/site/issues/1"
    [issue] = server.accepted
    assert issue["title"] == "[SEV-1] #12 checkout: HighLatency on checkout"
    assert issue["labels"] == ["incident", "SEV-1", "priority:high"]
    assert "- Service: checkout" in issue["body"]
    assert "alertname=HighLatency" in issue["body"]


async def test_a_template_has_the_word(server: GitHubServer, github: Tracker) -> None:
    await github.send(about(Job.TICKET_OPEN, text=said("## Incident\n"), subject="Checkout is slow"))
    [issue] = server.accepted
    assert issue["title"] == "Checkout is slow"
    assert issue["body"].startswith("## Incident\n")


async def test_a_label_mentions_nobody_and_makes_no_markup(server: GitHubServer, github: Tracker) -> None:
    await github.send(about(Job.TICKET_OPEN, alerts=(alert_line(HOSTILE),), title=HOSTILE))
    [issue] = server.accepted
    assert "@everyone" not in issue["body"]
    assert "**x**" not in issue["body"]
    assert "[z](" not in issue["body"]
    assert "<!channel>" not in issue["body"]


async def test_a_new_severity_changes_our_labels_and_no_others(server: GitHubServer, github: Tracker) -> None:
    ref = await opened(github)
    server.issues[1]["labels"] += [{"name": "area:infra"}]
    await github.send(about(Job.TICKET_UPDATE, ref, severity="SEV-2", because="", text=None))
    change = server.accepted[-1]
    assert (change["kind"], change["state"]) == ("change", "open")
    assert change["labels"] == ["incident", "area:infra", "SEV-2"]


async def test_it_is_closed_with_the_last_word(server: GitHubServer, github: Tracker) -> None:
    ref = await opened(github)
    await github.send(about(Job.TICKET_CLOSE, ref, state="resolved", text=said("It is over.")))
    close, comment = server.accepted[1:]
    assert (close["state"], close["state_reason"]) == ("closed", "completed")
    assert comment["body"].startswith("It is over.")


async def test_a_secondary_limit_is_waited_for(server: GitHubServer, github: Tracker) -> None:
    server.fail(Status(403, {"Retry-After": "60"}), Status(403, LIMITED), Status(403))
    receipts = [await github.send(about(Job.TICKET_OPEN)) for _ in range(3)]
    assert [(each.outcome, each.reason) for each in receipts] == [
        (Outcome.RETRY, Reason.RATE_LIMITED),
        (Outcome.RETRY, Reason.RATE_LIMITED),
        (Outcome.PERMANENT, Reason.AUTH),
    ]
    assert [each.retry_after for each in receipts] == [60_000_000, 90_000_000, None]


async def test_what_a_repository_without_issues_says_is_for_good(server: GitHubServer, github: Tracker) -> None:
    server.fail(Status(410, body=b'{"message": "Issues has been disabled in this repository."}'))
    receipt = await github.send(about(Job.TICKET_OPEN))
    assert receipt.outcome is Outcome.PERMANENT
    assert "Issues has been disabled" in receipt.detail


async def test_the_ticket_of_an_action_item_says_what_is_to_be_done(server: GitHubServer, github: Tracker) -> None:
    what = "action item 1: an alert that comes sooner"
    ticket = Ticket(tracker="mine", about="item-1")
    await github.send(about(Job.TICKET_OPEN, because=what, ticket=ticket))
    [issue] = server.accepted
    assert issue["title"] == what
    assert issue["body"].startswith(what)
    assert "- Incident: " in issue["body"]

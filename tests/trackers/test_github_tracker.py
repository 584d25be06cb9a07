"""The GitHub tracker against a strict stand-in."""

from typing import Any

import pytest
from aiohttp import web

from conformance.trackers.tracker_rigs import HOSTILE, RIGS, about, said
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.actions import Ticket
from tocsin.ports.channel import Outcome, Reason
from tocsin.ports.tracker import Tracker
from tocsin.testing.content import NOW, alert_line
from tocsin.testing.github_server import GitHubServer
from tocsin.testing.standin import ErrorStatus

RIG = RIGS["github"]
LIMITED = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW // 1_000_000 + 90)}


@pytest.fixture
async def server():
    async with GitHubServer(now=lambda: NOW / 1_000_000) as running:
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


async def test_a_label_mentions_no_one_and_makes_no_markup(server: GitHubServer, github: Tracker) -> None:
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


async def test_the_playbooks_labels_are_set_and_follow_the_severity(server: GitHubServer, github: Tracker) -> None:
    wanted = ("priority:high", "area:infra", "{severity}")
    ref = (await github.send(about(Job.TICKET_OPEN, ticket_labels=wanted))).ref
    assert server.accepted[-1]["labels"] == ["incident", "SEV-1", "priority:high", "area:infra"]
    changed = about(Job.TICKET_UPDATE, ref, severity="SEV-2", because="", text=None, ticket_labels=wanted)
    await github.send(changed)
    assert sorted(server.accepted[-1]["labels"]) == ["SEV-2", "area:infra", "incident", "priority:high"]


async def test_it_is_closed_with_the_last_word(server: GitHubServer, github: Tracker) -> None:
    ref = await opened(github)
    await github.send(about(Job.TICKET_CLOSE, ref, state="resolved", text=said("It is over.")))
    comment, close = server.accepted[1:]
    assert (close["state"], close["state_reason"]) == ("closed", "completed")
    assert comment["body"].startswith("It is over.")


async def test_a_secondary_limit_is_waited_for(server: GitHubServer, github: Tracker) -> None:
    server.fail(ErrorStatus(403, {"Retry-After": "60"}), ErrorStatus(403, LIMITED), ErrorStatus(403))
    moments = [NOW, NOW + 60_000_000, NOW + 120_000_000]
    receipts = [await github.send(about(Job.TICKET_OPEN, now=now)) for now in moments]
    assert [(each.outcome, each.reason) for each in receipts] == [
        (Outcome.RETRY, Reason.RATE_LIMITED),
        (Outcome.RETRY, Reason.RATE_LIMITED),
        (Outcome.PERMANENT, Reason.AUTH),
    ]
    assert [each.retry_after for each in receipts] == [60_000_000, 30_000_000, None]


async def test_what_a_repository_without_issues_says_is_for_good(server: GitHubServer, github: Tracker) -> None:
    server.fail(ErrorStatus(410, body=b'{"message": "Issues has been disabled in this repository."}'))
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


@pytest.mark.parametrize("job", [Job.TICKET_OPEN, Job.TICKET_COMMENT])
async def test_what_an_earlier_attempt_made_is_found_on_a_later_page_and_days_later(
    server: GitHubServer, github: Tracker, job: Job
) -> None:
    ref = await opened(github) if job is Job.TICKET_COMMENT else ""
    mine = {"key": "c" * 40, "text": said("half of it works")}
    await github.send(about(job, ref, **mine))
    for number in range(45):
        await github.send(about(job, ref, key=f"{number:040}", text=said("other")))
    before = len(server.accepted)
    two_days = 48 * 3600 * 1_000_000
    receipt = await github.send(about(job, ref, **mine, possible_duplicate=True, now=NOW + two_days))
    assert receipt.outcome is Outcome.SENT
    assert len(server.accepted) == before


class Misled(GitHubServer):
    """Says that the next page is somewhere else."""

    def __init__(self, elsewhere: str) -> None:
        super().__init__()
        self._elsewhere = elsewhere

    def _page(self, request: web.Request, found: list[dict[str, Any]]) -> web.Response:
        answer = super()._page(request, found)
        answer.headers["Link"] = f'<{self._elsewhere}/repos/example/site/issues?page=2>; rel="next"'
        return answer


async def test_a_link_to_another_host_is_not_followed() -> None:
    async with (
        GitHubServer() as elsewhere,
        Misled(elsewhere.url) as server,
        RIG.running(server.url) as tracker,
    ):
        assert (await tracker.send(about(Job.TICKET_OPEN, possible_duplicate=True))).outcome is Outcome.SENT
        assert (elsewhere.requests, server.requests) == (0, 2)


async def test_a_change_that_is_refused_keeps_no_word_from_the_issue(server: GitHubServer, github: Tracker) -> None:
    ref = await opened(github)
    server.fail(ErrorStatus(403, body=b'{"message": "Issue is locked"}'))
    receipt = await github.send(about(Job.TICKET_UPDATE, ref, key="b" * 40, text=said("It grows.")))
    assert (receipt.outcome, "Issue is locked" in receipt.detail) == (Outcome.PERMANENT, True)
    assert server.accepted[-1]["body"].startswith("It grows.")


async def test_the_stand_ins_secondary_limit_is_waited_for(server: GitHubServer, github: Tracker) -> None:
    server.limits[0].calls = 1
    ref = await opened(github)
    receipt = await github.send(about(Job.TICKET_COMMENT, ref, text=said("news")))
    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, Reason.RATE_LIMITED)
    assert receipt.retry_after is not None
    assert 0 < receipt.retry_after <= 60_000_000


async def test_a_subject_of_nothing_but_space_does_not_make_a_blank_title(
    server: GitHubServer, github: Tracker
) -> None:
    await github.send(about(Job.TICKET_OPEN, subject=" \n "))
    assert server.accepted[0]["title"] == "[SEV-1] #12 checkout: HighLatency on checkout"

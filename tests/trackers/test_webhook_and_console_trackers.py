"""The webhook tracker, whose receiver may return a ticket reference, and the console tracker."""

import io
import json

from conformance.trackers.tracker_rigs import RIGS, about, said
from tocsin.core.incident.outbox import Job
from tocsin.ports.channel import Outcome
from tocsin.testing.standin import Junk
from tocsin.testing.webhook_sink import WebhookSink
from tocsin.trackers.console.tracker import ConsoleTracker

RIG = RIGS["webhook"]


async def test_a_receiver_gets_the_job_the_words_and_the_ticket() -> None:
    async with WebhookSink() as server, RIG.running(server.url) as tracker:
        named = {"ref": "7", "name": "#7", "url": "https://wiki.example.com/7"}
        server.fail(Junk(json.dumps(named).encode()))
        ref = (await tracker.send(about(Job.TICKET_OPEN))).ref
        assert ref == "7 #7 https://wiki.example.com/7"
        await tracker.send(about(Job.TICKET_COMMENT, ref, text=said("half of it works"), key="b" * 40))
        opened, comment = (entry["body"] for entry in server.accepted)
        assert (opened["job"], opened["ticket"]["ref"]) == ("ticket_open", "")
        assert (comment["job"], comment["ticket"]) == ("ticket_comment", named)
        assert comment["message"]["text"] == "half of it works"


async def test_a_receiver_that_says_nothing_is_asked_by_the_key_from_then_on() -> None:
    async with WebhookSink() as server, RIG.running(server.url) as tracker:
        ref = (await tracker.send(about(Job.TICKET_OPEN))).ref
        assert ref.split(" ")[0] == server.accepted[0]["headers"]["Idempotency-Key"][:16]


async def test_a_link_that_is_none_is_left_out() -> None:
    async with WebhookSink() as server, RIG.running(server.url) as tracker:
        server.fail(Junk(b'{"ref": "7", "name": "a b", "url": "javascript:alert(1)"}'))
        assert (await tracker.send(about(Job.TICKET_OPEN))).ref == "7 a_b"


async def test_the_console_prints_what_a_tracker_would_be_asked_for() -> None:
    stream = io.StringIO()
    tracker = ConsoleTracker("jira", stream)
    await tracker.start()
    receipt = await tracker.send(about(Job.TICKET_OPEN, text=said("## Incident\n")))
    assert (receipt.outcome, receipt.ref) == (Outcome.SENT, "jira-12 jira-12")
    await tracker.send(about(Job.TICKET_CLOSE, "jira-12 jira-12"))
    await tracker.close()
    assert stream.getvalue().splitlines() == [
        "TICKET OPEN [SEV-1] #12 checkout: HighLatency on checkout -- jira: it was opened",
        "  | ## Incident",
        "TICKET CLOSE [SEV-1] #12 checkout: HighLatency on checkout -- jira: it was opened",
    ]

"""Once a post-mortem is written, all who got the resolution get its link, and the ticket has it."""

import pytest

from scenario.obligations.shipped import ALEX, story, tocsin
from scenario.owing import outcomes
from tocsin.core.incident.event import Declare, PostMortemDone
from tocsin.core.incident.outbox import Job

LINK = "https://wiki.example.com/post-mortems/1"
READERS = [
    ("emergency-response", "SEV-1", ["incidents", "stakeholders", "incident-commander"], ""),
    ("emergency-response", "SEV-3", ["incidents"], "jira"),
    ("erlmcp", "P0", ["incidents", "stakeholders"], "jira"),
    ("service-quick-reference", "P2", ["incidents", "stakeholders"], "github"),
    ("mgmt-vibe", "SEV-1", ["incidents", "stakeholders", "everyone"], "jira"),
    ("ultimate-marketing", "P1", ["incident-response", "service-status"], "jira"),
]


@pytest.mark.parametrize(("playbook", "severity", "readers", "tracker"), READERS)
async def test_the_link_goes_to_all_who_got_the_resolution_and_into_the_ticket(
    playbook: str, severity: str, readers: list[str], tracker: str
) -> None:
    async with tocsin() as harness:
        incident = story(harness, playbook)
        await incident.fire(severity, automated_recovery="no")
        await harness.acknowledge("alex")
        await harness.say(Declare(by=ALEX))
        await incident.resolve()
        assert LINK not in "".join(text for reader in readers for text in incident.texts(reader))
        await harness.say(PostMortemDone(by=ALEX, link=LINK))
        await harness.advance(seconds=1)
        for reader in readers:
            assert LINK in incident.texts(reader)[-1]
        if tracker:
            last = incident.tracker(tracker).sent[-1]
            assert last.text is not None
            assert last.job == Job.TICKET_COMMENT
            assert LINK in last.text.plain


@pytest.mark.parametrize(
    ("playbook", "severity", "duty"),
    [("mgmt-vibe", "SEV-1", "share-findings"), ("ultimate-marketing", "P1", "publish-findings")],
)
async def test_findings_are_shared_and_published_with_it(playbook: str, severity: str, duty: str) -> None:
    async with tocsin() as harness:
        incident = story(harness, playbook)
        await incident.fire(severity, automated_recovery="no")
        await harness.acknowledge("alex")
        await incident.resolve()
        assert (await outcomes(harness))[duty] == "open"
        await harness.say(PostMortemDone(by=ALEX, link=LINK))
        assert (await outcomes(harness))[duty] == "in_time"

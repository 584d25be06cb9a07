"""Each kind of tracker with its stand-in."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from tocsin.conf.channels import ConfiguredTracker
from tocsin.conf.secrets import Secret
from tocsin.core.content.page import Content
from tocsin.core.content.rendered_text import Piece, RenderedText
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.actions import Ticket, TicketState
from tocsin.ports.tracker import Tracker
from tocsin.testing import github_server, jira_server, statuspage_server
from tocsin.testing.content import NOW, content
from tocsin.testing.github_server import GitHubServer
from tocsin.testing.jira_server import JiraServer
from tocsin.testing.standin import StandIn
from tocsin.testing.statuspage_server import StatuspageServer
from tocsin.testing.webhook_sink import WebhookSink
from tocsin.trackers.registry import KINDS, build

PATIENT = "10s"
IMPATIENT = "400ms"
HOSTILE = "<!channel> @everyone **x** `y` [z](http://example.com) {code} h1. \x1b[31m\u202e\ue000 {{ title }} \ud800"


@dataclass(frozen=True)
class Rig:
    """One kind of tracker, how it is made, and what stands in for its provider."""

    kind: str
    settings: Callable[[str], dict[str, Any]]
    stand_in: Callable[[], StandIn]
    opened: Callable[[StandIn], int]
    """Number of tickets."""
    finds: bool = True
    """True if it looks for what an attempt without an answer may have done; a webhook's receiver knows its key."""
    index: Callable[[Any], None] = lambda _: None
    """Let the stand-in's search know of what was opened."""

    def build(self, url: str, limit: str = PATIENT) -> Tracker:
        settings = KINDS[self.kind].settings.model_validate(self.settings(url) | {"timeout": limit})
        return build(ConfiguredTracker("mine", self.kind, settings))

    @contextlib.asynccontextmanager
    async def running(self, url: str, limit: str = PATIENT) -> AsyncIterator[Tracker]:
        tracker = self.build(url, limit)
        await tracker.start()
        try:
            yield tracker
        finally:
            await tracker.close()


def about(job: Job, ref: str = "", **fields: Any) -> Content:
    """Something to be done about a ticket; ``ref`` as the receipt of its opening has it."""
    name, shown, url = [*ref.split(" "), "", "", ""][:3]
    state = TicketState.OPEN if ref else TicketState.ASKED
    given = {"ticket": Ticket(tracker="mine", state=state, ref=name, shown=shown, url=url), "target": "ticket"}
    given |= {"because": "it was opened", "severities": ("SEV-1", "SEV-2", "SEV-3", "SEV-4")}
    return content(job, **(given | fields))


def said(text: str, foreign: str = "") -> RenderedText:
    """Words of a template, with some from outside."""
    return RenderedText((Piece(text), Piece(foreign, foreign=True)) if foreign else (Piece(text),))


def _jira(url: str) -> dict[str, Any]:
    given = {"base_url": url, "email": jira_server.EMAIL, "token": Secret(jira_server.TOKEN)}
    return given | {"project": jira_server.PROJECT, "priorities": {"SEV-1": "Highest", "SEV-2": "High"}}


def _data_center(url: str) -> dict[str, Any]:
    given = {"base_url": url, "deployment": "data_center", "token": Secret(jira_server.TOKEN)}
    return given | {"project": jira_server.PROJECT}


RIGS = {
    "github": Rig(
        "github",
        lambda url: {
            "repository": github_server.REPOSITORY,
            "token": Secret(github_server.TOKEN),
            "labels": ["incident", "{severity}"],
            "severity_labels": {"SEV-1": ["priority:high"]},
            "base_url": url,
        },
        lambda: GitHubServer(now=lambda: NOW / 1_000_000),
        lambda server: len(server.issues),
    ),
    "jira cloud": Rig("jira", _jira, JiraServer, lambda server: len(server.issues), index=JiraServer.index),
    "jira data center": Rig(
        "jira",
        _data_center,
        lambda: JiraServer(cloud=False),
        lambda server: len(server.issues),
        index=JiraServer.index,
    ),
    "statuspage": Rig(
        "statuspage",
        lambda url: {
            "page": statuspage_server.PAGE,
            "token": Secret(statuspage_server.TOKEN),
            "components": {"checkout": "ftgks51sfs2d"},
            "impact": {"SEV-1": "critical", "SEV-2": "major"},
            "base_url": f"{url}/v1",
        },
        StatuspageServer,
        lambda server: len(server.incidents),
    ),
    "webhook": Rig(
        "webhook",
        lambda url: {"url": f"{url}/hook/secret-path-1", "bearer": Secret("a-bearer-token-1")},
        WebhookSink,
        lambda server: sum(1 for entry in server.accepted if entry["body"]["job"] == "ticket_open"),
        finds=False,
    ),
}
SECRETS = (github_server.TOKEN, jira_server.TOKEN, statuspage_server.TOKEN, "secret-path-1", "a-bearer-token-1")

"""All that is shipped, with strict stand-ins for the trackers and the chat, and what they received."""

import dataclasses
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from msgspec import structs

from tocsin.app.kinds import KINDS
from tocsin.channels import registry
from tocsin.channels.slack.settings import SlackSettings
from tocsin.conf.bundle import Bundle, load
from tocsin.conf.channels import ConfiguredChannel, ConfiguredTracker
from tocsin.conf.secrets import Secret
from tocsin.core.incident.event import Actor, Confirmed, SetFacts
from tocsin.core.oncall.people import Contact
from tocsin.engine.deliver.preview import preview
from tocsin.ports.store import Store
from tocsin.testing import github_server, jira_server, slack_server, statuspage_server
from tocsin.testing.clock import VirtualClock
from tocsin.testing.github_server import GitHubServer
from tocsin.testing.harness import Harness
from tocsin.testing.jira_server import JiraServer
from tocsin.testing.slack_server import SlackServer
from tocsin.testing.statuspage_server import StatuspageServer
from tocsin.trackers import registry as trackers

ROOT = Path(__file__).resolve().parents[2]
ALEX = Actor("alex", "cli")
WORDS: dict[str, dict[str, str]] = yaml.safe_load((ROOT / "tests/fixtures/playbooks/words.yaml").read_text())
_MARKS = re.compile(r"^[\s#>|-]*(\[[ x]\] |[☐☑] )?|[\s|]+$")


@cache
def shipped() -> Bundle:
    return load(ROOT / "config", ROOT / "rules", KINDS, {})


def lines(text: str) -> list[str]:
    """The words of a text, line by line: without empty lines, rules and the marks of Markdown, mrkdwn and tables."""
    plain = re.sub(r"\*\*?(.+?)\*\*?", r"\1", re.sub(r"\\([\\`*_{}\[\]<>#+!|~-])", r"\1", text))
    plain = re.sub(r"<(https?://[^>|]+)>", r"\1", plain).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    stripped = (_MARKS.sub("", line) for line in plain.split("\n"))
    return [line for line in stripped if line and not re.fullmatch(r"[=|-]+|<!--.*-->", line)]


def fits(playbook: str, name: str, text: str) -> bool:
    """Return whether a text has the words of the written playbook, all of them, in their order, and no others."""
    wanted = "".join(
        r"(?:.*\n)*?" if line == "(lines)" else re.escape(line).replace("…", ".+?") + r"\n"
        for line in lines(WORDS[playbook][name])
    )
    return re.fullmatch(wanted, "".join(f"{line}\n" for line in lines(text))) is not None


@dataclass
class Outside:
    """A tocsin and what is outside of it."""

    tocsin: Harness
    github: GitHubServer
    jira: JiraServer
    page: StatuspageServer
    slack: SlackServer
    places: dict[str, str]
    """The Slack channel of each target."""

    async def say(self, incident: str = "1", **facts: str) -> None:
        """Record facts."""
        await self.tocsin.say(SetFacts(by=ALEX, facts=facts), incident)

    async def confirm(self, incident: str = "1") -> list[str]:
        """Confirm every draft as it is; return the blanks that were left in them."""
        acting = (await self.tocsin.incident(incident)).acting
        blanks: list[str] = []
        for draft in acting.drafts if acting is not None else ():
            policy, known = self.tocsin.live.policy, await self.tocsin.incident(incident)
            saying = await self.tocsin.store.read(lambda tx, d=draft, p=policy, i=known: preview(tx, p, i, d))
            subject = f"Subject: {saying.subject}\n\n" if saying is not None and saying.subject else ""
            text = f"{subject}{saying.text.plain}" if saying is not None else ""
            blanks += saying.text.blanks if saying is not None else ()
            await self.tocsin.say(Confirmed(by=ALEX, draft=draft.number, text=text), incident)
        await self.tocsin.advance(seconds=1)
        return blanks

    def chat(self, target: str) -> list[str]:
        """The playbook's own texts in the Slack channel of a target, in order."""
        posted = (each for each in self.slack.messages if each.channel == self.places[target])
        updates = (each for each in posted if each.metadata.get("event_type") == "tocsin_update")
        return ["\n".join(_sections(each.blocks)) for each in updates]

    @property
    def issues(self) -> list[str]:
        """The bodies of GitHub's issues, each with its comments."""
        return [issue["body"] for issue in self.github.issues.values()]

    def comments(self, issue: int = 1) -> list[str]:
        return [comment["body"] for comment in self.github.comments.get(issue, [])]

    @property
    def jira_issues(self) -> list[str]:
        return [_plain(issue["description"]) for issue in self.jira.issues.values()]

    def jira_comments(self, key: str = "OPS-1") -> list[str]:
        return [_plain(comment["body"]) for comment in self.jira.issues[key]["comments"]]

    @property
    def status_updates(self) -> list[str]:
        """The updates of the status page's only incident, the oldest first."""
        [incident] = self.page.incidents.values()
        return [update["body"] for update in incident["incident_updates"]][::-1]


def _sections(blocks: list[dict[str, Any]]) -> Iterator[str]:
    for block in blocks:
        if block["type"] == "section" and "text" in block:
            yield block["text"]["text"]


def _plain(node: dict[str, Any]) -> str:
    """The text of an Atlassian document, a line a block."""
    if node["type"] == "text":
        return str(node["text"])
    inner = [_plain(each) for each in node.get("content", ())]
    return ("" if node["type"] in ("paragraph", "heading") else "\n").join(inner)


@asynccontextmanager
async def outside(
    clock: VirtualClock | None = None, store: Store | None = None, github: GitHubServer | None = None, first_id: int = 1
) -> AsyncIterator[Outside]:
    """All that is shipped, each person and place with a Slack channel."""
    bundle, clock = shipped(), clock or VirtualClock()
    people = bundle.people
    names = (*people.persons, *(place for place in people.places if place != "console"))
    places = {name: f"C0PLACE{number:03}" for number, name in enumerate(names)}
    contacts = {name: Contact("chat", channel) for name, channel in places.items()}
    persons = {
        name: structs.replace(person, contact=contacts[name], further=()) for name, person in people.persons.items()
    }
    others = {name: contacts.get(name, contact) for name, contact in people.places.items()}
    people = structs.replace(people, persons=persons, places=others)
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(SlackServer(places.values(), limited=False))
        github = github or await stack.enter_async_context(GitHubServer(now=lambda: clock.now() / 1_000_000))
        jira = await stack.enter_async_context(JiraServer())
        page = await stack.enter_async_context(StatuspageServer())
        settings = SlackSettings(token=Secret(slack_server.TOKEN), base_url=slack.api_url)
        chat = registry.build(ConfiguredChannel("chat", "slack", settings))
        built = [
            _tracker("github", repository=github_server.REPOSITORY, token=github_server.TOKEN, base_url=github.url),
            _tracker(
                "jira",
                base_url=jira.url,
                email=jira_server.EMAIL,
                token=jira_server.TOKEN,
                project=jira_server.PROJECT,
            ),
            _tracker(
                "statuspage",
                "status",
                page=statuspage_server.PAGE,
                token=statuspage_server.TOKEN,
                base_url=f"{page.url}/v1",
            ),
        ]
        tocsin = await stack.enter_async_context(Harness.of(bundle, clock=clock, store=store, first_id=first_id))
        policy = tocsin.live.policy
        channels = {**policy.channels, "chat": chat}
        tocsin.live.policy = dataclasses.replace(
            policy, channels=channels, people=people, trackers={each.name: each for each in built}
        )
        for each in (chat, *built):
            await each.start()
            stack.push_async_callback(each.close)
        yield Outside(tocsin, github, jira, page, slack, places)


def _tracker(kind: str, name: str = "", *, token: str, **settings: str) -> Any:
    model = trackers.KINDS[kind].settings.model_validate({**settings, "token": Secret(token)})
    return trackers.build(ConfiguredTracker(name or kind, kind, model))

"""One complete incident of each of the five playbooks: from Alertmanager to the postmortem draft.

All five are active in one daemon with the shipped rules and people, who are
reached through the stand-ins. The timelines stand in config/playbooks/README.md;
``TOCSIN_E2E_WRITE=1`` writes them there anew.
"""

import json
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio
import yaml

from e2e.observability import Alertmanager, posts_at_once
from e2e.processes import run, tocsin_command, until
from e2e.tocsin_process import ROOT, TOKEN, Tocsin
from scenario.stories import STORIES, alert_of
from tocsin.testing.github_server import REPOSITORY, GitHubServer
from tocsin.testing.github_server import TOKEN as GITHUB_TOKEN
from tocsin.testing.jira_server import EMAIL, PROJECT, JiraServer
from tocsin.testing.jira_server import TOKEN as JIRA_TOKEN
from tocsin.testing.slack_server import TOKEN as SLACK_TOKEN
from tocsin.testing.slack_server import SlackServer
from tocsin.testing.statuspage_server import PAGE, StatuspageServer
from tocsin.testing.statuspage_server import TOKEN as PAGE_TOKEN
from tocsin.testing.webhook_sink import WebhookSink

CHANNELS = tuple(f"C0RECIPIENT{number}" for number in range(40))
README = ROOT / "config/playbooks/README.md"
BEGIN, END = "<!-- timeline of {}: written by tests/e2e/test_e2e_playbooks.py -->\n", "<!-- /timeline -->\n"


ONE_EACH = {"alex, taylor, jamie": "alex", "jamie, alex": "jamie", "morgan, riley": "morgan", "robin, kim": "robin"}
"""The members of the shipped rotations, and who of them is on call whatever day it is."""


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def everyone_in_a_channel_of_their_own(people: Path) -> None:
    """Slack takes one message a second in a channel: in a common one, pages would wait for each other."""
    channels = iter(CHANNELS)
    people.write_text(
        re.sub(
            r"\{channel: console\}", lambda _: f"{{channel: chat, slack_channel: {next(channels)}}}", people.read_text()
        )
    )


@dataclass(frozen=True)
class Outside:
    """Where tickets are, what customers read, and what mends things by itself."""

    github: GitHubServer
    jira: JiraServer
    page: StatuspageServer
    machines: WebhookSink


class House:
    """Alertmanager, tocsin and the stand-ins."""

    def __init__(self, tocsin: Tocsin, alertmanager: Alertmanager, slack: SlackServer, outside: Outside) -> None:
        self.tocsin = tocsin
        self.alertmanager = alertmanager
        self.slack = slack
        self.outside = outside

    async def settled(self, number: str) -> bool:
        """Return whether all tickets are closed, and nothing is on its way."""
        found = json.loads(await self.say("incidents", "show", number, "--json"))
        return all(ticket["state"] == "closed" for ticket in found["tickets"])

    async def shown(self, number: str) -> tuple[dict[str, Any], str]:
        """Return an incident as JSON and as text, read while its timeline did not grow."""

        async def read() -> tuple[dict[str, Any], str] | None:
            before = json.loads(await self.say("incidents", "show", number, "--json"))
            text = await self.say("incidents", "show", number)
            after = json.loads(await self.say("incidents", "show", number, "--json"))
            return (after, text) if before["timeline"] == after["timeline"] else None

        shown = await until(read, 60, f"the timeline of incident {number} does not grow")
        assert shown
        return shown

    async def confirm(self, number: str, folder: Path) -> None:
        """Read every draft that waits, fill in what only people know, and have it done."""
        for draft in json.loads(await self.say("incidents", "drafts", number, "--json"))["drafts"]:
            text = folder / f"{number}-{draft['draft']}.txt"
            text.write_text(re.sub(r"\[to fill in: ([^;\]]+)[^\]]*\]", r"\1", draft["text"]))
            await self.say("incidents", "confirm", number, str(draft["draft"]), "--text", str(text), "--yes")

    async def post(self, playbook: str, *, over: bool = False) -> None:
        """Tell Alertmanager of the alert, as Prometheus does."""
        alert = alert_of(playbook)
        if over:
            alert["endsAt"] = datetime.now(UTC).isoformat()
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.alertmanager.url}/api/v2/alerts", json=[alert]) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def say(self, *arguments: str) -> str:
        """Return the output of the command line."""
        code, told = await run(tocsin_command(), *arguments, environ=self.tocsin.cli_environ)
        assert code == 0, told
        return told

    async def incident(self, playbook: str, state: str) -> dict[str, Any]:
        """Wait until the incident of a playbook is in a state."""

        async def found() -> dict[str, Any] | None:
            return next(iter(await self.tocsin.incidents(service=playbook, state=state)), None)

        return await until(found, 30, f"the incident of {playbook} is {state}") or {}

    def told(self, title: str, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.slack.accepted if one["event_type"] == f"tocsin_{kind}" and title in one["text"]]


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(SlackServer(log=tmp_path / "slack.jsonl", channels=CHANNELS))
        github = await stack.enter_async_context(GitHubServer(log=tmp_path / "github.jsonl"))
        jira = await stack.enter_async_context(JiraServer(log=tmp_path / "jira.jsonl"))
        page = await stack.enter_async_context(StatuspageServer(log=tmp_path / "statuspage.jsonl"))
        machines = await stack.enter_async_context(WebhookSink(log=tmp_path / "machines.jsonl"))
        settings = {
            "channels": {
                "chat": {"kind": "slack", "base_url": slack.api_url, "token_file": "slack-token"},
                "machines": {"kind": "webhook", "url": f"{machines.url}/run"},
            },
            "trackers": {
                "github": {"kind": "github", "repository": REPOSITORY, "base_url": github.url, "token_file": "github"},
                "jira": {
                    "kind": "jira",
                    "base_url": jira.url,
                    "project": PROJECT,
                    "email": EMAIL,
                    "token_file": "jira",
                },
                "status": {"kind": "statuspage", "page": PAGE, "base_url": f"{page.url}/v1", "token_file": "status"},
            },
            "defaults": {"resolve_after": "1s"},
        }
        tocsin = Tocsin(tmp_path / "tocsin", settings=settings)
        everyone_in_a_channel_of_their_own(tocsin.config / "people.yaml")
        for machine in ("failover_manager", "backup_manager", "recovery_orchestrator", "consistency_manager"):
            text = (tocsin.config / "people.yaml").read_text()
            (tocsin.config / "people.yaml").write_text(
                re.sub(rf"(erlmcp_{machine}:) .*", r"\1 {channel: machines}", text)
            )
        tokens = {"slack-token": SLACK_TOKEN, "github": GITHUB_TOKEN, "jira": JIRA_TOKEN, "status": PAGE_TOKEN}
        for name, token in tokens.items():
            tocsin.write_secret(name, token)
        for all_of_them, first in ONE_EACH.items():
            edit(tocsin.config / "people.yaml", f"members: [{all_of_them}]", f"members: [{first}]")
        edit(tocsin.config / "playbooks/ultimate-marketing.yaml", "resolve_after: 15m", "resolve_after: 1s")
        alertmanager = Alertmanager(tmp_path, posts_at_once(f"{tocsin.url}/webhooks/alertmanager", TOKEN))
        for process in (tocsin, alertmanager):
            await stack.enter_async_context(process)
        yield House(tocsin, alertmanager, slack, Outside(github, jira, page, machines))


def timeline(found: dict[str, Any], shown: str) -> str:
    """The timeline as the command line shows it, counted from the opening."""
    moments = [datetime.fromisoformat(entry["at"]) for entry in found["timeline"]]
    lines = shown.partition("Timeline\n")[2].splitlines()
    assert len(lines) == len(moments)
    told = (re.sub(r"^ *(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d +", "", line) for line in lines)

    def from_the_opening(found: re.Match[str]) -> str:
        at = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
        return f"+{round((at - moments[0]).total_seconds() / 3600)} h"

    told = (re.sub(r"(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?) UTC", from_the_opening, line) for line in told)
    return "".join(
        f"+{round((at - moments[0]).total_seconds())} s  {line}\n" for at, line in zip(moments, told, strict=True)
    )


SENT = " sent to|^UTC (told|reminded|invited)"
"""The lines about messages that were delivered."""


def without_times(text: str) -> list[str]:
    """The same things in any order of a moment: what is delivered first is chance.

    How many messages are out when a person acts is chance, too: of the pages `check_recipients` tells.
    """
    lines = (re.sub(r"^\+\d+ s +", "", line) for line in text.splitlines())
    # The time of a meeting depends on the hour of the day.
    lines = (re.sub(r"(invited .* to .+) on (\+\d+ h|[\d-]+ [\d:]+ UTC)$", r"\1", line) for line in lines)
    return sorted(line for line in lines if not re.search(rf"({SENT}) .+ \((chat|machines)\)$", line))


def persons_behind(name: str, people: Mapping[str, Any]) -> set[str]:
    """The persons of a target: a person, or the members of a group or rotation, with their backups."""
    entry = people["groups"].get(name) or people["rotations"].get(name)
    if entry is None:
        return {name}
    known = {*people["people"], *people["groups"], *people["rotations"]}
    return {person for word in words_in(entry) if word in known for person in persons_behind(word, people)}


def words_in(entry: object) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, Mapping | list):
        for each in entry.values() if isinstance(entry, Mapping) else entry:
            yield from words_in(each)


def check_recipients(entries: Sequence[Mapping[str, Any]], people: Mapping[str, Any]) -> None:
    """Each page went to a person of a target that the ladder had named, and one of the first target's got it."""
    named = [entry["data"]["targets"] for entry in entries if entry["kind"] == "escalated"]
    sent = [entry["data"] for entry in entries if entry["kind"] == "sent"]
    paged = {data["target"] for data in sent if data["job"] == "page"}
    assert paged <= {person for names in named for name in names for person in persons_behind(name, people)}
    assert paged & {person for name in named[0] for person in persons_behind(name, people)}


def check_readme(playbook: str, told: str) -> None:
    text = README.read_text()
    begin = BEGIN.format(playbook)
    assert begin in text, f"{README} has no place for the timeline of {playbook}"
    head, _, rest = text.partition(begin)
    before, _, tail = rest.partition(END)
    if os.environ.get("TOCSIN_E2E_WRITE"):
        README.write_text(f"{head}{begin}```\n{told}```\n{END}{tail}")
    else:
        assert without_times(before.strip("`\n")) == without_times(told)


async def test_one_whole_incident_of_each_playbook_to_its_post_mortem(house: House, tmp_path: Path) -> None:
    for playbook in STORIES:
        await house.post(playbook)
    opened = {playbook: await house.incident(playbook, "triggered") for playbook in STORIES}
    for playbook, story in STORIES.items():
        number, title = str(opened[playbook]["number"]), opened[playbook]["title"]
        await until(lambda t=title: house.told(t, "page"), 20, f"somebody is paged in Slack for {playbook}")
        await house.say("incidents", "ack", number)
        await house.say("incidents", "declare", number)
        await house.confirm(number, tmp_path)
        await house.say("incidents", "note", number, "Nothing was deployed today")
        await house.say("incidents", "update", number, "We know what it is, and mend it")
        await house.confirm(number, tmp_path)
        for name, text in story.facts.items():
            await house.say("incidents", "fact", number, f"{name}={text}")
        await house.post(playbook, over=True)
    people = yaml.safe_load((house.tocsin.config / "people.yaml").read_text())
    for playbook, story in STORIES.items():
        closed = await house.incident(playbook, "resolved")
        number = str(closed["number"])
        assert (closed["playbook"], number) == (playbook, str(opened[playbook]["number"]))
        await house.confirm(number, tmp_path)
        draft = await house.say("postmortem", number)
        assert all(text in draft for text in story.facts.values())
        await house.say("incidents", "todo", number, "An alert that comes sooner", "--kind", "immediate")
        await house.say("incidents", "done", number, "1")
        await house.say("incidents", "reviewed", number, "--link", "https://wiki.example.com/post-mortems")
        await until(lambda n=number: house.settled(n), 20, f"all tickets of {playbook} are closed")
        found, shown = await house.shown(number)
        told = timeline(found, shown)
        check_recipients(found["timeline"], people)
        check_readme(playbook, told)
    outside = house.outside
    assert [issue["state"] for issue in outside.github.issues.values()] == ["closed", "closed"]
    assert [issue["status"] for issue in outside.jira.issues.values()] == ["Done"] * 7
    assert {incident["status"] for incident in outside.page.incidents.values()} == {"resolved"}
    assert len(outside.page.incidents) == 3
    [failover] = [entry["body"] for entry in outside.machines.accepted if entry["body"]["job"] == "automate"]
    assert failover["target"] == "erlmcp_failover_manager"

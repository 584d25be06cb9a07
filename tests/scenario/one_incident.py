"""One incident of each playbook, from a real Alertmanager's webhook to the closed review, and every message about it.

``python -m scenario.one_incident`` (``make messages``) writes them to config/playbooks/. The webhooks are what an
Alertmanager has posted: tests/e2e/test_e2e_playbooks.py records them. The clock is virtual.
"""

import asyncio
import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent

from msgspec import structs

from scenario.outside import ROOT, shipped
from scenario.stories import STORIES
from tocsin.channels.console import payload as console
from tocsin.channels.console.printed import Printed
from tocsin.conf.channels import ConfiguredTracker
from tocsin.conf.secrets import Secret
from tocsin.core.content.page import Content
from tocsin.core.duration import HOUR, MINUTE, SECOND
from tocsin.core.incident.event import (
    Actor,
    CompleteDuty,
    Confirmed,
    Declare,
    ItemAdded,
    ItemDone,
    NoteAdded,
    SetFacts,
    UpdatePosted,
)
from tocsin.core.incident.outbox import TICKET_JOBS, Job
from tocsin.core.incident.sla import duties_of
from tocsin.engine.deliver.preview import preview
from tocsin.ports.tracker import Tracker, Words
from tocsin.testing import github_server, jira_server, statuspage_server
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingTracker
from tocsin.trackers import registry as trackers
from tocsin.web.alertmanager import payload as wire

FOLDER = ROOT / "config" / "playbooks"
WEBHOOKS = ROOT / "tests" / "fixtures" / "playbooks" / "webhooks"
MONDAY = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
ALEX = Actor("alex", "cli")

HEAD = """# {title}: every message of one incident

Written by `make messages`; a test compares it with what tocsin sends, and the playbook's own messages with the words
of its text.

The configuration is the shipped one, the alert is what a real Alertmanager has posted, and the clock is virtual. The
alert fires on Monday 2026-11-16 at 09:00 UTC, and no one acknowledges it for 20 minutes. Alex Example then
acknowledges and declares it, records what is known, confirms the drafts and posts an update. The alert resolves after
an hour. Of the duties that follow, the first is done too late, and each of the others just before its deadline. A
message to several people at the same moment is printed once.
"""


@dataclass
class WritingTracker(RecordingTracker):
    """A tracker that accepts everything, and words its tickets as the real one does."""

    real: Tracker = field(kw_only=True)

    def words(self, content: Content) -> Words:
        return self.real.words(content)


def _trackers() -> dict[str, Tracker]:
    token = Secret("x")
    settings: dict[str, dict[str, object]] = {
        "github": {"repository": github_server.REPOSITORY},
        "jira": {
            "base_url": "https://example.atlassian.net",
            "email": "ops@example.com",
            "project": jira_server.PROJECT,
        },
        "status": {"page": statuspage_server.PAGE},
    }
    found: dict[str, Tracker] = {}
    for name, given in settings.items():
        kind = "statuspage" if name == "status" else name
        model = trackers.KINDS[kind].settings.model_validate({**given, "token": token})
        found[name] = WritingTracker(name, real=trackers.build(ConfiguredTracker(name, kind, model)))
    return found


class Told:
    """The incident of one playbook, and the page that is written about it."""

    def __init__(self, harness: Harness, playbook: str) -> None:
        self.tocsin = harness
        self.playbook = playbook
        self.texts: list[str] = []
        """The playbook's own texts: messages, tickets and comments."""
        self._page: list[str] = []
        self._printed = Printed()
        self._printed.join("console")
        self._seen: set[int] = set()

    # The story.

    async def tell(self) -> str:
        """Live through the incident; return the page."""
        story = STORIES[self.playbook]
        self._event("Alertmanager posts the alert, which fires.")
        await self.tocsin.take(*self._webhook("firing"))
        await self._until(20 * MINUTE)
        self._event("Alex Example acknowledges the incident, and declares it a minute later.")
        await self.tocsin.acknowledge("alex")
        await self._until(21 * MINUTE)
        await self._say(Declare(by=ALEX))
        await self._until(22 * MINUTE)
        self._event(f"Alex Example records what is known of the impact: {_listed(story.impact)}.")
        await self._say(SetFacts(by=ALEX, facts=story.impact))
        await self._until(23 * MINUTE)
        await self._confirm()
        await self._until(30 * MINUTE)
        self._event("Alex Example adds a note, and posts an update.")
        await self._say(NoteAdded(by=ALEX, text="Nothing was deployed today"))
        await self._say(UpdatePosted(by=ALEX, text="We know what it is, and mend it"))
        await self._until(32 * MINUTE)
        await self._confirm()
        for minutes, (name, text) in enumerate(story.facts.items(), 40):
            await self._until(minutes * MINUTE)
            self._event(f"Alex Example records the fact {name}: {text}.")
            await self._say(SetFacts(by=ALEX, facts={name: text}))
        await self._until(HOUR)
        self._event("Alertmanager posts that the alert has resolved.")
        await self.tocsin.take(*self._webhook("resolved"))
        await self._until(HOUR + 20 * MINUTE)
        await self._confirm()
        self._event("Alex Example adds an action item.")
        await self._say(ItemAdded(by=ALEX, text="An alert that comes sooner", kind="immediate"))
        await self._review()
        return self._written()

    async def _review(self) -> None:
        """Do the duties: the first too late, the others in time; then the action item."""
        is_late = True
        while owed := await self._owed():
            due_at, done = owed[0]
            await self._at(due_at + (HOUR if is_late else -MINUTE))
            is_late = False
            what = f"duty {done.duty}" if isinstance(done, CompleteDuty) else "action item"
            self._event(f"Alex Example reports that the {what} is done.")
            await self._say(done)
        self._event("All duties are done; ten days later, no more has been sent.")
        await self.tocsin.advance(hours=240)
        self._show()

    async def _owed(self) -> list[tuple[int, CompleteDuty | ItemDone]]:
        """Return what is still to be done: its due time, and the report that it is done."""
        obligations = (await self.tocsin.incident()).obligations
        assert obligations is not None
        link = "https://wiki.example.com/post-mortems"
        duties = [duty for duty in duties_of(obligations) if duty.is_open]
        items = [item for item in obligations.items if item.done_at is None]
        return sorted(
            [
                *((duty.due_at, CompleteDuty(by=ALEX, duty=duty.name, link=link)) for duty in duties),
                *((item.due_at, ItemDone(by=ALEX, number=item.number)) for item in items),
            ],
            key=lambda owed: owed[0],
        )

    def _webhook(self, status: str) -> list:
        body = (WEBHOOKS / f"{self.playbook}.{status}.json").read_bytes()
        now = self.tocsin.clock.now()
        read = wire.read(body, "default", lambda: now).alerts
        ends_at = now if status == "resolved" else None
        return [structs.replace(each, starts_at=self.tocsin.clock.start, ends_at=ends_at) for each in read]

    async def _confirm(self) -> None:
        """Confirm every draft as it is."""
        acting = (await self.tocsin.incident()).acting
        drafts = acting.drafts if acting is not None else ()
        if drafts:
            self._event("Alex Example confirms the drafts.")
        for draft in drafts:
            policy, known = self.tocsin.live.policy, await self.tocsin.incident()
            saying = await self.tocsin.store.read(lambda tx, d=draft, p=policy, i=known: preview(tx, p, i, d))
            subject = f"Subject: {saying.subject}\n\n" if saying is not None and saying.subject else ""
            text = f"{subject}{saying.text.plain}" if saying is not None else ""
            await self._say(Confirmed(by=ALEX, draft=draft.number, text=text))

    async def _say(self, event: object) -> None:
        await self.tocsin.say(event)
        self._show()

    async def _until(self, after: int) -> None:
        await self._at(self.tocsin.clock.start + after)

    async def _at(self, moment: int) -> None:
        await self.tocsin.advance_to(max(moment, self.tocsin.clock.now()))
        self._show()

    # The page.

    def _event(self, text: str) -> None:
        self._page.append(f"\n{self._since(self.tocsin.clock.now())} **{text}**\n")

    def _show(self) -> None:
        """Write what has been sent since the last look."""
        new = [content for content in self._everything() if id(content) not in self._seen]
        self._seen |= {id(content) for content in new}
        blocks = [block for content in new for block in self._block(content)]
        if blocks:
            self._page.append("\n```\n" + "\n".join(blocks) + "\n```\n")

    def _everything(self) -> list[Content]:
        kept = [each for each in self.tocsin.live.policy.trackers.values() if isinstance(each, WritingTracker)]
        written = [content for each in kept for content in each.sent]
        return sorted([*self.tocsin.sent(), *written], key=lambda content: content.now)

    def _block(self, content: Content) -> Iterator[str]:
        at = self._since(content.now)
        if content.job in TICKET_JOBS:
            tracker = self.tocsin.live.policy.trackers[content.destination]
            words = tracker.words(content)
            self.texts.append(words.text)
            title = f" -- {words.title}" if words.title else ""
            what = content.job.replace("_", " ").upper()
            yield "\n".join([f"{at}  {what} in {content.destination}{title}", *_indented(words.text)])
            return
        message = console.compose(content, self._printed, colour=False)
        self._printed.note(content, announces=message.announces, text=message.text)
        if not message.lines:
            return
        first, *body = message.lines
        if content.job is Job.UPDATE and content.text is not None and len(message.lines) > 1:
            self.texts.append(content.text.plain)
            body = _indented(content.text.plain)
        yield "\n".join([f"{at}  {first}", *body])

    def _since(self, moment: int) -> str:
        minutes, seconds = divmod((moment - self.tocsin.clock.start) // SECOND, 60)
        hours, minutes = divmod(minutes, 60)
        days, hours = divmod(hours, 24)
        return f"+{days}d {hours:02}:{minutes:02}:{seconds:02}" if days else f"+{hours:02}:{minutes:02}:{seconds:02}"

    def _written(self) -> str:
        title = self.tocsin.live.policy.playbooks[self.playbook].title
        return HEAD.format(title=title) + re.sub(r"\n{3,}", "\n\n", "".join(self._page))


def _listed(facts: dict[str, str]) -> str:
    return "; ".join(f"{name}: {text}" for name, text in facts.items())


def _indented(text: str) -> list[str]:
    return indent(text.rstrip(), "  ").splitlines()


async def told(playbook: str) -> tuple[str, list[str]]:
    """Return the page of a playbook, and the playbook's own texts in it."""
    async with Harness.of(shipped(), clock=VirtualClock(MONDAY)) as harness:
        harness.live.policy = dataclasses.replace(harness.live.policy, trackers=_trackers())
        telling = Told(harness, playbook)
        return await telling.tell(), telling.texts


def page_of(playbook: str) -> Path:
    return FOLDER / f"{playbook}.messages.md"


async def _write() -> None:
    for playbook in STORIES:
        page, _ = await told(playbook)
        page_of(playbook).write_text(page)


if __name__ == "__main__":
    asyncio.run(_write())

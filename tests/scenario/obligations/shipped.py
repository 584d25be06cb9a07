"""The shipped configuration on a virtual clock, and short quotes of the written playbooks.

tests/fixtures/playbooks/quotes.yaml has the quotes: the lines of a text's templates up to what is filled in, and the
points of its checklists.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import yaml
from msgspec import structs

from tocsin.app.kinds import KINDS
from tocsin.conf.bundle import Bundle, load
from tocsin.core.incident.event import Actor, Confirmed, SetFacts, Ticked
from tocsin.core.incident.outbox import Job
from tocsin.core.oncall.rotation import OnCallInput
from tocsin.engine.deliver.messages import RenderedMessage, post_mortem, render_action, render_template
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingTracker

ROOT = Path(__file__).resolve().parents[3]
MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
ALEX = Actor("alex", "api")
HOUR = 60.0
DAY = 24 * HOUR


@cache
def shipped() -> Bundle:
    return load(ROOT / "config", ROOT / "rules", KINDS, {})


@cache
def _quotes() -> dict[str, dict[str, list[str]]]:
    return yaml.safe_load((ROOT / "tests/fixtures/playbooks/quotes.yaml").read_text())


def quotes(playbook: str, of: str) -> list[str]:
    """Return what the text of a playbook says in one of its templates or lists."""
    return _quotes()[playbook][of]


def tocsin(at: datetime = MONDAY) -> Harness:
    return Harness.of(shipped(), clock=VirtualClock(at))


def persons(target: str, at: datetime = MONDAY) -> set[str]:
    """Return the people and places that a target stands for."""
    return set(shipped().people.members(target, OnCallInput(VirtualClock(at).now())))


TIERS = {
    "erlmcp": (["devops-on-call"], ["engineering-manager-on-call"], ["vp-engineering-on-call"], ["ceo", "cto"]),
    "mgmt-vibe": (["on-call-engineer"], ["engineering-manager"], ["vp-engineering"], ["ceo"]),
    "emergency-response": (["on-call-engineer"], ["engineering-manager"], ["vp-engineering", "cto"], ["ceo", "legal"]),
    "ultimate-marketing": (["on-call-engineer"], ["service-owner", "sre-on-call"], ["senior-engineering-lead"]),
    "service-quick-reference": (["everyone"], ["everyone-backup"]),
}
"""The people of each tier, as the texts name them: not read from the playbooks, which are what is tested."""


def tier(playbook: str, number: int) -> set[str]:
    """Return the people of a tier."""
    return set().union(*map(persons, TIERS[playbook][number - 1]))


@dataclass
class Story:
    """An incident of one playbook, and what a test wants to know of it."""

    harness: Harness
    playbook: str
    labels: dict[str, str] = field(default_factory=dict)

    async def fire(self, severity: str, **labels: str) -> None:
        self.labels = {
            "alertname": "Trouble",
            "service": "shop",
            "severity": severity,
            "playbook": self.playbook,
            **labels,
        }
        await self.harness.fire(**self.labels)

    async def resolve(self) -> None:
        await self.harness.resolve(**self.labels)
        await self.harness.advance(minutes=20)

    async def facts(self, **facts: str) -> None:
        await self.harness.say(SetFacts(by=ALEX, facts=facts))

    def first(self, job: Job = Job.PAGE) -> dict[str, float]:
        """Return the minute at which each person was paged first."""
        pages = self.harness.pages(job)
        return {who: minute for minute, who in reversed(pages)}

    def texts(self, target: str) -> list[str]:
        """Return the playbook's own messages to a person of this target, or to this place."""
        reached = persons(target) or {target}
        return [text for _, who, text in self.harness.messages() if who in reached]

    def at(self, target: str, beginning: str) -> list[float]:
        """Return the minutes at which the message that begins so has reached everyone of a target."""
        found = [(minute, who) for minute, who, text in self.harness.messages() if text.startswith(beginning)]
        return sorted({minute for minute, _ in found if {who for at, who in found if at == minute} >= persons(target)})

    async def drafts(self) -> dict[str, int]:
        """Return what waits for confirmation: name of the message, page or automation, and its number."""
        acting = (await self.harness.incident()).acting
        return {draft.action.what: draft.number for draft in acting.drafts} if acting else {}

    async def draft(self, what: str) -> str:
        """Return the text that waits for confirmation."""
        incident = await self.harness.incident()
        [found] = [draft for draft in incident.acting.drafts if draft.action.what == what]
        policy = self.harness.live.policy
        said = await self.harness.store.read(lambda tx: render_action(tx, policy, incident, found.action))
        if said is None:
            return ""
        return f"Subject: {said.subject}\n\n{said.text.plain}" if said.subject else said.text.plain

    async def confirm(self, what: str, text: str = "") -> None:
        await self.harness.say(Confirmed(by=ALEX, draft=(await self.drafts())[what], text=text))
        await self.harness.advance(seconds=1)

    async def said(self, template: str) -> str:
        """Return a template, filled in with the incident of now."""
        incident, policy = await self.harness.incident(), self.harness.live.policy
        saying = await self.harness.store.read(lambda tx: render_template(tx, policy, incident, template))
        assert saying.failure == ""
        return saying.text.plain

    async def post_mortem(self) -> RenderedMessage:
        incident, policy = await self.harness.incident(), self.harness.live.policy
        saying = await self.harness.store.read(lambda tx: post_mortem(tx, policy, incident))
        assert saying.failure == ""
        return saying

    def tracker(self, name: str) -> RecordingTracker:
        tracker = self.harness.live.policy.trackers[name]
        assert isinstance(tracker, RecordingTracker)
        return tracker

    async def addressed(self, template: str) -> set[str]:
        """Return the targets of a message: two of them may be the same person."""
        told = [entry.data for entry in await self.harness.timeline() if entry.kind == "told"]
        return {target for data in told if data["template"] == template for target in data["targets"]}

    def jobs(self, tracker: str) -> list[Job]:
        return [content.job for content in self.tracker(tracker).sent]

    async def ticks(self, checklist: str) -> list[str]:
        """Tick each point of a checklist, and return the points in the timeline with the person who ticked them."""
        [found] = [one for one in shipped().playbooks[self.playbook].checklists if one.key == checklist]
        for number in range(1, len(found.items) + 1):
            await self.harness.say(Ticked(by=ALEX, checklist=checklist, number=number))
        ticked = [entry for entry in await self.harness.timeline() if entry.kind == "ticked"]
        assert {entry.actor for entry in ticked} == {"alex"}
        return [entry.data["text"] for entry in ticked]

    async def review_due(self) -> tuple[float, list[float]]:
        """Return the hours after the resolve: when the postmortem is due, and when its owner is reminded."""
        incident = await self.harness.incident()
        assert incident.resolved_at is not None
        start = (incident.resolved_at - self.harness.clock.start) / 60_000_000
        [entry] = [entry for entry in await self.harness.timeline() if entry.kind == "post_mortem_asked"]
        reminded = [at - start for at, _, why in self.harness.reminders() if "postmortem" in why]
        return (entry.data["due_at"] - incident.resolved_at) / 3_600_000_000, [at / HOUR for at in reminded]


def story(harness: Harness, playbook: str) -> Story:
    return Story(harness, playbook)


async def reminded(playbook: str, name: str, starts: datetime, days: float) -> list[tuple[str, set[str], str]]:
    """Return (time, people, text) of one recurring reminder of a playbook."""
    plan = shipped().playbooks[playbook]
    [reminder] = [one for one in plan.reminders if one.name == name]
    async with tocsin(starts) as harness:
        only = structs.replace(plan, reminders=(reminder,))
        harness.live.policy = dataclasses.replace(harness.live.policy, playbooks={playbook: only})
        await harness.advance(hours=24 * days)
        sent = [one for one in harness.sent(Job.UPDATE) if one.severity == "reminder"]
        moments = dict.fromkeys(one.now for one in sent)
        return [
            (
                datetime.fromtimestamp(moment / 1_000_000, UTC).strftime("%Y-%m-%d"),
                {one.target for one in sent if one.now == moment},
                next(one.summary for one in sent if one.now == moment),
            )
            for moment in moments
        ]


def expect_in_order(text: str, words: Iterable[str]) -> None:
    """Expect each quote in the text, one after the other."""
    at = 0
    for each in words:
        found = text.find(each, at)
        assert found >= 0, f"{each!r} is missing, or not in its place, in:\n{text}"
        at = found + len(each)

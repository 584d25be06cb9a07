"""Ninety days with four hundred incidents of all five playbooks: what happens, and then what was seen of it."""

import dataclasses
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec

from tocsin.app.kinds import KINDS
from tocsin.conf.bundle import Bundle, load
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.duration import DAY, HOUR, MINUTE
from tocsin.core.incident.event import Actor, CompleteDuty, Entry, ItemAdded, ItemDone, SetFacts, WaiveDuty
from tocsin.core.incident.outbox import Job
from tocsin.core.incident.sla import duties_of
from tocsin.core.measures.goals import RecoveryObjectives
from tocsin.ports.store import IncidentFilter
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 8, 1, tzinfo=UTC)
DAYS = 90
INCIDENTS = 400
SERVICES = ("checkout", "search", "login", "mail", "billing", "=cmd|' /C calc'!A0")
OBJECTIVES = {
    "checkout": RecoveryObjectives(rto=HOUR, rpo=5 * MINUTE),
    "search": RecoveryObjectives(rto=30 * MINUTE),
    "mail": RecoveryObjectives(rpo=HOUR),
}
ZONES = {"alex": "Europe/Berlin", "jamie": "America/New_York"}
USERS = {"about 1,200": 1200, "3k": 3000, "17": 17, "30 %": None, "many": None}
LOSSES = {"none": 0, "5m": 5 * MINUTE, "2 h": 2 * HOUR, "some rows": None}


@cache
def shipped() -> Bundle:
    """The shipped configuration; some people live in other time zones, and no shift ends."""
    bundle = load(ROOT / "config", ROOT / "rules", KINDS, {})
    persons = {
        name: msgspec.structs.replace(person, time_zone=ZONES.get(name, ""))
        for name, person in bundle.people.persons.items()
    }
    # One person stands for each rotation: looking up shifts at every moment of 90 days takes most of the time.
    groups = bundle.people.groups | {name: rotation.names[:1] for name, rotation in bundle.people.rotations.items()}
    people = msgspec.structs.replace(bundle.people, persons=persons, groups=groups, rotations={})
    return dataclasses.replace(bundle, people=people)


@dataclass
class Trouble:
    """One incident of the script. Times are microseconds; None: it does not happen."""

    nth: int
    playbook: str
    severity: str
    service: str
    at: int
    began_before: int
    acknowledged_after: int | None
    ended_after: int
    by_person: bool
    drill: bool
    users: str | None
    loss: str | None
    reviewed_after: int | None
    waived: bool
    item_after: int | None
    item_done_after: int | None
    again_after: int | None
    """The time after its resolve at which it fires once more."""
    number: str = ""
    fires: list[int] = field(default_factory=list)
    """When its alert fired."""
    ends: list[int] = field(default_factory=list)
    """When its alert, or a person, ended each of its occurrences."""

    @property
    def labels(self) -> dict[str, str]:
        drill = {"tocsin_drill": "true"} if self.drill else {}
        return {
            "alertname": f"Trouble{self.nth % 120}",
            "playbook": self.playbook,
            "severity": self.severity,
            "service": self.service,
            "instance": str(self.nth),
        } | drill


def script(seed: int = 14, incidents: int = INCIDENTS) -> list[Trouble]:
    """The future of one incident, the same for each seed."""
    dice = random.Random(seed)
    plans = sorted(shipped().playbooks.values(), key=lambda plan: plan.name)
    troubles = []
    for nth in range(incidents):
        plan = plans[nth % len(plans)]
        ended_after = round(dice.lognormvariate(3.6, 1.0) * MINUTE)
        is_acknowledged = dice.random() < 0.8
        if not is_acknowledged:
            ended_after = min(ended_after, 40 * MINUTE)  # or hundreds of pages
        troubles.append(
            Trouble(
                nth=nth,
                playbook=plan.name,
                severity=dice.choice(plan.levels).name,
                service=dice.choice(SERVICES),
                at=nth * DAYS * DAY // incidents + dice.randrange(3 * HOUR),
                began_before=dice.choice([0, 30, 90, 400]) * 1_000_000,
                acknowledged_after=round(ended_after * dice.uniform(0.02, 0.9) / 2) if is_acknowledged else None,
                ended_after=ended_after,
                by_person=dice.random() < 0.3,
                drill=nth % 50 == 49,
                users=dice.choice([None, None, *USERS]),
                loss=dice.choice([None, *LOSSES]),
                reviewed_after=round(min(9.0, dice.expovariate(0.6)) * DAY) if dice.random() < 0.93 else None,
                waived=dice.random() < 0.15,
                item_after=HOUR if dice.random() < 0.3 else None,
                item_done_after=round(dice.uniform(1, 9) * DAY) if dice.random() < 0.85 else None,
                again_after=5 * MINUTE if dice.random() < 0.05 else None,
            )
        )
    return troubles


Deed = Callable[[Harness], Awaitable[object]]


def deeds(trouble: Trouble, start: int) -> Iterator[tuple[int, Deed]]:
    """Everything that happens to one incident, with its time."""
    opened = start + trouble.at
    ended = opened + trouble.ended_after
    robin = Actor("robin", "api")

    async def fire(tocsin: Harness) -> None:
        now = tocsin.clock.now()
        trouble.fires.append(now)
        await tocsin.fire(**trouble.labels, starts_at=now - trouble.began_before)
        [newest] = await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter(limit=1)))
        trouble.number = trouble.number or str(newest.number)

    async def end(tocsin: Harness) -> None:
        trouble.ends.append(tocsin.clock.now())
        if trouble.by_person:
            await tocsin.close("robin", trouble.number)
        await tocsin.take(tocsin.alert(AlertStatus.RESOLVED, trouble.labels))

    yield opened, fire
    if trouble.acknowledged_after is not None:
        yield opened + trouble.acknowledged_after, lambda tocsin: tocsin.acknowledge("robin", trouble.number)
    facts = {"users_affected": trouble.users, "data_loss": trouble.loss}
    known = {name: text for name, text in facts.items() if text is not None}
    yield ended, end
    if known:
        yield ended + MINUTE, lambda tocsin: tocsin.say(SetFacts(by=robin, facts=known), trouble.number)
    yield ended + 2 * MINUTE, lambda tocsin: settle(tocsin, trouble, others=trouble.nth % 3 == 0)
    if trouble.again_after is not None and not trouble.drill:
        # After the hold-down, and before it would be another incident.
        hold_down = 0 if trouble.by_person else shipped().playbooks[trouble.playbook].resolve_after
        again = ended + hold_down + trouble.again_after
        yield again, fire
        yield again + 10 * MINUTE, end
        ended = again + 10 * MINUTE
    if trouble.reviewed_after is not None:
        yield ended + trouble.reviewed_after, lambda tocsin: review(tocsin, trouble)
    if trouble.item_after is not None:
        added = ItemAdded(by=robin, text=f"Mend {trouble.nth}", kind=kind_of(trouble))
        yield ended + trouble.item_after, lambda tocsin: tocsin.say(added, trouble.number)
        if trouble.item_done_after is not None:
            yield ended + trouble.item_done_after, lambda tocsin: finish(tocsin, trouble)


def kind_of(trouble: Trouble) -> str:
    """The first kind of action items that its playbook has."""
    return shipped().playbooks[trouble.playbook].duties.action_items[0].name


async def review(tocsin: Harness, trouble: Trouble) -> None:
    """Complete or waive the postmortem, if there is one, and the other duties of most incidents."""
    await settle(tocsin, trouble, postmortem=True, others=trouble.nth % 7 != 0)


async def settle(tocsin: Harness, trouble: Trouble, *, postmortem: bool = False, others: bool = True) -> None:
    """Complete or waive the duties that are open."""
    incident = await tocsin.incident(trouble.number)
    robin = Actor("robin", "api")
    for duty in duties_of(incident.obligations):
        if not duty.is_open or not (postmortem if duty.name == "postmortem" else others):
            continue
        if trouble.waived:
            await tocsin.say(WaiveDuty(by=robin, duty=duty.name, reason="nothing to learn"), trouble.number)
        else:
            await tocsin.say(CompleteDuty(by=robin, duty=duty.name), trouble.number)


async def finish(tocsin: Harness, trouble: Trouble) -> None:
    """Complete the action item that a person has added."""
    incident = await tocsin.incident(trouble.number)
    items = incident.obligations.items if incident.obligations is not None else ()
    for item in items:
        if item.kind == kind_of(trouble):
            await tocsin.say(ItemDone(by=Actor("robin", "api"), number=item.number), trouble.number)


@dataclass(frozen=True)
class Seen:
    """The record of one incident: its timeline, and what the script did."""

    trouble: Trouble
    entries: list[Entry]


@dataclass(frozen=True)
class Quarter:
    """The records of all incidents."""

    tocsin: Harness
    seen: list[Seen]
    pages: list[tuple[int, str, str]]
    """(time, person, number of the incident) of each page that a channel accepted."""


async def happen(tocsin: Harness, troubles: list[Trouble], until: int) -> Quarter:
    """Let the script happen until then."""
    planned = sorted(
        ((at, number, deed) for number, one in enumerate(troubles) for at, deed in deeds(one, tocsin.clock.start)),
        key=lambda one: one[:2],
    )
    for at, _, deed in planned:
        if at >= until:
            break
        await tocsin.advance_to(at)
        await deed(tocsin)
    await tocsin.advance_to(until)
    happened = [one for one in troubles if one.number and not one.drill]
    seen = [Seen(one, await tocsin.timeline(one.number)) for one in happened]
    people, numbers = shipped().people.persons, {one.number for one in happened}
    pages = [
        (sent.now, sent.target, str(sent.number))
        for sent in tocsin.sent(Job.PAGE)
        if sent.target in people and str(sent.number) in numbers
    ]
    return Quarter(tocsin, seen, pages)


def tocsin_of_the_quarter() -> Harness:
    """A tocsin with the shipped configuration that starts with the quarter."""
    tocsin = Harness.of(shipped(), clock=VirtualClock(START))
    tocsin.live.policy = dataclasses.replace(tocsin.live.policy, objectives=OBJECTIVES)
    return tocsin

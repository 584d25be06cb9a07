"""The SLAs of a severity, their outcomes, and their reminders: on the virtual clock, by the shipped playbook.

SEV-1 of emergency-response: an answer and the resolve within 15 minutes, an update every 15, a post-mortem in 48 hours.
"""

import pytest
from msgspec import structs

from scenario import emergency
from scenario.conftest import NewStore
from scenario.emergency import ON_CALL
from tocsin.core.errors import InvalidText, UnknownLevel, UnknownName
from tocsin.core.incident.event import (
    Actor,
    Declare,
    ItemAdded,
    ItemDone,
    NoteAdded,
    PostMortemDone,
    RoleTaken,
    StatusSet,
    Ticked,
    UpdatePosted,
)
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

ALICE, BOB = Actor("alice", "api"), Actor("bob", "slack")
HOUR = 60.0
DAY = 24 * HOUR


async def down(tocsin: Harness, severity: str = "SEV-1") -> None:
    await tocsin.fire(alertname="Down", severity=severity)


async def kinds(tocsin: Harness) -> list[str]:
    return [entry.kind for entry in await tocsin.timeline()]


def breaches(tocsin: Harness, target: str) -> float:
    return tocsin.observer.counted("slo_breaches_total", target=target)


async def test_a_missed_target_is_reported_once_and_counted(tocsin: Harness) -> None:
    await down(tocsin)
    await tocsin.advance(minutes=14, seconds=59)
    assert tocsin.reminders() == []
    await tocsin.advance(minutes=45, seconds=1)
    assert tocsin.reminders() == [
        (15, "incidents", "SEV-1 target missed: not responded to or acknowledged or resolved within 15 min")
    ]
    assert [breaches(tocsin, target) for target in ("respond", "acknowledge", "resolve")] == [1, 1, 1]
    assert (await kinds(tocsin)).count("breached") == 3


async def test_an_acknowledgment_in_time_leaves_only_the_resolve_owed(tocsin: Harness) -> None:
    await down(tocsin)
    await tocsin.advance(minutes=7)
    await tocsin.acknowledge()
    await tocsin.advance(minutes=8)
    assert [why for _, _, why in tocsin.reminders()] == ["SEV-1 target missed: not resolved within 15 min"] * 2
    assert {who for _, who, _ in tocsin.reminders()} == {"incidents", "alice"}
    assert (breaches(tocsin, "acknowledge"), breaches(tocsin, "resolve")) == (0, 1)


async def test_what_resolves_in_time_breaks_no_promise(tocsin: Harness) -> None:
    await down(tocsin)
    await tocsin.acknowledge()
    await tocsin.advance(minutes=14)
    await tocsin.resolve(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=60)
    assert "breached" not in await kinds(tocsin)


async def test_the_communication_role_is_reminded_until_an_update_is_posted(tocsin: Harness) -> None:
    await down(tocsin)
    await tocsin.acknowledge()
    await tocsin.say(RoleTaken(by=ALICE, role="communications", person="bob"))
    await tocsin.advance(minutes=20)
    due = [(at, who) for at, who, why in tocsin.reminders() if "status update is " in why]
    assert due == [(15, "bob")]
    await tocsin.say(UpdatePosted(by=BOB, text="Half of the orders go through", status="Mitigating"))
    await tocsin.advance(minutes=14)
    assert len([why for _, _, why in tocsin.reminders() if "status update is " in why]) == 1
    await tocsin.advance(minutes=1)
    due = [(at, who) for at, who, why in tocsin.reminders() if "status update is " in why]
    assert due == [(15, "bob"), (35, "bob")]
    assert breaches(tocsin, "update") == 0
    await tocsin.advance(minutes=15)
    assert breaches(tocsin, "update") == 1


async def test_an_unanswered_reminder_also_goes_to_the_backup() -> None:
    shipped = emergency.shipped()
    roles = tuple(structs.replace(role, backup=("drew",)) for role in shipped.roles)
    async with emergency.tocsin(playbook=structs.replace(shipped, roles=roles)) as tocsin:
        await down(tocsin)
        await tocsin.acknowledge()
        await tocsin.advance(minutes=30)
        due = [(at, who) for at, who, why in tocsin.reminders() if "status update is " in why]
        assert due == [(15, "communication-lead"), (30, "communication-lead"), (30, "drew")]


async def test_the_reminders_go_on_after_a_restart_and_come_once(new_store: NewStore) -> None:
    clock = VirtualClock()
    store = new_store(clock)
    async with emergency.tocsin(store=store, clock=clock) as first:
        await down(first)
        await first.acknowledge()
        await first.advance(minutes=20)
        told = len(first.reminders())
    async with emergency.tocsin(store=store, clock=clock) as second:
        await second.advance(minutes=9)
        assert (told, second.reminders()) == (3, [])
        await second.advance(minutes=1)
        due = [(at, who) for at, who, why in second.reminders() if "status update is " in why]
        assert due == [(30, "communication-lead")]


async def test_a_post_mortem_is_asked_for_and_its_owner_is_reminded_until_it_is_done(tocsin: Harness) -> None:
    await down(tocsin)
    await tocsin.acknowledge()
    await tocsin.say(RoleTaken(by=ALICE, role="incident-commander", person="bob"))
    await tocsin.advance(minutes=10)
    await tocsin.resolve(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=2)
    before = len(tocsin.reminders())
    await tocsin.advance(minutes=4 * DAY)
    ours = [(round((at - 12) / HOUR), who) for at, who, _ in tocsin.reminders()[before:]]
    assert ours == [(24, "bob"), (48, "bob"), (48, "incidents"), (72, "bob"), (96, "bob")]
    await tocsin.say(PostMortemDone(by=BOB, link="https://wiki.example.com/12"))
    await tocsin.advance(minutes=4 * DAY)
    assert len(tocsin.reminders()) == before + 5
    assert tocsin.observer.counted("post_mortems_total", outcome="late") == 1


async def test_an_action_item_is_its_owners_until_it_is_done(tocsin: Harness) -> None:
    await down(tocsin)
    await tocsin.acknowledge()
    await tocsin.say(ItemAdded(by=ALICE, text="an alert at 80 % disk", kind="immediate", owner="bob"))
    await tocsin.advance(minutes=10)
    await tocsin.resolve(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=8 * DAY)
    mine = [(round(at / DAY, 1), who) for at, who, why in tocsin.reminders() if "action item 1" in why]
    assert mine == [(7, "bob"), (8, "bob")]
    await tocsin.say(ItemDone(by=BOB, number=1))
    await tocsin.advance(minutes=20 * DAY)
    assert len([why for _, _, why in tocsin.reminders() if "action item 1" in why]) == 2
    with pytest.raises(UnknownName, match="no action item 2"):
        await tocsin.say(ItemDone(by=BOB, number=2))


async def test_a_drill_promises_nothing(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1", tocsin_drill="true")
    await tocsin.advance(minutes=60)
    assert tocsin.reminders() == []
    assert "breached" not in await kinds(tocsin)


async def test_peoples_responses_are_in_the_timeline_with_their_name_and_channel(tocsin: Harness) -> None:
    await down(tocsin)
    await tocsin.say(Declare(by=ALICE, reason="customers report it too"))
    await tocsin.say(Declare(by=BOB))
    await tocsin.say(NoteAdded(by=BOB, text="restarted the second replica"))
    await tocsin.say(StatusSet(by=ALICE, status="Mitigating"))
    said = [(e.kind, e.actor, e.via) for e in await tocsin.timeline() if e.kind in ("declared", "note", "status")]
    assert said == [("declared", "alice", "api"), ("note", "bob", "slack"), ("status", "alice", "api")]
    incident = await tocsin.incident()
    assert incident.work is not None
    assert (incident.work.declared_by, incident.work.status) == ("alice", "Mitigating")


async def test_a_checklist_is_ticked_once_with_who_and_can_be_unticked(tocsin: Harness) -> None:
    await down(tocsin)
    assert (await tocsin.say(Ticked(by=ALICE, checklist="sev-1", number=3))).changed
    assert not (await tocsin.say(Ticked(by=BOB, checklist="sev-1", number=3))).changed
    incident = await tocsin.incident()
    assert incident.work is not None
    assert [(tick.number, tick.by) for tick in incident.work.ticks] == [(3, "alice")]
    await tocsin.say(Ticked(by=BOB, checklist="sev-1", number=3, done=False))
    said = [(e.kind, e.actor, e.data["text"]) for e in await tocsin.timeline() if e.kind in ("ticked", "unticked")]
    assert said == [("ticked", "alice", "On-call engineer paged"), ("unticked", "bob", "On-call engineer paged")]
    with pytest.raises(UnknownLevel, match="checklist sev-1 has the items 1 to 11"):
        await tocsin.say(Ticked(by=ALICE, checklist="sev-1", number=12))


async def test_what_the_playbook_does_not_know_is_refused_with_what_it_knows(tocsin: Harness) -> None:
    await down(tocsin)
    with pytest.raises(UnknownLevel, match="has no status 'Fine'; it has: Investigating, Mitigating, Resolved"):
        await tocsin.say(StatusSet(by=ALICE, status="Fine"))
    with pytest.raises(UnknownLevel, match="has no role 'chef'"):
        await tocsin.say(RoleTaken(by=ALICE, role="chef", person="bob"))
    with pytest.raises(InvalidText, match="1 to 4000 characters"):
        await tocsin.say(NoteAdded(by=ALICE, text="  "))


async def test_an_unassigned_role_falls_to_the_playbooks_default(tocsin: Harness) -> None:
    await down(tocsin)
    await tocsin.advance(minutes=10)
    await tocsin.resolve(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=2 + 24 * HOUR)
    assert [who for _, who, why in tocsin.reminders() if "postmortem" in why] == ["incident-commander"]
    assert ON_CALL in {who for _, who in tocsin.pages()}

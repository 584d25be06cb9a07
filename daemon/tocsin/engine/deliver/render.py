"""The content of an outbox row for its channel, always rendered from the incident's current state."""

import re

from msgspec.structs import replace

from tocsin.core.alerts.alert import EpisodeStatus
from tocsin.core.alerts.subject import subject_fields
from tocsin.core.content.page import Content, ItemDetails, Paged, Successor, Upcoming
from tocsin.core.incident.incident import TAKEN, Incident, State
from tocsin.core.incident.naming import name_of
from tocsin.core.incident.next_step import steps_to_come
from tocsin.core.incident.outbox import TICKET_JOBS, Job, Outgoing, RowState
from tocsin.core.incident.sla import (
    ACKNOWLEDGED_STEP,
    BREACH_STEP,
    BREACHED_DUTY_STEP,
    DRAFT_STEP,
    DUTY_STEP,
    ITEM_STEP,
    MEETING_STEP,
    POST_MORTEM_STEP,
    UNCONFIRMED_STEP,
    UPDATE_STEP,
    Promise,
    duty_named,
    is_beside_the_ladder,
)
from tocsin.core.incident.transitions import owners
from tocsin.core.incident.transitions.acting import ITEM
from tocsin.core.incident.transitions.acting_state import acting_of
from tocsin.core.incident.transitions.rooms import room_of
from tocsin.core.incident.transitions.work import can_declare
from tocsin.core.incident.wording import RAISED, waits_for
from tocsin.core.oncall.people import People
from tocsin.core.oncall.rotation import OnCallInput
from tocsin.core.playbook.actions import Ticket, Verb, about_of, moment_of
from tocsin.core.playbook.duties import POST_MORTEM
from tocsin.core.playbook.playbook import Kind, Moment, Until
from tocsin.core.schedule.moments import in_zone
from tocsin.engine.change.oncall import on_call_input
from tocsin.engine.change.policy import Policy
from tocsin.engine.deliver.followups import followups_of, unticked_points
from tocsin.engine.deliver.invitations import invitation_of
from tocsin.engine.deliver.messages import message_for, update_as_of
from tocsin.engine.deliver.sample import COMPARED, sample
from tocsin.ports.store import Reader

_NUMBER = re.compile(r"\+[0-9]{6,15}", re.ASCII)
"""A telephone number, as the channels for calls and SMS take it."""
FIRST_LATER_TIER = 2
"""The lowest tier that is notified later than the first one."""


def render(tx: Reader, row: Outgoing, incident: Incident, policy: Policy) -> Content:
    """Return the content of one attempt at a row."""
    plan, zone = incident.plan, _time_zone(row, incident, policy)
    saying = message_for(tx, row, incident, policy, zone)
    room = room_of(incident)
    snooze = incident.ladder_state.snooze if incident.ladder_state is not None else None
    message = tx.message_ref(incident.id, row.channel, row.destination)
    next_pages = _next_pages(tx, row, incident, policy)
    assignees = _assignees(tx, row, incident, policy)
    alerts, repeated = sample(tx, incident) if row.job is not Job.HISTORY else ((), 0)
    history = tx.entries(incident.id, after_seq=message.seq if message else 0) if row.job is Job.HISTORY else []
    return Content(
        job=row.job,
        key=row.key,
        about=row.about,
        target=row.target,
        destination=row.destination,
        recipient=row.recipient,
        names=policy.people.full_names,
        places=tuple(policy.people.places),
        tiers={str(tier.number): tier.name for tier in plan.tiers} if row.job is Job.HISTORY else {},
        target_names=owners.target_names(plan) if row.job is Job.HISTORY else {},
        tasks=owners.tasks(incident) if row.job is Job.HISTORY else {},
        time_zone=zone,
        because=in_zone(row.because, zone, tx.now),
        step=row.step,
        beside_the_ladder=is_beside_the_ladder(row.step),
        late=_lateness(row, tx.now),
        stranded=row.stranded,
        stranded_because=_stranded_because(row, policy) if row.stranded else "",
        possible_duplicate=row.possibly_delivered,
        ref=message.ref if message else "",
        incident_id=incident.id,
        number=incident.number,
        name=name_of(incident),
        occurrence=incident.occurrence,
        **subject_fields(incident),
        playbook=plan.name,
        playbook_title=_playbook_title(incident, policy),
        severity=incident.severity,
        rank=plan.level(incident.severity).rank,
        ranks=len(plan.levels),
        state=incident.state,
        status=incident.work.status if incident.work is not None else "",
        severities=tuple(level.name for level in plan.levels),
        flags=incident.flags,
        waits=_waits(incident, zone, tx.now),
        dedup_key=incident.dedup_key,
        drill=incident.drill,
        is_reminder=not plan.level(incident.severity).is_timed,
        declared_by=incident.work.declared_by if incident.by_hand and incident.work is not None else "",
        can_declare=can_declare(incident),
        unrouted=incident.unrouted,
        unplaced=incident.unplaced,
        opened_at=incident.opened_at,
        acknowledged_at=incident.acknowledged_at,
        acknowledged_by=incident.acknowledged_by,
        taken_at=incident.acknowledged_at if incident.taken_at is None else incident.taken_at,
        answered_at=_answered_at(row),
        contacts=_contacts(row, incident, policy, assignees) if row.job in (Job.PAGE, Job.UPDATE) else {},
        role=_role(tx, row, incident, policy),
        paged_with=_paged_with(tx, row),
        next_pages=next_pages,
        paged_before=_paged_before(tx, row, incident),
        paged_already=_paged_already(row, incident, next_pages),
        assignees=assignees,
        resolved_at=incident.resolved_at,
        resolved_by=incident.resolved_by,
        reopens_at=incident.grace_until if incident.state is State.RESOLVED else None,
        successor=_successor(tx, incident),
        snoozed_until=snooze.until if snooze is not None else None,
        snoozed_by=snooze.by if snooze is not None else "",
        raised_by=_raised_by(tx, row, incident),
        invitation=invitation_of(tx, row, incident, policy),
        owed=(*followups_of(tx, row, incident, policy, zone), *unticked_points(row, incident))
        if row.job is Job.RESOLVE
        else (),
        recovering=incident.resolve_at is not None,
        doubted=incident.doubt.source if incident.doubt is not None else "",
        alerts_firing=incident.alerts_firing,
        firing=tuple((name, incident.firing[name]) for level in plan.levels if (name := level.name) in incident.firing),
        alerts_total=incident.alerts_total,
        alerts=alerts,
        repeated=repeated,
        members=incident.storm.members if incident.storm is not None else None,
        history=tuple(history),
        bridge=plan.texts.bridge_at(incident.severity),
        subject=saying.subject if saying is not None else "",
        text=saying.text if saying is not None else None,
        failure=saying.failure if saying is not None else "",
        links=_links(incident),
        room=room,
        in_room=room is not None and (room.channel, room.id) == (row.channel, row.destination),
        ticket=_ticket(row, incident),
        item=_item(tx, row, incident, policy),
        ticket_labels=_ticket_labels(row, incident),
        update=_update(tx, row, incident) if saying is None else "",
        external_url=policy.external_url.rstrip("/"),
        now=tx.now,
    )


def _successor(tx: Reader, incident: Incident) -> Successor | None:
    """Return the incident into which this one was merged; None if it was not merged, or has reopened."""
    merged = incident.merged
    other = tx.incident(merged.into) if merged is not None and incident.state is State.RESOLVED else None
    if other is None:
        return None
    service = f"{other.service}: " if other.service else ""
    title = other.title.rstrip(" .").removesuffix(f" ({other.service})")
    held_by = other.acknowledged_by if other.state in TAKEN else ""
    return Successor(other.number, f"{name_of(other)} {service}{title}", other.is_open, held_by or "")


def _raised_by(tx: Reader, row: Outgoing, incident: Incident) -> str:
    """Return the newest firing alert with the severity that caused the row's page; "" if no rise caused it."""
    if row.job is not Job.PAGE or not row.because.startswith(RAISED) or f" at {row.severity}" not in row.because:
        return ""
    firing = [
        episode
        for episode in tx.episodes_of(incident.id, limit=COMPARED)
        if episode.status is EpisodeStatus.FIRING and episode.severity == row.severity
    ]
    if not firing:
        return ""
    newest = max(firing, key=lambda episode: episode.starts_at or 0)
    name, label = newest.labels.get("alertname", "alert"), newest.labels.get("severity")
    return f"{name}, severity={label}" if label else name


def _lateness(row: Outgoing, now: int) -> int:
    """Return the total delay of a notification in microseconds.

    The step may have fired late, and the row may have waited since: for a provider, a free connection, a restart.
    """
    return max(row.late, now - row.received_at) if row.job in (Job.PAGE, Job.UPDATE) else row.late


def _ticket(row: Outgoing, incident: Incident) -> Ticket | None:
    return acting_of(incident).ticket(row.channel, about_of(row.target)) if row.job in TICKET_JOBS else None


def _item(tx: Reader, row: Outgoing, incident: Incident, policy: Policy) -> ItemDetails | None:
    """Return the details of the action item that a ticket is about; None if it is about the incident."""
    about = about_of(row.target) if row.job in TICKET_JOBS else ""
    items = incident.obligations.items if incident.obligations is not None else ()
    item = next((item for item in items if about == f"item-{item.number}"), None)
    if item is None:
        return None
    inputs = on_call_input(tx, policy.people)
    owner = (name for target in owners.item_owner(incident, item) for name in policy.people.members(target, inputs))
    return ItemDetails(tuple(dict.fromkeys(owner)), item.due_at)


def _links(incident: Incident) -> tuple[str, ...]:
    """Return the links that tocsin itself knows: those of the playbook, the tickets and the written postmortem."""
    tickets = (ticket.url for ticket in acting_of(incident).tickets)
    postmortem = duty_named(incident.obligations, POST_MORTEM)
    written = postmortem.link if postmortem is not None else ""
    return tuple(filter(None, (*incident.plan.texts.links.values(), *tickets, written)))


def _ticket_labels(row: Outgoing, incident: Incident) -> tuple[str, ...]:
    """Return the labels that the playbook's actions for this tracker want, for the incident or for an action item."""
    if row.job not in TICKET_JOBS:
        return ()
    is_item = bool(about_of(row.target))
    actions = (action for action in incident.plan.actions if action.verb is Verb.TRACKER and action.what == row.channel)
    return tuple(dict.fromkeys(label for each in actions if (ITEM in each.at) is is_item for label in each.labels))


def _update(tx: Reader, row: Outgoing, incident: Incident) -> str:
    """Return the text of the update that a ticket's comment is about; "" if it is about something else."""
    return update_as_of(tx, incident, row.created_at) if moment_of(row.step) == Moment.UPDATED else ""


def _time_zone(row: Outgoing, incident: Incident, policy: Policy) -> str:
    """Return the reader's time zone; for a place with several readers, the playbook's."""
    shared = incident.plan.business_hours.time_zone
    return shared if row.stranded else policy.people.time_zone_of(row.target) or shared


def _waits(incident: Incident, zone: str, now: int) -> tuple[str, ...]:
    if incident.state is not State.TRIGGERED:
        return ()
    return tuple(in_zone(waits_for(wait), zone, now) for wait in incident.waits)


def _contacts(row: Outgoing, incident: Incident, policy: Policy, writers: tuple[str, ...]) -> dict[str, str]:
    """Return how the reader reaches the people whom the message may name, as far as that is known."""
    declared_by = incident.work.declared_by if incident.work is not None else ""
    names = dict.fromkeys((incident.acknowledged_by or "", declared_by, *writers, row.target if row.stranded else ""))
    found = {name: _contact(policy.people, name) for name in names}
    return {name: contact for name, contact in found.items() if contact}


def _contact(people: People, name: str) -> str:
    """Return how to reach a person: by telephone, else on Slack, else by e-mail; "" if that is not known."""
    person = people.persons.get(name)
    if person is None:
        return ""
    numbers = (method.contact.destination for method in person.methods)
    number = next((number for number in numbers if _NUMBER.fullmatch(number)), "")
    return number or ("on Slack" if person.slack_user else person.email)


def _playbook_title(incident: Incident, policy: Policy) -> str:
    """Return the playbook's title; for a recurring reminder, that of the playbook that has the reminder."""
    plan = incident.plan
    owner = None if plan.level(incident.severity).is_timed else policy.playbooks.get(incident.service)
    return owner.title if owner is not None else plan.title


def _answered_at(row: Outgoing) -> int | None:
    """Return the time of the acknowledgment that a row is about; None for any other row."""
    is_about_one = row.job is Job.ACKNOWLEDGE or row.step.startswith(ACKNOWLEDGED_STEP)
    return row.created_at if is_about_one else None


def _role(tx: Reader, row: Outgoing, incident: Incident, policy: Policy) -> str:
    """Return the name of the tier for which the reader is paged; "" for the first tier and outside the ladder.

    A step that a flag fires may have a target that is not one of the tier's: then that target's name, ``security``.
    """
    is_informed = row.step.startswith(ACKNOWLEDGED_STEP)
    key = row.step.removeprefix(ACKNOWLEDGED_STEP).partition(":")[0].partition("@")[0]
    number = key.partition(".")[0]
    if (
        (row.job is not Job.PAGE and not is_informed)
        or row.stranded
        or not number.isdecimal()
        or int(number) < FIRST_LATER_TIER
    ):
        return ""
    tier = next((tier for tier in incident.plan.tiers if tier.number == int(number)), None)
    if tier is None:
        return ""
    cell, duty = incident.plan.level(incident.severity).cell(key), on_call_input(tx, policy.people)
    flagged_targets = cell.targets if cell is not None and cell.flags else ()
    own = [target for target in flagged_targets if target not in tier.targets]
    named = (target for target in own if row.target in policy.people.members(target, duty))
    return next(named, tier.name)


def _paged_with(tx: Reader, row: Outgoing) -> tuple[str, ...]:
    """Return the other recipients of the same step."""
    if row.job not in (Job.PAGE, Job.UPDATE):
        return ()
    return tuple(target for target in tx.targets_of_step(row) if target != row.target)


def _next_pages(tx: Reader, row: Outgoing, incident: Incident, policy: Policy) -> tuple[Upcoming, ...]:
    """Return the next pages of the ladder; if a responder has the incident, only those until resolved."""
    is_taken, now, people = incident.state in TAKEN, tx.now, policy.people
    pages = [
        step
        for step in steps_to_come(incident)
        if step.kind == Kind.PAGE and step.at > now and not (is_taken and step.until == Until.ACKNOWLEDGED)
    ]
    first_at = min((step.at for step in pages), default=0)
    first = [step for step in pages if step.at == first_at]
    inputs = (
        on_call_input(tx, people, first_at) if first and row.job in (Job.PAGE, Job.ACKNOWLEDGE, Job.ANNOUNCE) else None
    )
    targets_of: dict[tuple[str, Until], dict[str, None]] = {}
    for step in first:
        targets = targets_of.setdefault((incident.plan.tier(step.tier).name, Until(step.until)), {})
        targets.update((target, None) for target in step.targets)
    return tuple(
        _upcoming(people, inputs, Upcoming(first_at, tier, until), tuple(targets))
        for (tier, until), targets in targets_of.items()
    )


def _upcoming(people: People, inputs: OnCallInput | None, page: Upcoming, targets: tuple[str, ...]) -> Upcoming:
    """Return a page with its recipients, and the backups of rotations in which no one is on call."""
    if inputs is None:
        return page
    members = dict.fromkeys(name for target in targets for name in people.members(target, inputs))
    vacant = [rotation for rotation in people.rotations_in(targets) if not rotation.on_at(inputs.now, inputs)]
    backups = dict.fromkeys(
        name for rotation in vacant for target in rotation.backup for name in people.members(target, inputs)
    )
    return replace(
        page,
        people=tuple(name for name in members if name in people.persons),
        vacant=tuple(rotation.name for rotation in vacant),
        backups=tuple(name for name in backups if name in people.persons),
    )


def _paged_before(tx: Reader, row: Outgoing, incident: Incident) -> tuple[Paged, ...]:
    """Return the other recipients of this occurrence's earlier pages."""
    if row.job is not Job.PAGE or row.created_at <= incident.opened_at:
        return ()
    paged_at: dict[str, int] = {}
    for other in tx.outbox_of(incident.id, row.occurrence):
        is_earlier = other.job is Job.PAGE and other.state is RowState.SENT and other.created_at < row.created_at
        if is_earlier and not other.stranded and other.target != row.target:
            paged_at.setdefault(other.target, other.created_at if other.done_at is None else other.done_at)
    return tuple(Paged(target, at) for target, at in paged_at.items())


def _paged_already(row: Outgoing, incident: Incident, pages: tuple[Upcoming, ...]) -> tuple[str, ...]:
    """Return the people of the next pages whose tier was reached before, for messages that are sent to others.

    Read from the incident, because an announcement is rendered for every new alert of an incident with many messages.
    """
    if row.job not in (Job.ANNOUNCE, Job.ACKNOWLEDGE):
        return ()
    before = incident.ladder_state.reached_before if incident.ladder_state is not None else ()
    reached = {tier.name for tier in incident.plan.tiers if tier.number in (*incident.reached, *before)}
    return tuple(dict.fromkeys(name for page in pages if page.who in reached for name in page.people))


def _assignees(tx: Reader, row: Outgoing, incident: Incident, policy: Policy) -> tuple[str, ...]:
    """Return the people who should do what the message is about; empty if it is about no task."""
    targets = _owners(row.step, incident)
    if not targets:
        return ()
    inputs = on_call_input(tx, policy.people)
    return tuple(dict.fromkeys(name for target in targets for name in policy.people.members(target, inputs)))


def _owners(step: str, incident: Incident) -> tuple[str, ...]:
    """Return the targets that should do what a step is about."""
    if step.startswith((UPDATE_STEP, f"{BREACH_STEP}{Promise.UPDATE}", DRAFT_STEP, UNCONFIRMED_STEP)):
        return owners.communication_lead(incident)
    if step.startswith(POST_MORTEM_STEP):
        return owners.post_mortem_owner(incident)
    for start in (BREACHED_DUTY_STEP, DUTY_STEP, MEETING_STEP):
        if step.startswith(start):
            duty = duty_named(incident.obligations, step.removeprefix(start).partition(".")[0])
            return owners.duty_owner(incident, duty) if duty is not None else ()
    number = step.removeprefix(ITEM_STEP).partition(".")[0] if step.startswith(ITEM_STEP) else ""
    items = incident.obligations.items if incident.obligations is not None else ()
    item = next((item for item in items if str(item.number) == number), None)
    return owners.item_owner(incident, item) if item is not None else ()


def _stranded_because(row: Outgoing, policy: Policy) -> str:
    """Return the reason why a message did not go to its own target."""
    people, name = policy.people, row.target
    shown = people.full_names.get(name, name)
    if row.fell_back:
        return f"this could not be delivered to {shown}"
    if name in people.rotations:
        return f"no one is on call for {name}"
    person = people.persons.get(name)
    if person is not None and any(method.contact.channel in policy.channel_names for method in person.methods):
        return f"{shown} gets only pages, not this message" if row.job is Job.UPDATE else f"no page can reach {shown}"
    return f"Tocsin has no working contact for {shown}"

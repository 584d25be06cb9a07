"""Where a way fails: the person's next contact method, the place's next channel, the backup, other people."""

from collections.abc import Iterator

from msgspec.structs import replace

from tocsin.core.errors import UnknownName
from tocsin.core.event import MethodFailed, PersonsCalled
from tocsin.core.incident import Incident
from tocsin.core.outbox import Job, Outgoing, RowState, anew, idempotency_key
from tocsin.core.people import Contact, Notified
from tocsin.core.reaching import Called, Later
from tocsin.engine.apply import Work
from tocsin.engine.oncall import FALLBACK
from tocsin.ports.store import Unreadable


def use_another_way(work: Work, row: Outgoing, because: str) -> bool:
    """Reach whoever a page was for by another way; False: there is none, and tocsin's own people have to be told."""
    incident = work.incident(row.incident_id)
    if incident is None:
        return False
    if _is_under_way(work, row) or _next_method(work, incident, row, because):
        return True
    spare = work.policy.people.spare(
        row.target, Contact(row.channel, row.destination, row.recipient), work.policy.channels_for(Job.PAGE)
    )
    if spare is not None:
        _enqueue(work, row, Notified(row.target, spare), because)
        return True
    return _page_backups(work, incident, row, because)


def takers(work: Work, row: Outgoing) -> list[Notified]:
    """Return who is told in place of the person a message was for, each by a way that has not been tried yet.

    These are the playbook's announce targets and tocsin's own people; the console where none of them can be reached.
    """
    policy, channels = work.policy, work.policy.channels_for(row.job)
    try:
        incident = work.incident(row.incident_id)
    except Unreadable:
        incident = None
    tried = {(row.channel, row.destination), *_tried(work, row)}
    console = (policy.console.channel, policy.console.destination)
    targets = (*(incident.plan.announce if incident is not None else ()), *policy.self_targets)
    ways = [(notified, _way(work, row, notified)) for notified in work.whom(targets, channels)]
    found = [
        replace(notified, contact=way)
        for notified, way in ways
        if way is not None and way.channel in channels and (way.channel, way.destination) not in (*tried, console)
    ]
    if found or console in tried:
        return found
    return [Notified("", policy.console, stranded=True)]


def _way(work: Work, row: Outgoing, notified: Notified) -> Contact | None:
    """Return the way to somebody who is told instead: the one after that which the row has taken, if there is one."""
    people = work.policy.people
    person = people.persons.get(notified.target)
    further = [method.contact for method in person.further] if person else people.spares.get(notified.target, ())
    ways = [notified.contact, *further]
    taken = [(way.channel, way.destination) for way in ways]
    if (row.channel, row.destination) not in taken:
        return notified.contact
    return next(iter(ways[taken.index((row.channel, row.destination)) + 1 :]), None)


def is_same_page(other: Outgoing, row: Outgoing) -> bool:
    """Say whether two rows bring the same message to the same person, whatever the way."""
    return (other.job, other.target, other.round, other.step) == (row.job, row.target, row.round, row.step)


def _tried(work: Work, row: Outgoing) -> Iterator[tuple[str, str]]:
    """The ways by which other people were told instead."""
    for other in work.tx.outbox_of(row.incident_id, row.occurrence):
        if is_same_page(other, row) and other.stranded:
            yield other.channel, other.destination


def _is_under_way(work: Work, row: Outgoing) -> bool:
    """Whether another way has brought the same page, or is about to; one that fails as well is looked at by itself."""
    return any(
        other.job is Job.PAGE
        and (other.target, other.round, other.step) == (row.target, row.round, row.step)
        and (other.state is RowState.SENT or (other.state is RowState.PENDING and other.created_at > row.created_at))
        for other in work.tx.outbox_of(row.incident_id, row.occurrence)
    )


def _next_method(work: Work, incident: Incident, row: Outgoing, because: str) -> bool:
    before = incident.reaching
    if incident.waits or before is None or all(called.person != row.target for called in before.called):
        return False
    return work.change(incident, MethodFailed(person=row.target, because=because)).reaching != before


def _page_backups(work: Work, incident: Incident, row: Outgoing, because: str) -> bool:
    """Page the backup of the rotation that the person was on call for."""
    policy = work.policy
    targets = _targets(incident, row)
    duty = work.duty_for(targets)
    pages = [
        other
        for other in work.tx.outbox_of(row.incident_id, row.occurrence)
        if (other.job, other.round, other.step) == (row.job, row.round, row.step)
    ]
    there = {other.target for other in pages}
    # A further contact method is used later: whoever it belongs to was on call when they were paged first.
    paged_at = min((other.created_at for other in pages if other.target == row.target), default=row.created_at)
    backups: dict[str, Notified] = {}
    for rotation in policy.people.rotations_in(targets):
        if row.target in rotation.on_at(paged_at, duty):
            found = policy.people.backups(rotation.name, policy.channels_for(Job.PAGE), policy.console, duty)
            backups |= {one.target: one for one in found if one.target not in there}
    for notified in backups.values():
        _enqueue(work, row, notified, because)
    called = tuple(_called(row, notified, work.now) for notified in backups.values() if notified.left)
    if called:
        work.change(incident, PersonsCalled(called=called))
    return bool(backups)


def _targets(incident: Incident, row: Outgoing) -> tuple[str, ...]:
    """The targets of the step that a page belongs to."""
    plan = incident.plan
    # What cannot be made into a page may be an incident that is damaged: the others' pages must not wait for it.
    cell = plan.level(incident.severity).cell(row.step) if plan.has_level(incident.severity) else None
    try:
        if cell is not None:
            return cell.targets
        tiers = (row.tier, 1) if row.step == FALLBACK else (row.tier,)
        return tuple(dict.fromkeys(target for tier in tiers for target in plan.tier(tier).targets))
    except UnknownName:  # a page that is no step's, such as a digest
        return ()


def _enqueue(work: Work, row: Outgoing, notified: Notified, because: str) -> None:
    contact = notified.contact
    way = " ".join((notified.target, contact.channel, contact.destination, contact.recipient))
    work.enqueue(
        anew(
            row,
            idempotency_key(work.policy.instance, row.key, row.occurrence, row.round, "instead", way),
            work.now,
            target=notified.target,
            channel=contact.channel,
            destination=contact.destination,
            recipient=contact.recipient,
            because=f"{row.because}; {because}",
        )
    )


def _called(row: Outgoing, notified: Notified, now: int) -> Called:
    return Called(
        person=notified.target,
        step=row.step,
        tier=row.tier,
        round=row.round,
        until=row.until,
        because=row.because,
        later=tuple(Later(left.nth, now + left.after) for left in notified.left),
    )

"""Fallbacks of a failed delivery: the next contact method or channel, the rotation's backup, other people."""

from collections.abc import Iterator

from msgspec.structs import replace

from tocsin.core.errors import UnknownName
from tocsin.core.incident.contact_attempts import Called, Later
from tocsin.core.incident.event import MethodFailed, PersonsCalled
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.outbox import Job, Outgoing, RowState, derived_row, idempotency_key
from tocsin.core.oncall.people import Contact, Notified
from tocsin.engine.change.oncall import FALLBACK
from tocsin.engine.change.unit_of_work import UnitOfWork
from tocsin.ports.store import Unreadable


def use_another_way(uow: UnitOfWork, row: Outgoing, because: str) -> bool:
    """Use another contact for the recipient of a page; return False if there is none and others must be notified."""
    incident = uow.incident(row.incident_id)
    if incident is None:
        return False
    if _is_under_way(uow, row) or _next_method(uow, incident, row, because):
        return True
    spare = uow.policy.people.spare(
        row.target, Contact(row.channel, row.destination, row.recipient), uow.policy.channels_for(Job.PAGE)
    )
    if spare is not None:
        _enqueue(uow, row, Notified(row.target, spare), because)
        return True
    return _page_backups(uow, incident, row, because)


def substitutes(uow: UnitOfWork, row: Outgoing) -> list[Notified]:
    """Return the recipients notified in place of a row's recipient, each with a contact that was not tried yet.

    These are the playbook's announce targets and the targets of `self:`; the console if none of them can be reached
    and it was not tried yet.
    """
    policy, channels = uow.policy, uow.policy.channels_for(row.job)
    try:
        incident = uow.incident(row.incident_id)
    except Unreadable:
        incident = None
    tried = {(row.channel, row.destination), *_tried(uow, row)}
    console = (policy.console.channel, policy.console.destination)
    targets = (*(incident.plan.announce if incident is not None else ()), *policy.self_targets)
    candidates = [(notified, _contact(uow, row, notified)) for notified in uow.oncall.recipients(targets, channels)]
    reachable = [
        replace(notified, contact=contact)
        for notified, contact in candidates
        if contact is not None
        and contact.channel in channels
        and (contact.channel, contact.destination) not in (*tried, console)
    ]
    if reachable or console in tried:
        return reachable
    return [Notified("", policy.console, stranded=True)]


def _contact(uow: UnitOfWork, row: Outgoing, notified: Notified) -> Contact | None:
    """Return the contact for a substitute; None if there is none.

    It is the first one, or the one after the row's contact if the row already went to one of the substitute's contacts.
    """
    people = uow.policy.people
    person = people.persons.get(notified.target)
    further = [method.contact for method in person.further] if person else people.spares.get(notified.target, ())
    contacts = [notified.contact, *further]
    addresses = [(contact.channel, contact.destination) for contact in contacts]
    if (row.channel, row.destination) not in addresses:
        return notified.contact
    return next(iter(contacts[addresses.index((row.channel, row.destination)) + 1 :]), None)


def is_same_page(other: Outgoing, row: Outgoing) -> bool:
    """Return whether two rows carry the same message to the same target, regardless of the contact."""
    return (other.job, other.target, other.round, other.step) == (row.job, row.target, row.round, row.step)


def _tried(uow: UnitOfWork, row: Outgoing) -> Iterator[tuple[str, str]]:
    """Yield the (channel, destination) pairs by which substitutes were notified."""
    for other in uow.tx.outbox_of(row.incident_id, row.occurrence):
        if is_same_page(other, row) and other.stranded:
            yield other.channel, other.destination


def _is_under_way(uow: UnitOfWork, row: Outgoing) -> bool:
    """Return whether another row with the same page was sent, or is pending (it then has a fallback of its own)."""
    return any(
        other.job is Job.PAGE
        and (other.target, other.round, other.step) == (row.target, row.round, row.step)
        and (other.state is RowState.SENT or (other.state is RowState.PENDING and other.created_at > row.created_at))
        for other in uow.tx.outbox_of(row.incident_id, row.occurrence)
    )


def _next_method(uow: UnitOfWork, incident: Incident, row: Outgoing, because: str) -> bool:
    before = incident.contact_attempts
    if incident.waits or before is None or all(called.person != row.target for called in before.called):
        return False
    return uow.change(incident, MethodFailed(person=row.target, because=because)).contact_attempts != before


def _page_backups(uow: UnitOfWork, incident: Incident, row: Outgoing, because: str) -> bool:
    """Page the backup of the rotation that the person was on call for."""
    policy = uow.policy
    targets = _targets(incident, row)
    inputs = uow.oncall.inputs_for(targets)
    pages = [
        other
        for other in uow.tx.outbox_of(row.incident_id, row.occurrence)
        if (other.job, other.round, other.step) == (row.job, row.round, row.step)
    ]
    already_paged = {other.target for other in pages}
    # The row may be a further contact method, sent after a change of shift: look up who was on call at the first page.
    paged_at = min((other.created_at for other in pages if other.target == row.target), default=row.created_at)
    backups: dict[str, Notified] = {}
    for rotation in policy.people.rotations_in(targets):
        if row.target in rotation.on_at(paged_at, inputs):
            candidates = policy.people.backups(rotation.name, policy.channels_for(Job.PAGE), policy.console, inputs)
            backups |= {backup.target: backup for backup in candidates if backup.target not in already_paged}
    for notified in backups.values():
        _enqueue(uow, row, notified, because)
    called = tuple(_called(row, notified, uow.now) for notified in backups.values() if notified.left)
    if called:
        uow.change(incident, PersonsCalled(called=called))
    return bool(backups)


def _targets(incident: Incident, row: Outgoing) -> tuple[str, ...]:
    """Return the targets of the step that a page belongs to."""
    plan = incident.plan
    # The incident may be damaged (a severity that its plan does not have). Do not raise: other pages would wait.
    cell = plan.level(incident.severity).cell(row.step) if plan.has_level(incident.severity) else None
    try:
        if cell is not None:
            return cell.targets
        tiers = (row.tier, 1) if row.step == FALLBACK else (row.tier,)
        return tuple(dict.fromkeys(target for tier in tiers for target in plan.tier(tier).targets))
    except UnknownName:  # a page outside the ladder, such as a digest
        return ()


def _enqueue(uow: UnitOfWork, row: Outgoing, notified: Notified, because: str) -> None:
    contact = notified.contact
    address = " ".join((notified.target, contact.channel, contact.destination, contact.recipient))
    uow.enqueue(
        derived_row(
            row,
            idempotency_key(uow.policy.instance, row.key, row.occurrence, row.round, "instead", address),
            uow.now,
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


def is_last_hope(uow: UnitOfWork, row: Outgoing) -> bool:
    """Return whether a row is the last fallback: the newest page of its incident to the targets of `self:`.

    Such a page is retried while its incident is open and unacknowledged. It is no longer the last one if there is a
    newer one, or if another recipient has received it. Another page that went only to the console is ignored, since
    it may be unread (unless this row is on the console).
    """
    if not row.is_last_fallback:
        return False
    console = (uow.policy.console.channel, uow.policy.console.destination)
    is_on_console = (row.channel, row.destination) == console
    return not any(
        (other.state is RowState.PENDING and other.created_at > row.created_at)
        or (other.state is RowState.SENT and is_same_page(other, row))
        for other in uow.tx.outbox_of(row.incident_id, row.occurrence)
        if other.is_last_fallback and (is_on_console or (other.channel, other.destination) != console)
    )

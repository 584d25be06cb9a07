"""The effects of a change, carried out: timeline entries, outbox rows and metrics."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tocsin.core.incident.contact_attempts import Called
from tocsin.core.incident.effect import (
    Announce,
    Breached,
    DutyMissed,
    DutySettled,
    Effect,
    FollowUpDone,
    Measured,
    Notify,
    OccurrenceClosed,
    Record,
    Supersede,
)
from tocsin.core.incident.event import Entry
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.measure import UNCOUNTED, occurrence_of
from tocsin.core.incident.outbox import JOB_OF, Job, Outgoing, RowState, derived_row
from tocsin.core.incident.sla import ACKNOWLEDGED_STEP, is_beside_the_ladder, is_of_the_ladder, stays_true
from tocsin.core.incident.timeline.alerts import Doubted, Reopened, Resolved, Triggered, WaitStarted
from tocsin.core.incident.wording import because_acknowledged
from tocsin.core.playbook.playbook import Kind, Until
from tocsin.engine.change import rooms, tickets
from tocsin.engine.change.changes import Changes
from tocsin.engine.change.oncall import called_of
from tocsin.engine.change.outgoing import count_page, may_have_arrived, row_for

Handler = Callable[[Changes, Incident, Any], list[Called] | None]
"""Carries an effect out; returns the persons paged who have further contact methods."""

_HISTOGRAMS = {
    "acknowledge": "incident_time_to_acknowledge_seconds",
    "resolve": "incident_time_to_resolve_seconds",
    "detect": "incident_time_to_detect_seconds",
}


def carry_out(changes: Changes, incident: Incident, effects: tuple[Effect, ...], seq: int) -> list[Called]:
    """Carry out the effects of one change; return the persons paged who have further contact methods.

    ``seq`` is the number of the timeline's last entry before these effects.
    """
    called: list[Called] = []
    for effect in effects:
        if type(effect) is Record:
            seq += 1
            _record(changes, incident, effect, seq)
        elif handler := HANDLERS.get(type(effect)):
            called += handler(changes, incident, effect) or ()
    # Notifications to people come before the rows of the room and the tickets.
    rooms.follow(changes, incident, effects)
    tickets.follow(changes, incident, effects)
    return called


def _record(changes: Changes, incident: Incident, effect: Record, seq: int) -> None:
    entry = effect.entry
    changes.record(
        Entry(
            incident_id=incident.id,
            seq=seq,
            at=changes.now,
            kind=entry.kind,
            actor=effect.actor,
            via=effect.via,
            data=entry.data(),
        )
    )
    if isinstance(entry, Triggered | Reopened):
        _count_incident(changes, "incidents_opened_total", incident)
    elif isinstance(entry, WaitStarted):
        changes.figures.count("waits_total", reason=entry.reason)
    elif isinstance(entry, Doubted):
        changes.figures.count("recoveries_doubted_total")
    elif isinstance(entry, Resolved) and not entry.acknowledged and entry.cause not in UNCOUNTED:
        _count_incident(changes, "resolved_unacknowledged_total", incident)


def _count_incident(changes: Changes, name: str, incident: Incident) -> None:
    changes.figures.count(name, playbook=incident.plan.name, severity=incident.severity)


def _announce(changes: Changes, incident: Incident, effect: Announce) -> None:  # noqa: ARG001 - see Handler
    for notified, job in changes.oncall.listeners(incident.plan.announce):
        changes.enqueue(row_for(changes, incident, notified, job, step=job, unique=incident.version))
    if (room := rooms.open_room(incident)) is not None and room.channel in changes.policy.channels:
        for job in (Job.ANNOUNCE, Job.HISTORY):
            row = row_for(changes, incident, rooms.place_of(room), job, step=job, unique=incident.version)
            changes.enqueue(row)


def _notify(changes: Changes, incident: Incident, effect: Notify) -> list[Called]:
    called: list[Called] = []
    for notified in changes.oncall.recipients_of(incident, effect):
        changes.enqueue(
            row_for(
                changes,
                incident,
                notified,
                JOB_OF[effect.kind],
                step=effect.step,
                unique=incident.round if effect.round is None else effect.round,
                method=effect.method,
                tier=effect.tier,
                until=effect.until,
                because=f"{effect.because}; {notified.why}" if notified.why else effect.because,
                late=effect.late,
            )
        )
        if notified.left and effect.kind is Kind.PAGE:
            called.append(called_of(incident, effect, notified, changes.now))
    if changes.timed and not is_beside_the_ladder(effect.step):
        changes.figures.observe("escalation_lateness_seconds", effect.late)
    return called


def _supersede(changes: Changes, incident: Incident, effect: Supersede) -> None:
    """Withdraw the unsent rows that are now pointless; inform the recipients who may have had one."""
    changes.flush()
    by = effect.by
    job = Job.ACKNOWLEDGE if by is Until.ACKNOWLEDGED else Job.RESOLVE
    notified: set[tuple[str, str, str]] = set()
    informed = {incident.acknowledged_by}
    for row in changes.tx.outbox_of(incident.id, incident.occurrence):
        if row.job not in (Job.PAGE, Job.UPDATE) or (by is Until.ACKNOWLEDGED and row.until is Until.RESOLVED):
            if row.job is Job.PAGE and may_have_arrived(row) and row.target not in informed:
                informed.add(row.target)
                _inform_paged(changes, incident, row)
            continue
        if stays_true(row.step):
            continue
        if row.state is RowState.PENDING and row.lease_until is None:
            changes.tx.replace_row(msgspec.structs.replace(row, state=RowState.SUPERSEDED, done_at=changes.now))
            count_page(changes.figures, row, RowState.SUPERSEDED)
        if row.job is Job.PAGE and may_have_arrived(row):
            _tell(changes, incident, row, job, notified)
    if by is Until.RESOLVED:
        _tell_informed(changes, incident, notified)


def _tell_informed(changes: Changes, incident: Incident, notified: set[tuple[str, str, str]]) -> None:
    """Report the resolution to recipients whom the ladder only informed; those of `announce` see it in its message."""
    for row in changes.tx.outbox_of(incident.id, incident.occurrence):
        is_of_a_person = is_of_the_ladder(row.step) and row.target not in incident.plan.announce
        has_been_told = (row.channel, row.destination, row.target) in notified
        if row.job is Job.UPDATE and is_of_a_person and not has_been_told and may_have_arrived(row):
            _tell(changes, incident, row, Job.RESOLVE, notified)


def _inform_paged(changes: Changes, incident: Incident, page: Outgoing) -> None:
    """Inform a person who stays paged until the incident is resolved that another person has acknowledged it.

    This is an update, so it makes no call; a person whose contact methods carry only pages gets none.
    """
    by, people = incident.acknowledged_by, changes.policy.people
    if by is None or page.stranded or page.target not in people.persons:
        return
    channels = changes.policy.channels_for(Job.UPDATE)
    for notified in changes.oncall.recipients((page.target,), channels):
        if notified.stranded or notified.target != page.target:
            continue
        row = row_for(
            changes,
            incident,
            notified,
            Job.UPDATE,
            step=f"{ACKNOWLEDGED_STEP}{page.tier}",
            unique=incident.round,
            tier=page.tier,
            because=because_acknowledged(by),
        )
        changes.enqueue(row)


def _tell(changes: Changes, incident: Incident, page: Outgoing, job: Job, notified: set[tuple[str, str, str]]) -> None:
    channel = changes.policy.channels.get(page.channel)
    if channel is None or job not in channel.handles:
        return
    place = (page.channel, page.destination, page.target)
    if not channel.keyed and place in notified:
        return
    notified.add(place)
    changes.enqueue(
        derived_row(
            page,
            f"{page.key}:{job}",
            changes.now,
            job=job,
            about=page.key,
            because="",
            until=Until.RESOLVED,
            severity=incident.severity,
            late=0,
            received_at=changes.now,
        )
    )


def _measured(changes: Changes, incident: Incident, effect: Measured) -> None:
    if _counts(changes, incident):
        changes.figures.observe(
            _HISTOGRAMS[effect.measure], effect.value, playbook=incident.plan.name, severity=incident.peak
        )
    if effect.measure == "acknowledge":
        _put_occurrence(changes, incident, "open")


def _occurrence_closed(changes: Changes, incident: Incident, effect: OccurrenceClosed) -> None:
    _put_occurrence(changes, incident, effect.cause)


def _put_occurrence(changes: Changes, incident: Incident, cause: str) -> None:
    is_counted = _counts(changes, incident) and cause not in UNCOUNTED
    changes.tx.put_occurrence(occurrence_of(incident, cause, counted=is_counted))


def _breached(changes: Changes, incident: Incident, effect: Breached) -> None:
    if _counts(changes, incident):
        changes.figures.count(
            "slo_breaches_total", playbook=incident.plan.name, severity=effect.severity, target=effect.promise
        )


def _follow_up_done(changes: Changes, incident: Incident, effect: FollowUpDone) -> None:
    playbook, outcome = incident.plan.name, effect.outcome
    if not _counts(changes, incident):
        return
    if effect.is_post_mortem:
        changes.figures.count("post_mortems_total", playbook=playbook, severity=effect.severity, outcome=outcome)
    else:
        changes.figures.count("action_items_done_total", playbook=playbook, outcome=outcome)


def _duty_missed(changes: Changes, incident: Incident, effect: DutyMissed) -> None:
    if _counts(changes, incident):
        changes.figures.count("duty_breaches_total", playbook=incident.plan.name, severity=effect.severity)


def _duty_settled(changes: Changes, incident: Incident, effect: DutySettled) -> None:
    if _counts(changes, incident):
        playbook, outcome = incident.plan.name, effect.outcome
        changes.figures.count("duties_total", playbook=playbook, severity=effect.severity, outcome=outcome)


def _counts(changes: Changes, incident: Incident) -> bool:
    """Return whether an incident is measured: drills and tocsin's own incidents are left out."""
    return not incident.drill and incident.plan.name != changes.policy.self_playbook.name


HANDLERS: Mapping[type[Effect], Handler] = {
    Announce: _announce,
    Notify: _notify,
    Supersede: _supersede,
    Measured: _measured,
    OccurrenceClosed: _occurrence_closed,
    Breached: _breached,
    FollowUpDone: _follow_up_done,
    DutyMissed: _duty_missed,
    DutySettled: _duty_settled,
}
"""The handler of each kind of effect. `Record` is handled by `_record`, which needs the entry's number."""

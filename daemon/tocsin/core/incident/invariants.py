"""Rules that must hold for every incident at any time.

They are used by the tests that kill the daemon and by the auditor that runs in
production. Each rule is a function of `IncidentFacts` that returns the violation, or
None.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tocsin.core.duration import MINUTE, duration
from tocsin.core.incident.escalation import next_due
from tocsin.core.incident.event import TOCSIN, Entry
from tocsin.core.incident.incident import TAKEN, Incident, State, WaitReason
from tocsin.core.incident.outbox import DIGEST, Job, Outgoing, RowState
from tocsin.core.incident.sla import is_handoff
from tocsin.core.incident.throttle import PAGED
from tocsin.core.incident.timeline.alerts import Resolved, WaitOver, WaitStarted
from tocsin.core.incident.timeline.notifications import Escalated, Informed, NextMethodUsed
from tocsin.core.incident.timeline.responses import Replanned, SnoozeOver, SnoozeStarted, Unacknowledged
from tocsin.core.playbook.playbook import Until

OVERDUE = 1 * MINUTE
"""A due time this far in the past means that the work is stuck."""


TELL_OF_WAITS = frozenset({"told", DIGEST})
"""Steps outside the ladder: confirmations to responders of their own actions, and digests."""


@dataclass(frozen=True)
class IncidentFacts:
    """Stored data about one incident."""

    incident: Incident
    due_at: int | None
    """The stored ``due_at``."""
    entries: Sequence[Entry]
    rows: Sequence[Outgoing]
    firing: Mapping[str, int]
    """Number of the incident's firing episodes, by severity."""
    now: int


Rule = Callable[[IncidentFacts], str | None]


def due_at_is_next_due(facts: IncidentFacts) -> str | None:
    """Check that ``due_at`` equals ``next_due``."""
    expected = next_due(facts.incident)
    return None if facts.due_at == expected else f"due_at is {facts.due_at}, should be {expected}"


def nothing_is_overdue(facts: IncidentFacts) -> str | None:
    """Check that due work is done in time."""
    if facts.due_at is None or facts.now - facts.due_at <= OVERDUE:
        return None
    return f"overdue for {duration(facts.now - facts.due_at)}"


def state_allows_steps(facts: IncidentFacts) -> str | None:
    """Check that a resolved incident has no steps left, and an acknowledged one only steps until resolved."""
    incident = facts.incident
    if incident.state is State.RESOLVED and incident.ladder:
        return f"is resolved, with {len(incident.ladder)} steps left"
    called = incident.contact_attempts.called if incident.contact_attempts is not None else ()
    if incident.state is State.RESOLVED and called:
        return f"is resolved, and {called[0].person} is still to be reached"
    if incident.state in TAKEN and any(page.until is Until.ACKNOWLEDGED for page in called):
        return "is acknowledged, with contact methods left that waited for it"
    if incident.state in TAKEN:
        level = incident.plan.level(incident.severity)
        cells = [level.cell(planned.cell) for planned in incident.ladder]
        if any(cell is not None and cell.until is Until.ACKNOWLEDGED for cell in cells):
            return "is acknowledged, with steps left that waited for it"
    return None


def firing_is_counted(facts: IncidentFacts) -> str | None:
    """Check that the incident counts the episodes that fire, by severity."""
    firing = dict(facts.firing)
    counted = {severity: count for severity, count in facts.incident.firing.items() if count}
    return None if firing == counted else f"counts {counted} firing, has {firing}"


def open_means_firing_or_recovering(facts: IncidentFacts) -> str | None:
    """Check that an open incident without a firing alert is in its hold or hold-down, in doubt, or declared."""
    incident = facts.incident
    if incident.state not in PAGED or incident.alerts_firing or incident.by_hand:
        return None
    waits = incident.resolve_at is not None or incident.doubt is not None
    return None if waits else "nothing fires, and no hold-down runs"


def timeline_is_whole(facts: IncidentFacts) -> str | None:
    """Check that sequence numbers are 1..n without gaps."""
    seqs = [entry.seq for entry in facts.entries]
    return None if seqs == list(range(1, facts.incident.events + 1)) else f"{facts.incident.events} events, seqs {seqs}"


def steps_fire_once(facts: IncidentFacts) -> str | None:
    """Check that a step notifies each target once per occurrence, round and contact method, plus recorded repeats."""
    cells = Counter(
        (row.step, row.target, row.occurrence, row.round, row.channel, row.destination, row.recipient)
        for row in facts.rows
        if row.job in (Job.PAGE, Job.UPDATE) and not row.fell_back
    )
    repeats = (entry.data for entry in facts.entries if entry.kind == NextMethodUsed.kind)
    allowed = Counter((data["step"], data["target"]) for data in repeats)
    repeated = [cell for cell, count in cells.items() if count > 1 + allowed[cell[:2]]]
    return f"fired twice: {repeated}" if repeated else None


def every_step_reached_the_outbox(facts: IncidentFacts) -> str | None:
    """Check that every step in the timeline has a row in the outbox, for each of its targets or their substitutes."""
    rows = Counter((row.created_at, row.step) for row in facts.rows)
    entries = [entry for entry in facts.entries if entry.kind in (Escalated.kind, Informed.kind)]
    lost = [entry.data["step"] for entry in entries if not rows[entry.at, entry.data["step"]]]
    return f"escalated without a row: {lost}" if lost else None


def waiting_notifies_nobody(facts: IncidentFacts) -> str | None:
    """Check that a waiting ladder notifies no one, except at a person's request, a change of shift, or about waits."""
    waits: set[tuple[str, str]] = set()
    asked_at = {entry.at for entry in facts.entries if entry.via != TOCSIN.via}
    for entry in facts.entries:
        if entry.kind == Resolved.kind:
            waits.clear()
        elif entry.kind in (WaitStarted.kind, WaitOver.kind):
            wait = (entry.data["reason"], entry.data["by"])
            waits = waits | {wait} if entry.kind == WaitStarted.kind else waits - {wait}
        elif (
            entry.kind in (Escalated.kind, Informed.kind, NextMethodUsed.kind)
            and waits
            and not (entry.at in asked_at or entry.data["step"] in TELL_OF_WAITS)
            and not (is_handoff(entry.data["step"]) and not _waits_for_storm(waits))
        ):
            return f"step {entry.data['step']} fired at {entry.at} although it waited: {sorted(waits)}"
    now = {(wait.reason.value, wait.by) for wait in facts.incident.waits}
    return None if waits == now else f"waits for {sorted(now)}, its timeline says {sorted(waits)}"


def _waits_for_storm(waits: set[tuple[str, str]]) -> bool:
    return any(reason == WaitReason.STORM for reason, _ in waits)


def snoozed_notifies_nobody(facts: IncidentFacts) -> str | None:
    """Check that a snoozed incident notifies no one, except at a person's request and at a change of shift."""
    asked_at = {entry.at for entry in facts.entries if entry.via != TOCSIN.via}
    snoozed_at: int | None = None
    for entry in facts.entries:
        if entry.kind == SnoozeStarted.kind:
            snoozed_at = entry.at
        elif entry.kind in (SnoozeOver.kind, Unacknowledged.kind, Resolved.kind):
            snoozed_at = None
        elif entry.kind in (Escalated.kind, Informed.kind) and snoozed_at is not None and entry.at not in asked_at:
            if is_handoff(entry.data["step"]):
                continue
            return f"step {entry.data['step']} fired at {entry.at} although it was snoozed at {snoozed_at}"
    return None


def hours_are_kept(facts: IncidentFacts) -> str | None:
    """Check that a step for business hours fires within these hours, unless a person has requested the step."""
    plan = facts.incident.plan
    replanned_at = max((entry.at for entry in facts.entries if entry.kind == Replanned.kind), default=0)
    asked_at = {entry.at for entry in facts.entries if entry.via != TOCSIN.via}
    fired = {(entry.at, entry.data["step"]) for entry in facts.entries if entry.kind in (Escalated.kind, Informed.kind)}
    for row in facts.rows:
        if row.job not in (Job.PAGE, Job.UPDATE) or row.until is Until.RESOLVED or row.created_at in asked_at:
            continue
        if (row.created_at, row.step) not in fired or row.created_at < replanned_at or not plan.has_level(row.severity):
            continue
        cell = plan.level(row.severity).cell(row.step.partition("@")[0].partition(":")[0])
        if cell is None or cell.key not in plan.level(row.severity).business:
            continue
        if not plan.business_hours.are_open(row.created_at):
            return f"step {row.step} was carried out at {row.created_at}, outside of business hours"
    return None


def final_rows_are_done(facts: IncidentFacts) -> str | None:
    """Check that a row has ``done_at`` if its state is final, and only then."""
    wrong = [row.key for row in facts.rows if (row.state is RowState.PENDING) == (row.done_at is not None)]
    return f"half-finished rows: {wrong}" if wrong else None


INVARIANTS: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        due_at_is_next_due,
        nothing_is_overdue,
        state_allows_steps,
        firing_is_counted,
        open_means_firing_or_recovering,
        timeline_is_whole,
        steps_fire_once,
        every_step_reached_the_outbox,
        waiting_notifies_nobody,
        snoozed_notifies_nobody,
        hours_are_kept,
        final_rows_are_done,
    )
}


def violations(facts: IncidentFacts) -> list[tuple[str, str]]:
    """Return (rule, violation) for each invariant that is violated."""
    results = ((name, rule(facts)) for name, rule in INVARIANTS.items())
    return [(name, violation) for name, violation in results if violation is not None]

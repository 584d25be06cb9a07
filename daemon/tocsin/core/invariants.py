"""What must be true of every incident, whatever has happened to it.

Written once, used by the tests that kill the daemon and by the auditor that
runs in production. Each rule is a function of `Facts` that says what is wrong,
or None.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tocsin.core.alert import Episode, EpisodeStatus
from tocsin.core.escalation import next_due
from tocsin.core.event import TOCSIN, Entry
from tocsin.core.incident import TAKEN, Incident, State
from tocsin.core.outbox import DIGEST, Job, Outgoing, RowState
from tocsin.core.playbook import MINUTE, Until
from tocsin.core.throttle import PAGED
from tocsin.core.transitions.reach import SHIFT

OVERDUE = 1 * MINUTE
"""Something that is due for so long is not going to happen by itself."""


TELL_OF_WAITS = frozenset({"told", DIGEST})
"""Steps that are no part of the ladder: somebody is told of what they did themselves, or of what waits."""


@dataclass(frozen=True)
class Facts:
    """Everything that the store holds about one incident."""

    incident: Incident
    due_at: int | None
    """As stored."""
    entries: Sequence[Entry]
    rows: Sequence[Outgoing]
    episodes: Sequence[Episode]
    now: int


Rule = Callable[[Facts], str | None]


def due_at_is_next_due(facts: Facts) -> str | None:
    """``due_at`` of every incident equals ``next_due``."""
    expected = next_due(facts.incident)
    return None if facts.due_at == expected else f"due_at is {facts.due_at}, should be {expected}"


def nothing_is_overdue(facts: Facts) -> str | None:
    """What is due happens."""
    if facts.due_at is None or facts.now - facts.due_at <= OVERDUE:
        return None
    return f"overdue for {(facts.now - facts.due_at) // 1_000_000} s"


def state_allows_steps(facts: Facts) -> str | None:
    """Resolved: no step is left. Acknowledged: only steps until resolved."""
    incident = facts.incident
    if incident.state is State.RESOLVED and incident.ladder:
        return f"is resolved, with {len(incident.ladder)} steps left"
    called = incident.reaching.called if incident.reaching is not None else ()
    if incident.state is State.RESOLVED and called:
        return f"is resolved, and {called[0].person} is still to be reached"
    if incident.state in TAKEN and any(one.until is Until.ACKNOWLEDGED for one in called):
        return "is acknowledged, with contact methods left that waited for it"
    if incident.state in TAKEN:
        level = incident.plan.level(incident.severity)
        cells = [level.cell(planned.cell) for planned in incident.ladder]
        if any(cell is not None and cell.until is Until.ACKNOWLEDGED for cell in cells):
            return "is acknowledged, with steps left that waited for it"
    return None


def firing_is_counted(facts: Facts) -> str | None:
    """The incident counts the episodes that fire, by severity."""
    firing = Counter(episode.severity for episode in facts.episodes if episode.status is EpisodeStatus.FIRING)
    counted = {severity: count for severity, count in facts.incident.firing.items() if count}
    return None if dict(firing) == counted else f"counts {counted} firing, has {dict(firing)}"


def open_means_firing_or_recovering(facts: Facts) -> str | None:
    """An open incident without a firing alert is held, in its hold-down, not believed to be over, or a person's."""
    incident = facts.incident
    if incident.state not in PAGED or incident.alerts_firing or incident.by_hand:
        return None
    waits = incident.resolve_at is not None or incident.doubt is not None
    return None if waits else "nothing fires, and no hold-down runs"


def timeline_is_whole(facts: Facts) -> str | None:
    """Sequence numbers are 1..n without gaps."""
    seqs = [entry.seq for entry in facts.entries]
    return None if seqs == list(range(1, facts.incident.events + 1)) else f"{facts.incident.events} events, seqs {seqs}"


def steps_fire_once(facts: Facts) -> str | None:
    """A step notifies each target at most once an occurrence and round by each way, and as often as it was said to."""
    cells = Counter(
        (row.step, row.target, row.occurrence, row.round, row.channel, row.destination, row.recipient)
        for row in facts.rows
        if row.job in (Job.PAGE, Job.UPDATE) and not row.fell_back
    )
    said = (entry.data for entry in facts.entries if entry.kind == "next_method")
    again = Counter((data["step"], data["target"]) for data in said)
    twice = [cell for cell, count in cells.items() if count > 1 + again[cell[:2]]]
    return f"fired twice: {twice}" if twice else None


def every_step_reached_the_outbox(facts: Facts) -> str | None:
    """What the timeline says was escalated stands in the outbox, for each of its targets or their stand-ins."""
    rows = Counter((row.created_at, row.step) for row in facts.rows)
    said = [entry for entry in facts.entries if entry.kind in ("escalated", "informed")]
    lost = [entry.data["step"] for entry in said if not rows[entry.at, entry.data["step"]]]
    return f"escalated without a row: {lost}" if lost else None


def waiting_notifies_nobody(facts: Facts) -> str | None:
    """While its ladder waits nobody is notified but by a person's word, and by what tells of the wait itself."""
    waits: set[tuple[str, str]] = set()
    asked_at = {entry.at for entry in facts.entries if entry.via != TOCSIN.via}
    for entry in facts.entries:
        if entry.kind == "resolved":
            waits.clear()
        elif entry.kind in ("waits", "waited"):
            wait = (entry.data["reason"], entry.data["by"])
            waits = waits | {wait} if entry.kind == "waits" else waits - {wait}
        elif (
            entry.kind in ("escalated", "informed", "next_method")
            and waits
            and not (entry.at in asked_at or entry.data["step"] in TELL_OF_WAITS)
        ):
            return f"step {entry.data['step']} fired at {entry.at} although it waited: {sorted(waits)}"
    now = {(wait.reason.value, wait.by) for wait in facts.incident.waits}
    return None if waits == now else f"waits for {sorted(now)}, its timeline says {sorted(waits)}"


def snoozed_notifies_nobody(facts: Facts) -> str | None:
    """Raise no notification while an incident is snoozed, except at a person's request and at a change of shift."""
    asked_at = {entry.at for entry in facts.entries if entry.via != TOCSIN.via}
    snoozed_at: int | None = None
    for entry in facts.entries:
        if entry.kind == "snoozed":
            snoozed_at = entry.at
        elif entry.kind in ("unsnoozed", "unacknowledged", "resolved"):
            snoozed_at = None
        elif entry.kind in ("escalated", "informed") and snoozed_at is not None and entry.at not in asked_at:
            if entry.data["step"].startswith(f"{SHIFT}:"):
                continue
            return f"step {entry.data['step']} fired at {entry.at} although it was snoozed at {snoozed_at}"
    return None


def hours_are_kept(facts: Facts) -> str | None:
    """A step for business hours is carried out within them, unless a person has asked for it."""
    plan = facts.incident.plan
    replanned_at = max((entry.at for entry in facts.entries if entry.kind == "replanned"), default=0)
    asked_at = {entry.at for entry in facts.entries if entry.via != TOCSIN.via}
    fired = {(entry.at, entry.data["step"]) for entry in facts.entries if entry.kind in ("escalated", "informed")}
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


def final_rows_are_done(facts: Facts) -> str | None:
    """A row in a final state says when; a pending one does not."""
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


def violations(facts: Facts) -> list[tuple[str, str]]:
    """(rule, what is wrong) for each invariant that does not hold."""
    found = ((name, rule(facts)) for name, rule in INVARIANTS.items())
    return [(name, wrong) for name, wrong in found if wrong is not None]

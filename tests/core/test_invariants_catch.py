"""Each invariant detects a violation and accepts valid data."""

from typing import Any

import msgspec
import pytest

from core import ladders
from core.test_escalation_table import ALICE, NOW, WINDOW, fresh
from tocsin.core.duration import MINUTE
from tocsin.core.incident.effect import Record
from tocsin.core.incident.escalation import next_due, step
from tocsin.core.incident.event import Acknowledge, Entry, Opened
from tocsin.core.incident.incident import State
from tocsin.core.incident.invariants import INVARIANTS, OVERDUE, IncidentFacts, violations
from tocsin.core.incident.outbox import Job, Outgoing, RowState
from tocsin.core.playbook.playbook import Until
from tocsin.core.schedule.hours import BusinessHours


def row(**changes: Any) -> Outgoing:
    given: dict[str, Any] = {
        "key": "key", "incident_id": "id", "occurrence": 1, "round": 1, "step": "1.1", "target": "one",
        "channel": "console", "destination": "console", "job": Job.PAGE, "severity": "high", "received_at": NOW,
        "not_before": NOW, "overdue_at": NOW, "created_at": NOW, "state": RowState.SENT, "done_at": NOW,
    }  # fmt: skip
    return Outgoing(**{**given, **changes})


def facts() -> IncidentFacts:
    """A healthy incident that has just been opened."""
    incident, effects = step(fresh(), Opened(fired=("high",)), NOW)
    recorded = [effect.entry for effect in effects if isinstance(effect, Record)]
    entries = [
        Entry(incident_id="id", seq=seq, at=NOW, kind=entry.kind, actor="tocsin", via="tocsin", data=entry.data())
        for seq, entry in enumerate(recorded, start=1)
    ]
    incident = msgspec.structs.replace(incident, events=len(entries))
    return IncidentFacts(incident, next_due(incident), entries, [row()], {"high": 1}, NOW)


def waited_and_fired() -> list[Entry]:
    """The timeline of an incident whose step fires although a wait has begun."""
    said = {"reason": "window", "by": WINDOW.by}
    begun = Entry(incident_id="id", seq=1, at=NOW, kind="waits", actor="tocsin", via="tocsin", data=said)
    return [begun, *(msgspec.structs.replace(entry, seq=entry.seq + 1) for entry in facts().entries)]


def snoozed_and_fired() -> list[Entry]:
    """The timeline of an incident whose step fires although it is snoozed."""
    begun = Entry(incident_id="id", seq=1, at=NOW - 1, kind="snoozed", actor="alice", via="slack", data={"until": NOW})
    return [begun, *(msgspec.structs.replace(entry, seq=entry.seq + 1) for entry in facts().entries)]


AT_NIGHT = {
    "incident": {"plan": ladders.rich(BusinessHours(closes=16 * 60))},
    "rows": [row(severity="low", until=Until.ACKNOWLEDGED)],
}
"""An incident that was paged at 16:40, when these hours were over."""


def changed(healthy: IncidentFacts, incident: dict[str, Any] | None = None, **changes: Any) -> IncidentFacts:
    fields = {**vars(healthy), **changes}
    if incident:
        fields["incident"] = msgspec.structs.replace(healthy.incident, **incident)
    return IncidentFacts(**fields)


def test_a_healthy_incident_has_nothing_wrong() -> None:
    assert violations(facts()) == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("due_at_is_next_due", {"due_at": None}),
        ("nothing_is_overdue", {"now": NOW + 15 * MINUTE + OVERDUE + 1}),
        ("state_allows_steps", {"incident": {"state": State.ACKNOWLEDGED}}),
        ("state_allows_steps", {"incident": {"state": State.RESOLVED}}),
        ("firing_is_counted", {"incident": {"firing": {"high": 2}}}),
        ("firing_is_counted", {"firing": {}}),
        ("open_means_firing_or_recovering", {"incident": {"firing": {}}, "firing": {}}),
        ("timeline_is_whole", {"entries": []}),
        ("steps_fire_once", {"rows": [row(), row(key="again")]}),
        ("every_step_reached_the_outbox", {"rows": []}),
        ("final_rows_are_done", {"rows": [row(state=RowState.PENDING)]}),
        ("final_rows_are_done", {"rows": [row(done_at=None)]}),
        ("waiting_notifies_nobody", {"incident": {"waits": (WINDOW,)}}),
        ("waiting_notifies_nobody", {"entries": waited_and_fired()}),
        ("snoozed_notifies_nobody", {"entries": snoozed_and_fired()}),
        ("hours_are_kept", AT_NIGHT),
    ],
)
def test_what_breaks_it_is_named(name: str, change: dict[str, Any]) -> None:
    assert name in [rule for rule, _ in violations(changed(facts(), **change))]


def test_every_invariant_can_fail() -> None:
    tried = {mark.args[1][n][0] for mark in test_what_breaks_it_is_named.pytestmark for n in range(len(mark.args[1]))}
    assert tried == set(INVARIANTS)


def test_a_fallback_notification_is_not_a_step_fired_twice() -> None:
    healthy = facts()
    assert violations(changed(healthy, rows=[row(), row(key="instead", fell_back=True)])) == []


def test_an_acknowledged_incident_keeps_only_steps_until_resolved() -> None:
    healthy = facts()
    incident, _ = step(healthy.incident, Acknowledge(by=ALICE), NOW)
    assert [planned.cell for planned in incident.ladder] == ["2.1"]

"""Waits before an incident notifies anyone, decided by the judges within the transaction.

Each judge is responsible for one reason. `begins` is called whenever an
incident is about to notify someone without a person's request (it opens, a step
is due, its severity rises), and `goes_on` when the ``until`` of a wait is
reached. Judges only read: the unit of work carries their decisions out. A wait
without a judge ends at its ``until``: better a page too many than none.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from tocsin.core.incident.incident import Incident, Wait, WaitReason
from tocsin.engine.change.changes import View
from tocsin.engine.change.inhibition import InhibitionJudge
from tocsin.engine.change.storm_judge import Storming, StormJudge
from tocsin.engine.change.window_judge import WindowJudge

Decision = Wait | Storming
"""A judge's decision. A `Wait` only delays the incident; the others also change a storm."""


class Judge(Protocol):
    """The judge of one reason to wait."""

    def begins(self, view: View, before: Incident, incident: Incident) -> Decision | None:
        """Return the wait of ``incident``, which was ``before`` and is about to notify someone; None if it need not."""
        ...

    def goes_on(self, view: View, incident: Incident, wait: Wait) -> Wait | None:
        """Return the wait with a later ``until``; None if it is over."""
        ...


JUDGES: Mapping[WaitReason, Judge] = {
    WaitReason.WINDOW: WindowJudge(),
    WaitReason.INHIBITED: InhibitionJudge(),
    # Last: an incident that waits for another reason pages no one, so it does not count toward a storm.
    WaitReason.STORM: StormJudge(),
}


def decided(view: View, before: Incident, incident: Incident) -> list[Decision]:
    """Return the judges' decisions on an incident about to notify someone; each judge sees the earlier decisions."""
    decisions: list[Decision] = []
    for judge in JUDGES.values():
        decision = judge.begins(view, before, incident)
        if decision is not None:
            decisions.append(decision)
        if isinstance(decision, Wait):
            incident = msgspec.structs.replace(incident, waits=(*incident.waits, decision))
    return decisions


def still_waits(view: View, incident: Incident) -> tuple[Wait, ...]:
    """Return the due waits that continue, with their new end."""
    due = [wait for wait in incident.waits if wait.until is not None and wait.until <= view.now]
    judged = (JUDGES[wait.reason].goes_on(view, incident, wait) for wait in due if wait.reason in JUDGES)
    return tuple(wait for wait in judged if wait is not None)

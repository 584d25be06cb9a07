"""Whether an incident has to wait before it notifies anybody, asked of each judge within the transaction.

A judge answers for one reason. It is asked with `begins` whenever an incident
is about to notify somebody without a person's asking for it (it opens, a step
is due, its severity rises), and with `goes_on` when the ``until`` of one of its
waits has come. Without a judge a wait ends at its moment: rather a page too
many than none.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import msgspec

from tocsin.core.incident import Incident, Wait, WaitReason
from tocsin.engine.inhibition import InhibitionJudge
from tocsin.engine.storms import StormJudge
from tocsin.engine.window_judge import WindowJudge

if TYPE_CHECKING:  # apply asks the judges, and hands itself to them
    from tocsin.engine.apply import Work


class Judge(Protocol):
    """Decides on one reason to wait; reads the store through ``work``, and writes there what it has to remember."""

    def begins(self, work: "Work", before: Incident, incident: Incident) -> Wait | None:
        """What ``incident`` has to wait for; it was ``before``, and would now notify somebody."""
        ...

    def goes_on(self, work: "Work", incident: Incident, wait: Wait) -> Wait | None:
        """The same wait with a later ``until``; None where it is over."""
        ...


JUDGES: Mapping[WaitReason, Judge] = {
    WaitReason.WINDOW: WindowJudge(),
    WaitReason.INHIBITED: InhibitionJudge(),
    # The last one: what waits for something else notifies nobody, and is not counted.
    WaitReason.STORM: StormJudge(),
}


def must_wait(work: "Work", before: Incident, incident: Incident) -> tuple[Wait, ...]:
    """All that an incident has to wait for before it notifies anybody; each judge sees what those before it say."""
    found: tuple[Wait, ...] = ()
    for judge in JUDGES.values():
        wait = judge.begins(work, before, incident)
        if wait is not None:
            found = (*found, wait)
            incident = msgspec.structs.replace(incident, waits=(*incident.waits, wait))
    return found


def still_waits(work: "Work", incident: Incident) -> tuple[Wait, ...]:
    """Of the waits whose moment has come, those that go on."""
    due = [wait for wait in incident.waits if wait.until is not None and wait.until <= work.now]
    judged = (JUDGES[wait.reason].goes_on(work, incident, wait) for wait in due if wait.reason in JUDGES)
    return tuple(wait for wait in judged if wait is not None)

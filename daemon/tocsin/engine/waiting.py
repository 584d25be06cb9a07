"""Whether an incident has to wait before it notifies anybody, asked of each judge within the transaction.

A judge answers for one reason. It is asked with `begins` whenever an incident
is about to notify somebody without a person's asking for it (it opens, a step
is due, its severity rises), and with `goes_on` when the ``until`` of one of its
waits has come. Without a judge a wait ends at its moment: rather a page too
many than none.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from tocsin.core.incident import Incident, Wait, WaitReason
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


JUDGES: Mapping[WaitReason, Judge] = {WaitReason.WINDOW: WindowJudge()}


def must_wait(work: "Work", before: Incident, incident: Incident) -> tuple[Wait, ...]:
    """All that an incident has to wait for before it notifies anybody, but for what it waits for already."""
    found = (judge.begins(work, before, incident) for judge in JUDGES.values())
    return tuple(wait for wait in found if wait is not None)


def still_waits(work: "Work", incident: Incident) -> tuple[Wait, ...]:
    """Of the waits whose moment has come, those that go on."""
    due = [wait for wait in incident.waits if wait.until is not None and wait.until <= work.now]
    judged = (JUDGES[wait.reason].goes_on(work, incident, wait) for wait in due if wait.reason in JUDGES)
    return tuple(wait for wait in judged if wait is not None)

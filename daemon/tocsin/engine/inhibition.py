"""Inhibition: an incident waits while another one that explains it is open; asked again at every step."""

from typing import TYPE_CHECKING

from tocsin.core.condition import Inhibition, WhenOpen
from tocsin.core.incident import Incident, Wait, WaitReason
from tocsin.core.playbook import SECOND

if TYPE_CHECKING:  # apply asks the judge, and hands itself to it
    from tocsin.engine.apply import Work

LOOK_EVERY = 30 * SECOND
"""How long the end of an inhibition may go unnoticed."""
LOOKED_AT = 20
"""Open incidents that are asked whether they explain one."""


class InhibitionJudge:
    """Whether something open explains an incident."""

    def begins(self, work: "Work", before: Incident, incident: Incident) -> Wait | None:  # noqa: ARG002 - see Judge
        """A wait for the first rule whose condition holds."""
        known = {wait.by for wait in incident.waits if wait.reason is WaitReason.INHIBITED}
        found = (each for each in incident.inhibitions if each.rule not in known and _holds(work, incident, each.when))
        return next((_wait(work, each) for each in found), None)

    def goes_on(self, work: "Work", incident: Incident, wait: Wait) -> Wait | None:
        """For as long as the rule's condition holds."""
        found = (each for each in incident.inhibitions if each.rule == wait.by and _holds(work, incident, each.when))
        return next((_wait(work, each) for each in found), None)


def _holds(work: "Work", incident: Incident, when: WhenOpen) -> bool:
    """Whether an incident like this is open that does not wait for this one in its turn.

    Of incidents that inhibit each other, in whatever circle, the first pages:
    one that is inhibited itself explains only what came after it.
    """
    return any(
        other.number < incident.number or not any(wait.reason is WaitReason.INHIBITED for wait in other.waits)
        for other in work.open_alike(when, LOOKED_AT)
        if other.id != incident.id
    )


def _wait(work: "Work", inhibition: Inhibition) -> Wait:
    return Wait(WaitReason.INHIBITED, inhibition.rule, work.now + LOOK_EVERY)

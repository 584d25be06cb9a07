"""Inhibition: an incident waits while another incident that explains it is open; checked at every step."""

from tocsin.core.duration import SECOND
from tocsin.core.incident.incident import Incident, Wait, WaitReason
from tocsin.core.matching.condition import Inhibition, WhenOpen
from tocsin.engine.change.changes import View

LOOK_EVERY = 30 * SECOND
"""Interval between checks whether an inhibition has ended."""
LOOKED_AT = 20
"""Maximum number of open incidents that are checked."""


class InhibitionJudge:
    """The judge of incidents that another open incident may explain."""

    def begins(self, view: View, before: Incident, incident: Incident) -> Wait | None:  # noqa: ARG002 - see Judge
        """Return a wait for the first rule whose condition holds."""
        known = {wait.by for wait in incident.waits if wait.reason is WaitReason.INHIBITED}
        holding = (
            each for each in incident.inhibitions if each.rule not in known and _holds(view, incident, each.when)
        )
        return next((_wait(view, inhibition) for inhibition in holding), None)

    def goes_on(self, view: View, incident: Incident, wait: Wait) -> Wait | None:
        """Return the wait, prolonged, while the condition of the rule holds."""
        holding = (each for each in incident.inhibitions if each.rule == wait.by and _holds(view, incident, each.when))
        return next((_wait(view, inhibition) for inhibition in holding), None)


def _holds(view: View, incident: Incident, when: WhenOpen) -> bool:
    """Return whether a matching incident is open, other than one that waits for this incident.

    Of incidents that inhibit each other in a cycle, the first one pages: an
    inhibited incident explains only later incidents.
    """
    return any(
        other.number < incident.number or not any(wait.reason is WaitReason.INHIBITED for wait in other.waits)
        for other in view.open_alike(when, LOOKED_AT)
        if other.id != incident.id
    )


def _wait(view: View, inhibition: Inhibition) -> Wait:
    return Wait(WaitReason.INHIBITED, inhibition.rule, view.now + LOOK_EVERY)

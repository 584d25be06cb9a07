"""A playbook that uses every feature of a matrix, one person per target; the clock starts on a Friday at noon."""

from core.ladders import rich
from scenario import emergency
from tocsin.core.playbook.playbook import Playbook
from tocsin.core.schedule.hours import BusinessHours
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness


def tocsin(
    hours: BusinessHours | None = None, *, playbook: Playbook | None = None, clock: VirtualClock | None = None
) -> Harness:
    """A playbook with the severities ``high``, ``middle`` and ``low``; ``low`` pages in business hours only."""
    return emergency.tocsin(playbook=playbook or rich(hours), clock=clock)


async def fire(harness: Harness, severity: str, instance: str = "a") -> None:
    await harness.fire(alertname="Down", severity=severity, service="web", instance=instance)

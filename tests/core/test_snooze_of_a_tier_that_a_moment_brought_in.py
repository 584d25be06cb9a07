"""A snooze that ends before the planned step of the tier reached last."""

from core import ladders
from core.test_escalation_table import ALICE, NOW
from tocsin.core.duration import HOUR
from tocsin.core.incident.effect import Notify
from tocsin.core.incident.escalation import next_due, step
from tocsin.core.incident.event import Declare, Due, Event, Opened, SetFlags, Snooze
from tocsin.core.incident.incident import Incident


def test_a_step_that_notifies_at_the_end_of_a_snooze_does_not_come_a_second_time() -> None:
    incident = ladders.fresh(NOW)
    notified: list[str] = []

    def happen(incident: Incident, event: Event, now: int) -> Incident:
        after, effects = step(incident, event, now)
        notified.extend(effect.step for effect in effects if isinstance(effect, Notify))
        return after

    incident = happen(incident, Opened(fired=("middle",), first_alert_at=NOW), NOW)
    incident = happen(incident, SetFlags(by=ALICE, add=("breach",)), NOW)
    incident = happen(incident, Declare(by=ALICE), NOW)
    assert notified == ["1.1", "3.1@declared"]
    incident = happen(incident, Snooze(by=ALICE, until=NOW + HOUR), NOW)
    notified.clear()
    now = NOW
    while (due_at := next_due(incident)) is not None and due_at <= NOW + 3 * HOUR:
        now = max(now, due_at)
        incident = happen(incident, Due(), now)
    # At the end of the snooze tier 3 is notified by the step that was still to come.
    assert [key for key in notified if key.startswith("3.")] == ["3.2"]

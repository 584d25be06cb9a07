"""A doubt that all alerts of an incident have really ended: see `core.alerts.heartbeat`."""

from functools import partial

from tocsin.core.alerts.heartbeat import Doubt
from tocsin.core.incident.event import RecoveryDoubted
from tocsin.core.incident.timeline.alerts import Doubted
from tocsin.core.incident.transitions.change import Change, assign
from tocsin.core.incident.transitions.climb import climb
from tocsin.core.incident.transitions.responder_timeout import extend_timeout
from tocsin.core.incident.transitions.waiting import unless_it_waits


def doubted(change: Change, event: RecoveryDoubted) -> None:
    """Continue the ladder as if the alerts fired: the first overdue step fires, later steps keep their distance."""
    before = change.incident.doubt
    if before is None and change.incident.resolve_at is None:
        return
    if before is None:
        extend_timeout(change)
    since = before.since if before is not None else change.now
    assign(change.incident, resolve_at=None, doubt=Doubt(source=event.source, since=since, look_at=event.look_at))
    if before is not None:
        change.quiet = True
        return
    change.record(Doubted(source=event.source))
    unless_it_waits(change, partial(climb, change))

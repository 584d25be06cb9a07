"""All alerts of an incident are said to have ended, and it is not believed: see `core.heartbeat`."""

from tocsin.core.event import RecoveryDoubted
from tocsin.core.heartbeat import Doubt
from tocsin.core.transitions.change import Change
from tocsin.core.transitions.climb import climb
from tocsin.core.transitions.hearing import paused_silence
from tocsin.core.transitions.waiting import begin


def doubted(change: Change, event: RecoveryDoubted) -> None:
    """It goes on as if it fired: the first step that has become due meanwhile fires, the others keep their distance."""
    before = change.incident.doubt
    if before is None and change.incident.resolve_at is None:
        return
    if before is None:
        paused_silence(change)
    since = before.since if before is not None else change.now
    change.set(resolve_at=None, doubt=Doubt(source=event.source, since=since, look_at=event.look_at))
    if before is not None:
        change.quiet = True
        return
    change.record("doubted", source=event.source)
    begin(change, event.waits)
    climb(change)

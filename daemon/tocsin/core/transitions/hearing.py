"""Whether those who have an incident say anything about it (``ack_timeout``)."""

from tocsin.core.incident import State
from tocsin.core.transitions.change import Change


def heard(change: Change) -> None:
    """A person has done something about it (acknowledged, a note, an update ...): the silence begins anew.

    Called by whatever a person does. A member of a storm is left out: what was acknowledged with
    the storm is asked about with the storm.
    """
    incident, timeout = change.incident, change.level.ack_timeout
    is_listened_for = incident.state is State.ACKNOWLEDGED and timeout is not None and incident.member_of is None
    silent_at = change.now + timeout if is_listened_for and timeout is not None else None
    if silent_at != change.standing.silent_at:
        change.stand(silent_at=silent_at)


def retime(change: Change, before: int | None) -> None:
    """It has come to another severity, and ``before`` was the old one's timeout: the same silence, measured anew."""
    silent_at, timeout = change.standing.silent_at, change.level.ack_timeout
    if silent_at is None or before is None or timeout is None:
        heard(change)
    else:
        change.stand(silent_at=silent_at - before + timeout)


def paused_silence(change: Change) -> None:
    """It fires again in its hold-down: while nothing fired there was nothing to say."""
    incident, silent_at = change.incident, change.standing.silent_at
    if silent_at is not None and incident.resolve_at is not None:
        change.stand(silent_at=silent_at + change.now - (incident.resolve_at - incident.hold_down))

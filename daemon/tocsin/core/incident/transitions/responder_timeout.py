"""The timeout for a responder who has acknowledged and then does nothing (``ack_timeout``)."""

from tocsin.core.incident.incident import State
from tocsin.core.incident.transitions.change import Change
from tocsin.core.typed_replace import replace


def restart_timeout(change: Change) -> None:
    """Restart the timeout, because a person has acted on the incident.

    Called for every response of a person. A storm's member has no timeout of its own: the
    storm's timeout applies.
    """
    incident, timeout = change.incident, change.level.ack_timeout
    has_timeout = incident.state is State.ACKNOWLEDGED and timeout is not None and incident.member_of is None
    silent_at = change.now + timeout if has_timeout and timeout is not None else None
    if silent_at != change.ladder_state.silent_at:
        change.set_ladder_state(replace(change.ladder_state, silent_at=silent_at))


def adjust_timeout(change: Change, before: int | None) -> None:
    """Apply the timeout of a new severity to the same silence; ``before`` is the old severity's timeout."""
    silent_at, timeout = change.ladder_state.silent_at, change.level.ack_timeout
    if silent_at is None or before is None or timeout is None:
        restart_timeout(change)
    else:
        change.set_ladder_state(replace(change.ladder_state, silent_at=silent_at - before + timeout))


def extend_timeout(change: Change) -> None:
    """Extend the timeout by the time during which nothing fired, because the incident fires again in its hold-down."""
    incident, silent_at = change.incident, change.ladder_state.silent_at
    if silent_at is not None and incident.resolve_at is not None:
        change.set_ladder_state(
            replace(change.ladder_state, silent_at=silent_at + change.now - (incident.resolve_at - incident.hold_down))
        )

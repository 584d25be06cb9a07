"""Digests for an incident that flaps, in place of its pages; its final state is always reported."""

from tocsin.core.incident import throttle
from tocsin.core.incident.incident import Incident, State, Wait, WaitReason
from tocsin.core.incident.outbox import DIGEST
from tocsin.core.incident.transitions.change import Change, assign
from tocsin.core.incident.transitions.climb import notify
from tocsin.core.incident.transitions.waiting import begin, end
from tocsin.core.incident.wording import because_flapping
from tocsin.core.playbook.playbook import Kind, Until

_FLAPS = Wait(WaitReason.FLAPPING, DIGEST)


def flip(change: Change) -> None:
    """Count a flip: the incident fires again, or has stopped firing. After too many flips, the ladder waits."""
    incident = change.incident
    assign(change.incident, flips=throttle.flipped(incident, change.now), flips_untold=incident.flips_untold + 1)
    if incident.digest_at is not None:
        return
    assign(change.incident, flips_untold=len(incident.flips))
    if throttle.flaps(incident, change.now):
        assign(change.incident, digest_at=change.now + incident.plan.flapping.digest_every)
        begin(change, waits_of(incident))


def waits_of(incident: Incident) -> tuple[Wait, ...]:
    """Return the wait for an occurrence that begins while the incident flaps."""
    return (_FLAPS,) if incident.digest_at is not None else ()


def forget(change: Change) -> None:
    """Reset the flapping state: earlier flips no longer count."""
    assign(change.incident, flips=(), digest_at=None, flips_untold=0)


def digest_due(change: Change) -> None:
    """Send the digest that is due; the last one if the incident has settled."""
    incident = change.incident
    if incident.digest_at is None or incident.digest_at > change.now:
        return
    has_settled = not throttle.flaps(incident, change.now)
    if has_settled and incident.resolve_at is not None and incident.resolve_at > change.now:
        assign(change.incident, digest_at=incident.resolve_at)  # the final state is known at that time
        return
    # A window, a storm, an inhibition or a snooze holds digests back as well.
    is_held_back = any(wait.reason is not WaitReason.FLAPPING for wait in incident.waits)
    is_held_back = is_held_back or incident.state is State.SNOOZED
    if not is_held_back and not (has_settled and incident.state is State.TRIGGERED):
        _tell(change, because_flapping(incident, settled=has_settled))
        assign(change.incident, flips_untold=0)
    if not has_settled:
        assign(change.incident, digest_at=change.now + incident.plan.flapping.digest_every)
        return
    assign(change.incident, digest_at=None, flips_untold=0)
    end(change, tuple(wait for wait in incident.waits if wait.reason is WaitReason.FLAPPING))


def _tell(change: Change, because: str) -> None:
    """Send the digest: as a page while the incident fires without an acknowledgment, otherwise as an update."""
    incident = change.incident
    first = change.level.first
    is_unanswered = incident.state is State.TRIGGERED and incident.alerts_firing > 0
    kind = first.kind if first is not None and is_unanswered else Kind.UPDATE
    until = Until.ACKNOWLEDGED if kind is Kind.PAGE else Until.RESOLVED
    assign(change.incident, round=incident.round + 1)
    notify(change, kind, DIGEST, 1, throttle.targets_of(incident), until, because)

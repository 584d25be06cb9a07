"""An incident that comes and goes: digests in place of its pages, and the final state in any case."""

from tocsin.core import throttle
from tocsin.core.incident import Incident, State, Wait, WaitReason
from tocsin.core.outbox import DIGEST
from tocsin.core.playbook import Kind, Until
from tocsin.core.transitions.change import Change
from tocsin.core.transitions.climb import notify
from tocsin.core.transitions.waiting import begin, end
from tocsin.core.wording import because_flapping

_FLAPS = Wait(WaitReason.FLAPPING, DIGEST)


def flip(change: Change) -> None:
    """It fires again, or nothing of it fires any more. One flip too many, and its ladder waits for it to settle."""
    incident = change.incident
    change.set(flips=throttle.flipped(incident, change.now), flips_untold=incident.flips_untold + 1)
    if incident.digest_at is not None:
        return
    change.set(flips_untold=len(incident.flips))
    if throttle.flaps(incident, change.now):
        change.set(digest_at=change.now + incident.plan.flapping.digest_every)
        begin(change, waits_of(incident))


def waits_of(incident: Incident) -> tuple[Wait, ...]:
    """What an occurrence waits for that begins while it flaps."""
    return (_FLAPS,) if incident.digest_at is not None else ()


def forget(change: Change) -> None:
    """Whatever it did before, it is news now."""
    change.set(flips=(), digest_at=None, flips_untold=0)


def digest_due(change: Change) -> None:
    """Tell what has become of it; where it has settled, for the last time."""
    incident = change.incident
    if incident.digest_at is None or incident.digest_at > change.now:
        return
    settled = not throttle.flaps(incident, change.now)
    if settled and incident.resolve_at is not None and incident.resolve_at > change.now:
        change.set(digest_at=incident.resolve_at)  # what it settles at is known then
        return
    # A window, a storm or what explains it keeps digests back as well.
    is_hushed = any(wait.reason is not WaitReason.FLAPPING for wait in incident.waits)
    is_hushed = is_hushed or incident.state is State.SNOOZED
    if not is_hushed and not (settled and incident.state is State.TRIGGERED):
        _tell(change, because_flapping(incident, settled=settled))
        change.set(flips_untold=0)
    if not settled:
        change.set(digest_at=change.now + incident.plan.flapping.digest_every)
        return
    change.set(digest_at=None, flips_untold=0)
    end(change, tuple(wait for wait in incident.waits if wait.reason is WaitReason.FLAPPING))


def _tell(change: Change, because: str) -> None:
    """A page while somebody is wanted, or else an update."""
    incident = change.incident
    first = change.level.first
    is_wanted = incident.state is State.TRIGGERED and incident.alerts_firing > 0
    kind = first.kind if first is not None and is_wanted else Kind.UPDATE
    until = Until.ACKNOWLEDGED if kind is Kind.PAGE else Until.RESOLVED
    change.set(round=incident.round + 1)
    notify(change, kind, DIGEST, 1, throttle.targets_of(incident), until, because)

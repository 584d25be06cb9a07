"""The one clause that tells somebody who was woken why: this page, now."""

from datetime import UTC, datetime

from tocsin.core.acting import Draft
from tocsin.core.clock import DAILY_FOR, Item, PostMortem
from tocsin.core.duration import duration
from tocsin.core.incident import TAKEN, Incident, State, Wait, WaitReason
from tocsin.core.moments import exact_moment, moment
from tocsin.core.playbook import MINUTE, SECOND, Cell, Moment, Until

DUE_NOW = "due now"
"""Why a recurring reminder is sent."""


def because_planned(incident: Incident, cell: Cell) -> str:
    """Why a step of the ladder fires."""
    if not incident.plan.level(incident.severity).is_timed:  # a recurring reminder
        return DUE_NOW
    if not cell.after:
        return "firing again after it was resolved" if incident.occurrence > 1 else _opened(incident)
    if cell.until is Until.RESOLVED and incident.state in TAKEN:
        return f"still open after {duration(cell.after)}"
    return f"not acknowledged for {duration(cell.after)}"


def _opened(incident: Incident) -> str:
    return "new incident" if incident.storm is None else "many new incidents at once"


def because_moment(happened: Moment | None) -> str:
    """Why a step fires that waits for something to happen."""
    return f"it was {happened}"


def because_silent(incident: Incident, silence: int) -> str:
    """Why whoever acknowledged is paged again."""
    return f"{incident.acknowledged_by} acknowledged it, and there has been no activity for {duration(silence)}"


def because_flagged(flags: tuple[str, ...]) -> str:
    """Why a flag step fires."""
    return f"flagged {', '.join(flags)}"


def because_exhausted(incident: Incident) -> str:
    """Why the fallback pages."""
    return f"nobody has acknowledged it; every tier of {incident.severity} has been paged"


def because_unanswered(person: str) -> str:
    """Why a person's next contact method is used."""
    return f"{person} has not responded yet"


def because_shift(incident: Incident, rotation: str) -> str:
    """Why somebody who comes on call hears of an incident."""
    has = f"; {incident.acknowledged_by} has the incident" if incident.acknowledged_by else ""
    return f"you are now on call ({rotation}){has}"


def because_draft(number: int, draft: Draft) -> str:
    """Why somebody is told of a draft."""
    action = draft.action
    what = f"{action.what} for {', '.join(action.to)}" if action.to else f"the {action.verb} {action.what}"
    return f"{what} waits for your confirmation: tocsin incidents confirm {number} {draft.number}"


def because_flapping(incident: Incident, *, settled: bool) -> str:
    """Why a digest comes."""
    if incident.state is State.RESOLVED:
        now = "resolved"
    elif not incident.alerts_firing:
        now = "recovering"
    else:
        now = "firing"
    if settled:
        return f"flapping has stopped: {now} now"
    return f"flapping: {incident.flips_untold} changes since the last message; {now} now"


_NOT_DONE = {"respond": "responded to", "acknowledge": "acknowledged", "resolve": "resolved"}


def because_breached(incident: Incident, targets: tuple[str, ...]) -> str:
    """What was not done within the time that the severity gives for it."""
    level = incident.plan.level(incident.severity)
    if targets == ("update",):
        every = duration(level.update_every or 0)
        return f"no status update was posted in time ({incident.severity}: one every {every})"
    within = dict(level.promises)
    said = [f"not {_NOT_DONE[each]} within {duration(within[each])}" for each in targets if each in within]
    if len(targets) > 1 and len({within.get(each) for each in targets}) == 1:
        words = " or ".join(_NOT_DONE[each] for each in targets)
        said = [f"not {words} within {duration(within[targets[0]])}"]
    return f"{incident.severity} target missed: {', '.join(said)}"


def because_update_due(severity: str, every: int, times: int) -> str:
    """Why whoever writes the updates is reminded."""
    again = f"reminder {times}: " if times > 1 else ""
    return f"{again}a status update is due ({severity}: one every {duration(every)})"


def because_post_mortem_due(mortem: PostMortem, now: int) -> str:
    """Why the owner of a postmortem is reminded."""
    if now < mortem.due_at:
        return f"write the postmortem by {_clock(mortem.due_at)} ({duration(mortem.due_at - now)} left)"
    return f"the postmortem {_due(mortem.due_at, now)}"


def because_item_due(item: Item, now: int) -> str:
    """Why the owner of an action item is reminded."""
    return f"action item {item.number} {_due(item.due_at, now)}: {item.text}"


def _due(due_at: int, now: int) -> str:
    if now < due_at:
        return f"is due in {duration(due_at - now)}, by {_clock(due_at)}"
    if now < due_at + MINUTE:
        return "is due now"
    often = "daily" if now - due_at < DAILY_FOR else "weekly"
    return f"has been overdue for {duration(now - due_at)}; this reminder comes {often} until it is done"


def waits_for(wait: Wait) -> str:
    """What an incident waits for: ``maintenance window db-upgrade until 2026-11-25 12:00 UTC``."""
    match wait.reason:
        case WaitReason.WINDOW:
            until = f" until {_clock(wait.until)}" if wait.until is not None else ""
            return f"maintenance window {wait.by}{until}"
        case WaitReason.STORM:
            return f"one of many in storm #{wait.by}"
        case WaitReason.INHIBITED:
            return f"inhibited by rule {wait.by}"
        case WaitReason.FLAPPING:
            return "flapping, so one digest replaces a page per change"


def day(at: int) -> str:
    """The day of a moment, in UTC: ``20261125``."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y%m%d")


def _clock(at: int) -> str:
    """Return a moment in UTC; whoever shows it says it in the reader's time zone (`moments.in_zone`)."""
    return exact_moment(at) if at // SECOND % 60 else moment(at)

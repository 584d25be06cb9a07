"""Messages to the people who were paged: the incident has been acknowledged, snoozed, resolved or merged."""

from tocsin.channels.next_pages import unless_resolved
from tocsin.channels.persons import acknowledged_again, is_own, person, reachable
from tocsin.core.content.page import Content, Successor
from tocsin.core.duration import duration
from tocsin.core.schedule.moments import short_moment


def ending(content: Content) -> str:
    """Return how the incident ended, who had it, and what is still to be done; a command ends its line."""
    if content.successor is not None:
        return _merged(content, content.successor)
    if content.resolved_at is None:
        return "What you were paged for is over; the incident has opened again since."
    by = f" by {person(content, content.resolved_by)}" if content.resolved_by else ""
    how = "" if content.resolved_by else ": all alerts have cleared"
    after = duration(content.resolved_at - content.opened_at)
    left = _still_firing(content) or ([] if content.owed else ["No action needed."])
    resolved = " ".join([f"Resolved{by} after {after}{how}.", *left, _had(content)])
    if not content.owed:
        return resolved
    first, *more = content.owed
    return "\n".join([f"{resolved} {first}", *more])


def _still_firing(content: Content) -> list[str]:
    """Return which alerts of an incident that a person resolved still fire, and what follows."""
    firing = content.alerts_firing if content.resolved_by else 0
    if not firing:
        return []
    verb, they, go_on = ("alert still fires", "it", "goes") if firing == 1 else ("alerts still fire", "they", "go")
    left = [f"{firing} {verb}."]
    if content.reopens_at is not None:
        at = short_moment(content.reopens_at, content.now, content.time_zone)
        left.append(f"If {they} {go_on} on, the incident opens again at {at} and pages.")
    return left


def _had(content: Content) -> str:
    if is_own(content):
        return "You were the responder."
    if content.acknowledged_by:
        return f"{person(content, content.acknowledged_by)} was the responder."
    return "No one had acknowledged it."


def _merged(content: Content, other: Successor) -> str:
    by = f" by {person(content, content.resolved_by)}" if content.resolved_by else ""
    if not other.is_open:
        return f"Merged{by} into {other.name}, which is resolved by now. No action needed."
    if not other.held_by:
        who = "no one has acknowledged that one yet"
    elif other.held_by == content.target and not content.stranded:
        who = "you have that one"
    else:
        who = f"{person(content, other.held_by)} has that one"
    return (
        f"Merged{by} into {other.name}, which goes on: its alerts count there, and {who}.\n"
        f"Follow it: tocsin incidents show {other.number}"
    )


def taken_by_another(content: Content) -> str:
    """Return who has acknowledged the incident, for a person who stays paged until it is resolved."""
    who = person(content, content.acknowledged_by)
    if content.snoozed_until is not None:
        until = short_moment(content.snoozed_until, content.now, content.time_zone)
        what = f"{who} has acknowledged it, and it is snoozed until {until}."
    else:
        again = " again" if acknowledged_again(content) else ""
        what = f"{who} acknowledged it{again}{_answered(content)} and is responding."
    as_role = f" as {content.role}" if content.role else ""
    ask = f"ask {reachable(content, content.acknowledged_by)} whether help is needed"
    return f"{what} You stay involved{as_role} until it is resolved: {ask}. You need not acknowledge."


def taken(content: Content) -> str:
    """Return who has the incident now, and which pages still come if it is not resolved."""
    if content.snoozed_until is not None:
        return _snoozed(content, content.snoozed_until)
    coming, again = unless_resolved(content), " again" if acknowledged_again(content) else ""
    if is_own(content):
        return " ".join(filter(None, [f"You have acknowledged it{again}.", coming]))
    by = f"{person(content, content.acknowledged_by) or 'a responder'}{_answered(content)}"
    return " ".join(filter(None, [f"Acknowledged{again} by {by}. You do not need to respond now.", coming]))


def _answered(content: Content) -> str:
    """Return when the acknowledgment came that the message is about: the responder may have acknowledged before."""
    at = content.taken_at if content.answered_at is None else content.answered_at
    return f" at {short_moment(at, content.now, content.time_zone)}" if at is not None else ""


def _snoozed(content: Content, until: int) -> str:
    """Return until when the incident is snoozed, and what happens then."""
    at = short_moment(until, content.now, content.time_zone)
    is_reader = content.snoozed_by == content.target and not content.stranded
    by = "you" if is_reader else person(content, content.snoozed_by)
    rest = "" if is_reader else " You do not need to respond before then."
    return f"Snoozed until {at} by {by}. If it is not resolved by then, the people paged last are paged again.{rest}"

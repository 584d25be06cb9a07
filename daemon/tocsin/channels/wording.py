"""Sentences that all channels share: short and clear for a reader who was asleep a minute ago.

Everything here may hold text from outside; a channel escapes it for its provider.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from tocsin.channels.alert_groups import AlertGroup, distinct, grouped
from tocsin.channels.text import sentence
from tocsin.core.clock import BREACH_STEP, DRAFT_STEP, ITEM_STEP, POST_MORTEM_STEP, UPDATE_STEP, Promise
from tocsin.core.duration import duration
from tocsin.core.moments import moment, short_moment
from tocsin.core.outbox import Job
from tocsin.core.page import Content
from tocsin.core.playbook import MINUTE, SECOND
from tocsin.core.transitions.reach import SHIFT
from tocsin.core.wording import DUE_NOW

LATE_FROM = 10 * SECOND
"""A page that is less late than this does not say so."""

_KINDS = {
    f"{BREACH_STEP}{Promise.UPDATE}": "UPDATE OVERDUE",
    BREACH_STEP: "TARGET MISSED",
    UPDATE_STEP: "UPDATE DUE",
    POST_MORTEM_STEP: "POSTMORTEM DUE",
    ITEM_STEP: "ACTION ITEM DUE",
    DRAFT_STEP: "DRAFT TO CONFIRM",
    f"{SHIFT}:": "HANDOVER",
}
"""What an update is, by its step."""


def iso(at: int) -> str:
    """A point in time as ISO 8601 in UTC, to the microsecond."""
    return datetime.fromtimestamp(at // SECOND, UTC).replace(microsecond=at % SECOND).isoformat()


def headline(content: Content) -> str:
    """Return the incident in one line: ``[SEV-1] #12 checkout: HighLatency``."""
    if content.is_reminder:
        return subject(content)
    drill = "DRILL " if content.drill else ""
    return f"{drill}[{content.severity}] {_named(content)}"


def subject(content: Content) -> str:
    """Return the incident in one line that stays the same for its life: ``#12 checkout: HighLatency``."""
    if content.members is not None:  # the title of a storm counts its incidents
        return f"{content.name or f'#{content.number}'} {title(content).rpartition(': ')[0] or 'Storm'}"
    if content.is_reminder:
        return f"Reminder: {title(content)} ({content.service})"
    return f"{'DRILL ' if content.drill else ''}{_named(content)}"


def _named(content: Content) -> str:
    where = service(content)
    return f"{content.name or f'#{content.number}'} {f'{where}: ' if where else ''}{title(content)}"


def service(content: Content) -> str:
    """Return the service; a storm is no single service's."""
    return content.service if content.members is None else ""


def title(content: Content) -> str:
    """Return the title as it stands within a line: without a period, and without the service that stands beside it."""
    bare = content.title.rstrip(" .") or content.title
    return bare.removesuffix(f" ({content.service})") if content.service else bare


def condition(content: Content) -> str:
    """Return the incident's state in words: ``recovering`` in its hold-down, and why nobody is paged."""
    if content.recovering and content.resolved_at is None:
        return "recovering"
    state = "not acknowledged" if content.state == "triggered" else content.state
    if content.doubted:
        return f"{state}, not believed to be over without the Watchdog of {content.doubted}"
    if not content.waits:
        return state
    return f"{state}{'' if content.job is Job.PAGE else ', nobody is paged'}: {'; '.join(content.waits)}"


def standing(content: Content) -> str:
    """Return where it stands: ``alex has had it since 04:31 CET; 30 alerts firing``."""
    if content.state == "resolved":
        return "resolved"
    state = _holder(content, you="you have") if is_taken(content) else condition(content)
    return f"{state}; {alerts(content)}"


def kind(content: Content) -> str:
    """Return in a word or two what this message is: ``PAGE``, ``TARGET MISSED``; "" where the headline says it."""
    if content.is_reminder:
        return ""
    if content.job is Job.ACKNOWLEDGE:
        return "ACKNOWLEDGED"
    if content.job is Job.RESOLVE:
        return "RESOLVED"
    if content.job is not Job.UPDATE:
        return content.job.upper()
    return next((words for step, words in _KINDS.items() if content.step.startswith(step)), "UPDATE")


def is_taken(content: Content) -> bool:
    """Whether somebody has acknowledged it, so that nobody else needs to."""
    return content.state in ("acknowledged", "snoozed") and bool(content.acknowledged_by)


def reason(content: Content) -> str:
    """Return why this comes now, as a sentence (``Not acknowledged for 15 min.``).

    A page of an incident that somebody has says who: ``Still open after 1 h. alex has had it since 13:22 UTC.``
    """
    because = content.because
    if content.is_reminder and because == DUE_NOW:
        return f"Due since {short_moment(content.opened_at, content.now, content.time_zone)}."
    who = content.acknowledged_by
    first = because if who and because.startswith(f"{who} ") else because[:1].upper() + because[1:]
    sentences = [sentence(first)]
    if content.job is Job.PAGE and is_taken(content):
        sentences.append(f"{_holder(content)}.")
    elif content.job is Job.PAGE and content.state == "triggered" and who:
        own = "Your" if _is_own(content) else f"{who}'s"
        sentences.append(
            f"{own} acknowledgment no longer counts{': please acknowledge again' if _is_own(content) else ''}."
        )
    return " ".join(sentences)


def why(content: Content) -> str:
    """Return all that says why this comes, and what to do: of a job that is for no person, its reason as it is."""
    match content.job:
        case Job.PAGE:
            return " ".join(filter(None, [reason(content), help_wanted(content), following(content)]))
        case Job.UPDATE:
            return f"{reason(content)} {request(content)}".rstrip()
        case Job.ACKNOWLEDGE:
            return taken(content)
        case Job.RESOLVE:
            return ending(content)
    return content.because


def remarks(content: Content, *, seen_once: bool = False) -> list[str]:
    """Return what else the reader must know, a sentence each, the most urgent first.

    ``seen_once``: the provider drops repeats by our key, so that no duplicate can be seen.
    """
    found = []
    if content.drill:
        found.append("This is a drill: nothing is broken. Acknowledge it as you would a real page.")
    if content.stranded:
        found.append(stranded(content))
    if content.possible_duplicate and not seen_once:
        found.append("You may have had this already: an earlier attempt got no answer.")
    if content.late >= LATE_FROM:
        found.append(f"This comes {duration(content.late)} late.")
    if content.unrouted:
        found.append("No rule placed this alert: it runs at the default severity for unrouted alerts.")
    return found


def stranded(content: Content) -> str:
    """Return why this did not go to its own target, and what to do about that."""
    why = content.stranded_because or f"Tocsin has no working contact for {content.target}"
    wanted = content.job is Job.PAGE and not is_taken(content)
    ask = "Please find somebody who can respond, or acknowledge this yourself." if wanted else "Please pass this on."
    return f"{why[:1].upper()}{why[1:]}. {ask}"


def storm_list(content: Content) -> str:
    """Return how to list the incidents of a storm, "" of any other incident."""
    return f"List them: tocsin incidents list --storm {content.number}" if content.members is not None else ""


def following(content: Content) -> str:
    """Return whom a page that nobody acknowledges brings in next, "" where that is not known."""
    if content.job is not Job.PAGE or content.state != "triggered" or content.next_page is None:
        return ""
    at = short_moment(content.next_page.at, content.now, content.time_zone)
    return f"If nobody acknowledges it by {at}, {content.next_page.who} will be paged."


def request(content: Content) -> str:
    """Return what the reader is to do next, "" where nothing is asked of them."""
    if content.job is Job.UPDATE:
        return _request_of_an_update(content)
    if content.job is not Job.PAGE:
        return ""
    if is_taken(content):
        return f"{help_wanted(content)} Details: tocsin incidents show {content.number}".lstrip()
    what = f" all {content.members}" if content.members is not None else ""
    return f"Acknowledge{what}: tocsin incidents ack {content.number}"


def help_wanted(content: Content) -> str:
    """Return what whoever is paged for an incident is to do that somebody else has; "" where nobody else has it."""
    if content.job is not Job.PAGE or not is_taken(content) or _is_own(content):
        return ""
    who = content.acknowledged_by
    return f"Contact {who}." if content.because.startswith(f"{who} asks ") else f"Ask {who} whether they need help."


def _request_of_an_update(content: Content) -> str:
    """Return what an update asks for: the first of these that its step begins with."""
    number, step = content.number, content.step
    has_it = content.acknowledged_by if is_taken(content) and not _is_own(content) else ""
    post = f"Ask {has_it}, who has the incident; then post" if has_it else "Post"
    post = f"{post} one: tocsin incidents update {number} TEXT"
    item = step.removeprefix(ITEM_STEP).partition(".")[0]
    requests = {
        UPDATE_STEP: post,
        f"{BREACH_STEP}{Promise.UPDATE}": post,
        BREACH_STEP: "" if content.stranded else "For your information only.",
        f"{SHIFT}:": f"Agree with {has_it} who keeps it." if has_it else "",
        POST_MORTEM_STEP: f"Then record it: tocsin incidents reviewed {number} --link URL",
        ITEM_STEP: f"When it is done: tocsin incidents done {number} {item}",
    }
    if content.is_reminder:
        return f"When it is done: tocsin incidents resolve {number} (closes this reminder only)"
    return next((request for start, request in requests.items() if step.startswith(start)), "")


def concerns(content: Content) -> str:
    """Return whose it is, and what could heal it, "" where no rule says."""
    found = [f"team {content.team}" if content.team else ""]
    found.append(f"automation {content.automation}" if content.automation else "")
    return ", ".join(filter(None, found))


def alerts(content: Content) -> str:
    """Return how many alerts fire: ``3 of 5 alerts firing``; of a storm, how many incidents it tells of."""
    if content.members is not None:
        return f"{content.members} incidents"
    firing, total = content.alerts_firing, content.alerts_total
    if not total:
        return "declared by hand"
    if not unseen(content):  # an alert that fires again has been counted before
        total = max(firing, len(distinct(content.alerts)))
    noun = "alert" if total == 1 else "alerts"
    if not firing:
        return {1: "1 alert resolved", 2: "both alerts resolved"}.get(total, f"all {total} alerts resolved")
    return f"{firing} {noun} firing" if firing == total else f"{firing} of {total} {noun} firing"


def since(content: Content) -> str:
    """Return since when it has been open, and for how long: ``open since 2026-11-20 03:00 UTC (5 min)``."""
    opened = moment(content.opened_at, content.time_zone)
    if content.resolved_at is not None:
        return f"opened at {opened}"
    open_for = content.now - content.opened_at
    return f"open since {opened}{f' ({duration(open_for)})' if open_for >= MINUTE else ''}"


def unseen(content: Content) -> int:
    """Return how many alerts, or incidents of a storm, there are besides those that the content holds."""
    total = content.alerts_total if content.members is None else content.members
    return max(0, total - len(content.alerts))


def unseen_firing(content: Content) -> int:
    """Return how many of the `unseen` ones fire; of a storm, all count."""
    if content.members is not None:
        return unseen(content)
    seen = sum(alert.firing for alert in content.alerts)
    return min(unseen(content), max(0, content.alerts_firing - seen))


class Shown(NamedTuple):
    """The groups of alerts that a message shows."""

    groups: tuple[tuple[AlertGroup, int], ...]
    """Each with the number of alerts that belong to it and are not in the sample."""
    more: str
    """What is not shown: ``3 more and 30 resolved``; "" where nothing is."""

    @classmethod
    def of(cls, content: Content, most: int) -> "Shown":
        """Return at most so many groups."""
        groups = grouped(content.alerts)
        firing, hidden = unseen_firing(content), sum(len(group.members) for group in groups[most:])
        resolved = unseen(content) - firing
        if len(groups) != 1:
            alike, hidden = 0, hidden + firing
        elif groups[0].is_firing or content.members is not None:
            alike = firing
        else:
            alike, resolved = resolved, 0
        more = [f"{hidden} more" if hidden else "", f"{resolved} resolved" if resolved else ""]
        return cls(tuple((group, alike) for group in groups[:most]), " and ".join(filter(None, more)))


def count(group: AlertGroup, unseen: int, content: Content) -> str:
    """Return how many alerts a group has: ``30 firing``, or of a storm ``11 incidents``; "" for a single one."""
    number = len(group.members) + unseen
    if number == 1:
        return ""
    if content.members is not None:
        return f"{number} incidents"
    return f"{number} firing" if group.is_firing else f"{number} alerts"


def ending(content: Content) -> str:
    """Return how the incident ended, and whether anybody had it: for those who were paged."""
    if content.resolved_at is None:
        return "What you were paged for is over; the incident has opened again since."
    by = f" by {content.resolved_by}" if content.resolved_by else ""
    how = "" if content.resolved_by else ": all alerts have cleared"
    after = duration(content.resolved_at - content.opened_at)
    is_firing = content.resolved_by and content.alerts_firing
    calm = f"{content.alerts_firing} of its alerts still fire." if is_firing else "No action needed."
    if _is_own(content):
        had = "You had it."
    elif content.acknowledged_by:
        had = f"{content.acknowledged_by} had it."
    else:
        had = "Nobody had acknowledged it."
    return f"Resolved{by} after {after}{how}. {calm} {had}"


def taken(content: Content) -> str:
    """Return who has the incident now, and what still comes unless it is resolved."""
    taken_at = content.taken_at
    at = f" at {short_moment(taken_at, content.now, content.time_zone)}" if taken_at is not None else ""
    is_own, who = _is_own(content), content.acknowledged_by or "someone"
    had = "You have acknowledged it." if is_own else f"Acknowledged by {who}{at}."
    had = " ".join(filter(None, [had, unless_resolved(content)]))
    return had if is_own else f"{had} You do not need to respond."


def unless_resolved(content: Content) -> str:
    """Return whom an incident that somebody has still brings in, "" where that is nobody."""
    if content.next_page is None or not is_taken(content):
        return ""
    at = short_moment(content.next_page.at, content.now, content.time_zone)
    return f"Unless it is resolved by {at}, {content.next_page.who} will be paged."


def _is_own(content: Content) -> bool:
    """Whether the reader has acknowledged it."""
    return not content.stranded and content.acknowledged_by is not None and content.acknowledged_by == content.target


def _holder(content: Content, you: str = "You have") -> str:
    """Return who has it: ``alex has had it since 04:31 CET``."""
    who = you if _is_own(content) else f"{content.acknowledged_by} has"
    if content.taken_at is None:
        return f"{who} it"
    return f"{who} had it since {short_moment(content.taken_at, content.now, content.time_zone)}"

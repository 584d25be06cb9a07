"""Sentences that all channels share: short and clear for a reader who was asleep a minute ago.

Everything here may hold text from outside; a channel escapes it for its provider.
"""

import re
from datetime import UTC, datetime

from tocsin.channels import hand_over, next_steps, outcomes, tasks
from tocsin.channels.alert_groups import common_place
from tocsin.channels.counts import alerts, tells_declarer
from tocsin.channels.next_pages import following, is_taken
from tocsin.channels.persons import capitalized, holder, is_own, person, reachable
from tocsin.channels.text import sentence
from tocsin.core.content.page import Content
from tocsin.core.duration import MINUTE, SECOND, duration
from tocsin.core.incident.outbox import DIGEST, Job
from tocsin.core.incident.sla import (
    ACKNOWLEDGED_STEP,
    BREACH_STEP,
    CANCELED_MEETING_STEP,
    DRAFT_STEP,
    HANDOFF_STEP,
    HANDOFFS_STEP,
    MEETING_STEP,
    ROLE_STEP,
    TAKEN_OVER_STEP,
    UNCONFIRMED_STEP,
    UPDATE_STEP,
    Promise,
)
from tocsin.core.incident.wording import AS_IT_WAS, DUE_NOW, NEW, OVERDUE
from tocsin.core.schedule.moments import moment, short_moment

LATE_FROM = 10 * SECOND
"""Delay from which a page mentions that it is late."""
NAMES = 4
"""Maximum number of people of a list that are named."""

STORM_TITLES = 2
"""Maximum number of incidents whose titles a storm's headline names."""
ACKNOWLEDGE_AGAIN = "Your acknowledgment no longer counts: please acknowledge again."
CONSOLE = "console"
"""The name of tocsin's console, which is no person."""
_NUMBER = re.compile(r"#(\d+)\b", re.ASCII)

_KINDS = {
    f"{BREACH_STEP}{Promise.UPDATE}": "UPDATE OVERDUE",
    BREACH_STEP: "TARGET MISSED",
    UPDATE_STEP: "UPDATE DUE",
    MEETING_STEP: "INVITATION",
    CANCELED_MEETING_STEP: "MEETING CANCELED",
    UNCONFIRMED_STEP: "DRAFT NOT CONFIRMED",
    DRAFT_STEP: "DRAFT TO CONFIRM",
    HANDOFF_STEP: "HANDOVER",
    HANDOFFS_STEP: "HANDOVER:",
    DIGEST: "FLAPPING",
    TAKEN_OVER_STEP: "TAKEN OVER",
    ROLE_STEP: "YOUR ROLE",
    ACKNOWLEDGED_STEP: "ACKNOWLEDGED",
}
"""The kind of an update, by its step."""


STATES = {"triggered": "not acknowledged", "pending": "no one is paged yet: automation has time to heal it"}
"""Labels for states whose name is not clear enough."""


def iso(at: int) -> str:
    """Return a time as ISO 8601 in UTC, to the microsecond."""
    return datetime.fromtimestamp(at // SECOND, UTC).replace(microsecond=at % SECOND).isoformat()


def headline(content: Content) -> str:
    """Return the incident in one line: ``[SEV-1] #12 checkout: HighLatency``."""
    if content.is_reminder:
        return subject(content)
    if content.is_notice:
        return subject(content)
    if shift := hand_over.of(content):
        return _handed_over(shift)
    if content.is_own or content.is_alarm:
        where = "" if content.is_alarm else f"[tocsin itself] {content.name or f'#{content.number}'} "
        return f"{where}{title(content)}"
    drill = "DRILL " if content.drill else ""
    named = f"{_storm_name(content)}: {storm(content)}" if content.members is not None else _named_with_place(content)
    return f"{drill}[{content.severity}] {named}"


def storm(content: Content) -> str:
    """Return a storm in words: ``11 incidents at once (#1 to #11): A target is down``."""
    titles = list(dict.fromkeys(alert.labels.get("alertname", "") for alert in content.alerts))
    broken = ", ".join(titles[:STORM_TITLES])
    more = ", and more" if len(titles) > STORM_TITLES else ""
    return f"{content.members} incidents at once{_numbers(content)}: {broken or 'see the list'}{more}"


def _numbers(content: Content) -> str:
    """Return the numbers of a storm's incidents, if they are known and consecutive."""
    matches = [_NUMBER.match(alert.labels.get("incident", "")) for alert in content.alerts]
    numbers = sorted(int(match[1]) for match in matches if match is not None)
    if len(numbers) < 2 or len(numbers) != content.members or numbers[-1] - numbers[0] != len(numbers) - 1:
        return ""
    return f" (#{numbers[0]} to #{numbers[-1]})"


def _storm_name(content: Content) -> str:
    return f"Storm {content.name or f'#{content.number}'}"


def subject(content: Content) -> str:
    """Return the incident in one line that never changes: ``#12 checkout: HighLatency``."""
    if content.members is not None:  # neither the number of its incidents nor their titles stay the same
        return f"{_storm_name(content)}: many incidents at once"
    if content.is_reminder:
        return f"Reminder {content.name or f'#{content.number}'}: {title(content)} ({_playbook(content)})"
    if content.is_notice:
        return f"FYI {content.name or f'#{content.number}'}: {title(content)}"
    if content.is_alarm:
        return title(content)
    if shift := hand_over.of(content):
        return f"Handover: {_handed_over(shift)}"
    return f"{'DRILL ' if content.drill else ''}{_named(content)}"


def _named_with_place(content: Content) -> str:
    """Return the incident's name and title, with the place where no text of an alert names it."""
    return ", ".join([_named(content), *affected(content)])


def affected(content: Content) -> list[str]:
    """Return the labels that identify the object of alerts without a text: ``mountpoint /var``; else none."""
    if content.summary or content.members is not None or content.is_alarm:
        return []
    return common_place(content.alerts, f"{content.title} {content.service}")


def _handed_over(shift: hand_over.HandOver) -> str:
    return f"{shift.total} open incidents ({shift.numbers})"


def _named(content: Content) -> str:
    where = service(content)
    return f"{content.name or f'#{content.number}'} {f'{where}: ' if where else ''}{title(content)}"


def service(content: Content) -> str:
    """Return the service; a storm is no single service's."""
    return content.service if content.members is None else ""


def title(content: Content) -> str:
    """Return the title for use within a line: without a period, and without the service, which is shown next to it."""
    bare = content.title.rstrip(" .") or content.title
    return bare.removesuffix(f" ({content.service})") if content.service else bare


def condition(content: Content) -> str:
    """Return the state in words, including a hold-down (``recovering``) and the reason why pages are held."""
    if content.successor is not None:
        return f"merged into #{content.successor.number}"
    if content.recovering and content.resolved_at is None:
        return "recovering"
    if content.snoozed_until is not None:
        by = person(content, content.snoozed_by)
        return f"snoozed until {short_moment(content.snoozed_until, content.now, content.time_zone)} by {by}"
    state = STATES.get(content.state, content.state)
    if content.doubted:
        return f"{state}; its alerts have ended, but without a heartbeat from {content.doubted} that is not certain"
    if not content.waits:
        return state
    return f"{state}{'' if content.job is Job.PAGE else ', no one is paged'}: {'; '.join(content.waits)}"


def standing(content: Content) -> str:
    """Return the current state: ``alex has been the responder since 04:31 CET; 30 alerts firing``."""
    if content.state == "resolved":
        return condition(content)
    is_held = is_taken(content) and content.snoozed_until is None
    state = holder(content, you="you") if is_held else condition(content)
    return "; ".join(filter(None, [state, alerts(content)]))


def has_state(content: Content) -> bool:
    """Return whether an update shows the incident's current state: it is about one incident that can be broken."""
    return not (content.is_reminder or content.is_notice or content.is_alarm or hand_over.of(content))


def extent(content: Content) -> str:
    """Return the size and the start: ``30 alerts firing, open since 2026-11-20 04:00 CET``; "" for an alarm."""
    return "" if content.is_alarm else ", ".join(filter(None, [alerts(content), since(content)]))


def kind(content: Content) -> str:
    """Return the kind of this message: ``PAGE``, ``TARGET MISSED``; "" if the headline has it."""
    if content.is_reminder or (content.is_notice and content.job is Job.UPDATE):
        return ""
    if content.job is Job.ACKNOWLEDGE:
        return "SNOOZED" if content.snoozed_until is not None else "ACKNOWLEDGED"
    if content.job is Job.RESOLVE:
        return "MERGED" if content.successor is not None else "RESOLVED"
    if content.job is not Job.UPDATE and content.step != DIGEST:
        return content.job.upper()
    return _kind_by_reason(content) or next(
        (words for step, words in _KINDS.items() if content.step.startswith(step)), "UPDATE"
    )


def _kind_by_reason(content: Content) -> str:
    is_late = content.step.startswith(UPDATE_STEP) and content.because.startswith(OVERDUE)
    return "UPDATE OVERDUE" if is_late else tasks.header(content)


def reason(content: Content) -> str:
    """Return the reason for this message as a sentence (``Not acknowledged for 15 min.``).

    A page of an acknowledged incident names the responder. A page to a later tier names the reader's role: ``You are
    paged as Engineering manager.``
    """
    because = content.because
    if content.is_notice or (content.is_own and because == NEW):
        return ""
    if content.is_reminder and because == DUE_NOW:
        return f"Due since {short_moment(content.opened_at, content.now, content.time_zone)}."
    if task := tasks.reason(content):
        return task
    if content.step.startswith(ACKNOWLEDGED_STEP):
        return outcomes.taken_by_another(content)
    if shift := hand_over.of(content):
        return (
            f"{sentence(capitalized(content, shift.because))} Open from the last shift: {_lead(content)}, {shift.rest}."
        )
    if content.step.startswith(HANDOFF_STEP) and is_taken(content) and not is_own(content):
        because = because.partition("; ")[0]  # the request names the responder
    if content.raised_by:
        because = f"{because} ({content.raised_by})"
    sentences = [sentence(capitalized(content, because)), _of_a_digest(content), role(content)]
    if tells_declarer(content):
        sentences.append(f"{reachable(content, content.declared_by)} declared it: ask what is broken, and since when.")
    sentences.append(_responder(content))
    return " ".join(filter(None, sentences))


def _lead(content: Content) -> str:
    """Return the incident that a hand-over of several is sent for, as the others are listed."""
    return f"{_named(content)} ({content.severity})"


def _of_a_digest(content: Content) -> str:
    if content.step != DIGEST or content.job is not Job.PAGE or content.state != "triggered":
        return ""
    return "Once you acknowledge, the summaries no longer page you."


def _responder(content: Content) -> str:
    """Return who has acknowledged the incident that a page is about, or had before the severity was raised."""
    who = content.acknowledged_by
    if content.job is not Job.PAGE or not who:
        return ""
    if is_taken(content):
        return "" if next_steps.asks_for_help(content) else f"{holder(content)}."
    if content.state != "triggered":
        return ""
    if is_own(content):
        return ACKNOWLEDGE_AGAIN
    return f"{person(content, who)}'s acknowledgment no longer counts."


def role(content: Content) -> str:
    """Return the role of the reader, and who else is paged in it now; "" for the first tier."""
    shown = [person(content, name) for name in content.paged_with[:NAMES]]
    company = f", with {' and '.join(shown)}" if shown else ""
    if content.role and "you are paged as " not in content.because:
        return f"You are paged as {content.role}{company}."
    return f"Paged with you: {' and '.join(shown)}." if shown and " asks for your help " in content.because else ""


def paged_before(content: Content) -> str:
    """Return who was paged before this reader: ``alex was paged at 04:00 CET and has not acknowledged it.``, or ""."""
    holder = content.acknowledged_by if is_taken(content) else None
    others = [paged for paged in content.paged_before if paged.who != holder]
    more = f", and {len(others) - NAMES} more" if len(others) > NAMES else ""
    together: dict[str, list[str]] = {}
    for paged in others[:NAMES]:
        at = short_moment(paged.at, content.now, content.time_zone)
        together.setdefault(at, []).append(person(content, paged.who))
    if not together:
        return ""
    (first, names), *later = together.items()
    times = [f"{' and '.join(names)} {'was' if len(names) == 1 else 'were'} paged at {first}"]
    times += [f"{' and '.join(names)} at {at}" for at, names in later]
    is_unanswered = content.state == "triggered" and not content.acknowledged_by
    if not is_unanswered:
        return _capital(f"{', '.join(times)}{more}.")
    answer = " and has not acknowledged it" if len(others) == 1 else "; none of them has acknowledged it"
    return _capital(f"{', '.join(times)}{more}{answer}.")


def why(content: Content) -> str:
    """Return the reason for this message, and what to do; for the incident's own message, its current state."""
    match content.job:
        case Job.PAGE:
            parts = [reason(content), paged_before(content), following(content)]
            return "\n".join(filter(None, [" ".join(filter(None, parts)), next_steps.request(content)]))
        case Job.ANNOUNCE:
            return f"Current state: {standing(content)}."
        case Job.UPDATE:
            own = "\n".join(filter(None, [reason(content), next_steps.request(content)]))
            return own if content.text is None else _of_the_playbook(content)
        case Job.ACKNOWLEDGE:
            return outcomes.taken(content)
        case Job.RESOLVE:
            return outcomes.ending(content)
    return content.because


_SENT_AT = {
    "ticketed": ", sent when its ticket was requested",
    "recorded": ", sent when a fact was recorded",
    "reviewed": ", sent when the postmortem was written",
}
"""The phrases for moments that are not moments of the incident itself."""


def _of_the_playbook(content: Content) -> str:
    """Return which playbook a message is from, and what it was sent for."""
    moment_of_it = content.because.rpartition(AS_IT_WAS)[2] if AS_IT_WAS in content.because else ""
    sent = _SENT_AT.get(moment_of_it, f", sent when the incident was {moment_of_it}") if moment_of_it else ""
    return f"Message of the playbook {content.playbook_title or content.playbook}{sent}."


def _playbook(content: Content) -> str:
    return content.playbook_title or content.service


def remarks(content: Content, *, seen_once: bool = False) -> list[str]:
    """Return further important information, a sentence each, the most urgent first.

    ``seen_once``: the provider deduplicates by our key, so a recipient can never see a duplicate.
    """
    sentences = []
    if content.drill:
        sentences.append("This is a drill: nothing is broken. Acknowledge it as you would a real page.")
    if content.stranded:
        sentences.append(stranded(content))
    if content.possible_duplicate and not seen_once:
        sentences.append("You may have had this already: an earlier attempt got no answer.")
    if content.late >= LATE_FROM:
        sentences.append(f"This comes {duration(content.late)} late.")
    if content.unrouted:
        why = content.unplaced or "tocsin gave it a default severity"
        sentences.append(f"The rules could not classify this alert: {why}.")
    return sentences


def _capital(text: str) -> str:
    """Return a sentence with a capital, unless it begins with a person's name, which keeps its spelling."""
    return f"The{text[3:]}" if text.startswith("the channel ") else text


def stranded(content: Content) -> str:
    """Return what to do with a message that did not reach its own target, and why it did not."""
    name = person(content, content.target)
    why = content.stranded_because or f"Tocsin has no working contact for {name}"
    why = f"{why}." if why.startswith(f"{name} ") else f"{why[:1].upper()}{why[1:]}."
    is_vacant = why.startswith("No one is on call")
    if content.job is Job.PAGE and not is_taken(content):
        place = why if is_vacant else f"You get this in place of {name}, who cannot be reached."
        request = "Find a person who can respond, or acknowledge it yourself."
        return f"{place} {request}" if is_vacant else f"{place} {request} {why}"
    if is_vacant:
        return f"{why[:-1]}: please find a person who should know this."
    reached = reachable(content, content.target)
    if content.job is Job.UPDATE:
        return f"{why[:-1]}: please tell {reached}."
    return f"You get this in place of {name}. Please tell {reached}. You need not acknowledge. {why}"


def addressee(content: Content) -> str:
    """Return for whom the message is, or in whose place the reader gets it; "" for tocsin's console."""
    name = person(content, content.target)
    if content.stranded:
        return f"in place of {name}"
    return f"for {name}" if content.target not in ("", CONSOLE) else ""


def meaning(content: Content) -> str:
    """Return the incident's impact, for a channel with room for paths and commands."""
    return " ".join(filter(None, [content.summary, content.steps]))


def storm_list(content: Content) -> str:
    """Return how to list the incidents of a storm, "" of any other incident."""
    return f"List them: tocsin incidents list --storm {content.number}" if content.members is not None else ""


def concerns(content: Content) -> str:
    """Return the owner, and the automation that may fix it, "" if no rule names them."""
    sentences = [f"team {content.team}" if content.team else ""]
    sentences.append(f"automation {content.automation}" if content.automation else "")
    return ", ".join(filter(None, sentences))


def since(content: Content) -> str:
    """Return since when it has been open, and for how long: ``open since 2026-11-20 03:00 UTC (5 min)``."""
    opened = moment(content.opened_at, content.time_zone, content.now)
    if content.resolved_at is not None:
        return f"opened at {opened}"
    open_for = content.now - content.opened_at
    again = "again " if content.occurrence > 1 else ""
    return f"open {again}since {opened}{f' ({duration(open_for)})' if open_for >= MINUTE else ''}"

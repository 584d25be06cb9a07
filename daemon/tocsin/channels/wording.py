"""Sentences that all channels share: short and clear for a reader who was asleep a minute ago.

Everything here may hold text from outside; a channel escapes it for its provider.
"""

from datetime import UTC, datetime
from typing import TypeGuard

from tocsin.channels.alert_groups import distinct
from tocsin.channels.text import sentence
from tocsin.core.clock import ITEM_STEP, POST_MORTEM_STEP, UPDATE_STEP
from tocsin.core.duration import duration
from tocsin.core.event import Entry
from tocsin.core.moments import exact_moment, in_zone, moment, short_moment
from tocsin.core.outbox import Job
from tocsin.core.page import Content
from tocsin.core.playbook import MINUTE, SECOND
from tocsin.core.wording import NOT_RESOLVED

LATE_FROM = 10 * SECOND
"""A page that is less late than this does not say so."""

_PHRASES = {
    "held": "held: automation has time to heal it",
    "triggered": "opened at {severity}",
    "reopened": "firing again at {severity}: occurrence {occurrence}",
    "joined": "{count} more firing, {firing} in total",
    "reconciled": "{count} no longer known to Alertmanager, {firing} still firing",
    "doubted": "kept open: too many alerts of {source} resolved together, and its Watchdog is missing",
    "fires_on": "still firing (an earlier resolve was wrong)",
    "alerts_resolved": "{count} resolved, {firing} still firing",
    "fires_again": "firing again before it was resolved",
    "recovering": "recovering: all its alerts have resolved",
    "severity": "severity {from} -> {to} ({because})",
    "pinned": "severity pinned at {severity}",
    "unpinned": "severity follows the alerts again",
    "flags": "flags changed: +{add} -{remove}",
    "acknowledged": "acknowledged",
    "acknowledged_also": "acknowledged as well",
    "unacknowledged": "needs a new acknowledgment ({because})",
    "late_acknowledgment": "acknowledged too late: it was already resolved",
    "snoozed": "snoozed until {until}",
    "unsnoozed": "no longer snoozed: {because}",
    "passed": "tier {tier} skipped: {because}",
    "deferred": "tier {tier} waits for business hours, until {until} ({because})",
    "replanned": "now follows the current version of playbook {playbook}",
    "late_resolve": "resolved too late: it was already resolved",
    "waits": "nobody is paged: {because}",
    "waited": "no longer waits: {because}",
    "storm_over": "the storm is over: {members} incidents",
    "escalation_asked": "escalation requested",
    "escalated": "paging {targets} (tier {tier}: {because})",
    "next_method": "reaching {target} by contact method {method} (tier {tier})",
    "informed": "informing {targets} (tier {tier}: {because})",
    "fact": "{name}: {text}",
    "declared": "declared at {severity}",
    "merged": "merged into incident #{into}, with {alerts} alerts",
    "merged_with": "incident #{incident} merged into this one",
    "split_off": "incident #{incident} unmerged",
    "linked": "linked to incident #{incident}",
    "note": "note: {text}",
    "update_posted": "update {number}: {text}",
    "status": "status {before} -> {after}",
    "role": "{role}: {person}",
    "ticked": "{checklist}: done: {text}",
    "unticked": "{checklist}: reopened: {text}",
    "told": "{template} sent to {targets}",
    "drafted": "draft {draft}: {what} waits for confirmation",
    "confirmed": "draft {draft} confirmed: {what}",
    "discarded": "draft {draft} discarded: {what}",
    "automation_asked": "automation {target} requested",
    "ticket_asked": "ticket requested in {tracker}",
    "ticket": "ticket {ticket} opened in {tracker}",
    "ticket_closed": "ticket {ticket} closed in {tracker}",
    "ticket_reopened": "ticket {ticket} reopened in {tracker}",
    "ticket_refused": "{tracker} refused {job}, no more attempts: {detail}",
    "breached": "{because}",
    "reminded": "reminding {targets}: {because}",
    "post_mortem_asked": "postmortem due by {due_at}",
    "post_mortem_done": "postmortem done",
    "post_mortem_waived": "no postmortem needed: {reason}",
    "item_added": "action item {number}: {text} ({kind}, due {due_at})",
    "item_done": "action item {number} done: {text}",
    "room_asked": "room {name} requested in {channel}",
    "room": "room {name} created in {channel}",
    "room_refused": "{channel} refused a change of the room, no more attempts: {detail}",
    "room_archived": "room {name} archived",
    "resolved": "resolved",
    "sent": "{job} to {target} sent through {channel}",
    "dead": "{job} to {target} refused by {channel}, no more attempts: {detail}",
    "superseded": "{job} to {target} no longer needed",
}
"""The timeline's entries (``Entry.kind``) in words; an entry that is not here is told by its name and data."""


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
        return f"{content.name or f'#{content.number}'} Storm of incidents"
    kind = "DRILL " if content.drill else "Reminder " if content.is_reminder else ""
    return kind + _named(content)


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
    if content.doubted:
        return f"{content.state}, not believed to be over without the Watchdog of {content.doubted}"
    return f"{content.state}, nobody is paged: {'; '.join(content.waits)}" if content.waits else content.state


def is_taken(content: Content) -> bool:
    """Whether somebody has acknowledged it, so that nobody else needs to."""
    return content.state in ("acknowledged", "snoozed") and bool(content.acknowledged_by)


def reason(content: Content) -> str:
    """Return why this comes now, as a sentence (``Not acknowledged within 15 m.``).

    A page of an incident that somebody has says who: ``Acknowledged by alex at 13:22 UTC; not resolved within 30 m.``
    """
    because = content.because
    if content.job is Job.PAGE and is_taken(content):
        because = f"acknowledged by {_by(content)}; {because}"
    elif content.job is Job.PAGE and content.state == "triggered" and because.startswith(NOT_RESOLVED):
        because = f"nobody has acknowledged it; {because}"
    return sentence(because[:1].upper() + because[1:])


def remarks(content: Content, *, seen_once: bool = False) -> list[str]:
    """Return what else the reader must know, a sentence each, the most urgent first.

    ``seen_once``: the provider drops repeats by our key, so that no duplicate can be seen.
    """
    found = []
    if content.drill:
        found.append("This is a drill: nothing is broken. Acknowledge it as you would a real page.")
    if content.stranded:
        why = content.stranded_because or f"{content.target} has no working contact"
        found.append(f"This is for {content.target}, but {why}. Please tell them.")
    if content.possible_duplicate and not seen_once:
        found.append("You may have had this already: an earlier attempt got no answer.")
    if content.late >= LATE_FROM:
        found.append(f"This comes {duration(content.late)} late.")
    if content.members is not None:
        found.append(f"All its incidents: tocsin incidents list --storm {content.number}")
    if content.unrouted:
        found.append("No rule placed this alert: it runs at the default severity for unrouted alerts.")
    return found


def request(content: Content) -> str:
    """Return what the reader is to do next, "" where nothing is asked of them."""
    if content.job is Job.UPDATE:
        return _request_of_an_update(content)
    if content.job is not Job.PAGE:
        return ""
    if is_taken(content):
        return f"{content.acknowledged_by} has it. See whether they need help: tocsin incidents show {content.number}"
    return f"Acknowledge: tocsin incidents ack {content.number}"


def _request_of_an_update(content: Content) -> str:
    if content.is_reminder:
        return f"When it is done: tocsin incidents resolve {content.number}"
    if content.step.startswith(UPDATE_STEP):
        return f"Post one: tocsin incidents update {content.number} TEXT"
    if content.step.startswith(POST_MORTEM_STEP):
        return f"When it is written: tocsin incidents reviewed {content.number} --link URL"
    if content.step.startswith(ITEM_STEP):
        number = content.step.removeprefix(ITEM_STEP).partition(".")[0]
        return f"When it is done: tocsin incidents done {content.number} {number}"
    return ""


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
        return f"{total} {noun} resolved" if total == 1 else f"all {total} {noun} resolved"
    return f"{firing} {noun} firing" if firing == total else f"{firing} of {total} {noun} firing"


def since(content: Content) -> str:
    """Return how long it has been open: ``open for 5 m, since 2026-11-20 03:00 UTC``."""
    opened = moment(content.opened_at, content.time_zone)
    if content.resolved_at is not None:
        return f"opened at {opened}"
    open_for = content.now - content.opened_at
    return f"open for {duration(open_for)}, since {opened}" if open_for >= MINUTE else f"open since {opened}"


def unseen(content: Content) -> int:
    """Return how many alerts, or incidents of a storm, there are besides those that the content holds."""
    total = content.alerts_total if content.members is None else content.members
    return max(0, total - len(content.alerts))


def ending(content: Content) -> str:
    """Return how the incident ended, and whether anybody had it: for those who were paged."""
    if content.resolved_at is None:
        return "What you were paged for is over; the incident has opened again since."
    by = f"resolved by {content.resolved_by}" if content.resolved_by else "its alerts have resolved"
    if content.acknowledged_by and content.acknowledged_by == content.target:
        had = "You had acknowledged it."
    elif content.acknowledged_by:
        had = f"{content.acknowledged_by} had acknowledged it."
    else:
        had = "Nobody had acknowledged it."
    return f"It is over after {duration(content.resolved_at - content.opened_at)}: {by}. {had}"


def taken(content: Content) -> str:
    """Return who has the incident now, and what still comes unless it is resolved."""
    is_own = content.acknowledged_by is not None and content.acknowledged_by == content.target
    had = "You have acknowledged it." if is_own else f"Acknowledged by {_by(content)}."
    if content.next_page is not None:
        at = short_moment(content.next_page.at, content.now, content.time_zone)
        had += f" Unless it is resolved by {at}, {content.next_page.who} will be paged."
    return had if is_own else f"{had} You do not need to respond."


def _by(content: Content) -> str:
    """Who has acknowledged it, and when."""
    who = content.acknowledged_by or "someone"
    if content.taken_at is None:
        return who
    return f"{who} at {short_moment(content.taken_at, content.now, content.time_zone)}"


def told(entry: Entry, zone: str = "UTC") -> str:
    """Return an entry of the timeline as a sentence: ``03:05:09 UTC acknowledged, by alice (slack)``."""
    return f"{exact_moment(entry.at, zone)[11:]} {happened(entry, zone)}"


def happened(entry: Entry, zone: str = "UTC") -> str:
    """Return what an entry of the timeline says, and by whom."""
    by = f", by {entry.actor} ({entry.via})" if entry.actor not in ("", "tocsin") else ""
    return f"{phrase(entry, zone)}{by}"


def phrase(entry: Entry, zone: str = "UTC") -> str:
    """Return what an entry of the timeline says, without when and by whom."""
    facts = {
        key: exact_moment(value, zone) if _is_until(key, value) else _fact(value) for key, value in entry.data.items()
    }
    if "because" in facts:
        facts["because"] = in_zone(facts["because"], zone)
    more = f" ({facts['detail']})" if entry.kind == "sent" and facts.get("detail") else ""
    try:
        return _PHRASES[entry.kind].format_map(facts) + more
    except KeyError:  # a kind, or a datum of one, that is not known here
        known = ", ".join(f"{key} {value}" for key, value in facts.items() if value)
        name = entry.kind.replace("_", " ")
        return f"{name}: {known}" if known else name


def _is_until(key: str, value: object) -> TypeGuard[int]:
    return key in ("until", "due_at") and isinstance(value, int)


def _fact(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)

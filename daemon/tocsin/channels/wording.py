"""What is said, in every channel alike: short and clear for somebody who was asleep a minute ago.

Everything here may hold text from outside; a channel escapes it for its provider.
"""

from datetime import UTC, datetime
from typing import TypeGuard

from tocsin.core.event import Entry
from tocsin.core.page import Content

SECOND = 1_000_000
LATE_FROM = 10 * SECOND
"""A page that is less late than this does not say so."""

_PHRASES = {
    "held": "held for automation to heal it",
    "triggered": "opened at {severity}",
    "reopened": "fires again: occurrence {occurrence}, at {severity}",
    "joined": "{count} more firing, {firing} in all",
    "reconciled": "{count} gone from Alertmanager without a word, {firing} still firing",
    "doubted": "not believed to be over: too many alerts of {source} ended together, and its Watchdog is missing",
    "fires_on": "fires on: it was never over",
    "alerts_resolved": "{count} resolved, {firing} still firing",
    "fires_again": "fires again before it was over",
    "recovering": "recovering: all its alerts have resolved",
    "severity": "severity {from} -> {to} ({because})",
    "pinned": "severity pinned at {severity}",
    "unpinned": "severity follows the alerts again",
    "flags": "flags changed: +{add} -{remove}",
    "acknowledged": "acknowledged",
    "acknowledged_also": "acknowledged as well",
    "unacknowledged": "no longer covered by the acknowledgment ({because})",
    "late_acknowledgment": "acknowledged too late: it was over",
    "snoozed": "snoozed until {until}",
    "unsnoozed": "no longer snoozed: {because}",
    "passed": "tier {tier} passed over: {because}",
    "deferred": "tier {tier} waits for business hours, until {until} ({because})",
    "replanned": "goes on by the playbook {playbook} as it is now",
    "late_resolve": "resolved too late: it was over",
    "waits": "nobody is paged: {because}",
    "waited": "no longer waits: {because}",
    "storm_over": "the storm is over: {members} incidents",
    "escalation_asked": "next tier asked for",
    "escalated": "paging {targets} (tier {tier}: {because})",
    "next_method": "reaching {target} by contact method {method} (tier {tier})",
    "informed": "informing {targets} (tier {tier}: {because})",
    "fact": "{name}: {text}",
    "declared": "declared at {severity}",
    "merged": "goes on in incident #{into}, with {alerts} alerts",
    "merged_with": "incident #{incident} goes on here",
    "split_off": "incident #{incident} goes on by itself again",
    "linked": "has to do with incident #{incident}",
    "note": "note: {text}",
    "update_posted": "update {number}: {text}",
    "status": "status {before} -> {after}",
    "role": "{role}: {person}",
    "ticked": "{checklist}: done: {text}",
    "unticked": "{checklist}: not done after all: {text}",
    "told": "{template} to {targets}",
    "drafted": "draft {draft}: {what} waits for somebody's word",
    "confirmed": "draft {draft} confirmed: {what}",
    "discarded": "draft {draft} discarded: {what}",
    "automation_asked": "{target} asked to do its work",
    "ticket_asked": "a ticket asked for in {tracker}",
    "ticket": "ticket {ticket} opened in {tracker}",
    "ticket_closed": "ticket {ticket} closed in {tracker}",
    "ticket_reopened": "ticket {ticket} open again in {tracker}",
    "ticket_refused": "{tracker} refused {job} for good: {detail}",
    "breached": "{because}",
    "reminded": "reminding {targets}: {because}",
    "post_mortem_asked": "a post-mortem is due by {due_at}",
    "post_mortem_done": "the post-mortem is done",
    "post_mortem_waived": "no post-mortem is needed: {reason}",
    "item_added": "action item {number}: {text} ({kind}, due {due_at})",
    "item_done": "action item {number} done: {text}",
    "room_asked": "room {name} asked for in {channel}",
    "room": "room {name} made in {channel}",
    "room_refused": "{channel} refused to do something about its room for good: {detail}",
    "room_archived": "room {name} archived",
    "resolved": "resolved",
    "sent": "{job} to {target} sent through {channel}",
    "dead": "{job} to {target} refused for good by {channel}: {detail}",
    "superseded": "{job} to {target} no longer needed",
}
"""The timeline's entries (``Entry.kind``) in words; an entry that is not here is told by its name and data."""


def duration(microseconds: int) -> str:
    """A span of time in its two largest units: ``1 h 5 m``."""
    seconds = max(0, microseconds) // SECOND
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def moment(at: int) -> str:
    """A point in time: ``2026-11-20 03:05:09 UTC``."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def iso(at: int) -> str:
    """A point in time as ISO 8601 in UTC, to the microsecond."""
    return datetime.fromtimestamp(at // SECOND, UTC).replace(microsecond=at % SECOND).isoformat()


def headline(content: Content) -> str:
    """The incident in one line: ``[SEV-1] #12 checkout: HighLatency``."""
    drill = "DRILL " if content.drill else ""
    service = f"{content.service}: " if content.service else ""
    return f"{drill}[{content.severity}] {content.name or f'#{content.number}'} {service}{content.title}"


def condition(content: Content) -> str:
    """The incident's state in words: ``recovering`` while it waits out its hold-down, and why nobody is paged."""
    if content.recovering and content.resolved_at is None:
        return "recovering"
    if content.doubted:
        return f"{content.state}, not believed to be over without the Watchdog of {content.doubted}"
    return f"{content.state}, nobody is paged: {'; '.join(content.waits)}" if content.waits else content.state


def remarks(content: Content, *, seen_once: bool = False) -> list[str]:
    """What else the reader must know, a sentence each, the most urgent first.

    ``seen_once``: the provider drops repeats by our key, so that no duplicate can be seen.
    """
    said = []
    if content.drill:
        said.append("This is a drill: nothing is broken. Acknowledge it as you would a real page.")
    if content.stranded:
        said.append(f"{content.target} has no working contact, so this came here instead. Please tell them.")
    if content.possible_duplicate and not seen_once:
        said.append("You may have had this already: an earlier attempt got no answer.")
    if content.late >= LATE_FROM:
        said.append(f"This comes {duration(content.late)} late.")
    if content.members is not None:
        said.append(f"All its incidents: tocsin incidents list --storm {content.number}")
    if content.unrouted:
        said.append("No rule placed this alert: it runs at the default severity for unrouted alerts.")
    return said


def concerns(content: Content) -> str:
    """Whose it is, and what could heal it, "" where no rule says."""
    said = [f"team {content.team}" if content.team else ""]
    said.append(f"automation {content.automation}" if content.automation else "")
    return ", ".join(filter(None, said))


def alerts(content: Content) -> str:
    """How many alerts fire: ``3 of 5 alerts firing``; of a storm, how many incidents it tells of."""
    if content.members is not None:
        return f"{content.members} incidents"
    if not content.alerts_total:
        return "declared by hand"
    noun = "alert" if content.alerts_total == 1 else "alerts"
    return f"{content.alerts_firing} of {content.alerts_total} {noun} firing"


def ending(content: Content) -> str:
    """How the incident ended, and whether anybody had it: for those who were paged."""
    if content.resolved_at is None:
        return "What you were paged for is over; the incident has opened again since."
    by = f"resolved by {content.resolved_by}" if content.resolved_by else "its alerts have resolved"
    if content.acknowledged_by:
        had = f"{content.acknowledged_by} had acknowledged it."
    else:
        had = "Nobody had acknowledged it."
    return f"It is over after {duration(content.resolved_at - content.opened_at)}: {by}. {had}"


def taken(content: Content) -> str:
    """Who has the incident now."""
    return f"Acknowledged by {content.acknowledged_by or 'somebody'}: nothing more to do for you."


def told(entry: Entry) -> str:
    """An entry of the timeline as a sentence: ``03:05:09 acknowledged, by alice (slack)``."""
    by = f", by {entry.actor} ({entry.via})" if entry.actor not in ("", "tocsin") else ""
    return f"{moment(entry.at)[11:19]} {phrase(entry)}{by}"


def phrase(entry: Entry) -> str:
    """What an entry of the timeline says, without when and by whom."""
    facts = {key: moment(value) if _is_until(key, value) else _fact(value) for key, value in entry.data.items()}
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

"""The entries of an incident's timeline in words."""

from typing import TypeGuard

from tocsin.core.event import Entry
from tocsin.core.moments import exact_moment, in_zone

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
    "severity": "severity changed from {from} to {to} ({because})",
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
    "sent": "{job} sent to {target} by {channel}",
    "dead": "{job} to {target} refused by {channel}, no more attempts: {detail}",
    "superseded": "{job} to {target} no longer needed",
}
"""The timeline's entries (``Entry.kind``) in words; an entry that is not here is told by its name and data."""


def told(entry: Entry, zone: str = "UTC") -> str:
    """Return an entry of the timeline as a sentence: ``03:05:09 UTC acknowledged, by alice (slack)``."""
    return f"{exact_moment(entry.at, zone)[11:]} {happened(entry, zone)}"


def happened(entry: Entry, zone: str = "UTC") -> str:
    """Return what an entry of the timeline says, and by whom."""
    said = phrase(entry, zone)
    if entry.actor in ("", "tocsin"):
        return said
    via = entry.via.upper() if entry.via in ("api", "cli") else entry.via
    return f"{said}{'' if said.isalpha() else ','} by {entry.actor} ({via})"


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

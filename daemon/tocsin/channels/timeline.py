"""The entries of an incident's timeline in words."""

import re
from collections.abc import Mapping

import msgspec

from tocsin.core.incident.event import Entry
from tocsin.core.incident.outbox import Job
from tocsin.core.incident.sla import BREACH_STEP, REMINDER
from tocsin.core.incident.timeline.kinds import KINDS
from tocsin.core.incident.timeline.notifications import Escalated, Informed, NotificationSent
from tocsin.core.incident.timeline.responses import FlagsChanged
from tocsin.core.incident.wording import RAISED
from tocsin.core.schedule.moments import exact_moment, in_zone

_NO_NAME = re.compile(r"[^a-z0-9]+", re.ASCII)
_PEOPLE = frozenset({"target", "targets", "former", "owner"})
"""Fields that name people, groups and places."""
_TO_TIERS = frozenset({Escalated.kind, Informed.kind})
_SENT = {
    Job.PAGE: "page",
    Job.UPDATE: "message",
    Job.ACKNOWLEDGE: "acknowledgment",
    Job.RESOLVE: "resolution",
}
"""Names of what was sent, by its job: none is called an update, as a status update of a person is."""


class Titles(msgspec.Struct, frozen=True):
    """The titles of people and tiers, for entries that store their names."""

    names: Mapping[str, str] = {}
    """The configured full names of people, by their logins."""
    tiers: Mapping[str, str] = {}
    """The names of the playbook's tiers, by their numbers."""

    def person(self, name: object) -> str:
        """Return the name that people know."""
        return self.names.get(str(name), str(name))


def describe(entry: Entry, zone: str = "UTC", titles: Titles | None = None) -> str:
    """Return an entry of the timeline as a sentence: ``03:05:09 UTC acknowledged, by alice (slack)``."""
    return f"{exact_moment(entry.at, zone)[11:]} {happened(entry, zone, titles)}"


def happened(entry: Entry, zone: str = "UTC", titles: Titles | None = None) -> str:
    """Return the text of a timeline entry with its actor."""
    titles = titles or Titles()
    text = phrase(entry, zone, titles)
    if entry.actor in ("", "tocsin"):
        return text
    via = entry.via.upper() if entry.via in ("api", "cli") else entry.via
    return f"{text}{'' if text.isalpha() else ','} by {titles.person(entry.actor)} ({via})"


def phrase(entry: Entry, zone: str = "UTC", titles: Titles | None = None) -> str:
    """Return the text of a timeline entry, without time and actor."""
    titles = titles or Titles()
    facts = {key: _fact(key, value, zone, titles) for key, value in entry.data.items()}
    if entry.kind == FlagsChanged.kind:
        signed = (("+", entry.data.get("add", ())), ("-", entry.data.get("remove", ())))
        facts["changes"] = ", ".join(f"{sign}{flag}" for sign, flags in signed for flag in flags)
    if "because" in facts:
        facts["because"] = in_zone(facts["because"], zone)
    if entry.kind == NotificationSent.kind and "job" in facts:
        facts["job"] = _what_was_sent(facts["job"], facts.get("step", ""))
    if entry.kind in _TO_TIERS and facts.get("because", "").startswith(RAISED):
        facts["because"] = facts["because"].partition(": ")[0]  # the entry before it has the rest
    if entry.kind in _TO_TIERS and facts.get("tier") in titles.tiers:
        return _to_tier(entry, facts, titles)
    try:
        kind = KINDS[entry.kind]
        text = kind.phrase.format_map(facts)
        return f"{text} ({facts[kind.remark]})" if facts.get(kind.remark) else text
    except KeyError:  # a kind, or a datum of one, that is not known here
        known = ", ".join(f"{key} {value}" for key, value in facts.items() if value)
        name = entry.kind.replace("_", " ")
        return f"{name}: {known}" if known else name


def _to_tier(entry: Entry, facts: Mapping[str, str], titles: Titles) -> str:
    """Return which tier is notified, with the targets that its name does not say: ``paging Manager (Ann): ...``."""
    said = _NO_NAME.sub("-", titles.tiers[facts["tier"]].lower())
    targets = [titles.person(name) for name in entry.data.get("targets", ()) if str(name) not in said]
    named = f" ({', '.join(targets)})" if targets else ""
    verb = "paging" if entry.kind == Escalated.kind else "informing"
    return f"{verb} {titles.tiers[facts['tier']]}{named}: {facts.get('because', '')}"


def _what_was_sent(job: str, step: str) -> str:
    if step.startswith(REMINDER):
        return "reminder"
    return (
        "notice of a missed target"
        if step.startswith(BREACH_STEP)
        else _SENT.get(Job(job), job)
        if job in {*Job}
        else job
    )


def _fact(key: str, value: object, zone: str, titles: Titles) -> str:
    if key in ("until", "due_at", "starts_at") and isinstance(value, int):
        return exact_moment(value, zone)
    if isinstance(value, list | tuple):
        return ", ".join(titles.person(each) if key in _PEOPLE else str(each) for each in value)
    if value is None:
        return ""
    return titles.person(value) if key in _PEOPLE else str(value)

"""The entries of an incident's timeline in words."""

import re
from collections.abc import Collection, Mapping

import msgspec

from tocsin.core.content.page import Content
from tocsin.core.duration import SECOND
from tocsin.core.incident.event import Entry
from tocsin.core.incident.outbox import DIGEST, Job
from tocsin.core.incident.sla import (
    ACKNOWLEDGED_STEP,
    BREACH_STEP,
    BREACHED_DUTY_STEP,
    DRAFT_STEP,
    DUTY_STEP,
    HANDOFF_STEP,
    HANDOFFS_STEP,
    ITEM_STEP,
    MEETING_STEP,
    POST_MORTEM_STEP,
    TAKEN_OVER_STEP,
    UNCONFIRMED_STEP,
    UPDATE_STEP,
    Promise,
)
from tocsin.core.incident.timeline.duties import DutyOwed, MeetingProposed
from tocsin.core.incident.timeline.kinds import KINDS
from tocsin.core.incident.timeline.notifications import Escalated, Informed, NotificationSent, Reminded
from tocsin.core.incident.timeline.responses import EscalationRequested, FlagsChanged
from tocsin.core.incident.wording import (
    DUE,
    LATE,
    MEETING_PLANNED,
    OVERDUE,
    RAISED,
    REPEATED,
    meeting_in_line,
    task_in_line,
)
from tocsin.core.schedule.moments import exact_moment, in_zone, moment

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
_INFORMED = {
    f"{BREACH_STEP}{Promise.UPDATE}": "told {target}: no status update was posted in time",
    BREACHED_DUTY_STEP: "told {target} that a task is overdue",
    BREACH_STEP: "told {target}: a target was missed",
    UPDATE_STEP: "reminded {target} of the status update",
    POST_MORTEM_STEP: "reminded {target} of the postmortem",
    ITEM_STEP: "reminded {target} of action item {name}",
    DUTY_STEP: "reminder sent to {target}",
    MEETING_STEP: "invitation sent to {target}",
    UNCONFIRMED_STEP: "told {target}: draft {name} was not confirmed",
    DRAFT_STEP: "told {target}: draft {name} waits for confirmation",
    HANDOFF_STEP: "told {target}: the incident is open from the last shift",
    HANDOFFS_STEP: "told {target}: the incident is open from the last shift",
    TAKEN_OVER_STEP: "told {target}: another person has taken the incident over",
    ACKNOWLEDGED_STEP: "told {target}: another person has acknowledged the incident",
    DIGEST: "told {target}: the alerts go on and off",
}
"""Messages for information that were sent, by step; ``{name}`` is the number of the step's action item or draft."""
_CONFIRM = re.compile(r" waits for your confirmation(: tocsin incidents .*)?")
_ASKS = " asks for your help"
_DATE = len("2026-11-20 ")


class Titles(msgspec.Struct, frozen=True):
    """The titles of people and tiers, for entries that store their names."""

    names: Mapping[str, str] = {}
    """The configured full names of people, by their logins."""
    tiers: Mapping[str, str] = {}
    """The names of the playbook's tiers, by their numbers."""
    places: Collection[str] = ()
    """The targets that are no persons, such as Slack channels."""
    tasks: Mapping[str, str] = {}
    """The texts of the playbook's duties, by their names."""
    opened_at: int | None = None
    """The time from whose day on an entry of another day is shown with its date; None: every entry without a date."""

    @classmethod
    def of(cls, content: Content) -> "Titles":
        """Return the titles for the history in a message."""
        names = {**content.target_names, **content.names}
        return cls(names, content.tiers, content.places, content.tasks, content.opened_at)

    def person(self, name: object) -> str:
        """Return the name that people know; of a place, ``the channel incidents``."""
        return f"the channel {name}" if name in self.places else self.names.get(str(name), str(name))


def describe(entry: Entry, zone: str = "UTC", titles: Titles | None = None) -> str:
    """Return an entry of the timeline as a sentence: ``03:05:09 UTC acknowledged, by alice (slack)``."""
    at = exact_moment(entry.at, zone)
    return f"{at if is_of_another_day(entry, zone, titles) else at[_DATE:]} {happened(entry, zone, titles)}"


def is_of_another_day(entry: Entry, zone: str, titles: Titles | None) -> bool:
    """Return whether an entry is not of the day on which the incident was opened, so that it needs its date."""
    if titles is None or titles.opened_at is None:
        return False
    return exact_moment(entry.at, zone)[:_DATE] != exact_moment(titles.opened_at, zone)[:_DATE]


def happened(entry: Entry, zone: str = "UTC", titles: Titles | None = None) -> str:
    """Return the text of a timeline entry with its actor."""
    titles = titles or Titles()
    text = phrase(entry, zone, titles)
    if entry.actor in ("", "tocsin"):
        return text
    via = entry.via.upper() if entry.via in ("api", "cli") else entry.via
    if entry.kind == EscalationRequested.kind:
        return f"{titles.person(entry.actor)} {text} ({via})"
    return f"{text}{'' if text.isalpha() else ','} by {titles.person(entry.actor)} ({via})"


def phrase(entry: Entry, zone: str = "UTC", titles: Titles | None = None) -> str:
    """Return the text of a timeline entry, without time and actor."""
    titles = titles or Titles()
    facts = {key: _fact(key, value, zone, titles) for key, value in entry.data.items()}
    facts |= _flags(entry) | _task(entry, facts, titles)
    if "because" in facts:
        facts["because"] = in_zone(_unaddressed(facts["because"]), zone)
    if entry.kind == NotificationSent.kind and "job" in facts:
        step = facts.get("step", "")
        if informed := _informed(step, facts.get("target", "")) if facts["job"] == Job.UPDATE else "":
            detail = f" ({facts['detail']})" if facts.get("detail") else ""
            return f"{informed} ({facts.get('channel', '')}){detail}"
        facts["job"] = _SENT.get(Job(facts["job"]), facts["job"]) if facts["job"] in {*Job} else facts["job"]
    if entry.kind in _TO_TIERS and _ASKS in facts.get("because", ""):  # it speaks to the person who is paged
        facts["because"] = f"{titles.person(facts['because'].partition(_ASKS)[0])} asks for help"
    if entry.kind in _TO_TIERS and facts.get("because", "").startswith(RAISED):
        facts["because"] = facts["because"].partition(": ")[0]  # the entry before it has the rest
    if entry.kind in _TO_TIERS and facts.get("tier") in titles.tiers:
        return _to_tier(entry, facts, titles)
    if entry.kind == Reminded.kind and "because" in facts:
        return _reminded(facts)
    try:
        kind = KINDS[entry.kind]
        text = kind.phrase.format_map(facts)
        return f"{text} ({facts[kind.remark]})" if facts.get(kind.remark) else text
    except KeyError:  # a kind, or a datum of one, that is not known here
        known = ", ".join(f"{key} {value}" for key, value in facts.items() if value)
        name = entry.kind.replace("_", " ")
        return f"{name}: {known}" if known else name


def _flags(entry: Entry) -> dict[str, str]:
    """Return the changes of an entry about flags in words."""
    if entry.kind != FlagsChanged.kind:
        return {}
    signed = (("+", entry.data.get("add", ())), ("-", entry.data.get("remove", ())))
    return {"changes": ", ".join(f"{sign}{flag}" for sign, flags in signed for flag in flags)}


def _task(entry: Entry, facts: Mapping[str, str], titles: Titles) -> dict[str, str]:
    """Return the fields of an entry about a duty in words: its task, or the meeting to which people are invited."""
    if "duty" not in facts:
        return {}
    text = titles.tasks.get(facts["duty"], "")
    named = task_in_line(text) if text else facts["duty"]
    known: dict[str, str] = {"duty": meeting_in_line(text) if entry.kind == MeetingProposed.kind else named}
    return {**known, "text": task_in_line(facts["text"])} if entry.kind == DutyOwed.kind else known


def _to_tier(entry: Entry, facts: Mapping[str, str], titles: Titles) -> str:
    """Return which tier is notified, with the targets that its name does not say: ``paging Manager (Ann): ...``."""
    said = _NO_NAME.sub("-", titles.tiers[facts["tier"]].lower())
    targets = [titles.person(name) for name in entry.data.get("targets", ()) if str(name) not in said]
    targets = [name for name in targets if name != titles.tiers[facts["tier"]]]
    named = f" ({', '.join(targets)})" if targets else ""
    verb = "paging" if entry.kind == Escalated.kind else "informing"
    return f"{verb} {titles.tiers[facts['tier']]}{named}: {facts.get('because', '')}"


def _reminded(facts: Mapping[str, str]) -> str:
    """Return who was reminded of what, with one colon: ``reminded alex (overdue for 1 d): post to the status page``."""
    because = facts["because"]
    state, stop, task = because.partition(": ")
    if stop and (state == DUE or state.startswith((OVERDUE, f"{LATE} for "))):
        return f"reminded {facts.get('targets', '')} ({state}): {task}"
    return f"reminded {facts.get('targets', '')}: {task_in_line(because)}"


def _unaddressed(because: str) -> str:
    """Return a stored reason without the words that speak to the recipient of its message."""
    because = _CONFIRM.sub(" waits for confirmation", because).partition(REPEATED)[0]
    because = because.partition(f". {MEETING_PLANNED}")[0]
    return because.removeprefix("you are ") if because.startswith("you are now on call ") else because


def _informed(step: str, target: str) -> str:
    """Return who was informed of what; "" for a step of the ladder and for a playbook's own message."""
    start, words = next(((start, words) for start, words in _INFORMED.items() if step.startswith(start)), ("", ""))
    return words.replace("{name}", step.removeprefix(start).partition(".")[0]).replace("{target}", target)


def _fact(key: str, value: object, zone: str, titles: Titles) -> str:
    if key in ("until", "due_at", "starts_at") and isinstance(value, int):
        return exact_moment(value, zone) if value // SECOND % 60 else moment(value, zone)
    if isinstance(value, list | tuple):
        return ", ".join(titles.person(each) if key in _PEOPLE else str(each) for each in value)
    if value is None:
        return ""
    return titles.person(value) if key in _PEOPLE else str(value)

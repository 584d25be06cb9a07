"""From a template to what it says of an incident as it is now."""

from typing import NamedTuple

from tocsin.channels import timeline
from tocsin.conf.templates import Template, TemplateFailed, default_post_mortem
from tocsin.core.acting import PlaybookAction, worded_by
from tocsin.core.brief import Around, brief_of
from tocsin.core.brief.facts import Line
from tocsin.core.event import Entry
from tocsin.core.incident import Incident
from tocsin.core.outbox import Outgoing
from tocsin.core.playbook import Moment
from tocsin.core.said import Said
from tocsin.engine.policy import Policy
from tocsin.engine.sample import sample
from tocsin.ports.store import Reader

ENTRIES = 2000
"""The most of a timeline that is read for a text."""

_OF_THE_TIMELINE = frozenset({"timeline", "notes", "responders", "update", "updates"})
"""Variables for which the timeline has to be read."""
_NOT_TOLD = frozenset({"sent", "superseded", "told", "waits", "waited", "ticket_asked", "drafted"})
"""Entries that say how tocsin went about it, and nothing of the incident."""


class Saying(NamedTuple):
    """A text, and what went wrong with it."""

    subject: str
    text: Said
    failure: str = ""
    """Why its template could not say it, "" where it did: the text is then a plain one in its place."""


def say(tx: Reader, policy: Policy, incident: Incident, name: str, words: str = "", zone: str = "") -> Saying:
    """Return what the template of that name says.

    ``words`` are what it tells of, for where it fails; ``zone`` is the reader's time zone, by default the playbook's.
    Never raises for a template's sake: what goes out then is plain, and says so.
    """
    template = policy.templates.get(name)
    if template is None:
        return _plainly(incident, f"template {name}: there is none of that name any more", words)
    return _rendered(tx, policy, incident, template, words, zone)


def _rendered(tx: Reader, policy: Policy, incident: Incident, template: Template, words: str, zone: str = "") -> Saying:
    try:
        wanted = template.variables
        zone = "UTC" if template.is_in_utc else zone or incident.plan.business_hours.time_zone
        said = template.render(brief_of(incident, _around(tx, policy, incident, wanted, zone), wanted))
    except TemplateFailed as failure:
        return _plainly(incident, str(failure), words)
    if not said.plain:
        return _plainly(incident, f"template {template.name}: it says nothing", words)
    return Saying(*said.parted())


def said_by(tx: Reader, row: Outgoing, incident: Incident, policy: Policy, zone: str) -> Saying | None:
    """Return what a row of a playbook's action says; None where whoever sends it finds the words."""
    worded = worded_by(row.step)
    if worded is None:
        return None
    if worded.draft:
        return _confirmed(tx, incident, worded.draft)
    actions = incident.plan.actions
    if worded.action > len(actions):  # it goes on by another playbook by now
        return _plainly(incident, "its playbook has no such action any more", "")
    action = actions[worded.action - 1]
    return say_action(tx, policy, incident, action, zone) if action.words else None


def say_action(tx: Reader, policy: Policy, incident: Incident, action: PlaybookAction, zone: str = "") -> Saying | None:
    """Return what an action says of the incident as it is now; None where it has no words of its own."""
    if not action.words:
        return None
    words = _last_update(tx, incident) if Moment.UPDATED in action.at else ""
    return say(tx, policy, incident, action.words, words, zone)


def _confirmed(tx: Reader, incident: Incident, draft: int) -> Saying | None:
    """What a person has read and confirmed, and nothing else."""
    entries = tx.entries(incident.id, limit=ENTRIES)
    found = [entry for entry in entries if entry.kind == "confirmed" and entry.data.get("draft") == draft]
    text = str(found[-1].data.get("text", "")) if found else ""
    return Saying(*Said.written(text).parted()) if text else None


def post_mortem(tx: Reader, policy: Policy, incident: Incident) -> Saying:
    """Return the draft of its post-mortem, by the playbook's template or, where it names none, by the default one."""
    name = incident.plan.texts.post_mortem
    return say(tx, policy, incident, name) if name else _rendered(tx, policy, incident, default_post_mortem(), "")


def _around(tx: Reader, policy: Policy, incident: Incident, variables: frozenset[str], zone: str) -> Around:
    entries = tx.entries(incident.id, limit=ENTRIES) if variables & _OF_THE_TIMELINE else []
    return Around(
        now=tx.now,
        timeline=tuple(_line(entry, zone) for entry in entries if entry.kind not in _NOT_TOLD),
        alerts=sample(tx, incident) if "alerts" in variables else (),
        names={name: person.full_name for name, person in policy.people.persons.items() if person.full_name},
        time_zone=zone,
    )


def _last_update(tx: Reader, incident: Incident) -> str:
    updates = [entry for entry in tx.entries(incident.id, limit=ENTRIES) if entry.kind == "update_posted"]
    return str(updates[-1].data.get("text", "")) if updates else ""


def _line(entry: Entry, zone: str) -> Line:
    by = entry.actor if entry.actor != "tocsin" else ""
    return Line(entry.at, entry.kind, timeline.phrase(entry, zone), by, str(entry.data.get("text", "")))


def _plainly(incident: Incident, failure: str, words: str) -> Saying:
    said = [f"[{incident.severity}] #{incident.number} {incident.service}: {incident.title}", words]
    said.append(f"({failure}. This plain text takes its place.)")
    return Saying("", Said.written("\n".join(filter(None, said))), failure)

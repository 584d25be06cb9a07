"""Texts of templates, rendered from an incident's current state."""

from typing import NamedTuple

from tocsin.channels import timeline
from tocsin.conf.templates import MessageTemplate, TemplateFailed, default_post_mortem
from tocsin.core.content.rendered_text import RenderedText
from tocsin.core.content.template_context import Around, brief_of
from tocsin.core.content.template_context.facts import Line
from tocsin.core.incident.event import Entry
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.outbox import Outgoing
from tocsin.core.incident.timeline.responses import FactSet, NoteTaken, StatusChanged, StatusUpdate
from tocsin.core.incident.transitions import owners
from tocsin.core.playbook.actions import PlaybookAction, worded_by
from tocsin.core.playbook.playbook import Moment
from tocsin.engine.change.oncall import on_call_input
from tocsin.engine.change.policy import Policy
from tocsin.engine.deliver.sample import sample
from tocsin.ports.store import Reader

ENTRIES = 1000
"""Maximum number of timeline entries that are read for a text from the beginning, and again from the end."""

_OF_THE_TIMELINE = frozenset(
    {"timeline", "notes", "responders", "update", "update_number", "updates", "actions_taken", "times"}
)
"""The variables for which the timeline has to be read."""
_OF_THE_ALERTS = frozenset({"alerts", "labels"})
"""The variables for which the alerts have to be read."""
_OF_THE_PEOPLE = frozenset({"roles", "author", "action_items"})
"""The variables for which the persons on call have to be known."""
_INTERNAL_ENTRIES = frozenset(
    {
        *("sent", "superseded", "told", "waits", "waited", "ticket_asked", "drafted", "draft_dropped"),
        *("draft_unconfirmed", "duty_owed", "duty_withdrawn", "meeting_proposed", "record_closed"),
    }
)
"""Entries about tocsin's own work, which say nothing about the incident."""

_STATUS_OF = {StatusChanged.kind: "after", StatusUpdate.kind: "status"}
"""The field that holds the new status, by the kind of entry."""


class RenderedMessage(NamedTuple):
    """A rendered text with its subject, and the error of its template."""

    subject: str
    text: RenderedText
    failure: str = ""
    """The error of the template; the text is then a plain replacement. "" if the template was rendered."""


class Occasion(NamedTuple):
    """The reader and the occasion of a text."""

    zone: str = ""
    """The reader's time zone; "" is the playbook's."""
    as_of: int | None = None
    """The time of the newest update that the text may contain; None: now."""
    is_post_mortem: bool = False


_NOW = Occasion()


def render_template(
    tx: Reader, policy: Policy, incident: Incident, name: str, words: str = "", occasion: Occasion = _NOW
) -> RenderedMessage:
    """Render the template with the name ``name``.

    Errors of a template are never raised: a plain text that contains ``words`` and the error replaces the rendered
    text.
    """
    template = policy.templates.get(name)
    if template is None:
        return _plain_replacement(incident, f"template {name}: there is none of that name any more", words)
    return _rendered(tx, policy, incident, template, words, occasion)


def _rendered(
    tx: Reader, policy: Policy, incident: Incident, template: MessageTemplate, words: str, occasion: Occasion
) -> RenderedMessage:
    try:
        wanted = template.variables
        zone = "UTC" if template.is_in_utc else occasion.zone or incident.plan.business_hours.time_zone
        around = _around(tx, policy, incident, wanted, occasion._replace(zone=zone))
        text = template.render(brief_of(incident, around, wanted))
    except TemplateFailed as failure:
        return _plain_replacement(incident, str(failure), words)
    if not text.plain:
        return _plain_replacement(incident, f"template {template.name}: it says nothing", words)
    return RenderedMessage(*text.split_subject())


def message_for(tx: Reader, row: Outgoing, incident: Incident, policy: Policy, zone: str) -> RenderedMessage | None:
    """Return the text for a row of a playbook's action; None if the channel writes its own."""
    worded = worded_by(row.step)
    if worded is None:
        return None
    if worded.draft:
        return _confirmed(tx, incident, worded.draft)
    actions = incident.plan.actions
    if worded.action > len(actions):  # the incident has switched to another playbook
        return _plain_replacement(incident, "its playbook has no such action any more", "")
    action = actions[worded.action - 1]
    return render_action(tx, policy, incident, action, Occasion(zone, row.created_at))


def render_action(
    tx: Reader, policy: Policy, incident: Incident, action: PlaybookAction, occasion: Occasion = _NOW
) -> RenderedMessage | None:
    """Return an action's text, rendered from the incident's current state; None if it has no template.

    A text about an update contains that update, even if others have been posted since.
    """
    if not action.words:
        return None
    words = update_as_of(tx, incident, occasion.as_of) if Moment.UPDATED in action.at else ""
    return render_template(tx, policy, incident, action.words, words, occasion)


def _confirmed(tx: Reader, incident: Incident, draft: int) -> RenderedMessage | None:
    """Return the exact text that a person has confirmed; None if there is none."""
    entries = _entries(tx, incident)
    confirmed = [entry for entry in entries if entry.kind == "confirmed" and entry.data.get("draft") == draft]
    text = str(confirmed[-1].data.get("text", "")) if confirmed else ""
    return RenderedMessage(*RenderedText.written(text).split_subject()) if text else None


def post_mortem(tx: Reader, policy: Policy, incident: Incident) -> RenderedMessage:
    """Return the draft of an incident's postmortem, by the playbook's template or the default one."""
    name, occasion = incident.plan.texts.post_mortem, Occasion(is_post_mortem=True)
    if name:
        return render_template(tx, policy, incident, name, occasion=occasion)
    return _rendered(tx, policy, incident, default_post_mortem(), "", occasion)


def _around(tx: Reader, policy: Policy, incident: Incident, variables: frozenset[str], occasion: Occasion) -> Around:
    entries = _entries(tx, incident) if variables & _OF_THE_TIMELINE else []
    names = policy.people.full_names
    tiers = {str(tier.number): tier.name for tier in incident.plan.tiers}
    titles = timeline.Titles({**owners.target_names(incident.plan), **names}, tiers, tasks=owners.tasks(incident))
    return Around(
        now=tx.now,
        timeline=tuple(_line(entry, occasion.zone, titles) for entry in entries if entry.kind not in _INTERNAL_ENTRIES),
        alerts=sample(tx, incident).alerts if variables & _OF_THE_ALERTS else (),
        names=names,
        members=_members(tx, policy, incident) if variables & _OF_THE_PEOPLE else {},
        time_zone=occasion.zone,
        as_of=occasion.as_of,
        is_post_mortem=occasion.is_post_mortem,
    )


def _members(tx: Reader, policy: Policy, incident: Incident) -> dict[str, tuple[str, ...]]:
    """Return the persons for whom the playbook's targets stand now."""
    inputs = on_call_input(tx, policy.people)
    targets = {target for tier in incident.plan.tiers for target in tier.targets}
    targets |= {target for role in incident.plan.roles for target in role.targets}
    members = {target: policy.people.members(target, inputs) for target in targets}
    return {target: names for target, names in members.items() if names}


def _entries(tx: Reader, incident: Incident) -> list[Entry]:
    """Return the timeline; of a very long one, its beginning and its end."""
    first = tx.entries(incident.id, limit=ENTRIES)
    if len(first) < ENTRIES:
        return first
    return [*first, *tx.entries(incident.id, after_seq=max(first[-1].seq, incident.events - ENTRIES), limit=ENTRIES)]


def update_as_of(tx: Reader, incident: Incident, as_of: int | None = None) -> str:
    """Return the text of the newest update that was posted until then; "" if there is none."""
    updates = [
        entry
        for entry in _entries(tx, incident)
        if entry.kind == StatusUpdate.kind and (as_of is None or entry.at <= as_of)
    ]
    return str(updates[-1].data.get("text", "")) if updates else ""


def _line(entry: Entry, zone: str, titles: timeline.Titles) -> Line:
    text, number = entry.data.get("text", ""), entry.data.get("number", 0)
    return Line(
        at=entry.at,
        kind=entry.kind,
        text=timeline.phrase(entry, zone, titles),
        by=entry.actor if entry.actor != "tocsin" else "",
        note=str(text) if entry.kind in (NoteTaken.kind, StatusUpdate.kind) else "",
        number=number if isinstance(number, int) else 0,
        status=str(entry.data.get(_STATUS_OF.get(entry.kind, ""), "")),
        fact=str(entry.data.get("name", "")) if entry.kind == FactSet.kind and text else "",
    )


def _plain_replacement(incident: Incident, failure: str, words: str) -> RenderedMessage:
    lines = [f"[{incident.severity}] #{incident.number} {incident.service}: {incident.title}", words]
    lines.append(f"({failure}. This plain text takes its place.)")
    return RenderedMessage("", RenderedText.written("\n".join(filter(None, lines))), failure)

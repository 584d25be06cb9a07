"""The exact text that is sent if a person confirms a draft."""

from msgspec.structs import replace

from tocsin.core.content.page import Content
from tocsin.core.content.rendered_text import RenderedText
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.outbox import Job, Outgoing
from tocsin.core.incident.sla import DRAFT_STEP
from tocsin.core.incident.transitions.acting_state import acting_of, ticket_job
from tocsin.core.playbook.actions import TICKET, Draft, Verb, Worded, step_of
from tocsin.engine.change.policy import Policy
from tocsin.engine.deliver.messages import RenderedMessage, render_action
from tocsin.engine.deliver.render import render
from tocsin.ports.store import Reader


def preview(tx: Reader, policy: Policy, incident: Incident, draft: Draft) -> RenderedMessage | None:
    """Return a draft's text, rendered from the incident's current state; None for an automation, which has no text.

    If the playbook names no template for a tracker's action, the tracker
    writes the text. It is shown too, because customers may read it.
    """
    action = draft.action
    message = render_action(tx, policy, incident, action)
    if message is not None or action.verb is not Verb.TRACKER:
        return message
    tracker, job = policy.trackers.get(action.what), ticket_job(incident, action.what, draft.moment, is_confirmed=True)
    if tracker is None:
        return RenderedMessage(
            "", RenderedText(), f"the tracker {action.what} is not configured any more: nothing would be written"
        )
    if job is None:
        return RenderedMessage(
            "", RenderedText(), f"the incident has no ticket in {action.what}: nothing would be written"
        )
    words = tracker.words(render(tx, _row(tx.now, incident, draft, job), incident, policy))
    return RenderedMessage(words.title, RenderedText.written(words.text))


def with_draft(tx: Reader, policy: Policy, incident: Incident, content: Content) -> Content:
    """Return the reminder of a draft with the draft's text; any other content as it is."""
    if not content.step.startswith(DRAFT_STEP):
        return content
    number = content.step.removeprefix(DRAFT_STEP).partition(".")[0]
    draft = next((draft for draft in acting_of(incident).drafts if str(draft.number) == number), None)
    message = preview(tx, policy, incident, draft) if draft is not None else None
    return replace(content, draft=message.text.unmarked) if message is not None else content


def _row(now: int, incident: Incident, draft: Draft, job: Job) -> Outgoing:
    """Return the row that the confirmation would write, with the fields that affect its text."""
    tracker = draft.action.what
    return Outgoing(
        key="preview",
        incident_id=incident.id,
        occurrence=incident.occurrence,
        round=incident.round,
        step=step_of(Verb.TRACKER, incident.version, Worded(draft=draft.number), draft.moment),
        target=TICKET,
        channel=tracker,
        destination=tracker,
        job=job,
        severity=incident.severity,
        because=f"it was {draft.moment}",
        received_at=now,
        not_before=now,
        overdue_at=now,
        created_at=now,
    )

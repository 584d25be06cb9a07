"""What goes out once a person confirms a draft, to the letter."""

from tocsin.core.acting import TICKET, Draft, PlaybookAction, Verb
from tocsin.core.incident import Incident
from tocsin.core.outbox import Job, Outgoing
from tocsin.core.said import Said
from tocsin.core.transitions.acting import ticket_job
from tocsin.engine.policy import Policy
from tocsin.engine.render import render
from tocsin.engine.saying import Saying, say_action
from tocsin.ports.store import Reader


def preview(tx: Reader, policy: Policy, incident: Incident, draft: Draft) -> Saying | None:
    """Return the words of a draft as the incident is now; None for an automation, which is asked without any.

    A tracker has words of its own where the playbook names no template for
    it: these are asked of the tracker, because customers may read them.
    """
    action = draft.action
    saying = say_action(tx, policy, incident, action)
    if saying is not None or action.verb is not Verb.TRACKER:
        return saying
    tracker, job = policy.trackers.get(action.what), ticket_job(incident, action.what, draft.moment)
    if tracker is None:
        return Saying("", Said(), f"the tracker {action.what} is not configured any more: nothing would be written")
    if job is None:
        return Saying("", Said(), f"the incident has no ticket in {action.what}: nothing would be written")
    words = tracker.words(render(tx, _row(incident, action, draft.moment, job), incident, policy))
    return Saying(words.title, Said.written(words.text))


def _row(incident: Incident, action: PlaybookAction, moment: str, job: Job) -> Outgoing:
    """Return the row that the confirmation would write, as far as it shows."""
    now = incident.opened_at
    return Outgoing(
        key="preview",
        incident_id=incident.id,
        occurrence=incident.occurrence,
        round=incident.round,
        step="preview",
        target=TICKET,
        channel=action.what,
        destination=action.what,
        job=job,
        severity=incident.severity,
        because=f"it was {moment}",
        received_at=now,
        not_before=now,
        overdue_at=now,
        created_at=now,
    )

"""Sentences about tasks and the people who should do them: duties, action items, drafts, meetings.

A stored reason does not say whose task it is, because it is the same for all recipients: ``overdue: post to the status
page``. Here the reader's own task becomes "your task", and any other reader learns the names of its owners.
"""

from tocsin.channels.persons import capitalized, person
from tocsin.channels.text import sentence
from tocsin.core.content.page import Content
from tocsin.core.incident.sla import (
    BREACHED_DUTY_STEP,
    DRAFT_STEP,
    DUTY_STEP,
    ITEM_STEP,
    MEETING_STEP,
    POST_MORTEM_STEP,
    UNCONFIRMED_STEP,
)
from tocsin.core.incident.wording import DUE, LATE

_DUTY, _ITEM, _POST_MORTEM = "duty ", "action item ", "the postmortem "
"""Starts of the stored reasons for messages about a task."""
_HEADERS = {
    BREACHED_DUTY_STEP: "TASK",
    DUTY_STEP: "TASK",
    POST_MORTEM_STEP: "POSTMORTEM",
    ITEM_STEP: "ACTION ITEM",
}


def header(content: Content) -> str:
    """Return the kind of a message about a task with a deadline: ``TASK OVERDUE``; "" for any other message."""
    what = next((words for step, words in _HEADERS.items() if content.step.startswith(step)), "")
    if not what:
        return ""
    because = content.because
    if because.startswith(_POST_MORTEM):
        what = "POSTMORTEM"
    if what == "POSTMORTEM" and because.startswith("write "):
        return f"{what} DUE SOON"
    is_late = content.step.startswith(BREACHED_DUTY_STEP) or LATE in because.partition(": ")[0]
    return f"{what} {'OVERDUE' if is_late else 'DUE'}"


def reason(content: Content) -> str:
    """Return the reason for a message about a task, and who should do it; "" for any other message."""
    step, because = content.step, content.because
    if step.startswith(DRAFT_STEP):
        return _draft(content)
    if step.startswith(UNCONFIRMED_STEP):
        should = who_should("send or discard it", content) if because.endswith("waits") else ""
        return " ".join(filter(None, [sentence(capitalized(content, because)), should]))
    if step.startswith(MEETING_STEP):
        return _invitation(content)
    if not step.startswith(tuple(_HEADERS)):
        return ""
    if because.startswith((_DUTY, _ITEM, _POST_MORTEM)):
        because = f"{'your' if is_readers(content) else 'the'} {because.removeprefix('the ')}"
    if is_readers(content) and step.startswith((BREACHED_DUTY_STEP, DUTY_STEP)):
        because = _of_the_reader(because)
    do = "write it" if header(content).startswith("POSTMORTEM") else "do it"
    return " ".join(filter(None, [sentence(capitalized(content, because)), who_should(do, content)]))


def _of_the_reader(because: str) -> str:
    """Return the reason for a message about a duty in the words for its owner: ``your task is overdue: ...``."""
    if because.startswith(f"{LATE} for "):
        return f"your task has been {because}"
    return f"your task is {because}" if because.startswith((f"{LATE}: ", f"{DUE}: ")) else because


def is_readers(content: Content) -> bool:
    """Return whether the task that a message is about is the reader's own."""
    return not content.stranded and content.target in content.assignees


def who_should(what: str, content: Content) -> str:
    """Return who should do a task: ``Drew Example should do it.``; "" for its owner, or if no one is known."""
    if is_readers(content) or not content.assignees:
        return ""
    return f"{' or '.join(person(content, name) for name in content.assignees)} should {what}."


def _draft(content: Content) -> str:
    """Return what a draft is for, and who has to confirm it."""
    what = content.because.partition(" waits for ")[0].partition(": ")[0]
    what = f"{what[:1].upper()}{what[1:]}"
    if should := who_should("confirm or discard it", content):
        return f"{what} waits for confirmation. {should}"
    return f"{what} waits for {'' if content.target in content.places else 'your '}confirmation."


def _invitation(content: Content) -> str:
    """Return what the reader is invited to, and who holds the meeting; then its purpose and agenda."""
    invited, stop, more = content.because.partition(". ")
    host = "You hold it." if is_readers(content) else who_should("hold it", content).replace(" should hold ", " holds ")
    return " ".join(filter(None, [sentence(capitalized(content, invited)), host, sentence(more) if stop else ""]))

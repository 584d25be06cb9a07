"""Requests to a message's reader: what to do next, and the command for it.

A request has one command per line, at the end of the line and without a period, so that it can be copied.
"""

import re

from tocsin.channels import hand_over
from tocsin.channels.next_pages import is_taken
from tocsin.channels.persons import is_own, person, reachable
from tocsin.channels.text import plain
from tocsin.core.content.page import Content
from tocsin.core.incident.outbox import Job
from tocsin.core.incident.sla import (
    BREACH_STEP,
    BREACHED_DUTY_STEP,
    DRAFT_STEP,
    DUTY_STEP,
    HANDOFF_STEP,
    HANDOFFS_STEP,
    ITEM_STEP,
    MEETING_STEP,
    POST_MORTEM_STEP,
    ROLE_STEP,
    TAKEN_OVER_STEP,
    UNCONFIRMED_STEP,
    UPDATE_STEP,
    Promise,
)
from tocsin.core.incident.wording import MEETING_PLANNED
from tocsin.core.playbook.duties import POST_MORTEM

_TAKE = re.compile(r" yourself: tocsin incidents ack (\d+)", re.ASCII)
DRAFT_LIMIT = 300
"""Maximum number of characters of a draft that a message shows."""
FOR_INFORMATION = "For your information only."


def request(content: Content) -> str:
    """Return what the reader should do next, "" if nothing."""
    if content.job is Job.UPDATE:
        return _request_of_an_update(content)
    if content.job is not Job.PAGE or content.is_alarm:
        return ""
    if is_taken(content):
        return f"{help_wanted(content)}\nDetails: tocsin incidents show {content.number}".lstrip()
    return acknowledge(content)


def acknowledge(content: Content) -> str:
    """Return the command that acknowledges the incident that a page is about."""
    what = f" all {content.members}" if content.members is not None else ""
    what = " this notice" if content.is_own else what
    return f"Acknowledge{what}: tocsin incidents ack {content.number}"


def declaration(content: Content) -> str:
    """Return how to declare the incident that a page is about; "" if there is nothing to declare, or another has it."""
    if content.job is not Job.PAGE or not content.can_declare or (is_taken(content) and not is_own(content)):
        return ""
    return f"If the problem is real, declare the incident: tocsin incidents declare {content.number}"


def other_incident(content: Content) -> str:
    """Return the number of the incident that an incident of tocsin's own tells the reader to take; "" if none."""
    match = _TAKE.search(content.summary) if content.is_own else None
    return match[1] if match is not None else ""


def asks_for_help(content: Content) -> bool:
    """Return whether the responder asks the reader for help."""
    return content.job is Job.PAGE and content.because.startswith(f"{content.acknowledged_by} asks for your help")


def help_wanted(content: Content, *, is_answered_here: bool = False) -> str:
    """Return what a further responder should do when another person has acknowledged; "" if no one has.

    ``is_answered_here``: the provider itself asks for an acknowledgment, which then ends only its own pages.
    """
    if content.job is not Job.PAGE or not is_taken(content) or is_own(content):
        return ""
    who = reachable(content, content.acknowledged_by)
    is_asked = content.because.startswith(f"{content.acknowledged_by} asks ")
    ask = f"Contact {who}" if is_asked else f"Ask {who} whether help is needed"
    if is_answered_here:
        keeps = person(content, content.acknowledged_by)
        return f"{ask}. The Acknowledge button only stops these pages: {keeps} stays the responder."
    return f"{ask}. You need not acknowledge."


def _request_of_an_update(content: Content) -> str:
    """Return the request of an update: the first entry of which its step is a prefix."""
    number, step = content.number, content.step
    has_it = reachable(content, content.acknowledged_by) if is_taken(content) and not is_own(content) else ""
    item = step.removeprefix(ITEM_STEP).partition(".")[0]
    write = (
        f"1) Get a draft: tocsin postmortem {number}\n2) Write it.\n"
        f"3) Record its link: tocsin incidents reviewed {number} --link URL"
    )
    requests = {
        UPDATE_STEP: _status_update(content),
        f"{BREACH_STEP}{Promise.UPDATE}": _status_update(content),
        f"{BREACHED_DUTY_STEP}{POST_MORTEM}": write,
        BREACHED_DUTY_STEP: _end_of_duty(content, BREACHED_DUTY_STEP),
        BREACH_STEP: "" if content.stranded else FOR_INFORMATION,
        DRAFT_STEP: _draft(content),
        TAKEN_OVER_STEP: f"You no longer have it. Tell {has_it} what you know." if has_it else "",
        ROLE_STEP: _role(content),
        HANDOFF_STEP: _which_of_you(has_it, number) if has_it else "",
        HANDOFFS_STEP: _who_takes_which(content),
        POST_MORTEM_STEP: write,
        DUTY_STEP: _end_of_duty(content, DUTY_STEP),
        MEETING_STEP: f"To move it: tocsin incidents meeting {number} {_duty(step, MEETING_STEP)} --at TIME",
        UNCONFIRMED_STEP: _unconfirmed(content),
        ITEM_STEP: f"When it is done: tocsin incidents done {number} {item}",
    }
    if content.is_reminder:
        done = f"When it is done, close this reminder: tocsin incidents resolve {number}"
        return f"{_who_does_it(content)}\n{done}".lstrip()
    return next((request for start, request in requests.items() if step.startswith(start)), "")


def _duty(step: str, start: str) -> str:
    """Return the name of the duty that a step is about."""
    return step.removeprefix(start).partition(".")[0]


def _role(content: Content) -> str:
    """Return the commands with which the holder of a role sees the incident and passes the role on."""
    number, role = content.number, _duty(content.step, ROLE_STEP)
    return (
        f"Read what is known: tocsin incidents show {number}\n"
        f"To pass the role on: tocsin incidents role {number} {role} --person NAME"
    )


def _end_of_duty(content: Content, start: str) -> str:
    """Return the commands that end a duty."""
    number, name = content.number, _duty(content.step, start)
    done = "If it took place" if MEETING_PLANNED in content.because else "When it is done"
    return (
        f"{done}: tocsin incidents done {number} {name}\n"
        f"If it is not needed: tocsin incidents waive {number} {name} --reason TEXT"
    )


def _unconfirmed(content: Content) -> str:
    """Return the commands for a draft that still waits after the resolve; "" if it was dropped."""
    if content.because.endswith("dropped"):
        return ""
    number, draft = content.number, content.step.removeprefix(UNCONFIRMED_STEP)
    return (
        f"Send it: tocsin incidents confirm {number} {draft}\n"
        f"Discard it: tocsin incidents discard {number} {draft} --reason TEXT"
    )


def _which_of_you(has_it: str, number: int) -> str:
    return f"{has_it} has it: decide together which of you keeps it.\nTo take it over: tocsin incidents take {number}"


def _who_takes_which(content: Content) -> str:
    """Return the request of a hand-over of several incidents."""
    shift = hand_over.of(content)
    is_one = is_taken(content) and not is_own(content) and not (shift is not None and shift.has_other_holders)
    have = f"{reachable(content, content.acknowledged_by)} has" if is_one else "The current responders have"
    decide = f"{have} them: decide together who takes which."
    return f"{decide}\nList them: tocsin incidents list\nTake one over: tocsin incidents take NUMBER"


def _draft(content: Content) -> str:
    """Return a draft's text, and the commands that show, publish and discard it."""
    number, draft = content.number, content.step.removeprefix(DRAFT_STEP).partition(".")[0]
    verbs = {"the run ": "Run", "the draft message ": "Send"}
    verb = next((verb for start, verb in verbs.items() if content.because.startswith(start)), "Publish")
    shown = f'Draft {draft}: "{plain(content.draft, DRAFT_LIMIT)}"\n' if content.draft else ""
    return (
        f"{shown}Read all of it: tocsin incidents drafts {number}\n"
        f"{verb} it: tocsin incidents confirm {number} {draft}\n"
        f"Discard it: tocsin incidents discard {number} {draft}"
    )


def _who_does_it(content: Content) -> str:
    """Return which of the recipients of a reminder should do the task; "" if it names no person."""
    is_reader = content.target in content.names and not content.stranded
    others = [person(content, name) for name in content.paged_with if name in content.names]
    names = [*(["You"] if is_reader else []), *others]
    return f"{' or '.join(names)} should do it." if names else ""


def _status_update(content: Content) -> str:
    """Return who should post the status update that is due, and how; the reader is addressed as "you"."""
    command = f"tocsin incidents update {content.number} TEXT"
    owner = reachable(content, content.acknowledged_by) if is_taken(content) else ""
    writers = content.assignees
    if not writers or (not content.stranded and content.target in writers):
        if not owner or is_own(content):
            return f"Post the status update: {command}"
        return f"{owner} has the incident: ask how it stands.\nThen post the status update: {command}"
    names = " or ".join(person(content, name) for name in writers)
    if is_own(content):
        reached = " or ".join(reachable(content, name) for name in writers)
        return f"{names} should post it: tell {reached} how things stand.\nOr post one yourself: {command}"
    knows = f" {owner} has the incident." if owner else ""
    return f"{names} should post it; anyone may post it.{knows}\nTo post one: {command}"

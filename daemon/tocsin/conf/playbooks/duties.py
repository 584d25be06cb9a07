"""Duties of a playbook: ``duties:``."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from tocsin.conf.playbooks.parts import Check
from tocsin.conf.schema import Name, Section, Text, YesNo, mistake
from tocsin.conf.settings import Span
from tocsin.conf.source import Node
from tocsin.core.duration import HOUR
from tocsin.core.playbook.duties import POST_MORTEM, RESPONDERS, Meeting, PlaybookDuty
from tocsin.core.suggestions import did_you_mean

MOST_DUTIES = 50
"""Maximum number of duties of one playbook."""
LONGEST_TEXT = 300
"""Maximum number of characters of the text of a duty, and of an item of an agenda."""
MOST_INVITED = 30
"""Maximum number of targets that a meeting invites."""
MOST_AGENDA = 20
"""Maximum number of items of a meeting's agenda."""

_NAME = r"^[a-z][a-z0-9-]{0,40}$"
DutyName = Annotated[str, StringConstraints(pattern=_NAME)]
DutyText = Annotated[Text, StringConstraints(max_length=LONGEST_TEXT)]
Invited = Annotated[tuple[Name, ...], Field(min_length=1, max_length=MOST_INVITED)]
Fact = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
_SINCE = {"declared": "the declaration", "resolved": "the resolve"}
_EVENTS = ("tracker", "message", "fact", "update", "declared")


class MeetingEntry(Section):
    """``meeting:`` of a duty."""

    length: Span = HOUR
    after: Span | None = None
    """The earliest start, counted like the deadline."""
    invite: Invited = (RESPONDERS,)
    invite_when: Annotated[dict[Name, Invited], Field(max_length=MOST_INVITED)] = Field(default_factory=dict)
    agenda: Annotated[tuple[DutyText, ...], Field(max_length=MOST_AGENDA)] = ()

    def meeting(self) -> Meeting:
        """Return the meeting as the core's type."""
        return Meeting(
            length=self.length,
            after=self.after or 0,
            invite=self.invite,
            invite_when=dict(self.invite_when),
            agenda=self.agenda,
        )


class DutyEntry(Section):
    """One of ``duties:``."""

    what: DutyText
    since: Literal["opened", "declared", "acknowledged", "resolved"]
    within: Span
    by: Name | None = None
    severities: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    when: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    remind: Span | None = None
    tracker: Name | None = None
    message: Name | None = None
    fact: Fact | None = None
    update: YesNo = False
    declared: YesNo = False
    meeting: MeetingEntry | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "DutyEntry":
        events = [event for event in _EVENTS if getattr(self, event)]
        if len(events) > 1:
            raise mistake(
                f"ends with {' and with '.join(events)}", f"write one of {', '.join(f'{event}:' for event in _EVENTS)}"
            )
        if self.declared and self.since in ("declared", "resolved"):
            message = f"counts from {_SINCE[self.since]}, when nothing is left to declare"
            raise mistake(message, "write since: opened, or since: acknowledged")
        if self.meeting is not None and events:
            raise mistake(f"is a meeting, and ends with {events[0]}", "a person reports that a meeting was held")
        if self.remind is not None and self.remind >= self.within:
            raise mistake("reminds before its time begins", "remind: must be shorter than within:")
        if self.meeting is not None and (self.meeting.after or 0) + self.meeting.length > self.within:
            raise mistake("has no room for its meeting", "after: and length: together must not exceed within:")
        return self

    def duty(self, name: str) -> PlaybookDuty:
        """Return the duty as the core's type."""
        return PlaybookDuty(
            name=name,
            text=self.what,
            since=self.since,
            within=self.within,
            by=self.by or "",
            severities=self.severities or (),
            when=self.when or (),
            remind=self.remind,
            tracker=self.tracker or "",
            message=self.message or "",
            fact=self.fact or "",
            update=self.update,
            declared=self.declared,
            meeting=self.meeting.meeting() if self.meeting is not None else None,
        )


DutiesByName = Annotated[dict[DutyName, DutyEntry], Field(max_length=MOST_DUTIES)]


def check_duties(duties: dict[str, DutyEntry], part: Any, check: Check) -> None:
    """Check that names are free, and that severities, flags and actions of the duties belong to the playbook."""
    severities, flags = getattr(part, "severities", {}), getattr(part, "flags", ())
    actions = getattr(part, "actions", ())
    for name, entry in duties.items():
        node = check.node.at("duties", name)
        if name == POST_MORTEM or name.startswith("follow-up-"):
            message = f"a duty cannot be called {name!r}"
            check.problem(node, message, "post_mortem_within: and follow_ups: make duties of these names")
        for key, names, known in (("severities", entry.severities, severities), ("when", entry.when, flags)):
            for place, each in enumerate(names or ()):
                if each not in known:
                    what = "severity" if key == "severities" else "flag"
                    check.problem(node.at(key, place), f"there is no {what} {each!r}", did_you_mean(each, known))
        for flag in entry.meeting.invite_when if entry.meeting is not None else ():
            if flag not in flags:
                invited = node.at("meeting", "invite_when", flag)
                check.problem(invited, f"there is no flag {flag!r}", did_you_mean(flag, flags))
        for verb in ("tracker", "message"):
            wanted = getattr(entry, verb)
            done = [getattr(action, verb) for action in actions]
            if wanted is not None and wanted not in done:
                hint = did_you_mean(wanted, [each for each in done if each]) or f"write one with {verb}: {wanted}"
                check.problem(node.at(verb), f"no action of the playbook has {verb}: {wanted}", hint)


def target_names_in(node: Node) -> Iterator[Node]:
    """Return the owners and the people to invite, without those that are roles of the playbook."""
    roles, duties = node.child("roles"), node.child("duties")
    known = {RESPONDERS, *(str(key) for key, _ in roles.children())} if roles is not None else {RESPONDERS}
    for _, duty in duties.children() if duties is not None else ():
        invite, invite_when = (duty.at("meeting").child(key) for key in ("invite", "invite_when"))
        lists = (invite, *(names for _, names in invite_when.children())) if invite_when is not None else (invite,)
        names = [duty.child("by"), *(each for part in lists if part is not None for _, each in part.children())]
        yield from (each for each in names if each is not None and str(each.value) not in known)

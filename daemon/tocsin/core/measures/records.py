"""The input of the measures: plain records of incidents, their follow-ups and the pages about them.

All times are microseconds since the epoch, UTC. Drills, tocsin's own incidents, merged ones and those that healed
before anyone was paged are not among the records.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from tocsin.core.duration import parse_duration
from tocsin.core.incident import sla
from tocsin.core.incident.incident import Incident, State, WaitReason
from tocsin.core.incident.measure import Occurrence, occurrence_of
from tocsin.core.incident.sla import Promise
from tocsin.core.incident.transitions.owners import duty_owner
from tocsin.core.playbook.duties import POST_MORTEM, PlaybookDuty
from tocsin.core.playbook.playbook import SELF_PLAYBOOK, FollowUp

USERS_AFFECTED = "users_affected"
"""The fact that contains the number of affected users."""
DATA_LOSS = "data_loss"
"""The fact that contains the time for which data was lost, such as ``5m``; ``none`` if none was."""
TARGETS = (Promise.RESPOND, Promise.ACKNOWLEDGE, Promise.RESOLVE)
"""The targets of a severity that are counted as met or missed."""

_NUMBER = re.compile(
    r"(?:about |around |approx\.? |ca\.? |~ ?)?(\d{1,3}(?:[, _']\d{3})+|\d{1,12})(?: ?(k|m|thousand|million)s?\b)?",
    re.ASCII | re.IGNORECASE,
)
_NOT_A_NUMBER = re.compile(r" ?(?:%|percent|(?:[-\u2013/]|to|or|in) ?\d)|[.,]\d|\w")
"""Ends that make a number a share, a range or a part of a word."""
_FACTORS = {"": 1, "k": 1_000, "thousand": 1_000, "m": 1_000_000, "million": 1_000_000}
_NO_LOSS = re.compile(r"(?:0|no|none|no data loss)(?:[.,;:]|$)")
_LOSS = re.compile(
    r"(?:yes[,:;]? ?)?(?:about |around |~ ?)?"
    r"((?:\d{1,6} ?(?:days?|d|hours?|h|minutes?|mins?|m|seconds?|secs?|s) ?)+)"
    r"(?! ?(?:[-\u2013/]|to|or) ?\d)(?![a-z0-9])",
    re.ASCII,
)
_AFTER_UNIT = re.compile(r" |(?<=[dhms])[a-z]+")


class MeasuredIncident(msgspec.Struct, frozen=True, kw_only=True):
    """One occurrence of an incident: a period in which its alerts fired."""

    incident_id: str
    occurrence: int
    number: int | None
    """None if the incident itself is no longer stored; then its texts are "" as well."""
    title: str
    dedup_key: str
    playbook: str
    severity: str
    """The highest severity of the occurrence."""
    service: str
    team: str
    first_alert_at: int | None
    opened_at: int
    acknowledged_at: int | None
    """The first acknowledgment by a person."""
    resolved_at: int | None
    """None while it is open."""
    ended_at: int | None
    """The end of the time to resolve: the last alert's end, or a person's resolve."""
    by_person: bool
    """True if a person resolved it."""
    targets: tuple[str, ...]
    """The targets of its severity, by the playbook at the time of its opening."""
    missed: Mapping[str, int]
    """Each missed target of this occurrence -> the time at which it was missed."""
    users_affected: int | None
    """None if no number is known."""
    data_loss: int | None
    """The time for which data was lost, in microseconds; None if it is not known."""

    @property
    def is_first(self) -> bool:
        """Return whether the incident began with this occurrence."""
        return self.occurrence == 1

    @property
    def began_at(self) -> int:
        """Return when the trouble began: the start of the first alert or, if it is not known, the trigger."""
        return self.opened_at if self.first_alert_at is None else min(self.first_alert_at, self.opened_at)


class DutyKind(StrEnum):
    """The kinds of duties that the measures count."""

    POST_MORTEM = "post_mortem"
    DUTY = "duty"
    """Any other duty, also a follow-up that the playbook requires."""
    ACTION_ITEM = "action_item"
    """An action item that a person added, or a follow-up in a row of an earlier version."""


class MeasuredDuty(msgspec.Struct, frozen=True, kw_only=True):
    """Work that an incident requires: a duty or an action item."""

    kind: DutyKind
    name: str = ""
    """The name of the duty; "" for an action item."""
    incident_id: str
    number: int
    """The incident's number."""
    title: str
    """The incident's title."""
    text: str
    """The task in words."""
    owner: str
    """Persons, rotations, groups or a role; "" if it is not known."""
    playbook: str
    severity: str
    service: str
    team: str
    added_at: int
    due_at: int
    done_at: int | None
    waived: bool = False


class MeasuredPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page to a person that its channel accepted."""

    incident_id: str
    person: str
    at: int
    title: str
    dedup_key: str
    playbook: str
    service: str
    team: str


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """The records from which a report is computed."""

    incidents: tuple[MeasuredIncident, ...] = ()
    duties: tuple[MeasuredDuty, ...] = ()
    pages: tuple[MeasuredPage, ...] = ()
    since: int | None = None
    """The start of the first known incident: before it there is no data. None: no incident is known."""


def is_counted(incident: Incident) -> bool:
    """Return whether an incident counts in the measures: not a drill, not tocsin's own, not merged."""
    return not incident.drill and incident.plan.name != SELF_PLAYBOOK and incident.merged is None


def open_occurrence(incident: Incident) -> Occurrence | None:
    """Return the occurrence of an open incident; None while it is held or hidden, as it may still heal unseen."""
    is_hidden = any(wait.reason is WaitReason.WINDOW for wait in incident.waits)
    if not incident.is_open or incident.state is State.PENDING or is_hidden or not is_counted(incident):
        return None
    return occurrence_of(incident, "open", counted=True)


def measured_incident(occurrence: Occurrence, incident: Incident | None, missed: Mapping[str, int]) -> MeasuredIncident:
    """Return the record of an occurrence; ``missed`` are its missed targets, each with the time of the breach."""
    facts: Mapping[str, str] = {}
    targets: tuple[str, ...] = ()
    if incident is not None:
        facts = incident.messages.facts if incident.messages is not None else {}
        if incident.plan.has_level(occurrence.severity):
            targets = tuple(name for name, _ in incident.plan.level(occurrence.severity).promises if name in TARGETS)
    return MeasuredIncident(
        incident_id=occurrence.incident_id,
        occurrence=occurrence.occurrence,
        number=None if incident is None else incident.number,
        title="" if incident is None else incident.title,
        dedup_key=occurrence.incident_id if incident is None else incident.dedup_key,
        playbook=occurrence.playbook,
        severity=occurrence.severity,
        service=occurrence.service,
        team="" if incident is None else incident.team,
        first_alert_at=occurrence.first_alert_at,
        opened_at=occurrence.opened_at,
        acknowledged_at=occurrence.acknowledged_at,
        resolved_at=occurrence.resolved_at,
        ended_at=None if occurrence.resolved_at is None else occurrence.ended_at or occurrence.resolved_at,
        by_person=occurrence.cause == "person",
        targets=targets,
        missed={name: at for name, at in missed.items() if name in TARGETS},
        users_affected=users_in(facts.get(USERS_AFFECTED, "")),
        data_loss=loss_in(facts.get(DATA_LOSS, "")),
    )


def duties_of(incident: Incident) -> Iterable[MeasuredDuty]:
    """Yield the duties and action items of an incident: of its current occurrence, also from earlier versions' rows."""
    obligations = incident.obligations
    if obligations is None or not is_counted(incident):
        return
    about = _about(incident)
    for duty in sla.duties_of(obligations):
        yield MeasuredDuty(
            **about,
            kind=_kind_of(duty.name),
            name=duty.name,
            text=duty.text,
            owner=", ".join(duty_owner(incident, duty)),
            severity=duty.severity,
            added_at=duty.asked_at,
            due_at=duty.due_at,
            done_at=duty.done_at,
            waived=duty.waived,
        )
    for item in obligations.items:
        yield MeasuredDuty(
            **about,
            kind=DutyKind.ACTION_ITEM,
            text=item.text,
            owner=item.owner or item.role,
            severity=item.severity,
            added_at=item.added_at,
            due_at=item.due_at,
            done_at=item.done_at,
        )


class EndedDuty(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a timeline entry about the end of a duty that are measured."""

    duty: str = ""
    """Empty in entries of earlier versions."""
    severity: str = ""
    occurrence: int = 0
    due_at: int = 0


def duty_of_earlier_occurrence(
    incident: Incident, ended: EndedDuty, at: int, *, is_waived: bool
) -> MeasuredDuty | None:
    """Return a duty that ended at a time, in an occurrence before the current one; else None.

    An incident has only the duties of its current occurrence.
    """
    if not ended.duty or ended.occurrence >= incident.occurrence or not is_counted(incident):
        return None
    plan = incident.plan.duties
    known: list[PlaybookDuty | FollowUp] = [*plan.required, *plan.follow_ups]
    required = next((each for each in known if each.name == ended.duty), None)
    return MeasuredDuty(
        **_about(incident),
        kind=_kind_of(ended.duty),
        name=ended.duty,
        text=_text_of(ended.duty) if required is None else required.text,
        owner="",
        severity=ended.severity,
        added_at=min(at, ended.due_at) if required is None else ended.due_at - required.within,
        due_at=ended.due_at,
        done_at=at,
        waived=is_waived,
    )


def _about(incident: Incident) -> dict[str, Any]:
    return {
        "incident_id": incident.id,
        "number": incident.number,
        "title": incident.title,
        "playbook": incident.plan.name,
        "service": incident.service,
        "team": incident.team,
    }


def _text_of(name: str) -> str:
    return sla.POST_MORTEM_TEXT if name == POST_MORTEM else name


def _kind_of(name: str) -> DutyKind:
    return DutyKind.POST_MORTEM if name == POST_MORTEM else DutyKind.DUTY


def users_in(text: str) -> int | None:
    """Return the number in a fact such as ``about 1,200`` or ``3k``; None for a share, a range, or no number."""
    match = _NUMBER.match(text.strip())
    if match is None or _NOT_A_NUMBER.match(text.strip()[match.end() :]):
        return None
    return int(re.sub(r"\D", "", match[1])) * _FACTORS[(match[2] or "").lower()]


def loss_in(text: str) -> int | None:
    """Return the duration in a fact such as ``5m``, ``yes, 1 hour 30 min`` or ``none``; None if it contains none."""
    written = text.strip().lower()
    if _NO_LOSS.match(written):
        return 0
    match = _LOSS.match(written)
    try:
        return None if match is None else parse_duration(_AFTER_UNIT.sub("", match[1]))
    except ValueError:
        return None

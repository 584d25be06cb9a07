"""The JSON objects of the API, built from the domain's objects.

A member named ``at`` or ``..._at`` is a time: in microseconds here, and in RFC 3339
(UTC) in the output of `public`.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from tocsin.core.alerts.alert import Episode
from tocsin.core.alerts.subject import Subject, subject_of
from tocsin.core.incident.escalation import next_due
from tocsin.core.incident.event import Entry
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.next_step import NextStep, next_step
from tocsin.core.incident.sla import open_duties
from tocsin.core.incident.transitions.work import can_declare
from tocsin.core.incident.unticked import Unticked, unticked_of
from tocsin.core.incident.wording import waits_for
from tocsin.core.rules.shown_parts import remarks, shown_labels, shown_start
from tocsin.engine.intake.shadow import ShadowReport
from tocsin.ports.observer import Limit, Observer
from tocsin.web.api.fitting import fitting
from tocsin.web.api.work_views import (
    ChecklistView,
    DutyView,
    ItemView,
    PostMortemState,
    TargetView,
    TicketView,
    work_of,
)
from tocsin.web.server.answers import rfc3339

_UNCONVERTED = frozenset({"labels", "annotations", "data", "sets", "decided_by", "detail", "names", "tiers"})
"""Members whose keys come from users, so that a key like ``..._at`` is not a time."""


class WaitView(Struct, frozen=True, kw_only=True):
    """A reason for which an incident's escalation ladder waits; meanwhile no one is paged."""

    reason: str
    """``window``, ``storm``, ``inhibited`` or ``flapping``."""
    by: str
    """The name of the window or the rule, or the number of the storm."""
    because: str
    until_at: int | None
    """Time at which the wait ends or is checked again."""


class IncidentView(Struct, frozen=True, kw_only=True):
    """An incident, as in a list."""

    id: str
    number: int
    title: str
    playbook: str
    severity: str
    service: str
    state: str
    dedup_key: str
    alerts_firing: int
    opened_at: int
    acknowledged_at: int | None
    acknowledged_by: str | None
    resolved_at: int | None
    due_at: int | None
    """Time of the next event of any kind, such as an escalation step, a reminder or a target."""
    next_tier: int | None
    """The tier that the next step of the ladder notifies."""
    next_step: NextStep | None
    """The next notification of a tier, if nothing changes before; ``due_at`` may be earlier."""
    waits: list[WaitView]
    storm: int | None
    """The number of the storm that the incident belongs to."""
    members: int | None
    """For a storm, the number of incidents that have joined; ``?storm=`` lists them."""
    flags: tuple[str, ...]
    can_declare: bool
    """True if a person should decide whether to declare it: its playbook provides for that."""
    open_duties: int
    """Number of the playbook's duties that are neither done nor waived."""
    unticked: tuple[Unticked, ...]
    """The checklists with points that no one has ticked."""


class AlertView(Struct, frozen=True, kw_only=True):
    """An episode of an alert."""

    source: str
    fingerprint: str
    episode: int
    status: str
    labels: dict[str, str]
    """The labels; very many or very long ones are cut."""
    annotations: dict[str, str]
    starts_at: int
    """The start that the sender reported, or else the time of receipt."""
    ends_at: int | None
    remarks: str
    """Remarks about unreadable or cut parts of the alert, "" if there are none."""


class StoredAlertView(AlertView, frozen=True, kw_only=True):
    """An episode of an alert, with its verdict and its incident."""

    severity: str
    rules: tuple[str, ...]
    """Names of the rules that decided its severity, in order."""
    first_seen_at: int
    last_seen_at: int
    incident_id: str | None
    """Null for an alert without an incident: the alert is suppressed, or was never seen firing."""


class AlertPage(Struct, frozen=True):
    """A list of episodes, newest first, of at most 8 MiB."""

    alerts: list[StoredAlertView]


class EntryView(Struct, frozen=True, kw_only=True):
    """An entry of a timeline."""

    seq: int
    at: int
    kind: str
    actor: str
    via: str
    data: dict[str, Any]


class IncidentDetail(IncidentView, frozen=True, kw_only=True):
    """An incident with its alerts and its timeline."""

    subject: Subject
    """The incident, whose fields become members of this object: see `flat`."""
    declared_at: int | None
    declared_by: str
    status: str
    """A status of the playbook, "" until one is set."""
    roles: dict[str, str]
    """The person in each assigned role, by the key of the role."""
    checklists: list[ChecklistView]
    targets: list[TargetView]
    """The targets of the severity that are not met yet, earliest first."""
    update_due_at: int | None
    """Time by which the next update for the stakeholders is due."""
    post_mortem: PostMortemState | None
    duties: list[DutyView]
    """The duties of this occurrence, including the postmortem, in the order in which their time began."""
    closed_at: int | None
    """Time at which the record was closed: resolved, and every duty done or waived."""
    action_items: list[ItemView]
    tickets: list[TicketView]
    drafts: int
    """The number of actions of the playbook that wait for confirmation."""
    alerts: list[AlertView]
    """Firing ones first."""
    timeline: list[EntryView]
    """The oldest first."""
    names: dict[str, str]
    """The full names of the people in the timeline, by their logins, and the playbook's names for other targets."""
    tiers: dict[str, str]
    """The names of the playbook's tiers, by their numbers."""
    cut: bool
    """True if alerts or entries are left out: at most 8 MiB of each, and the last 10,000 entries, are shown."""


class IncidentPage(Struct, frozen=True):
    """A page of incidents, newest first."""

    incidents: list[IncidentView]
    next: str | None
    """The ``cursor`` of the next page; null on the last one."""


class ShadowView(Struct, frozen=True):
    """The results of the shadow rules."""

    shadow: ShadowReport | None
    """Null if `serve` runs without shadow rules."""


class Response(Struct, frozen=True):
    """The result of a response to an incident."""

    incident: IncidentView
    changed: bool
    note: str


def incident_view(incident: Incident) -> IncidentView:
    """Return an incident as shown in a list."""
    return IncidentView(**_fields(incident))


def incident_detail(
    incident: Incident,
    episodes: Iterable[Episode],
    entries: Sequence[Entry],
    names: dict[str, str],
    observer: Observer | None = None,
) -> msgspec.Raw:
    """Return an incident with all its details, an `IncidentDetail`, in JSON; ``entries`` are the last ones."""
    alerts, has_all = fitting(encoded(alert_view(episode)) for episode in episodes)
    timeline, fits = fitting(encoded(_entry(entry)) for entry in reversed(entries))
    if observer is not None and not (has_all and fits):
        observer.count("limits_exceeded_total", limit=Limit.ANSWER_BYTES)
    view = IncidentDetail(
        **_fields(incident),
        subject=subject_of(incident),
        **work_of(incident),
        alerts=[],
        timeline=[],
        names=names,
        tiers={str(tier.number): tier.name for tier in incident.plan.tiers},
        cut=not has_all or len(timeline) < incident.events,
    )
    return msgspec.Raw(msgspec.json.encode(flat(public(view)) | {"alerts": alerts, "timeline": timeline[::-1]}))


def stored_alert_view(episode: Episode) -> StoredAlertView:
    """Return an episode with its verdict and its incident."""
    return StoredAlertView(
        **msgspec.structs.asdict(alert_view(episode)),
        severity=episode.severity,
        rules=episode.trace,
        first_seen_at=episode.first_seen_at,
        last_seen_at=episode.last_seen_at,
        incident_id=episode.incident_id,
    )


def flat(members: dict[str, Any]) -> dict[str, Any]:
    """Return a view's members, with those of its ``subject`` in its place."""
    flat_members: dict[str, Any] = {}
    for name, member in members.items():
        flat_members |= member if name == "subject" else {name: member}
    return flat_members


def public(view: object) -> Any:
    """Convert a view to JSON-compatible objects with RFC 3339 times."""
    return _with_times(msgspec.to_builtins(view))


def encoded(view: object) -> msgspec.Raw:
    """Return a view as it goes out, in JSON. Call it in another thread than the event loop's if it may be large."""
    return msgspec.Raw(msgspec.json.encode(public(view)))


def is_time(name: str) -> bool:
    """Return whether a member with this name is a time."""
    return name == "at" or name.endswith("_at")


def _next_tier(incident: Incident) -> int | None:
    """Return the tier of the next step, None during the hold-down or while the ladder waits."""
    if incident.resolve_at is not None or incident.waits or not incident.ladder:
        return None
    return incident.ladder[0].tier


def _fields(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "number": incident.number,
        "title": incident.title,
        "playbook": incident.plan.name,
        "severity": incident.severity,
        "service": incident.service,
        "state": incident.state.value,
        "dedup_key": incident.dedup_key,
        "alerts_firing": incident.alerts_firing,
        "opened_at": incident.opened_at,
        "acknowledged_at": incident.acknowledged_at,
        "acknowledged_by": incident.acknowledged_by,
        "resolved_at": incident.resolved_at,
        "due_at": next_due(incident),
        "next_tier": _next_tier(incident),
        "next_step": next_step(incident),
        "waits": [
            WaitView(reason=wait.reason.value, by=wait.by, because=waits_for(wait), until_at=wait.until)
            for wait in incident.waits
        ],
        "storm": incident.member_of,
        "members": incident.storm.members if incident.storm is not None else None,
        "flags": incident.flags,
        "can_declare": can_declare(incident),
        "open_duties": open_duties(incident.obligations),
        "unticked": unticked_of(incident),
    }


def alert_view(episode: Episode) -> AlertView:
    """Return an episode of an alert."""
    return AlertView(
        source=episode.source,
        fingerprint=episode.fingerprint,
        episode=episode.episode,
        status=episode.status.value,
        labels=shown_labels(episode.labels),
        annotations=episode.annotations,
        starts_at=shown_start(episode),
        ends_at=episode.ends_at,
        remarks=remarks(episode),
    )


def _entry(entry: Entry) -> EntryView:
    return EntryView(seq=entry.seq, at=entry.at, kind=entry.kind, actor=entry.actor, via=entry.via, data=entry.data)


def _with_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: rfc3339(inner) if is_time(name) else inner if name in _UNCONVERTED else _with_times(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_with_times(inner) for inner in value]
    return value

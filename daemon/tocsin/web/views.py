"""The objects of the API, made from the domain's.

A member called ``at`` or ``..._at`` is a time: microseconds in here, RFC 3339
in UTC once `public` has been over it.
"""

from typing import Any

import msgspec
from msgspec import Struct

from tocsin.core.alert import Episode
from tocsin.core.clock import Clock
from tocsin.core.escalation import next_due
from tocsin.core.event import Entry
from tocsin.core.incident import Incident
from tocsin.core.next_step import NextStep, next_step
from tocsin.core.quarantine import Quarantined
from tocsin.core.shown import remarks, shown_labels, shown_start
from tocsin.core.transitions import promises
from tocsin.core.transitions.acting import acting_of
from tocsin.core.wording import waits_for
from tocsin.core.work import Checklist, Work
from tocsin.engine.shadow import ShadowReport
from tocsin.web.answers import rfc3339

_AS_THEY_ARE = frozenset({"labels", "annotations", "data", "sets", "decided_by", "detail"})
"""Members whose own names are not ours."""


class WaitView(Struct, frozen=True, kw_only=True):
    """One thing that an incident's ladder waits for: until then nobody is paged."""

    reason: str
    """``window``, ``storm``, ``inhibited`` or ``flapping``."""
    by: str
    """The window's name, the storm's number, the rule's name."""
    because: str
    until_at: int | None
    """When it ends, or is looked at again."""


class IncidentView(Struct, frozen=True, kw_only=True):
    """An incident as a list shows it."""

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
    """When anything about it is due next."""
    next_tier: int | None
    """The tier that the next step of its ladder notifies."""
    next_step: NextStep | None
    """The next notification of a tier, if nothing happens in between: ``due_at`` may be a reminder's or a target's."""
    waits: list[WaitView]
    storm: int | None
    """The number of the storm that tells of it."""
    members: int | None
    """Of a storm: how many incidents have joined it; ``?storm=`` lists them."""


class AlertView(Struct, frozen=True, kw_only=True):
    """One episode of one alert of an incident."""

    source: str
    fingerprint: str
    episode: int
    status: str
    labels: dict[str, str]
    """Cut where they are very many or very long."""
    annotations: dict[str, str]
    starts_at: int
    """As the sender says; where it says none, when it was received."""
    ends_at: int | None
    remarks: str
    """What could not be read of the alert or is cut, "" where nothing."""


class StoredAlertView(AlertView, frozen=True, kw_only=True):
    """One episode of one alert, wherever it belongs."""

    severity: str
    rules: tuple[str, ...]
    """Names of the rules that decided its severity, in order."""
    first_seen_at: int
    last_seen_at: int
    incident_id: str | None
    """Null for what opened no incident: suppressed, or resolved before it was seen firing."""


class AlertPage(Struct, frozen=True):
    """Some episodes, the newest first."""

    alerts: list[StoredAlertView]


class EntryView(Struct, frozen=True, kw_only=True):
    """One entry of a timeline."""

    seq: int
    at: int
    kind: str
    actor: str
    via: str
    data: dict[str, Any]


class TargetView(Struct, frozen=True):
    """Something that is to be done by a moment."""

    target: str
    """``respond``, ``acknowledge``, ``resolve``."""
    due_at: int


class PostMortemState(Struct, frozen=True):
    """Where the review stands."""

    due_at: int
    done_at: int | None
    done_by: str
    waived: bool
    link: str


class CheckView(Struct, frozen=True):
    """One item of a checklist."""

    text: str
    done_at: int | None
    done_by: str


class ChecklistView(Struct, frozen=True):
    """What must not be forgotten at its severity."""

    name: str
    items: list[CheckView]


class ItemView(Struct, frozen=True):
    """Something that is to be done because of an incident."""

    number: int
    text: str
    kind: str
    owner: str
    """A target; "" for whoever owns the post-mortem."""
    due_at: int
    done_at: int | None
    done_by: str


class TicketView(Struct, frozen=True):
    """What an incident has in one tracker."""

    tracker: str
    about: str
    """"" for the incident itself, ``item-1`` for its first action item."""
    state: str
    """``asked``, ``open``, ``closed`` or ``failed``."""
    name: str
    """What people call it, "" while it is on its way."""
    url: str


class IncidentDetail(IncidentView, frozen=True, kw_only=True):
    """An incident with its alerts and its timeline."""

    team: str
    summary: str
    runbook: str
    """A link, "" where there is none."""
    automation: str
    """The name of the automation that can heal it, "" where no rule names one."""
    declared_at: int | None
    declared_by: str
    status: str
    """One of the playbook's, "" while nobody has set one."""
    roles: dict[str, str]
    """Who has taken a role, by its key."""
    checklists: list[ChecklistView]
    targets: list[TargetView]
    """What its severity promises and is still owed, the earliest first."""
    update_due_at: int | None
    """When those who wait are to be told how it goes."""
    post_mortem: PostMortemState | None
    action_items: list[ItemView]
    tickets: list[TicketView]
    drafts: int
    """How many of the playbook's actions wait for confirmation."""
    alerts: list[AlertView]
    timeline: list[EntryView]


class IncidentPage(Struct, frozen=True):
    """Some incidents, the newest first."""

    incidents: list[IncidentView]
    next: str | None
    """The ``cursor`` of the next page; null on the last one."""


class QuarantinedView(Struct, frozen=True, kw_only=True):
    """Something that was received and could not be placed."""

    id: str
    at: int
    """When it came first."""
    last_at: int
    source: str
    error: str
    """What is wrong with each alert of ``body``, and where in the webhook; one a line."""
    body: str
    """The first few alerts as JSON, one a line; cut where they are very long."""
    sha256: str
    """Of all that were looked at."""
    alerts: int
    """How many alerts of the webhook could not be placed."""
    seen: int
    """How often the same has come."""


class QuarantinePage(Struct, frozen=True):
    """What could not be placed, the newest first."""

    quarantined: list[QuarantinedView]


class ShadowView(Struct, frozen=True):
    """What other rules would have decided."""

    shadow: ShadowReport | None
    """null where `serve` was not told to run any."""


class Response(Struct, frozen=True):
    """What became of a response to an incident."""

    incident: IncidentView
    changed: bool
    note: str


def incident_view(incident: Incident) -> IncidentView:
    """An incident as a list shows it."""
    return IncidentView(**_fields(incident))


def incident_detail(incident: Incident, episodes: list[Episode], entries: list[Entry]) -> IncidentDetail:
    """An incident with everything about it."""
    return IncidentDetail(
        **_fields(incident),
        team=incident.team,
        summary=incident.summary,
        runbook=incident.runbook,
        automation=incident.automation,
        **_work_of(incident),
        alerts=[alert_view(episode) for episode in episodes],
        timeline=[_entry(entry) for entry in entries],
    )


def _checks(checklist: Checklist, work: Work) -> list[CheckView]:
    done = {each.number: each for each in work.ticks if each.checklist == checklist.key}
    return [
        CheckView(text, done[number].at, done[number].by) if number in done else CheckView(text, None, "")
        for number, text in enumerate(checklist.items, start=1)
    ]


def _work_of(incident: Incident) -> dict[str, Any]:
    """What people have made of it, and what is still owed."""
    work, clock, acting = incident.work or Work(), incident.clock or Clock(), acting_of(incident)
    mortem, known = clock.post_mortem, incident.plan.has_level(incident.severity)
    owed = sorted(promises.owed(incident).items(), key=lambda one: one[1]) if incident.is_open and known else []
    return {
        "declared_at": work.declared_at,
        "declared_by": work.declared_by,
        "status": work.status,
        "roles": work.roles,
        "checklists": [
            ChecklistView(checklist.key, _checks(checklist, work))
            for checklist in incident.plan.checklists_at(incident.severity)
        ],
        "targets": [TargetView(target, due_at) for target, due_at in owed],
        "update_due_at": clock.update_by if incident.is_open else None,
        "post_mortem": None
        if mortem is None
        else PostMortemState(mortem.due_at, mortem.done_at, mortem.done_by, mortem.waived, mortem.link),
        "action_items": [
            ItemView(item.number, item.text, item.kind, item.owner, item.due_at, item.done_at, item.done_by)
            for item in clock.items
        ],
        "tickets": [TicketView(each.tracker, each.about, each.state, each.shown, each.url) for each in acting.tickets],
        "drafts": len(acting.drafts),
    }


def stored_alert_view(episode: Episode) -> StoredAlertView:
    """An episode on its own."""
    return StoredAlertView(
        **msgspec.structs.asdict(alert_view(episode)),
        severity=episode.severity,
        rules=episode.trace,
        first_seen_at=episode.first_seen_at,
        last_seen_at=episode.last_seen_at,
        incident_id=episode.incident_id,
    )


def quarantined_view(item: Quarantined) -> QuarantinedView:
    """Something in quarantine."""
    return QuarantinedView(
        id=item.id,
        at=item.at,
        last_at=item.last_at,
        source=item.source,
        error=item.error,
        body=item.body,
        sha256=item.sha256,
        alerts=item.alerts,
        seen=item.seen,
    )


def public(view: object) -> Any:
    """A view as it goes out."""
    return _with_times(msgspec.to_builtins(view))


def is_time(name: str) -> bool:
    """Whether a member of that name is a time."""
    return name == "at" or name.endswith("_at")


def _next_tier(incident: Incident) -> int | None:
    """The tier of the next step; none fires inside the hold-down or while the ladder waits."""
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
    }


def alert_view(episode: Episode) -> AlertView:
    """One episode of one alert."""
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
            name: rfc3339(inner) if is_time(name) else inner if name in _AS_THEY_ARE else _with_times(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_with_times(inner) for inner in value]
    return value

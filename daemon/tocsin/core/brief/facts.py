"""From an incident, and what stands around it, to the variables of a template."""

from collections.abc import Container, Mapping
from typing import Any

import msgspec

from tocsin.core.clock import Clock, Item
from tocsin.core.duration import duration
from tocsin.core.incident import Incident
from tocsin.core.message import Messages, RoomState
from tocsin.core.moments import clock_time, moment, zone_name
from tocsin.core.naming import name_of
from tocsin.core.page import AlertLine
from tocsin.core.plain import lines, one_line
from tocsin.core.playbook import MINUTE
from tocsin.core.work import NOTHING, Checklist, Work

TEXT_LIMIT = 8000
"""The longest text that a template is given, in characters: one label may hold megabytes."""
LIST_LIMIT = 1000
"""The longest list."""


class Line(msgspec.Struct, frozen=True):
    """An entry of the timeline, in words."""

    at: int
    kind: str
    text: str
    by: str = ""
    said: str = ""
    """The words of a note or an update themselves."""


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What a template may say that the incident itself does not hold."""

    now: int
    timeline: tuple[Line, ...] = ()
    alerts: tuple[AlertLine, ...] = ()
    names: Mapping[str, str] = {}
    """Full names, by the names of people.yaml."""
    url: str = ""
    """A page about the incident that a person can open."""
    time_zone: str = "UTC"
    """The time zone of the text's reader."""


def brief_of(incident: Incident, around: Around, wanted: Container[str] | None = None) -> dict[str, Any]:
    """The values of `VARIABLES`, or only of the ``wanted`` ones.

    Everything from outside is without control characters; nothing of it is escaped.
    """
    briefer = _Briefer(incident, around)
    values = briefer.which() | briefer.where_it_stands() | briefer.when() | briefer.who() | briefer.links()
    return {name: _harmless(value) for name, value in values.items() if wanted is None or name in wanted}


def _clock(incident: Incident) -> Clock:
    """Its clock, or one of which nothing is known."""
    return incident.clock or Clock()


class _Briefer:
    def __init__(self, incident: Incident, around: Around) -> None:
        self._incident = incident
        self._around = around
        self._messages = incident.messages or Messages()

    def _moment(self, at: int | None) -> str:
        return "" if at is None else moment(at, self._around.time_zone)

    def _time(self, at: int | None) -> str:
        return "" if at is None else clock_time(at, self._around.time_zone)

    def which(self) -> dict[str, Any]:
        incident = self._incident
        return {
            "name": name_of(incident),
            "number": incident.number,
            "occurrence": incident.occurrence,
            "title": one_line(incident.title[:TEXT_LIMIT]).rstrip(" ."),
            "summary": incident.summary,
            "service": one_line(incident.service[:TEXT_LIMIT]),
            "team": one_line(incident.team[:TEXT_LIMIT]),
            "severity": incident.severity,
            "playbook": incident.plan.name,
            "playbook_title": incident.plan.title,
            "flags": list(incident.flags),
            "drill": incident.drill,
        }

    def where_it_stands(self) -> dict[str, Any]:
        incident = self._incident
        recovering = incident.resolve_at is not None
        work, updates, notes = incident.work or NOTHING, self._said("update_posted"), self._said("note")
        updates = [{"number": number, **update} for number, update in enumerate(updates, start=1)]
        return {
            "state": incident.state.value,
            "status": _status(incident, work.status),
            "ongoing": incident.is_open,
            "recovering": recovering,
            "alerts": [_alert(alert) for alert in self._around.alerts],
            "alerts_firing": incident.alerts_firing,
            "alerts_total": incident.alerts_total,
            "update": updates[-1] if updates else {"number": 0, "text": "", "by": "", "time": ""},
            "update_number": work.updates,
            "updates": updates,
            "notes": notes,
            "timeline": [self._line(line) for line in self._around.timeline],
            "checklists": [_checklist(each, work) for each in incident.plan.checklists_at(incident.severity)],
            "action_items": [self._item(item) for item in _clock(incident).items],
            "facts": dict(self._messages.facts),
        }

    def when(self) -> dict[str, Any]:
        incident, now = self._incident, self._around.now
        level = incident.plan.level(incident.severity)
        started = incident.opened_at if incident.first_alert_at is None else incident.first_alert_at
        started = min(started, incident.opened_at)
        ended = incident.resolved_at if incident.last_end_at is None or incident.is_open else incident.last_end_at
        over, mortem = incident.resolved_at is not None, _clock(incident).post_mortem
        return {
            "now": self._moment(now),
            "now_time": self._time(now),
            "time_zone": zone_name(now, self._around.time_zone),
            "date": self._moment(started)[:10],
            "started": self._moment(started),
            "started_time": self._time(started),
            "detected": self._moment(incident.opened_at),
            "declared": self._moment((incident.work or NOTHING).declared_at),
            "acknowledged": self._moment(incident.acknowledged_at),
            "acknowledged_by": self._person(incident.acknowledged_by),
            "resolved": self._moment(incident.resolved_at),
            "resolved_time": self._time(incident.resolved_at),
            "resolved_by": self._person(incident.resolved_by),
            "duration": _span((ended if over and ended is not None else now) - started),
            "respond_within": duration(level.respond_within),
            "resolve_within": "" if level.resolve_within is None else duration(level.resolve_within),
            "resolve_by": ""
            if level.resolve_within is None
            else self._moment(incident.opened_at + level.resolve_within),
            "update_every": _optional(level.update_every),
            "next_update": self._moment(_clock(incident).update_by),
            "post_mortem_within": _optional(incident.plan.level(incident.peak).post_mortem_within),
            "post_mortem_due": "" if mortem is None else self._moment(mortem.due_at),
        }

    def who(self) -> dict[str, Any]:
        taken = (self._incident.work or NOTHING).roles
        people = {role.key: self._person(taken.get(role.key)) for role in self._incident.plan.roles}
        return {
            "roles": [
                {"key": role.key, "name": role.name, "person": people[role.key]} for role in self._incident.plan.roles
            ],
            "role": people,
            "responders": self._responders(),
        }

    def links(self) -> dict[str, Any]:
        incident, plan = self._incident, self._incident.plan
        room = self._messages.room
        tickets = [ticket for ticket in incident.acting.tickets if ticket.is_there] if incident.acting else []
        first = next((ticket for ticket in tickets if not ticket.about), None)
        return {
            "ticket": first.shown if first is not None else "",
            "ticket_number": first.shown.lstrip("#") if first is not None else "",
            "ticket_url": first.url if first is not None else "",
            "tickets": [{"tracker": each.tracker, "name": each.shown, "url": each.url} for each in tickets],
            "bridge": plan.texts.bridge_at(incident.severity),
            "room": f"#{room.name}" if room is not None and room.state is RoomState.OPEN else "",
            "runbook": incident.runbook,
            "automation": incident.automation,
            "url": self._around.url,
            "links": dict(plan.texts.links),
        }

    def _line(self, line: Line) -> dict[str, Any]:
        by = self._person(line.by)
        return {
            "time": self._time(line.at),
            "at": self._moment(line.at),
            "kind": line.kind,
            "text": line.text,
            "by": by,
        }

    def _said(self, kind: str) -> list[dict[str, Any]]:
        """What people have said, in the order of the timeline."""
        found = (line for line in self._around.timeline if line.kind == kind)
        return [{"text": line.said, "by": self._person(line.by), "time": self._time(line.at)} for line in found]

    def _item(self, item: Item) -> dict[str, Any]:
        owner, done = self._person(item.owner), item.done_at is not None
        return {"text": item.text, "owner": owner, "due": self._moment(item.due_at), "kind": item.kind, "done": done}

    def _responders(self) -> list[str]:
        """The people of the timeline, each once, in the order of their first word."""
        people = (line.by for line in self._around.timeline if line.by not in ("", "tocsin"))
        return list(dict.fromkeys(map(self._person, people)))

    def _person(self, name: str | None) -> str:
        return self._around.names.get(name, name) if name else ""


def _alert(alert: AlertLine) -> dict[str, Any]:
    annotations, name = alert.annotations, alert.labels.get("alertname", "alert")
    description = annotations.get("description", "") or annotations.get("message", "")
    return {
        "name": name,
        "summary": annotations.get("summary", "") or description,
        "description": description,
        "firing": alert.firing,
        "labels": dict(alert.labels),
    }


def _checklist(checklist: Checklist, work: Work) -> dict[str, Any]:
    done = {tick.number: tick.by for tick in work.ticks if tick.checklist == checklist.key}
    items = [
        {"text": text, "done": number in done, "by": done.get(number, "")}
        for number, text in enumerate(checklist.items, start=1)
    ]
    return {"name": checklist.key, "items": items}


def _optional(length: int | None) -> str:
    return "" if length is None else duration(length)


def _status(incident: Incident, said: str) -> str:
    """Where it stands: as somebody has ``said`` while it is open, or else in the playbook's first and last word."""
    first, last = (*incident.plan.statuses[:1], "Investigating")[0], (*incident.plan.statuses[-1:], "Resolved")[0]
    if not incident.is_open:
        return last
    return said or ("Monitoring" if incident.resolve_at is not None else first)


def _span(length: int) -> str:
    """A duration without seconds, unless there is nothing else to it."""
    length = max(0, length)
    return duration(length // MINUTE * MINUTE if length >= MINUTE else length)


def _harmless(value: Any) -> Any:
    """The value without control characters, and no longer than a template may be given."""
    if isinstance(value, str):
        return lines(value[:TEXT_LIMIT])
    if isinstance(value, dict):
        return {one_line(str(key)): _harmless(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_harmless(item) for item in value[:LIST_LIMIT]]
    return value

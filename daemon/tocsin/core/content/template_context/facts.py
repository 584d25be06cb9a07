"""Values of the template variables, from an incident and its context."""

from collections.abc import Container, Mapping
from typing import Any

import msgspec

from tocsin.core.content.page import AlertLine
from tocsin.core.duration import MINUTE, duration
from tocsin.core.incident.coordination import NOTHING, Work
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.naming import name_of
from tocsin.core.incident.sla import Item, Obligations, duty_named
from tocsin.core.incident.transitions.owners import communication_lead, item_owner, post_mortem_owner
from tocsin.core.plain_text import lines, one_line
from tocsin.core.playbook.duties import POST_MORTEM
from tocsin.core.playbook.messages import Messages, RoomState
from tocsin.core.playbook.roles import Checklist
from tocsin.core.schedule.moments import clock_time, moment, zone_name

TEXT_LIMIT = 8000
"""Maximum length in characters of a text for a template: one label may hold megabytes."""
LIST_LIMIT = 1000
"""Maximum length of a list."""


class Line(msgspec.Struct, frozen=True):
    """An entry of the timeline, as text."""

    at: int
    kind: str
    text: str
    by: str = ""
    note: str = ""
    """The text of a note or an update itself."""
    number: int = 0
    """For an update: its number."""
    status: str = ""
    """The status that was set with it, or had been set before."""
    fact: str = ""
    """The name of the fact that it sets."""


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """Data for templates that the incident itself does not hold."""

    now: int
    timeline: tuple[Line, ...] = ()
    alerts: tuple[AlertLine, ...] = ()
    names: Mapping[str, str] = {}
    """Full names, by the names of people.yaml."""
    members: Mapping[str, tuple[str, ...]] = {}
    """The persons for whom targets stand now."""
    url: str = ""
    """A page about the incident that a person can open."""
    time_zone: str = "UTC"
    """The time zone of the text's reader."""
    as_of: int | None = None
    """The time of the newest update that the text may contain; None: now."""
    is_post_mortem: bool = False
    """True for the draft of the postmortem, which its owner completes."""


def brief_of(incident: Incident, around: Around, wanted: Container[str] | None = None) -> dict[str, Any]:
    """Return the values of `VARIABLES`, or only of the ``wanted`` ones.

    Texts from outside have no control characters; they are not escaped.
    """
    source = _Values(incident, around)
    values = source.identity() | source.state_values() | source.times() | source.people() | source.links()
    return {name: _harmless(value) for name, value in values.items() if wanted is None or name in wanted}


def _obligations(incident: Incident) -> Obligations:
    """Return the incident's obligations, or empty ones."""
    return incident.obligations or Obligations()


class _Values:
    def __init__(self, incident: Incident, around: Around) -> None:
        self._incident = incident
        self._around = around
        self._messages = incident.messages or Messages()

    def _moment(self, at: int | None) -> str:
        return "" if at is None else moment(at, self._around.time_zone)

    def _time(self, at: int | None) -> str:
        return "" if at is None else clock_time(at, self._around.time_zone)

    def identity(self) -> dict[str, Any]:
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

    def state_values(self) -> dict[str, Any]:
        incident = self._incident
        recovering = incident.resolve_at is not None
        work, update = incident.work or NOTHING, self._update()
        return {
            "state": incident.state.value,
            "status": _status(incident, work.status),
            "ongoing": incident.is_open,
            "recovering": recovering,
            "alerts": [_alert(alert) for alert in self._around.alerts],
            "alerts_firing": incident.alerts_firing,
            "alerts_total": incident.alerts_total,
            "labels": self._labels(),
            "update": update,
            "update_number": update["number"] or work.updates,
            "updates": self._texts("update_posted"),
            "notes": self._texts("note"),
            "actions_taken": self._texts("update_posted", "note", "automation_asked"),
            "timeline": [self._line(line) for line in self._around.timeline],
            "checklists": [_checklist(checklist, work) for checklist in incident.plan.checklists_at(incident.severity)],
            "action_items": [self._item(item) for item in _obligations(incident).items],
            "facts": dict(self._messages.facts),
        }

    def times(self) -> dict[str, Any]:
        incident, now = self._incident, self._around.now
        level = incident.plan.level(incident.severity)
        started = incident.opened_at if incident.first_alert_at is None else incident.first_alert_at
        started = min(started, incident.opened_at)
        ended = incident.resolved_at if incident.last_end_at is None or incident.is_open else incident.last_end_at
        is_resolved, postmortem = incident.resolved_at is not None, duty_named(incident.obligations, POST_MORTEM)
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
            "restored": self._moment(ended) if is_resolved else "",
            "resolved": self._moment(incident.resolved_at),
            "resolved_time": self._time(incident.resolved_at),
            "resolved_by": self._person(incident.resolved_by),
            "duration": _span((ended if is_resolved and ended is not None else now) - started),
            "respond_within": duration(level.respond_within),
            "resolve_within": "" if level.resolve_within is None else duration(level.resolve_within),
            "resolve_by": ""
            if level.resolve_within is None
            else self._moment(incident.opened_at + level.resolve_within),
            "update_every": _optional(level.update_every),
            "next_update": self._moment(_obligations(incident).update_by),
            "post_mortem_within": _optional(incident.plan.level(incident.peak).post_mortem_within),
            "post_mortem_due": "" if postmortem is None else self._moment(postmortem.due_at),
            "post_mortem_link": "" if postmortem is None else postmortem.link,
            "times": self._times(),
        }

    def people(self) -> dict[str, Any]:
        holders = (self._incident.work or NOTHING).roles
        person_of = {role.key: self._person(holders.get(role.key)) for role in self._incident.plan.roles}
        return {
            "roles": [
                {
                    "key": role.key,
                    "name": role.name,
                    "person": person_of[role.key],
                    "default": self._persons(role.targets),
                }
                for role in self._incident.plan.roles
            ],
            "role": person_of,
            "responders": self._responders(),
            "declared_by": self._person((self._incident.work or NOTHING).declared_by),
            "author": self._author(),
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
            "tickets": [{"tracker": ticket.tracker, "name": ticket.shown, "url": ticket.url} for ticket in tickets],
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

    def _texts(self, *kinds: str) -> list[dict[str, Any]]:
        """Return what people noted, told others or started, in the order of the timeline."""
        return [self._text(line) for line in self._around.timeline if line.kind in kinds]

    def _text(self, line: Line) -> dict[str, Any]:
        by, time = self._person(line.by), self._time(line.at)
        return {"text": line.note or line.text, "by": by, "time": time, "number": line.number}

    def _update(self) -> dict[str, Any]:
        """Return the update that the text is about: the newest of this occurrence that it may contain."""
        around, work = self._around, self._incident.work or NOTHING
        as_of = around.now if around.as_of is None else around.as_of
        lines = [line for line in around.timeline if line.kind == "update_posted" and line.at <= as_of]
        if not work.updates or not lines:
            return {"number": 0, "text": "", "by": "", "time": ""}
        return self._text(lines[-1])

    def _labels(self) -> dict[str, str]:
        """Return the labels of the alerts; several values of one are joined."""
        values: dict[str, dict[str, None]] = {}
        for alert in self._around.alerts:
            for name, value in alert.labels.items():
                values.setdefault(name, {})[value] = None
        return {name: ", ".join(sorted(found)) for name, found in values.items()}

    def _times(self) -> dict[str, str]:
        """Return when each status was first set, each fact first recorded and each checklist completed."""
        ticks = (self._incident.work or NOTHING).ticks
        times: dict[str, int] = {}
        for checklist in self._incident.plan.checklists:
            done = [tick.at for tick in ticks if tick.checklist == checklist.key]
            if len(done) == len(checklist.items):
                times[checklist.key] = max(done)
        for line in self._around.timeline:
            for name in filter(None, (line.status, line.fact)):
                times.setdefault(name, line.at)
        return {name: self._moment(at) for name, at in times.items()}

    def _author(self) -> str:
        """Return who completes the text: the owner of the postmortem, or the author of the updates."""
        incident, duties = self._incident, self._incident.plan.duties
        key = duties.post_mortem_by if self._around.is_post_mortem else duties.updates_by
        targets = (post_mortem_owner if self._around.is_post_mortem else communication_lead)(incident)
        role, who = incident.plan.role(key), self._persons(targets)
        return f"{role.name} ({who})" if role is not None and who else who or (role.name if role is not None else "")

    def _item(self, item: Item) -> dict[str, Any]:
        owner = self._persons(item_owner(self._incident, item))
        done = item.done_at is not None
        return {"text": item.text, "owner": owner, "due": self._moment(item.due_at), "kind": item.kind, "done": done}

    def _responders(self) -> list[str]:
        """Return the people in the timeline, each once, in the order of their first entry."""
        people = (line.by for line in self._around.timeline if line.by not in ("", "tocsin"))
        return list(dict.fromkeys(map(self._person, people)))

    def _persons(self, targets: tuple[str, ...]) -> str:
        """Return the names of the persons for whom targets stand."""
        names = (name for target in targets for name in self._around.members.get(target, (target,)))
        return ", ".join(dict.fromkeys(map(self._person, names)))

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


def _status(incident: Incident, status: str) -> str:
    """Return the status: the one that was set while it is open, or else the playbook's first or last one."""
    initial, final = (*incident.plan.statuses[:1], "Investigating")[0], (*incident.plan.statuses[-1:], "Resolved")[0]
    if not incident.is_open:
        return final
    return status or ("Monitoring" if incident.resolve_at is not None else initial)


def _span(length: int) -> str:
    """Return a duration without seconds, unless it is shorter than a minute."""
    length = max(0, length)
    return duration(length // MINUTE * MINUTE if length >= MINUTE else length)


def _harmless(value: Any) -> Any:
    """Return the value without control characters, and cut to the limits for templates."""
    if isinstance(value, str):
        return lines(value[:TEXT_LIMIT])
    if isinstance(value, dict):
        return {one_line(str(key)): _harmless(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_harmless(item) for item in value[:LIST_LIMIT]]
    return value

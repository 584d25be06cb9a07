"""Structs of the core to rows and back."""

from collections.abc import Callable
from enum import StrEnum
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec
import sqlalchemy as sa

from tocsin.core.alert import Episode
from tocsin.core.escalation import next_due
from tocsin.core.event import Entry
from tocsin.core.heartbeat import Heartbeat
from tocsin.core.incident import Incident
from tocsin.core.measure import Occurrence
from tocsin.core.outbox import Outgoing
from tocsin.core.playbook import Playbook
from tocsin.core.roster import Roster
from tocsin.core.rotation import Override
from tocsin.core.throttle import Surge
from tocsin.core.window import HandMade
from tocsin.ports.store import Attempt, Quarantined
from tocsin.store import tables
from tocsin.store.dialect import Row

S = TypeVar("S", bound=msgspec.Struct)

_PLAIN = (str, int, str | None, int | None)

_encode = msgspec.json.Encoder().encode


def _json(value: object) -> str:
    return _encode(value).decode()


class Codec(Generic[S]):
    """A struct whose fields are the columns of a table."""

    def __init__(self, kind: type[S], table: sa.Table) -> None:
        self.columns = tuple(table.columns.keys())
        self._kind = kind
        self._values = attrgetter(*self.columns)
        types = {field.name: field.type for field in msgspec.structs.fields(kind)}
        special = [(index, types[name]) for index, name in enumerate(self.columns) if types[name] not in _PLAIN]
        self._to_row = [(index, _encoder(kind)) for index, kind in special]
        self._from_row = [(index, _decoder(kind)) for index, kind in special]

    def row(self, item: S) -> Row:
        """The row of an item, in the order of ``columns``.

        Raises:
            UnicodeEncodeError: A text is not Unicode: it holds half a surrogate pair.
        """
        values = list(self._values(item))
        for index, encode in self._to_row:
            values[index] = encode(values[index])
        return tuple(values)

    def item(self, row: Row) -> S:
        """The item of a row."""
        values = list(row)
        for index, decode in self._from_row:
            values[index] = decode(values[index])
        return self._kind(**dict(zip(self.columns, values, strict=True)))


def _encoder(kind: Any) -> Callable[[Any], str | int]:
    if kind is bool:
        return int
    return str if _is_enum(kind) else _json


def _decoder(kind: Any) -> Callable[[Any], Any]:
    if kind is bool:
        return bool
    if _is_enum(kind):
        # Several times as fast as calling the enum.
        return {member.value: member for member in kind}.__getitem__
    return msgspec.json.Decoder(kind).decode


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum)


EPISODE = Codec(Episode, tables.alerts)
ENTRY = Codec(Entry, tables.entries)
OUTGOING = Codec(Outgoing, tables.outbox)
ATTEMPT = Codec(Attempt, tables.attempts)
QUARANTINED = Codec(Quarantined, tables.quarantine)
SURGE = Codec(Surge, tables.surges)
OCCURRENCE = Codec(Occurrence, tables.occurrences)
WINDOW = Codec(HandMade, tables.windows)
HEARTBEAT = Codec(Heartbeat, tables.heartbeats)
OVERRIDE = Codec(Override, tables.overrides)
ROSTER = Codec(Roster, tables.rosters)

INCIDENT_COLUMNS = tuple(tables.incidents.columns.keys())


def _field(field: msgspec.structs.FieldInfo) -> tuple[str, Any] | tuple[str, Any, Any]:
    if field.required:
        return (field.name, field.type)
    if field.default is msgspec.NODEFAULT:
        return (field.name, field.type, msgspec.field(default_factory=field.default_factory))
    return (field.name, field.type, field.default)


_Body = msgspec.defstruct(
    "_Body", [_field(field) for field in msgspec.structs.fields(Incident) if field.name != "plan"], kw_only=True
)
"""An incident without its plan, which many share."""

_decode_body = msgspec.json.Decoder(_Body).decode


def incident_row(incident: Incident) -> Row:
    """The row of an incident, in the order of ``INCIDENT_COLUMNS``.

    Raises:
        UnicodeEncodeError: A text is not Unicode: it holds half a surrogate pair.
    """
    plan = incident.plan
    return (
        incident.number,
        incident.id,
        incident.dedup_key,
        str(incident.state),
        incident.severity,
        plan.name,
        incident.service,
        next_due(incident),
        incident.fallback_at,
        incident.resolved_at,
        plan.sha,
        # msgspec writes no field that is UNSET: the plan has a table of its own.
        _json(msgspec.structs.replace(incident, plan=msgspec.UNSET)),
        incident.team,
        incident.member_of,
        int(bool(incident.waits)),
    )


def incident(body: str, plan: Playbook) -> Incident:
    """The incident of a row's ``body``."""
    return Incident(plan=plan, **msgspec.structs.asdict(_decode_body(body)))

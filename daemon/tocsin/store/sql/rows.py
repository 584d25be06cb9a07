"""Conversion between the core's structs and database rows."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Generic, TypeVar

import msgspec
import sqlalchemy as sa

from tocsin.core.alerts.alert import Episode
from tocsin.core.alerts.heartbeat import Heartbeat
from tocsin.core.alerts.quarantine import Quarantined
from tocsin.core.incident.escalation import next_due
from tocsin.core.incident.event import Entry
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.measure import Occurrence
from tocsin.core.incident.outbox import Outgoing
from tocsin.core.incident.sla import has_open_follow_up, open_duties
from tocsin.core.incident.throttle import Surge
from tocsin.core.oncall.maintenance_window import HandMade
from tocsin.core.oncall.roster import Roster
from tocsin.core.oncall.rotation import Override
from tocsin.core.playbook.playbook import Playbook
from tocsin.ports.store import Attempt
from tocsin.store.sql import tables
from tocsin.store.sql.dialect import Row

S = TypeVar("S", bound=msgspec.Struct)

_PLAIN = (str, int, str | None, int | None)
"""Types that a column stores without conversion."""

_encode = msgspec.json.Encoder().encode


def _json(value: object) -> str:
    return _encode(value).decode()


class Codec(Generic[S]):
    """Conversion between a struct and the rows of its table. Fields without a column are JSON in ``body``."""

    def __init__(self, kind: type[S], table: sa.Table) -> None:
        self.columns = tuple(table.columns.keys())
        self._kind = kind
        self._table = table.name
        self._identity = [self.columns.index(column.name) for column in table.primary_key]
        fields = {field.name: field for field in msgspec.structs.fields(kind)}
        rest = [fields[name] for name in fields if name not in self.columns]
        rest.sort(key=lambda field: not field.required)
        self._body = msgspec.defstruct("_Body", [_field(field) for field in rest], omit_defaults=True) if rest else None
        self.row = _row_maker([(name, fields[name].type) for name in self.columns if name in fields], self._body)
        """Converts an item to a row in the order of ``columns``; raises UnicodeEncodeError if a text is not Unicode."""
        decoders = [(name, _decoder(fields[name].type if name in fields else self._body)) for name in self.columns]
        self._from_row = [(index, decode) for index, (_, decode) in enumerate(decoders) if decode is not None]

    def item(self, row: Row) -> S:
        """Return the item of a row."""
        values = list(row)
        for index, decode in self._from_row:
            values[index] = decode(values[index])
        fields = dict(zip(self.columns, values, strict=True))
        if self._body is not None:
            fields |= msgspec.structs.asdict(fields.pop("body"))
        return self._kind(**fields)

    def name_of(self, row: Row) -> str:
        """Return the table and the primary key of a row, for messages about a row that cannot be decoded."""
        return f"{self._table} {'/'.join(str(row[index]) for index in self._identity)}"


def _row_maker(columns: list[tuple[str, Any]], body: Any) -> Callable[[Any], Row]:
    """Return a function that converts an item to a row.

    The function is generated with one expression per column, because a loop over the columns takes twice as long and
    every alert needs a row.
    """
    values = [_expression(kind).format(f"item.{name}") for name, kind in columns]
    if body is not None:
        values.append(f"encode(body({', '.join(f'item.{name}' for name in body.__struct_fields__)})).decode()")
    names = {"encode": _encode, "body": body}
    make_row: Callable[[Any], Row] = eval(f"lambda item: ({', '.join(values)},)", names)  # noqa: S307 - our own names
    return make_row


def _expression(kind: Any) -> str:
    if kind in _PLAIN:
        return "{0}"
    if kind is bool:
        return "int({0})"
    return "str({0})" if _is_enum(kind) else "encode({0}).decode()"


def _field(field: msgspec.structs.FieldInfo) -> tuple[str, Any, Any]:
    """Return the field of a body under its stored name, so that older rows can be read after a rename."""
    default = {} if field.default is msgspec.NODEFAULT else {"default": field.default}
    factory = {} if field.default_factory is msgspec.NODEFAULT else {"default_factory": field.default_factory}
    return (field.name, field.type, msgspec.field(name=field.encode_name, **default, **factory))


def _decoder(kind: Any) -> Callable[[Any], Any] | None:
    if kind in _PLAIN:
        return None
    if kind is bool:
        return bool
    if _is_enum(kind):
        # A dictionary is several times as fast as calling the enum.
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


_Body = msgspec.defstruct(
    "_Body", [_field(field) for field in msgspec.structs.fields(Incident) if field.name != "plan"], kw_only=True
)
"""The fields of an incident without its plan: a plan is stored once for many incidents."""

_decode_body = msgspec.json.Decoder(_Body).decode


def _incident_maker() -> Callable[[Any, Playbook], Incident]:
    """Return a function that makes an incident of a decoded body and its plan; generated as in `_row_maker`."""
    fields = ", ".join(f"{name}=body.{name}" for name in _Body.__struct_fields__)
    make_incident: Callable[[Any, Playbook], Incident] = eval(  # noqa: S307 - our own names
        f"lambda body, plan: Incident(plan=plan, {fields})", {"Incident": Incident}
    )
    return make_incident


_make_incident = _incident_maker()


def incident_row(incident: Incident) -> Row:
    """Return the row of an incident, in the order of ``INCIDENT_COLUMNS``.

    Raises:
        UnicodeEncodeError: A text is not valid Unicode: it contains a lone surrogate.
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
        # msgspec omits UNSET fields: the plan has its own table.
        _json(msgspec.structs.replace(incident, plan=msgspec.UNSET)),
        incident.team,
        incident.member_of,
        int(bool(incident.waits)),
        int(incident.acting is not None and bool(incident.acting.drafts)),
        int(open_duties(incident.obligations) > 0),
        int(has_open_follow_up(incident.obligations)),
    )


def incident(body: str, plan: Playbook) -> Incident:
    """Return the incident of a row's ``body``."""
    return _make_incident(_decode_body(body), plan)

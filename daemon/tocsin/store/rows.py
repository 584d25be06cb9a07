"""Structs of the core to rows and back."""

from collections.abc import Callable
from enum import StrEnum
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
from tocsin.core.quarantine import Quarantined
from tocsin.core.roster import Roster
from tocsin.core.rotation import Override
from tocsin.core.throttle import Surge
from tocsin.core.window import HandMade
from tocsin.ports.store import Attempt
from tocsin.store import tables
from tocsin.store.dialect import Row

S = TypeVar("S", bound=msgspec.Struct)

_PLAIN = (str, int, str | None, int | None)
"""What a column holds as it is."""

_encode = msgspec.json.Encoder().encode


def _json(value: object) -> str:
    return _encode(value).decode()


class Codec(Generic[S]):
    """A struct whose fields are the columns of a table; what has no column of its own stands in ``body``, as JSON."""

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
        """The row of an item, in the order of ``columns``; UnicodeEncodeError: a text in it is not Unicode."""
        decoders = [(name, _decoder(fields[name].type if name in fields else self._body)) for name in self.columns]
        self._from_row = [(index, decode) for index, (_, decode) in enumerate(decoders) if decode is not None]

    def item(self, row: Row) -> S:
        """The item of a row."""
        values = list(row)
        for index, decode in self._from_row:
            values[index] = decode(values[index])
        given = dict(zip(self.columns, values, strict=True))
        if self._body is not None:
            given |= msgspec.structs.asdict(given.pop("body"))
        return self._kind(**given)

    def name_of(self, row: Row) -> str:
        """Say which row of which table it is: for a row that cannot be decoded."""
        return f"{self._table} {'/'.join(str(row[index]) for index in self._identity)}"


def _row_maker(columns: list[tuple[str, Any]], body: Any) -> Callable[[Any], Row]:
    """A function that makes the row of an item.

    It is written out, a column after the other, as one would by hand: a loop over them takes twice as long, and there
    is a row for every alert.
    """
    values = [_expression(kind).format(f"item.{name}") for name, kind in columns]
    if body is not None:
        values.append(f"encode(body({', '.join(f'item.{name}' for name in body.__struct_fields__)})).decode()")
    names = {"encode": _encode, "body": body}
    made: Callable[[Any], Row] = eval(f"lambda item: ({', '.join(values)},)", names)  # noqa: S307 - our own names
    return made


def _expression(kind: Any) -> str:
    if kind in _PLAIN:
        return "{0}"
    if kind is bool:
        return "int({0})"
    return "str({0})" if _is_enum(kind) else "encode({0}).decode()"


def _field(field: msgspec.structs.FieldInfo) -> tuple[str, Any] | tuple[str, Any, Any]:
    if field.required:
        return (field.name, field.type)
    if field.default is msgspec.NODEFAULT:
        return (field.name, field.type, msgspec.field(default_factory=field.default_factory))
    return (field.name, field.type, field.default)


def _decoder(kind: Any) -> Callable[[Any], Any] | None:
    if kind in _PLAIN:
        return None
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


_Body = msgspec.defstruct(
    "_Body", [_field(field) for field in msgspec.structs.fields(Incident) if field.name != "plan"], kw_only=True
)
"""An incident without its plan, which many share."""

_decode_body = msgspec.json.Decoder(_Body).decode


def _incident_maker() -> Callable[[Any, Playbook], Incident]:
    """A function that makes an incident of a decoded body and its plan; written out as in `_row_maker`."""
    given = ", ".join(f"{name}=body.{name}" for name in _Body.__struct_fields__)
    made: Callable[[Any, Playbook], Incident] = eval(  # noqa: S307 - our own names
        f"lambda body, plan: Incident(plan=plan, {given})", {"Incident": Incident}
    )
    return made


_whole = _incident_maker()


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
    return _whole(_decode_body(body), plan)

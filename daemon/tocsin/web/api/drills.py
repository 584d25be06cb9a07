"""``/api/v1/drills``: the scheduled drills, and the people and channels by their last drill."""

from aiohttp import web
from msgspec import Struct

from tocsin.core.incident.incident import Incident
from tocsin.core.playbook.drill import DRILLED_EVERY, drill_key
from tocsin.core.playbook.playbook import Playbook
from tocsin.core.playbook.reminder import ScheduledDrill
from tocsin.core.playbook.reminder_schedule import next_at
from tocsin.engine.change.drilled import last_drills
from tocsin.engine.change.policy import Policy
from tocsin.ports.store import Reader, Unreadable
from tocsin.web.api.views import encoded
from tocsin.web.edge import EDGE
from tocsin.web.server.answers import json_answer

_MICROSECONDS = 1_000_000


class LastDrill(Struct, frozen=True, kw_only=True):
    """The latest incident of a scheduled drill."""

    number: int
    opened_at: int
    acknowledged_at: int | None
    acknowledged_by: str | None
    seconds_to_acknowledge: float | None


class ScheduledDrillView(Struct, frozen=True, kw_only=True):
    """A scheduled drill of a playbook."""

    playbook: str
    name: str
    to: tuple[str, ...]
    """The targets that it pages."""
    next_at: int | None
    """Null if it does not come within 400 days."""
    last: LastDrill | None
    """Null if it has not been held yet."""


class DrilledView(Struct, frozen=True, kw_only=True):
    """A person whom a playbook may page, or a channel of such people."""

    kind: str
    """``person`` or ``channel``."""
    name: str
    drilled_at: int | None
    """The time of the last drill whose page was delivered; null if there was none."""
    overdue: bool
    """True without a drill in the last 91 days."""


class DrillList(Struct, frozen=True):
    """The drills, and the people and channels."""

    drills: list[ScheduledDrillView]
    drilled: list[DrilledView]


async def show(request: web.Request) -> web.Response:
    """List the scheduled drills with their last answers, and the people and channels without a drill in 91 days."""
    edge = request.app[EDGE]
    policy = edge.policy()
    return json_answer(encoded(await edge.store.read(lambda tx: _drills(tx, policy))))


def _drills(tx: Reader, policy: Policy) -> DrillList:
    drills = [(plan, drill) for _, plan in sorted(policy.playbooks.items()) for drill in plan.drills]
    since = tx.now - DRILLED_EVERY
    return DrillList(
        [_drill(plan, drill, _latest(tx, drill_key(plan.name, drill.name)), tx.now) for plan, drill in drills],
        [
            DrilledView(kind=kind, name=name, drilled_at=at, overdue=at is None or at < since)
            for kind, moments in last_drills(tx, policy).items()
            for name, at in moments.items()
        ],
    )


def _latest(tx: Reader, key: str) -> Incident | None:
    try:
        return tx.latest_incidents([key]).get(key)
    except Unreadable:  # the drill is listed without it
        return None


def _drill(plan: Playbook, drill: ScheduledDrill, last: Incident | None, now: int) -> ScheduledDrillView:
    return ScheduledDrillView(
        playbook=plan.name,
        name=drill.name,
        to=drill.to,
        next_at=next_at(drill, now),
        last=_last(last) if last is not None else None,
    )


def _last(incident: Incident) -> LastDrill:
    at = incident.acknowledged_at
    return LastDrill(
        number=incident.number,
        opened_at=incident.opened_at,
        acknowledged_at=at,
        acknowledged_by=incident.acknowledged_by,
        seconds_to_acknowledge=(at - incident.opened_at) / _MICROSECONDS if at is not None else None,
    )

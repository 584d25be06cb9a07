"""Sample incidents on which templates are tried: each severity, in each state, with few and with all fields."""

from collections.abc import Iterator
from typing import Any

from tocsin.core.content.page import AlertLine
from tocsin.core.content.template_context import Around, brief_of
from tocsin.core.content.template_context.facts import Line
from tocsin.core.duration import HOUR, MINUTE, SECOND
from tocsin.core.incident.incident import Incident, State
from tocsin.core.playbook.messages import Messages, Room, RoomState
from tocsin.core.playbook.playbook import Playbook

_AT = 1_764_039_900 * SECOND
_HOSTILE = "<!channel> @everyone **x** `y` [z](http://example.com) \x1b[31m\u202e\ue000 {{ title }} " + "w" * 300


def samples(playbook: Playbook) -> list[dict[str, Any]]:
    """Return the variables of each sample incident of a playbook."""
    return list(_samples(playbook))


def _samples(playbook: Playbook) -> Iterator[dict[str, Any]]:
    for level in playbook.levels:
        for state in State:
            yield brief_of(_bare(playbook, level.name, state), Around(now=_AT + HOUR))
            yield brief_of(_full(playbook, level.name, state), _around())


def _bare(playbook: Playbook, severity: str, state: State) -> Incident:
    resolved = state is State.RESOLVED
    return Incident(
        id="sample",
        number=12,
        dedup_key="sample",
        plan=playbook,
        title="HighLatency",
        service="",
        first_opened_at=_AT,
        opened_at=_AT,
        clock_at=_AT,
        state=state,
        severity=severity,
        peak=severity,
        resolved_at=_AT + HOUR if resolved else None,
        pending_until=_AT + HOUR if state is State.PENDING else None,
    )


def _full(playbook: Playbook, severity: str, state: State) -> Incident:
    resolved = state is State.RESOLVED
    taken = state in (State.ACKNOWLEDGED, State.RESOLVED)
    return Incident(
        id="sample",
        number=12,
        dedup_key="sample",
        plan=playbook,
        title=_HOSTILE,
        service="checkout",
        team="payments",
        summary=f"It is slow.\n{_HOSTILE}",
        runbook="https://runbooks.example.com/latency",
        automation="restart",
        drill=True,
        first_opened_at=_AT,
        opened_at=_AT,
        clock_at=_AT,
        first_alert_at=_AT - MINUTE,
        state=state,
        severity=severity,
        peak=severity,
        flags=playbook.flags,
        firing={} if resolved else {severity: 2},
        alerts_total=3,
        occurrence=2,
        acknowledged_at=_AT + 5 * MINUTE if taken else None,
        acknowledged_by="alex" if taken else None,
        resolved_at=_AT + HOUR if resolved else None,
        resolved_by="alex" if resolved else None,
        last_end_at=_AT + HOUR if resolved else None,
        messages=Messages(
            room=Room(channel="chat", name="incident-20251125-001", state=RoomState.OPEN, id="C0SAMPLE"),
            facts={"root_cause": "a full disk", "users_affected": "about 300"},
        ),
    )


def _around() -> Around:
    return Around(
        now=_AT + HOUR,
        timeline=(
            Line(_AT, "triggered", "opened"),
            Line(_AT + 5 * MINUTE, "acknowledged", "acknowledged", "alex"),
            Line(_AT + 9 * MINUTE, "note", _HOSTILE, "morgan"),
        ),
        alerts=(AlertLine({"alertname": "HighLatency", "region": "eu1"}, {"summary": _HOSTILE}, True, _AT, ""),),
        names={"alex": "Alex Example"},
        url="https://tocsin.example.com/api/v1/incidents/12",
    )

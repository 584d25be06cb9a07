"""``POST /webhooks/alertmanager[/{source}]``: the way in.

200 only after the durable commit. Our own trouble is always a 503, which
Alertmanager repeats within the flush; a 4xx is final for that flush, so it is
kept for what would fail again however often it came.
"""

import asyncio
import logging
import time
from collections.abc import Sequence

import structlog
from aiohttp import web

from tocsin.core.alert import SELF_SOURCE, Alert, AlertStatus
from tocsin.core.errors import StoreUnavailable
from tocsin.web import wire
from tocsin.web.answers import BUSY, Refusal, webhook_answer
from tocsin.web.bodies import read_body
from tocsin.web.keys import COMMITS, EDGE, Edge
from tocsin.web.watch import Watch

DEFAULT_SOURCE = "default"

MAX_SHOWN = 200
"""Characters of a path that is told."""
SLOW = 1.0
"""Seconds from which a webhook is worth a line in the log."""

_log = structlog.get_logger("tocsin.web.alertmanager")
_levels = logging.getLogger("tocsin.web.alertmanager")


async def receive(request: web.Request) -> web.Response:
    """Take one webhook.

    Raises:
        Refusal: It is not taken.
    """
    edge = request.app[EDGE]
    source = source_of(request)
    if source == SELF_SOURCE:
        raise Refusal(404, "reserved", f"the source name {SELF_SOURCE!r} is tocsin's own", reason="malformed")
    body = await read_body(request, edge.settings().webhook.max_body)
    began = time.perf_counter()
    webhook = await _read(body, source, edge)
    await _commit(edge, request.app[COMMITS], webhook)
    _count(edge, webhook.alerts)
    _note(webhook, source, len(body), time.perf_counter() - began)
    return webhook_answer(_summary(webhook))


async def refuse(request: web.Request) -> web.Response:
    """Say that a webhook's path is mistyped.

    Its sender takes a 404 for final, so whoever can mend it must hear of it.

    Raises:
        Refusal: Always.
    """
    hint = "write /webhooks/alertmanager/NAME, with a NAME of letters, digits, _ . and -"
    told = f"no webhook is taken at {request.path[:MAX_SHOWN]!r}; {hint}"
    raise Refusal(404, "misaddressed", told, reason="malformed")


def source_of(request: web.Request) -> str:
    """The source that a webhook came to."""
    return request.match_info.get("source", DEFAULT_SOURCE)


async def _read(body: bytes, source: str, edge: Edge) -> wire.Webhook:
    try:
        if len(body) > wire.LARGE:
            return await asyncio.to_thread(wire.read, body, source, edge.now)
        return wire.read(body, source, edge.now)
    except wire.Malformed as error:
        raise Refusal(400, "malformed", str(error), reason="malformed") from None


async def _commit(edge: Edge, watch: Watch, webhook: wire.Webhook) -> None:
    """Hand the alerts over; back after the commit."""
    try:
        await watch.wait(edge.intake.take(webhook.alerts, webhook.quarantined))
    except StoreUnavailable as error:
        raise Refusal(503, "unavailable", str(error), reason="overloaded", headers=BUSY) from None
    except TimeoutError:
        # It may yet be committed; the repetition is then a no-op.
        raise Refusal(503, "unavailable", "not committed in time", reason="overloaded", headers=BUSY) from None


def _count(edge: Edge, alerts: Sequence[Alert]) -> None:
    firing = sum(alert.status is AlertStatus.FIRING for alert in alerts)
    if firing:
        edge.observer.count("alerts_received_total", firing, status="firing")
    if firing < len(alerts):
        edge.observer.count("alerts_received_total", len(alerts) - firing, status="resolved")


def _note(webhook: wire.Webhook, source: str, size: int, took: float) -> None:
    """One line a webhook; above debug only where something about it is remarkable.

    At six thousand webhooks a second a line for each good one would cost more
    than all the rest and fill the disk; the counters have them.
    """
    remarkable = webhook.quarantined or webhook.truncated or took >= SLOW
    if not (remarkable or _levels.isEnabledFor(logging.DEBUG)):
        return
    fields = {
        "source": source,
        "bytes": size,
        "alerts": len(webhook.alerts),
        "quarantined": len(webhook.quarantined),
        "truncated": webhook.truncated,
        "seconds": round(took, 3),
    }
    if remarkable:
        _log.warning("webhook", **fields)
    else:
        _log.debug("webhook", **fields)


def _summary(webhook: wire.Webhook) -> dict[str, object]:
    """For whoever tries it by hand; Alertmanager does not read it."""
    summary: dict[str, object] = {"status": "ok", "alerts": len(webhook.alerts)}
    if webhook.quarantined:
        summary["quarantined"] = [item.error for item in webhook.quarantined[:10]]
    return summary

"""``POST /webhooks/alertmanager[/{source}]``: webhooks from Alertmanager.

The answer is 200 only after a durable commit. Problems of the daemon are always a 503,
which Alertmanager retries within the flush. A 4xx is final for that flush, so it is
only used for requests that would fail on every retry.
"""

import logging
import time
from collections.abc import Awaitable
from typing import TypeVar

import structlog
from aiohttp import web

from tocsin.core.alerts.alert import DRILL_SOURCE, SELF_SOURCE
from tocsin.core.errors import StoreUnavailable
from tocsin.web.alertmanager import payload
from tocsin.web.alertmanager.large_webhooks import LargeWebhooks
from tocsin.web.alertmanager.outcome import Accepted
from tocsin.web.deadline import Deadline
from tocsin.web.edge import COMMITS, EDGE, Edge
from tocsin.web.server.answers import BUSY, Refusal, webhook_answer
from tocsin.web.server.arrival import waited
from tocsin.web.server.auth import CALLER, OWN_CALLER
from tocsin.web.server.bodies import read_body
from tocsin.web.server.query import source_of

T = TypeVar("T")

LARGE: web.AppKey[LargeWebhooks] = web.AppKey("large", LargeWebhooks)

MAX_SHOWN = 200
"""Maximum number of characters of a path in a message."""
READ_AT_ONCE = 256 * 1024
"""Largest well-formed body, in bytes, that is read in the event loop: 20 ms, even with the smallest possible alerts."""
READ_LENIENTLY_AT_ONCE = 32 * 1024
"""Largest body of any other kind, in bytes, that is read in the event loop: it takes longer to read."""
SLOW = 1.0
"""Duration in seconds from which a webhook is logged."""

_log = structlog.get_logger("tocsin.web.alertmanager.webhook")
_levels = logging.getLogger("tocsin.web.alertmanager.webhook")


async def receive(request: web.Request) -> web.Response:
    """Accept a webhook from Alertmanager.

    Raises:
        Refusal: The webhook is not accepted.
    """
    edge = request.app[EDGE]
    received_at = edge.now() - waited(request)
    source = source_of(request)
    if source == SELF_SOURCE or (source == DRILL_SOURCE and request.get(CALLER) is not OWN_CALLER):
        message = f"the source name {source!r} is reserved for tocsin itself; use another name in the path"
        raise Refusal(404, "reserved", message, reason="malformed")
    body = await read_body(request, edge.settings().webhook.max_body)
    began = time.perf_counter()
    try:
        taken = await _take(request.app, body, source, received_at)
    finally:
        edge.observer.observe("webhook_commit_seconds", time.perf_counter() - began)
    if taken.is_truncated:
        edge.intake.report("truncated", source, _truncation(taken))
    _log_webhook(taken, source, len(body), time.perf_counter() - began)
    return webhook_answer(_summary(taken))


async def refuse(request: web.Request) -> web.Response:
    """Refuse a webhook with an unknown path, and report it.

    Its sender takes the 404 as final, so the operators must be notified.

    Raises:
        Refusal: Always.
    """
    hint = "use /webhooks/alertmanager/NAME, where NAME consists of letters, digits, _ . and -"
    message = f"{request.path[:MAX_SHOWN]!r} is not a webhook path; {hint}"
    raise Refusal(404, "misaddressed", message, reason="malformed")


async def _take(app: web.Application, body: bytes, source: str, received_at: int) -> Accepted:
    try:
        webhook = _read(body, source, app[EDGE])
        if webhook is None:
            return await _committed(app[COMMITS], app[LARGE].take(body, source, received_at))
        return await _committed(app[COMMITS], _take_whole(app[EDGE], webhook, received_at))
    except payload.Malformed as error:
        raise Refusal(400, "malformed", str(error), reason="malformed") from None


async def _take_whole(edge: Edge, webhook: payload.Webhook, received_at: int) -> Accepted:
    quarantined = [webhook.quarantined] if webhook.quarantined is not None else []
    await edge.intake.take(webhook.alerts, quarantined, received_at=received_at)
    outcome = Accepted.of(webhook)
    outcome.tell(edge.observer)
    return outcome


def _read(body: bytes, source: str, edge: Edge) -> payload.Webhook | None:
    """Read a body in the event loop; return None if that would delay other requests."""
    webhook = payload.read_fast(body, source) if len(body) <= READ_AT_ONCE else None
    if webhook is not None or len(body) > READ_LENIENTLY_AT_ONCE:
        return webhook
    return payload.read(body, source, edge.now, edge.settings().webhook.max_rejected)


async def _committed(deadline: Deadline, commit: Awaitable[T]) -> T:
    """Wait for the commit.

    Raises:
        Refusal: The store is unavailable or too slow; the sender retries.
    """
    try:
        return await deadline.wait(commit)
    except StoreUnavailable as error:
        raise Refusal(503, "unavailable", str(error), reason="overloaded", headers=BUSY) from None
    except TimeoutError:
        # The webhook may still be committed; the retry is then a no-op.
        message = "the webhook was not committed in time; send it again"
        raise Refusal(503, "unavailable", message, reason="overloaded", headers=BUSY) from None


def _truncation(outcome: Accepted) -> str:
    omitted = "an unknown number of" if outcome.truncated is None else f"{outcome.truncated}"
    return (
        f"the sender left {omitted} alerts out of a webhook with {outcome.alerts}; "
        "set max_alerts: 0 in the webhook_configs of Alertmanager"
    )


def _log_webhook(outcome: Accepted, source: str, size: int, seconds: float) -> None:
    """Log a webhook, at debug level unless it is unusual.

    At six thousand webhooks a second, a line for each good one would cost more than
    the processing and fill the disk. The metrics count them.
    """
    is_unusual = outcome.quarantined or outcome.is_truncated or outcome.repaired or seconds >= SLOW
    if not (is_unusual or _levels.isEnabledFor(logging.DEBUG)):
        return
    fields = {
        "source": source,
        "bytes": size,
        "alerts": outcome.alerts,
        "quarantined": outcome.quarantined.alerts if outcome.quarantined is not None else 0,
        "repaired": outcome.repaired,
        "truncated": "unknown" if outcome.truncated is None else outcome.truncated,
        "seconds": round(seconds, 3),
    }
    if is_unusual:
        _log.warning("webhook_received", **fields)
    else:
        _log.debug("webhook_received", **fields)


def _summary(outcome: Accepted) -> dict[str, object]:
    """Return the answer, for people who send a webhook themselves; Alertmanager ignores it."""
    summary: dict[str, object] = {"status": "ok", "alerts": outcome.alerts}
    entry = outcome.quarantined
    if entry is not None:
        errors = entry.error.splitlines()
        more = [f"and {entry.alerts - len(errors)} more"] if entry.alerts > len(errors) else []
        summary["quarantined"] = [*errors, *more]
    return summary

"""``POST /webhooks/alertmanager[/{source}]``: the way in.

200 only after the durable commit. Our own trouble is always a 503, which
Alertmanager repeats within the flush; a 4xx is final for that flush, so it is
kept for what would fail again however often it came.
"""

import logging
import time
from collections.abc import Awaitable
from typing import TypeVar

import structlog
from aiohttp import web

from tocsin.core.alert import SELF_SOURCE
from tocsin.core.errors import StoreUnavailable
from tocsin.web import wire
from tocsin.web.answers import BUSY, Refusal, webhook_answer
from tocsin.web.bodies import read_body
from tocsin.web.keys import COMMITS, EDGE, Edge
from tocsin.web.large import LargeWebhooks
from tocsin.web.taken import Taken
from tocsin.web.watch import Watch

T = TypeVar("T")

LARGE: web.AppKey[LargeWebhooks] = web.AppKey("large", LargeWebhooks)

DEFAULT_SOURCE = "default"

MAX_SHOWN = 200
"""Characters of a path that is told."""
READ_AT_ONCE = 256 * 1024
"""Bytes of a body in which all is as it should be: up to here it is read within 20 ms, alerts as tiny as can be."""
READ_TOLERANTLY_AT_ONCE = 32 * 1024
"""The same of any other body, which takes longer to read."""
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
    taken = await _take(request.app, body, source)
    if taken.is_truncated:
        edge.intake.report("truncated", source, _how_truncated(taken))
    _note(taken, source, len(body), time.perf_counter() - began)
    return webhook_answer(_summary(taken))


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


async def _take(app: web.Application, body: bytes, source: str) -> Taken:
    try:
        webhook = _read(body, source, app[EDGE])
        if webhook is None:
            return await _committed(app[COMMITS], app[LARGE].take(body, source))
        return await _committed(app[COMMITS], _take_whole(app[EDGE], webhook))
    except wire.Malformed as error:
        raise Refusal(400, "malformed", str(error), reason="malformed") from None


async def _take_whole(edge: Edge, webhook: wire.Webhook) -> Taken:
    await edge.intake.take(webhook.alerts, [webhook.quarantined] if webhook.quarantined is not None else [])
    taken = Taken.of(webhook)
    taken.tell(edge.observer)
    return taken


def _read(body: bytes, source: str, edge: Edge) -> wire.Webhook | None:
    """Read a body here and now; None: that would hold up the others."""
    webhook = wire.read_fast(body, source) if len(body) <= READ_AT_ONCE else None
    if webhook is not None or len(body) > READ_TOLERANTLY_AT_ONCE:
        return webhook
    return wire.read(body, source, edge.now, edge.settings().webhook.max_rejected)


async def _committed(watch: Watch, work: Awaitable[T]) -> T:
    """Return after the commit."""
    try:
        return await watch.wait(work)
    except StoreUnavailable as error:
        raise Refusal(503, "unavailable", str(error), reason="overloaded", headers=BUSY) from None
    except TimeoutError:
        # It may yet be committed; the repetition is then a no-op.
        raise Refusal(503, "unavailable", "not committed in time", reason="overloaded", headers=BUSY) from None


def _how_truncated(taken: Taken) -> str:
    left_out = "an unknown number of" if taken.truncated is None else f"{taken.truncated}"
    return (
        f"the sender left {left_out} alerts out of a webhook with {taken.alerts}; "
        "set max_alerts: 0 in the webhook_configs of Alertmanager"
    )


def _note(taken: Taken, source: str, size: int, seconds: float) -> None:
    """Log one line a webhook; above debug only where something about it is remarkable.

    At six thousand webhooks a second a line for each good one would cost more
    than all the rest and fill the disk; the counters have them.
    """
    remarkable = taken.quarantined or taken.is_truncated or taken.repaired or seconds >= SLOW
    if not (remarkable or _levels.isEnabledFor(logging.DEBUG)):
        return
    fields = {
        "source": source,
        "bytes": size,
        "alerts": taken.alerts,
        "quarantined": taken.quarantined.alerts if taken.quarantined is not None else 0,
        "repaired": taken.repaired,
        "truncated": "unknown" if taken.truncated is None else taken.truncated,
        "seconds": round(seconds, 3),
    }
    if remarkable:
        _log.warning("webhook", **fields)
    else:
        _log.debug("webhook", **fields)


def _summary(taken: Taken) -> dict[str, object]:
    """Return the answer, for whoever tries it by hand; Alertmanager does not read it."""
    summary: dict[str, object] = {"status": "ok", "alerts": taken.alerts}
    entry = taken.quarantined
    if entry is not None:
        errors = entry.error.splitlines()
        more = [f"and {entry.alerts - len(errors)} more"] if entry.alerts > len(errors) else []
        summary["quarantined"] = [*errors, *more]
    return summary

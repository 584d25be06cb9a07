"""What stands around every handler: who may, what is refused, and how every error is told.

Not a middleware but a wrapper that is put on with the route, so that a route
without one cannot exist, and the hot path passes one frame.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

import structlog
from aiohttp import hdrs, web

from tocsin.conf.settings import Scope
from tocsin.core.errors import (
    IllegalTransition,
    InvalidValue,
    StoreUnavailable,
    TocsinError,
    UnknownLevel,
    UnknownName,
    WindowError,
)
from tocsin.engine.fatal import end_if_fatal
from tocsin.web.alertmanager import source_of
from tocsin.web.answers import BUSY, Refusal, problem
from tocsin.web.auth import CALLER, Door, check_json, check_origin
from tocsin.web.keys import Edge
from tocsin.web.peers import counted_as, is_forwarded_by_unlisted, sender_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_TOO_MANY: Mapping[str, str] = {hdrs.RETRY_AFTER: "60", hdrs.CONNECTION: "close"}

_log = structlog.get_logger("tocsin.web")


class Access(Enum):
    """How a route that asks for no token is protected."""

    OPEN = "open"
    """Not at all: it tells nothing that is worth anything, and changes nothing."""
    SIGNED = "signed"
    """Its handler checks a signature."""


@dataclass(frozen=True)
class Route:
    """One line of the route table."""

    method: str
    path: str
    handler: Handler
    access: Scope | Access
    edge: str = "api"
    """What the metrics call this edge."""
    wants_json: bool = False
    """Whether a browser must be kept from sending it unasked."""
    query: Mapping[str, str] = field(default_factory=dict)
    """The parameters of its query string, with what they mean."""
    takes: type | None = None
    """What its body holds."""
    gives: type | None = None
    """What a good answer holds; None: text, or an object of no fixed form."""


def guarded(route: Route, edge: Edge, door: Door) -> Handler:
    """The route's handler, with everything around it."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            with door.busy_senders.one_more_of(request):
                _admit(request, route, edge, door)
                answer = await route.handler(request)
            if route.edge != "api":
                edge.senders.accept(_place(route, request), _sender(edge, request))
        except Refusal as refusal:
            answer = await _refuse(refusal, route, edge, door, request)
        except TocsinError as error:
            answer = _answer(error, route)
        except Exception as error:  # noqa: BLE001 - the edge's last resort: a bug is told as 500, which senders repeat
            end_if_fatal(error)
            answer = _failed(route)
        if route.edge == "alertmanager":
            edge.observer.count("webhooks_received_total", code=str(answer.status))
        return answer

    return handle


def _admit(request: web.Request, route: Route, edge: Edge, door: Door) -> None:
    if isinstance(route.access, Scope):
        request[CALLER] = door.admit(request, route.access)
        if hdrs.ORIGIN in request.headers and request.method != hdrs.METH_GET:
            check_origin(request, edge.settings().external_url)
    if route.wants_json:
        check_json(request)


def _answer(error: TocsinError, route: Route) -> web.Response:
    for type_, (status, code) in _ANSWERS.items():
        if isinstance(error, type_):
            return problem(status, code, _with_hint(error), BUSY if status == 503 else None)
    return _failed(route)


_ANSWERS: Mapping[type[TocsinError], tuple[int, str]] = {
    UnknownLevel: (400, "bad_request"),
    WindowError: (400, "bad_request"),
    UnknownName: (404, "not_found"),
    InvalidValue: (422, "unprocessable"),
    IllegalTransition: (409, "conflict"),
    StoreUnavailable: (503, "unavailable"),
}
"""The status and the code of each error; the first that it is an instance of counts."""


def _with_hint(error: TocsinError) -> str:
    return f"{error}; {error.hint}" if isinstance(error, WindowError) and error.hint else str(error)


def _failed(route: Route) -> web.Response:
    _log.exception("handler_failed", method=route.method, path=route.path)
    return problem(500, "internal", "something went wrong in tocsin; its log has it")


async def _refuse(refusal: Refusal, route: Route, edge: Edge, door: Door, request: web.Request) -> web.Response:
    """Answer a refusal; what should have been an alert or an acknowledgment reaches tocsin's own people."""
    reason, sender = refusal.reason, _sender(edge, request)
    # A valid token without the scope is a login. Everyone else here has shown neither a token nor a signature.
    is_login = bool(reason) and refusal.status < 500 and CALLER not in request and refusal.code != "forbidden"
    if is_login and door.failed_logins.is_one_too_many(counted_as(sender)):
        # A valid token was looked for first, and is never delayed. For the others no work is done, and no line logged.
        edge.observer.count("inbound_rejected_total", edge=route.edge, reason="rate_limited")
        return problem(429, "too_many_failures", "too many requests without a valid token or signature", _TOO_MANY)
    if reason:
        edge.observer.count("inbound_rejected_total", edge=route.edge, reason=reason)
    if reason and route.edge != "api":
        _log.warning(
            "refused", edge=route.edge, status=refusal.status, code=refusal.code, peer=sender, reason=str(refusal)
        )
        if refusal.status < 500:
            detail = f"{request.method} {route.path} from {sender}: {refusal}"
            edge.intake.report(*await _reported_as(refusal, route, edge, request, is_login=is_login), detail)
    return refusal.answer()


async def _reported_as(
    refusal: Refusal, route: Route, edge: Edge, request: web.Request, *, is_login: bool
) -> tuple[str, str]:
    """Return the reason and the source that a refusal is told by.

    A stranger must not page anyone, nor choose what tocsin's people hear of: its path names a source only where it was
    accepted there before.
    """
    path_counts = route.edge == "alertmanager" and (CALLER in request or is_login)
    if is_login:
        is_known = not is_forwarded_by_unlisted(
            request, edge.settings().trusted_proxies
        ) and await edge.senders.is_known(_place(route, request), _sender(edge, request))
        edge.observer.count("senders_refused_total", edge=route.edge, known="yes" if is_known else "no")
        if not is_known:
            return "strangers", route.edge
    return refusal.code, source_of(request) if path_counts else route.edge


def _sender(edge: Edge, request: web.Request) -> str:
    return sender_of(request, edge.settings().trusted_proxies) or "a Unix socket"


def _place(route: Route, request: web.Request) -> str:
    """Return where a request goes: one sender may be known at one source and a stranger at another."""
    return f"alertmanager/{source_of(request)}" if route.edge == "alertmanager" else route.edge

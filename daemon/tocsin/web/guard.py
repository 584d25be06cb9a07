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
from tocsin.core.errors import IllegalTransition, StoreUnavailable, TocsinError, UnknownLevel, UnknownName, WindowError
from tocsin.engine.fatal import end_if_fatal
from tocsin.web.alertmanager import source_of
from tocsin.web.answers import BUSY, Refusal, problem
from tocsin.web.auth import Caller, Door, check_json, check_origin
from tocsin.web.keys import Edge

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)

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
            _admit(request, route, edge, door)
            answer = await route.handler(request)
        except TocsinError as error:
            answer = _answer(error, route, edge, request)
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


def _answer(error: TocsinError, route: Route, edge: Edge, request: web.Request) -> web.Response:
    match error:
        case Refusal():
            _tell(error, route, edge, request)
            return error.answer()
        case UnknownLevel() | WindowError():
            return problem(400, "bad_request", _with_hint(error))
        case UnknownName():
            return problem(404, "not_found", str(error))
        case IllegalTransition():
            return problem(409, "conflict", str(error))
        case StoreUnavailable():
            return problem(503, "unavailable", str(error), BUSY)
        case _:
            return _failed(route)


def _with_hint(error: UnknownLevel | WindowError) -> str:
    return f"{error}; {error.hint}" if isinstance(error, WindowError) and error.hint else str(error)


def _failed(route: Route) -> web.Response:
    _log.exception("handler_failed", method=route.method, path=route.path)
    return problem(500, "internal", "something went wrong in tocsin; its log has it")


def _tell(refusal: Refusal, route: Route, edge: Edge, request: web.Request) -> None:
    """Count what was refused; what should have been an alert or an acknowledgment reaches tocsin's own people."""
    if not refusal.reason:
        return
    edge.observer.count("inbound_rejected_total", edge=route.edge, reason=refusal.reason)
    if route.edge == "api":
        return
    peer = request.remote or "unknown"
    _log.warning("refused", edge=route.edge, status=refusal.status, code=refusal.code, peer=peer, reason=str(refusal))
    if refusal.status < 500:
        # A stranger must not choose whom tocsin's people hear of: a path names a source only once its sender is known.
        source = source_of(request) if route.edge == "alertmanager" and CALLER in request else route.edge
        edge.intake.report(refusal.code, source, f"{request.method} {route.path} from {peer}: {refusal}")

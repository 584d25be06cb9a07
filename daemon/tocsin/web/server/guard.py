"""The wrapper of every handler: authentication, refusals and error answers.

A wrapper instead of a middleware: every route of the table gets it, and the hot
path has a single extra frame.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

import structlog
from aiohttp import hdrs, web

from tocsin.conf.settings import Scope
from tocsin.core.errors import TocsinError
from tocsin.engine.fatal import end_if_fatal
from tocsin.engine.selfwatch.troubles import title_of
from tocsin.web.edge import Edge
from tocsin.web.server.answers import Refusal, answer_to, problem, reason_of
from tocsin.web.server.auth import CALLER, Authenticator, check_json, check_origin
from tocsin.web.server.peers import counted_as, is_forwarded_by_unlisted, sender_of
from tocsin.web.server.query import source_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_TOO_MANY: Mapping[str, str] = {hdrs.RETRY_AFTER: "60", hdrs.CONNECTION: "close"}

_log = structlog.get_logger("tocsin.web")


class Access(Enum):
    """The protection of a route that needs no token."""

    OPEN = "open"
    """No protection: the route returns nothing confidential and changes nothing."""
    SIGNED = "signed"
    """A signature, which the handler verifies."""


@dataclass(frozen=True)
class Route:
    """A row of the route table."""

    method: str
    path: str
    handler: Handler
    access: Scope | Access
    endpoint: str = "api"
    """The name of the endpoint in metrics (their label ``edge``) and in reports of refusals."""
    wants_json: bool = False
    """True if only JSON is accepted, which a form on another site's page cannot send."""
    query: Mapping[str, str] = field(default_factory=dict)
    """Query parameters and their descriptions."""
    takes: type | None = None
    """Type of the request body."""
    gives: type | None = None
    """Type of a successful answer; None for text, or for an object without a fixed schema."""
    gives_400: type | None = None
    """Type of an answer 400 that the handler itself returns; None if a 400 is always a `Problem`."""


def guarded(route: Route, edge: Edge, authenticator: Authenticator) -> Handler:
    """Return the route's handler with authentication and error handling."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            with authenticator.busy_senders.one_more_of(request):
                _admit(request, route, edge, authenticator)
                answer = await route.handler(request)
            if route.endpoint != "api":
                edge.senders.accept(_place(route, request), _sender(edge, request))
        except Refusal as refusal:
            answer = await _refuse(refusal, route, edge, authenticator, request)
        except TocsinError as error:
            answer = answer_to(error) or _failed(route)
            if reason := reason_of(error):
                edge.observer.count("inbound_rejected_total", edge=route.endpoint, reason=reason)
        except Exception as error:  # noqa: BLE001 - a bug is answered with 500, after which senders retry
            end_if_fatal(error)
            answer = _failed(route)
        if route.endpoint == "alertmanager":
            edge.observer.count("webhooks_received_total", code=str(answer.status))
        return answer

    return handle


def _admit(request: web.Request, route: Route, edge: Edge, authenticator: Authenticator) -> None:
    if isinstance(route.access, Scope):
        request[CALLER] = authenticator.admit(request, route.access)
        if hdrs.ORIGIN in request.headers and request.method != hdrs.METH_GET:
            check_origin(request, edge.settings().external_url)
    if route.wants_json:
        check_json(request)


def _failed(route: Route) -> web.Response:
    _log.exception("handler_failed", method=route.method, path=route.path)
    return problem(500, "internal", "internal error in tocsin; see its log")


async def _refuse(
    refusal: Refusal, route: Route, edge: Edge, authenticator: Authenticator, request: web.Request
) -> web.Response:
    """Answer a refusal; report it to tocsin's operators if the request was meant to be an alert or a response."""
    reason, sender = refusal.reason, _sender(edge, request)
    # A valid token without the scope is not a failed login. All other requests here lack a valid token or signature.
    is_failed_login = bool(reason) and refusal.status < 500 and CALLER not in request and refusal.code != "forbidden"
    if is_failed_login and authenticator.failed_logins.is_one_too_many(counted_as(sender)):
        # Valid tokens are never limited: they were checked first. Other requests are neither processed nor logged.
        edge.observer.count("inbound_rejected_total", edge=route.endpoint, reason="rate_limited")
        message = "too many requests without a valid token or signature; retry in 60 s"
        return problem(429, "too_many_failures", message, _TOO_MANY)
    if reason:
        edge.observer.count("inbound_rejected_total", edge=route.endpoint, reason=reason)
    if reason and route.endpoint != "api":
        _log.warning(
            "request_refused",
            edge=route.endpoint,
            status=refusal.status,
            code=refusal.code,
            peer=sender,
            reason=str(refusal),
        )
        if refusal.status < 500:
            detail = f"{request.method} {route.path} from {sender}: {refusal}"
            reported_reason, source = await _reported_as(refusal, route, edge, request, is_failed_login=is_failed_login)
            title = title_of(reported_reason, source, sender)
            edge.intake.report(reported_reason, source, detail, f"{sender}: {refusal}", title)
    return refusal.answer()


async def _reported_as(
    refusal: Refusal, route: Route, edge: Edge, request: web.Request, *, is_failed_login: bool
) -> tuple[str, str]:
    """Return the reason and the source under which a refusal is reported.

    An unknown sender must not page anyone, nor choose the text of reports. So the source in the path of the request
    counts only if the sender was accepted there before.
    """
    is_source_trusted = route.endpoint == "alertmanager" and (CALLER in request or is_failed_login)
    if is_failed_login:
        is_known = not is_forwarded_by_unlisted(
            request, edge.settings().trusted_proxies
        ) and await edge.senders.is_known(_place(route, request), _sender(edge, request))
        edge.observer.count("senders_refused_total", edge=route.endpoint, known="yes" if is_known else "no")
        if not is_known:
            return "strangers", route.endpoint
    return refusal.code, source_of(request) if is_source_trusted else route.endpoint


def _sender(edge: Edge, request: web.Request) -> str:
    return sender_of(request, edge.settings().trusted_proxies) or "a Unix socket"


def _place(route: Route, request: web.Request) -> str:
    """Return the place where a sender may be known: each source of Alertmanager's webhooks, each other endpoint."""
    return f"alertmanager/{source_of(request)}" if route.endpoint == "alertmanager" else route.endpoint

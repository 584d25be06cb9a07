"""Authentication and authorization of callers.

Each route requires a scope; requests without a route are denied. While no token is
configured, only this machine has access.
"""

import binascii
import hashlib
import hmac
from base64 import b64decode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from tocsin.conf.settings import Scope, Settings, TokenSettings
from tocsin.web.edge import Edge
from tocsin.web.server.answers import Refusal
from tocsin.web.server.sender_limits import BusySenders, FailedLogins

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_FORWARDED = frozenset({"forwarded", "via", "x-real-ip"})
_CHALLENGE: Mapping[str, str] = {hdrs.WWW_AUTHENTICATE: 'Bearer realm="tocsin", Basic realm="tocsin"'}


@dataclass(frozen=True)
class Caller:
    """The authenticated sender of a request."""

    name: str
    is_person: bool
    scopes: frozenset[Scope]


CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)
"""The caller of a request; set only after a valid token or signature."""


@dataclass(frozen=True)
class _Key:
    """A token, stored as a hash so that the time of a comparison does not depend on the input."""

    token: bytes
    username: bytes
    caller: Caller


ALL_SCOPES = frozenset(Scope)

OWN_CALLER = Caller("tocsin", is_person=False, scopes=frozenset({Scope.INGEST}))
"""tocsin as the sender of webhooks for scheduled drills."""


class Authenticator:
    """The authentication of callers by the tokens of the current configuration."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._settings: Settings | None = None
        self._keys: tuple[_Key, ...] = ()
        self._own = _hash(edge.own_token) if edge.own_token else b""
        self._operator = Caller(edge.operator, is_person=True, scopes=ALL_SCOPES)
        self.busy_senders = BusySenders(edge.settings)
        self.failed_logins = FailedLogins(edge.settings, edge.now, edge.observer)

    def admit(self, request: web.Request, scope: Scope) -> Caller:
        """Return the caller of a request; refuse a caller without the scope.

        Raises:
            Refusal: 401 for a missing or wrong token, 403 for a token without the scope.
        """
        settings = self._edge.settings()
        if settings is not self._settings:
            persons = self._edge.policy().people.persons
            self._keys = tuple(_key(token, persons) for token in settings.tokens)
            self._settings = settings
        if self._is_own(request):
            caller = OWN_CALLER
        else:
            caller = self._by_token(request) if self._keys else self._local(request)
        if scope not in caller.scopes:
            message = f"{caller.name!r} lacks the scope {scope.value!r}; add it to the token in tocsin.yaml"
            raise _refused(403, "forbidden", message)
        return caller

    def _is_own(self, request: web.Request) -> bool:
        header = request.headers.get(hdrs.AUTHORIZATION, "")
        return bool(self._own) and hmac.compare_digest(_hash(header.removeprefix("Bearer ")), self._own)

    def _by_token(self, request: web.Request) -> Caller:
        header = request.headers.get(hdrs.AUTHORIZATION)
        if header is None:
            raise _refused(401, "unauthorized", "the request has no token; send Authorization: Bearer TOKEN")
        scheme, _, credentials = header.partition(" ")
        username, token = b"", _hash(credentials.strip())
        if scheme.lower() == "basic":
            username, token = _basic(credentials)
        elif scheme.lower() != "bearer":
            raise _refused(401, "unauthorized", "the authentication scheme is not supported; use Bearer or Basic")
        caller = None
        for key in self._keys:  # all keys, so that the duration does not reveal which one matches
            if hmac.compare_digest(key.token, token) and (not username or hmac.compare_digest(key.username, username)):
                caller = key.caller
        if caller is None:
            raise _refused(401, "unauthorized", "the token is not in tocsin.yaml")
        return caller

    def _local(self, request: web.Request) -> Caller:
        """Return the operator for a request from this machine.

        The Host header must be local as well. Otherwise a web page in the operator's
        browser could reach the daemon by a host name that resolves to 127.0.0.1.

        Raises:
            Refusal: The request is not from this machine, or came through a proxy.
        """
        if any(_is_forwarded(name) for name in request.headers):
            raise _refused(
                401,
                "unauthorized",
                "the request came through a proxy, and no token is configured; add tokens: to tocsin.yaml",
            )
        peer = request.transport.get_extra_info("peername") if request.transport else None
        if not _is_loopback(peer) or _hostname(request.headers.get(hdrs.HOST, "")) not in _LOCAL_NAMES:
            raise _refused(
                401,
                "unauthorized",
                "no token is configured, so only this machine has access, by http://127.0.0.1 or http://localhost; "
                "add tokens: to tocsin.yaml",
            )
        return self._operator


def check_origin(request: web.Request, external_url: str) -> None:
    """Check that a browser's request comes from a page of this host, and not from a page of another site.

    Raises:
        Refusal: The request comes from another site.
    """
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return
    host = _netloc(origin)
    if not host or host not in (request.headers.get(hdrs.HOST), _netloc(external_url)):
        raise _refused(403, "origin", f"the origin {origin!r} is neither this host nor external_url in tocsin.yaml")


def check_json(request: web.Request) -> None:
    """Check that the content type is JSON, which a form on another site's page cannot send.

    Raises:
        Refusal: The content type is not JSON.
    """
    if request.content_type != "application/json":
        message = f"the content type is {request.content_type!r}; send Content-Type: application/json"
        raise Refusal(415, "content_type", message, reason="malformed")


def _refused(status: int, code: str, message: str) -> Refusal:
    return Refusal(status, code, message, reason="auth", headers=_CHALLENGE if status == 401 else None)


def _key(token: TokenSettings, persons: Collection[str]) -> _Key:
    name = token.person or token.name
    caller = Caller(name, is_person=name in persons, scopes=frozenset(token.scopes))
    return _Key(_hash(token.token.reveal()), _hash(token.basic_username), caller)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogateescape")).digest()


def _basic(credentials: str) -> tuple[bytes, bytes]:
    try:
        username, colon, password = b64decode(credentials.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        username, colon, password = "", "", ""
    if not colon:
        raise _refused(401, "unauthorized", "the Basic credentials are malformed; send base64 of NAME:TOKEN")
    return _hash(username), _hash(password)


def _is_loopback(peer: object) -> bool:
    """Return whether a socket's peer is this machine; False for a Unix socket, whose peer may be a public proxy."""
    address = peer[0] if isinstance(peer, tuple) else ""
    return address == "::1" or str(address).removeprefix("::ffff:").startswith("127.")


def _is_forwarded(header: str) -> bool:
    """Return whether a header with this name shows that a request came through a proxy."""
    name = header.lower()
    return name in _FORWARDED or name.startswith("x-forwarded-")


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:  # an invalid URL matches no host
        return ""


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""

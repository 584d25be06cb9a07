"""Who is calling, and may they.

A route says what its caller must be allowed to do; what no route says is
denied. While no token is configured, only this machine is let in.
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
from tocsin.web.answers import Refusal
from tocsin.web.keys import Edge
from tocsin.web.sender_limits import BusySenders, FailedLogins

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_FORWARDED = frozenset({"forwarded", "via", "x-real-ip"})
_CHALLENGE: Mapping[str, str] = {hdrs.WWW_AUTHENTICATE: 'Bearer realm="tocsin", Basic realm="tocsin"'}


@dataclass(frozen=True)
class Caller:
    """Whoever sent a request."""

    name: str
    is_person: bool
    scopes: frozenset[Scope]


CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)
"""Who has sent a request: there only after a valid token or signature."""


@dataclass(frozen=True)
class _Key:
    """A token, kept as a hash: the comparison takes the same time whatever it is given."""

    token: bytes
    username: bytes
    caller: Caller


ALL_SCOPES = frozenset(Scope)


class Door:
    """Lets callers in by the tokens of the running configuration."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._settings: Settings | None = None
        self._keys: tuple[_Key, ...] = ()
        self._operator = Caller(edge.operator, is_person=True, scopes=ALL_SCOPES)
        self.busy_senders = BusySenders(edge.settings)
        self.failed_logins = FailedLogins(edge.settings, edge.now)

    def admit(self, request: web.Request, scope: Scope) -> Caller:
        """The caller, who may do this.

        Raises:
            Refusal: 401 to who is unknown, 403 to who may not.
        """
        settings = self._edge.settings()
        if settings is not self._settings:
            persons = self._edge.policy().people.persons
            self._keys = tuple(_key(token, persons) for token in settings.tokens)
            self._settings = settings
        caller = self._by_token(request) if self._keys else self._local(request)
        if scope not in caller.scopes:
            raise _refused(403, "forbidden", f"{caller.name!r} lacks the scope {scope.value!r}")
        return caller

    def _by_token(self, request: web.Request) -> Caller:
        header = request.headers.get(hdrs.AUTHORIZATION)
        if header is None:
            raise _refused(401, "unauthorized", "a token is needed")
        scheme, _, credentials = header.partition(" ")
        username, token = b"", _hash(credentials.strip())
        if scheme.lower() == "basic":
            username, token = _basic(credentials)
        elif scheme.lower() != "bearer":
            raise _refused(401, "unauthorized", "use Bearer or Basic authentication")
        found = None
        for key in self._keys:  # all of them: how long it takes does not tell which one it was
            if hmac.compare_digest(key.token, token) and (not username or hmac.compare_digest(key.username, username)):
                found = key.caller
        if found is None:
            raise _refused(401, "unauthorized", "no such token")
        return found

    def _local(self, request: web.Request) -> Caller:
        """The operator, if this comes from this very machine.

        The Host must say so too: otherwise a page in the operator's browser
        could reach us by a name of its own that leads to 127.0.0.1.
        """
        if any(_is_forwarded(name) for name in request.headers):
            raise _refused(
                401,
                "unauthorized",
                "this has come through a proxy, which may speak for all the world: write tokens: into tocsin.yaml",
            )
        peer = request.transport.get_extra_info("peername") if request.transport else None
        if not _is_loopback(peer) or _hostname(request.headers.get(hdrs.HOST, "")) not in _LOCAL_NAMES:
            raise _refused(
                401,
                "unauthorized",
                "without a token in the configuration only http://127.0.0.1 and localhost are let in",
            )
        return self._operator


def check_origin(request: web.Request, external_url: str) -> None:
    """Keep other sites' pages from acting through somebody's browser, which tells where a request was made.

    Raises:
        Refusal: It was made on a page of another site.
    """
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return
    host = _netloc(origin)
    if not host or host not in (request.headers.get(hdrs.HOST), _netloc(external_url)):
        raise _refused(403, "origin", f"the origin {origin!r} is not this host")


def check_json(request: web.Request) -> None:
    """A form on a page of another site cannot send JSON unasked.

    Raises:
        Refusal: The content type is not JSON.
    """
    if request.content_type != "application/json":
        raise Refusal(415, "content_type", "send Content-Type: application/json", reason="malformed")


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
        raise _refused(401, "unauthorized", "the Basic credentials cannot be read")
    return _hash(username), _hash(password)


def _is_loopback(peer: object) -> bool:
    """Whether a socket's peer is this machine. A Unix socket's peer, which may be a proxy for all the world, is not."""
    address = peer[0] if isinstance(peer, tuple) else ""
    return address == "::1" or str(address).removeprefix("::ffff:").startswith("127.")


def _is_forwarded(header: str) -> bool:
    """Whether a header says that a request was handed on by a proxy."""
    name = header.lower()
    return name in _FORWARDED or name.startswith("x-forwarded-")


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:  # what the URL grammar does not know is the name of nobody
        return ""


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""

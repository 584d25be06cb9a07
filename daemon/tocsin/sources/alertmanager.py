"""One Alertmanager, asked through its API v2 (``/api/v2/alerts``, ``/api/v2/status``; the same since 0.16)."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar

import aiohttp
import msgspec
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from tocsin import __version__
from tocsin.conf.settings import SourceSettings
from tocsin.core.alert import fingerprint
from tocsin.ports.source import Unreachable

T = TypeVar("T")

SETTLED_AFTER = timedelta(minutes=5)
"""An Alertmanager keeps no alerts over a restart: Prometheus tells it again within its resend delay, a minute or so."""
TOGETHER = 8.0
"""Seconds for all of one look, repetitions included."""
ATTEMPTS = 3
ANSWER_LIMIT = 64 << 20
"""Some hundred thousand alerts."""

_EVERYTHING = dict.fromkeys(("active", "silenced", "inhibited", "unprocessed"), "true")


class _Alert(msgspec.Struct):
    labels: dict[str, str]
    fingerprint: str = ""


class _Cluster(msgspec.Struct):
    status: str


class _Status(msgspec.Struct):
    uptime: datetime
    """When it was started."""
    cluster: _Cluster


_read_alerts = msgspec.json.Decoder(list[_Alert]).decode
_read_status = msgspec.json.Decoder(_Status).decode


class _Again(Exception):
    """It did not answer this time, or said that it cannot now."""


class Alertmanager:
    """See `ports.source.Replica`."""

    def __init__(self, url: str, settings: SourceSettings, settled_after: timedelta = SETTLED_AFTER) -> None:
        self.url = url
        self._settled_after = settled_after
        self._headers = {"User-Agent": f"tocsin/{__version__}", "Accept": "application/json"}
        if settings.bearer is not None:
            self._headers["Authorization"] = f"Bearer {settings.bearer.reveal()}"
        elif settings.username is not None and settings.password is not None:
            who = aiohttp.encode_basic_auth(settings.username, settings.password.reveal())
            self._headers["Authorization"] = who

    async def alerts(self) -> Mapping[str, Mapping[str, str]]:
        """See `ports.source.Replica`; one that has just been started does not know its alerts yet."""
        try:
            async with asyncio.timeout(TOGETHER), self._session() as session:
                # The status comes last: one that is started anew in between is found out.
                found = _decoded(_read_alerts, (await self._get(session, "alerts", _EVERYTHING))[0])
                body, date = await self._get(session, "status", {})
        except (TimeoutError, _Again) as error:
            raise Unreachable(str(error) or "no answer in time") from None
        status = _decoded(_read_status, body)
        self._check_settled(status, date)
        return {alert.fingerprint or fingerprint(alert.labels): alert.labels for alert in found}

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=TOGETHER / 2, sock_connect=TOGETHER / 4),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )

    async def _get(self, session: aiohttp.ClientSession, what: str, query: Mapping[str, str]) -> tuple[bytes, str]:
        """(body, its Date header) of a good answer."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_Again),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(0.2),
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                return await self._get_once(session, what, query)
        raise AssertionError("the last attempt either returns or raises")

    async def _get_once(self, session: aiohttp.ClientSession, what: str, query: Mapping[str, str]) -> tuple[bytes, str]:
        body = bytearray()
        try:
            async with session.get(f"{self.url}/api/v2/{what}", params=query, allow_redirects=False) as answer:
                if answer.status // 100 == 5:
                    raise _Again(f"status {answer.status}")
                if answer.status != 200:
                    raise Unreachable(f"status {answer.status}")
                async for chunk in answer.content.iter_any():
                    body += chunk
                    if len(body) > ANSWER_LIMIT:
                        raise Unreachable("an answer without end")
                return bytes(body), answer.headers.get("Date", "")
        except (aiohttp.ClientError, OSError) as error:
            raise _Again(f"no answer: {type(error).__name__}") from None

    def _check_settled(self, status: _Status, date: str) -> None:
        if status.cluster.status == "settling":
            raise Unreachable("it waits for its cluster to settle")
        started = status.uptime if status.uptime.tzinfo else status.uptime.replace(tzinfo=UTC)
        up = _now_there(date) - started
        if up < self._settled_after:
            raise Unreachable(f"it was started {max(0, int(up.total_seconds()))} s ago and may not know all alerts yet")


def _now_there(date: str) -> datetime:
    """Its own clock, as its answer says, so that the two clocks need not agree."""
    try:
        found = parsedate_to_datetime(date)
    except ValueError:
        return datetime.now(UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _decoded(read: Callable[[bytes], T], body: bytes) -> T:
    try:
        return read(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreachable(f"an answer that is none of Alertmanager's: {error}") from None

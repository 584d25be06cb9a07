"""A client of Alertmanager's API v2 (``/api/v2/alerts`` and ``/api/v2/status``, unchanged since 0.16)."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar

import aiohttp
import msgspec
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from tocsin import __version__
from tocsin.conf.source_settings import SourceSettings
from tocsin.core.alerts.alert import fingerprint
from tocsin.ports.source import Unreachable

T = TypeVar("T")

SETTLED_AFTER = timedelta(minutes=5)
"""Uptime after which an Alertmanager knows all alerts. A restart loses them, and Prometheus resends them within about a
minute (its resend delay)."""
TOGETHER = 8.0
"""Seconds for one query, including retries."""
ATTEMPTS = 3
"""Maximum number of attempts of one query."""
ANSWER_LIMIT = 64 << 20
"""Maximum number of bytes of an answer: some hundred thousand alerts."""

_EVERYTHING = dict.fromkeys(("active", "silenced", "inhibited", "unprocessed"), "true")


class _Alert(msgspec.Struct):
    labels: dict[str, str]
    fingerprint: str = ""


class _Cluster(msgspec.Struct):
    status: str


class _Status(msgspec.Struct):
    uptime: datetime
    """Time of the start of Alertmanager."""
    cluster: _Cluster


_read_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_alert = msgspec.json.Decoder(_Alert).decode
_read_status = msgspec.json.Decoder(_Status).decode


class _Retryable(Exception):
    """A missing answer, or a temporary error."""


class Alertmanager:
    """See `ports.source.Replica`."""

    def __init__(self, url: str, settings: SourceSettings, settled_after: timedelta = SETTLED_AFTER) -> None:
        self.url = url
        self._settled_after = settled_after
        self._headers = {"User-Agent": f"tocsin/{__version__}", "Accept": "application/json"}
        if settings.bearer is not None:
            self._headers["Authorization"] = f"Bearer {settings.bearer.reveal()}"
        elif settings.username is not None and settings.password is not None:
            credentials = aiohttp.encode_basic_auth(settings.username, settings.password.reveal())
            self._headers["Authorization"] = credentials

    async def alerts(self) -> Mapping[str, Mapping[str, str]]:
        """See `ports.source.Replica`; an Alertmanager that was just started does not know its alerts yet."""
        try:
            async with asyncio.timeout(TOGETHER), self._session() as session:
                # The status comes last, so that a restart in between is noticed.
                answer, _ = await self._get(session, "alerts", _EVERYTHING)
                result = await asyncio.to_thread(_decoded, _read_alerts, answer)
                body, date = await self._get(session, "status", {})
        except (TimeoutError, _Retryable) as error:
            raise Unreachable(str(error) or "no answer in time") from None
        status = _decoded(_read_status, body)
        self._check_settled(status, date)
        return result

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=TOGETHER / 2, sock_connect=TOGETHER / 4),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )

    async def _get(self, session: aiohttp.ClientSession, path: str, query: Mapping[str, str]) -> tuple[bytes, str]:
        """Return the body of a good answer and its Date header."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_Retryable),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(0.2),
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                return await self._get_once(session, path, query)
        raise AssertionError("the last attempt either returns or raises")

    async def _get_once(self, session: aiohttp.ClientSession, path: str, query: Mapping[str, str]) -> tuple[bytes, str]:
        body = bytearray()
        try:
            async with session.get(f"{self.url}/api/v2/{path}", params=query, allow_redirects=False) as answer:
                if answer.status // 100 == 5:
                    raise _Retryable(f"status {answer.status}")
                if answer.status != 200:
                    raise Unreachable(f"status {answer.status}")
                async for chunk in answer.content.iter_any():
                    body += chunk
                    if len(body) > ANSWER_LIMIT:
                        raise Unreachable(f"the answer is larger than {ANSWER_LIMIT >> 20} MiB")
                return bytes(body), answer.headers.get("Date", "")
        except (aiohttp.ClientError, OSError) as error:
            raise _Retryable(f"no answer: {type(error).__name__}") from None

    def _check_settled(self, status: _Status, date: str) -> None:
        if status.cluster.status == "settling":
            raise Unreachable("its cluster is still settling")
        started = status.uptime if status.uptime.tzinfo else status.uptime.replace(tzinfo=UTC)
        uptime = _time_of_answer(date) - started
        if uptime < self._settled_after:
            seconds = max(0, int(uptime.total_seconds()))
            raise Unreachable(f"it was started {seconds} s ago and may not know all alerts yet")


def _time_of_answer(date: str) -> datetime:
    """Return the time in the answer's Date header: Alertmanager's clock may differ from ours."""
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read_alerts(body: bytes) -> dict[str, Mapping[str, str]]:
    """Return the labels of each alert, decoded one by one: decoding a long list at once would block all threads."""
    alerts = map(_read_alert, _read_list(body))
    return {alert.fingerprint or fingerprint(alert.labels): alert.labels for alert in alerts}


def _decoded(read: Callable[[bytes], T], body: bytes) -> T:
    try:
        return read(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreachable(f"the answer is not from an Alertmanager API v2: {error}") from None

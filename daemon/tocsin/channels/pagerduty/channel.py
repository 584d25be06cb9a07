"""The PagerDuty channel: pages, acknowledgments and resolves as events, idempotent by their dedup_key."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx2
import msgspec
import pagerduty

from tocsin.channels import http
from tocsin.channels.pagerduty.payload import ACTIONS, render
from tocsin.channels.pagerduty.quota import Quota
from tocsin.channels.pagerduty.settings import PagerDutySettings
from tocsin.channels.pagerduty.transport import BoundedTransport, OneShotClient
from tocsin.core.content.page import Content
from tocsin.core.duration import SECOND
from tocsin.core.incident.outbox import Job
from tocsin.ports.channel import Outcome, Reason, Receipt

RATE_LIMIT_WAIT = 30 * SECOND
"""PagerDuty documents no Retry-After for a 429 and recommends to wait about this long."""

_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


class PagerDutyChannel:
    """A channel that sends events through PagerDuty's blocking client, in a few threads of its own."""

    kind = "pagerduty"
    keyed = True
    handles = frozenset(ACTIONS)

    def __init__(self, name: str, settings: PagerDutySettings) -> None:
        self.name = name
        self._settings = settings
        self._keys = {key_name: entry.key.reveal() for key_name, entry in settings.routing_keys.items()}
        self._quotas = {key_name: Quota(settings.events_per_minute) for key_name in settings.routing_keys}
        self._clients: dict[str, OneShotClient] = {}
        self._transport: BoundedTransport | None = None
        self._threads: ThreadPoolExecutor | None = None

    async def start(self) -> None:
        """Make the clients and their threads."""
        settings = self._settings
        scheme = settings.base_url.partition("://")[0]
        self._transport = transport = BoundedTransport(scheme, settings.timeout, settings.concurrency)
        self._clients = {name: OneShotClient(key, settings, transport) for name, key in self._keys.items()}
        self._threads = ThreadPoolExecutor(settings.concurrency, thread_name_prefix=f"channel-{self.name}")

    async def send(self, content: Content) -> Receipt:
        """Make one attempt. A cancelled one may still go out: its thread cannot be stopped."""
        if self._threads is None:
            return Receipt(Outcome.RETRY, Reason.INTERNAL, detail="the channel is not started")
        client = self._clients.get(content.destination)
        if client is None:
            detail = f"no routing key is named {content.destination!r}"
            return Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR, detail=detail)
        wait = self._has_to_wait(content)
        if wait is not None:
            return wait
        call = self._threads.submit(client.enqueue, *render(content))
        try:
            async with asyncio.timeout(self._settings.timeout / SECOND):
                await asyncio.wrap_future(call)
        except TimeoutError:
            return self._late(was_waiting=call.cancelled())
        except pagerduty.Error as error:
            return self._refused(error, content.now)
        return Receipt(Outcome.SENT, http_status=202, ref=_ref(content))

    async def close(self) -> None:
        """Close the connections; requests that wait are dropped, requests in progress end by themselves."""
        threads, self._threads = self._threads, None
        transport, self._transport = self._transport, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)
        if transport is not None:
            transport.close()

    def _has_to_wait(self, content: Content) -> Receipt | None:
        """Return a retry receipt for an event that must wait to leave capacity for pages; None if it may be sent."""
        quota = self._quotas[content.destination]
        if content.job is Job.PAGE:
            quota.page(content.now)
            return None
        wait = quota.wait(content.now)
        if wait is None:
            return None
        detail = "PagerDuty's rate limit is nearly reached: this waits, so that pages do not have to"
        return Receipt(Outcome.RETRY, Reason.RATE_LIMITED, detail=detail, retry_after=wait)

    def _late(self, *, was_waiting: bool) -> Receipt:
        if was_waiting:
            return Receipt(Outcome.RETRY, Reason.TIMEOUT, detail="every connection is busy: it was not sent")
        return Receipt(Outcome.AMBIGUOUS, Reason.TIMEOUT, detail="no answer in time")

    def _refused(self, error: pagerduty.Error, now: int) -> Receipt:
        response = error.response
        if response is None:
            return _classify_network_error(error.__cause__)
        text = http.error_text(response.content, self._keys.values())
        receipt = http.classify_status(response.status_code, text, http.retry_after(response.headers, now))
        if receipt.reason is Reason.SERVER_ERROR:
            # Surely not lost and never seen twice: the event has a dedup_key.
            receipt = msgspec.structs.replace(receipt, outcome=Outcome.RETRY)
        if receipt.reason is Reason.RATE_LIMITED and receipt.retry_after is None:
            receipt = msgspec.structs.replace(receipt, retry_after=RATE_LIMIT_WAIT)
        return receipt


def _classify_network_error(cause: BaseException | None) -> Receipt:
    kind = http.explain(cause) if cause is not None else "unknown"
    if isinstance(cause, _NEVER_SENT):
        return Receipt(Outcome.RETRY, Reason.CONNECTION, detail=f"not connected: {kind}")
    if isinstance(cause, httpx2.TimeoutException):
        return Receipt(Outcome.AMBIGUOUS, Reason.TIMEOUT, detail="no answer in time")
    return Receipt(Outcome.AMBIGUOUS, Reason.CONNECTION, detail=f"connection lost: {kind}")


def _ref(content: Content) -> str:
    """Return PagerDuty's reference to the alert."""
    return content.about or content.key

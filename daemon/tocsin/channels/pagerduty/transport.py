"""The blocking half of the channel: PagerDuty's own client, one attempt for each event."""

import time
from typing import Any

import httpx2
from pagerduty import EventsApiV2Client, HttpError

from tocsin.channels.http import ANSWER_LIMIT, USER_AGENT
from tocsin.channels.pagerduty.settings import PagerDutySettings
from tocsin.core.duration import SECOND

BODY_BY = 0.8
"""Share of the time limit after which the body is abandoned; the status suffices."""
CONNECTED_BY = 0.5
"""Share after which connecting fails, while this can still be distinguished from a lost response."""

ENDED_BY = 1.25
"""Share after which a thread gives up: later than its caller, who has canceled the waiting calls by then."""


class BoundedTransport(httpx2.BaseTransport):
    """A transport that sends each request once and reads no more of the response than necessary.

    The client requires https base URLs; ``scheme`` is the configured one, and is restored here.
    """

    def __init__(self, scheme: str, timeout: int, connections: int) -> None:
        self._scheme = scheme
        self._timeout = timeout / SECOND
        limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._inner = httpx2.HTTPTransport(trust_env=False, limits=limits)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it; the answer comes back read, cut at `ANSWER_LIMIT` and at the time allowed."""
        deadline = time.monotonic() + BODY_BY * self._timeout
        request.url = request.url.copy_with(scheme=self._scheme)
        request.headers["Accept-Encoding"] = "identity"
        answer = self._inner.handle_request(request)
        body = bytearray()
        try:
            for chunk in answer.iter_raw():
                body += chunk
                if len(body) > ANSWER_LIMIT or time.monotonic() > deadline:
                    break
        except httpx2.TransportError:
            body.clear()
        finally:
            answer.close()
        kept = {name: answer.headers[name] for name in ("Retry-After", "Date") if name in answer.headers}
        return httpx2.Response(answer.status_code, headers=kept, content=bytes(body), request=request)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


class OneShotClient(EventsApiV2Client):
    """The Events API client without its retries, which would sleep in between: the outbox retries."""

    max_network_attempts = 0

    def __init__(self, routing_key: str, settings: PagerDutySettings, transport: httpx2.BaseTransport) -> None:
        authority = settings.base_url.partition("://")[2]
        super().__init__(routing_key, base_url=f"https://{authority}", transport=transport, trust_env=False)
        total = settings.timeout / SECOND
        # The package declares a number of seconds, and hands whatever stands here to httpx2.
        self.timeout = httpx2.Timeout(ENDED_BY * total, connect=CONNECTED_BY * total)  # type: ignore[assignment]  # see above

    @property
    def user_agent(self) -> str:
        """Return tocsin's User-Agent."""
        return f"{USER_AGENT} {super().user_agent}"

    def postprocess(self, response: httpx2.Response) -> None:
        """Raise for any error response before the client's own retry logic sees it."""
        if not response.is_success:
            raise HttpError(f"status {response.status_code}", response)

    def enqueue(self, action: str, dedup_key: str, properties: dict[str, Any]) -> None:
        """Send one event.

        Raises:
            pagerduty.Error: It was refused, or no answer came (then the cause is httpx2's exception).
        """
        self.send_event(action, dedup_key=dedup_key, **properties)

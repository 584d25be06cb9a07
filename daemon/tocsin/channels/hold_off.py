"""Pauses before further API requests, after a provider has answered 429 (rate limited)."""

from tocsin.core.duration import SECOND
from tocsin.ports.channel import Outcome, Reason, Receipt

LONGEST = 60 * SECOND
"""Maximum pause that a response can impose, so that one wrong response does not stop all requests for long."""
KEYS = 1000
"""Maximum number of kinds of requests whose pauses are remembered."""


class HoldOff:
    """The times until which a provider would refuse requests, by kind of request.

    A provider that has answered 429 counts requests that ignore the answer; some providers then extend the wait or
    block the account.
    """

    def __init__(self) -> None:
        self._until: dict[str, int] = {}

    def ask(self, kind: str, now: int) -> Receipt | None:
        """Return the receipt of a request that would be refused now; None if the request may be made."""
        wait = self._until.get(kind, now) - now
        if not 0 < wait <= LONGEST:  # a longer wait: the clock was set back
            return None
        detail = "the provider has asked to wait: nothing was sent"
        return Receipt(Outcome.RETRY, Reason.RATE_LIMITED, detail, retry_after=wait)

    def note(self, kind: str, receipt: Receipt, now: int) -> None:
        """Remember the wait that a receipt demands of further requests of this kind."""
        if receipt.reason is not Reason.RATE_LIMITED or not receipt.retry_after:
            return
        if len(self._until) >= KEYS:
            self._until = {kind: until for kind, until in self._until.items() if until > now}
        if len(self._until) < KEYS:
            self._until[kind] = now + min(receipt.retry_after, LONGEST)

"""Calls that a provider has asked not to make for a while."""

from tocsin.channels.http import SECOND
from tocsin.ports.channel import Outcome, Reason, Receipt

LONGEST = 60 * SECOND
"""A provider that names a longer time is asked again after this, so that one wrong answer does not silence the rest."""
KEYS = 1000


class HoldOff:
    """The moments until which calls of a kind would be refused, by the kind.

    A provider that has answered "too many" (429) counts the calls that ignore
    it, and some then wait longer or close the account.
    """

    def __init__(self) -> None:
        self._until: dict[str, int] = {}

    def ask(self, kind: str, now: int) -> Receipt | None:
        """Return the receipt of a call that would be refused now; None where it may be made."""
        wait = self._until.get(kind, now) - now
        if not 0 < wait <= LONGEST:  # longer than any can be: the clock was set back
            return None
        detail = "the provider has asked to wait: nothing was sent"
        return Receipt(Outcome.RETRY, Reason.RATE_LIMITED, detail, retry_after=wait)

    def note(self, kind: str, receipt: Receipt, now: int) -> None:
        """Remember what a receipt says about further calls of this kind."""
        if receipt.reason is not Reason.RATE_LIMITED or not receipt.retry_after:
            return
        if len(self._until) >= KEYS:
            self._until = {kind: until for kind, until in self._until.items() if until > now}
        if len(self._until) < KEYS:
            self._until[kind] = now + min(receipt.retry_after, LONGEST)

"""The times at which refused alerts were first received, so that a page can say how late it is."""

from collections.abc import Iterable, Sequence

from tocsin.core.alerts.alert import Alert, AlertStatus
from tocsin.core.duration import MINUTE
from tocsin.engine.intake.batch import Classified, Receipts

KNOWN = 10_000
"""Maximum number of refused alerts whose first receipt is remembered; further ones count from their next receipt."""
KEPT_FOR = 10 * MINUTE
"""Time for which a refusal is remembered.

Alertmanager retries within this time; a later copy may be about another failure."""

_Key = tuple[str, str, int | None]


class RefusedAlerts:
    """The first receipts of firing alerts that were refused, because the store or the queue could not take them.

    The sender retries the webhook; the lateness of its pages counts from the first attempt.
    """

    def __init__(self) -> None:
        self._refused: dict[_Key, tuple[int, int]] = {}
        """The times of the first and the latest refusal of each alert."""

    def note(self, alerts: Iterable[Alert], received_at: int) -> None:
        """Remember alerts that were refused."""
        if len(self._refused) >= KNOWN:
            oldest = received_at - KEPT_FOR
            self._refused = {key: times for key, times in self._refused.items() if times[1] >= oldest}
        for alert in alerts:
            if alert.status is AlertStatus.FIRING and (_key(alert) in self._refused or len(self._refused) < KNOWN):
                self._refused[_key(alert)] = (self._first(alert, received_at), received_at)

    def receipts(self, pairs: Sequence[Classified], received_at: int) -> Receipts:
        """Return the first receipt of each of these alerts, which have arrived at ``received_at``."""
        if not self._refused:
            return [(len(pairs), received_at)]
        return [(1, self._first(alert, received_at)) for alert, _ in pairs]

    def forget(self, pairs: Iterable[Classified]) -> None:
        """Forget alerts that have been committed."""
        if self._refused:
            for alert, _ in pairs:
                self._refused.pop(_key(alert), None)

    def _first(self, alert: Alert, received_at: int) -> int:
        first, latest = self._refused.get(_key(alert), (received_at, received_at))
        return first if received_at - KEPT_FOR <= latest and first <= received_at else received_at


def _key(alert: Alert) -> _Key:
    # The start is part of the key: a later episode of the same alert has waited for nothing.
    return (*alert.key, alert.starts_at)

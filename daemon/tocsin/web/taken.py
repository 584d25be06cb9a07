"""What became of one webhook."""

from dataclasses import dataclass

from tocsin.core.alert import AlertStatus
from tocsin.core.quarantine import Quarantined
from tocsin.ports.observer import Observer
from tocsin.web.wire import Webhook


@dataclass
class Taken:
    """Counts of the alerts that were taken, and what was not."""

    firing: int = 0
    resolved: int = 0
    repaired: int = 0
    """How many have a part that could not be read."""
    truncated: int | None = 0
    """How many the sender left out; None: an unknown number."""
    quarantined: Quarantined | None = None

    @classmethod
    def of(cls, webhook: Webhook) -> "Taken":
        """Return what is counted of a webhook that was read as a whole."""
        taken = cls(truncated=webhook.truncated, quarantined=webhook.quarantined)
        taken.add(webhook)
        return taken

    @property
    def alerts(self) -> int:
        """Return how many alerts were taken."""
        return self.firing + self.resolved

    @property
    def is_truncated(self) -> bool:
        """Return whether the sender left out alerts."""
        return self.truncated != 0

    def add(self, webhook: Webhook) -> None:
        """Count the alerts of a webhook, or of a part of one."""
        firing = sum(alert.status is AlertStatus.FIRING for alert in webhook.alerts)
        self.firing += firing
        self.resolved += len(webhook.alerts) - firing
        self.repaired += webhook.repaired

    def tell(self, observer: Observer) -> None:
        """Count it all in the metrics."""
        for name, amount, labels in (
            ("alerts_received_total", self.firing, {"status": "firing"}),
            ("alerts_received_total", self.resolved, {"status": "resolved"}),
            ("alerts_repaired_total", self.repaired, {}),
            # An unknown number is one at least.
            ("alerts_truncated_total", 1 if self.truncated is None else self.truncated, {}),
        ):
            if amount:
                observer.count(name, amount, **labels)

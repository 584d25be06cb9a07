"""The outcome of one webhook."""

from dataclasses import dataclass

from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.alerts.quarantine import Quarantined
from tocsin.ports.observer import Observer
from tocsin.web.alertmanager.payload import Webhook


@dataclass
class Accepted:
    """The numbers of accepted alerts, and the rejected alerts."""

    firing: int = 0
    resolved: int = 0
    repaired: int = 0
    """Number of accepted alerts with an unreadable part."""
    truncated: int | None = 0
    """Number of alerts that the sender omitted; None if the number is unknown."""
    quarantined: Quarantined | None = None

    @classmethod
    def of(cls, webhook: Webhook) -> "Accepted":
        """Return the outcome of a webhook that was read as a whole."""
        outcome = cls(truncated=webhook.truncated, quarantined=webhook.quarantined)
        outcome.add(webhook)
        return outcome

    @property
    def alerts(self) -> int:
        """Number of accepted alerts."""
        return self.firing + self.resolved

    @property
    def is_truncated(self) -> bool:
        """True if the sender omitted alerts."""
        return self.truncated != 0

    def add(self, webhook: Webhook) -> None:
        """Count the alerts of a webhook, or of a part of one."""
        firing = sum(alert.status is AlertStatus.FIRING for alert in webhook.alerts)
        self.firing += firing
        self.resolved += len(webhook.alerts) - firing
        self.repaired += webhook.repaired

    def tell(self, observer: Observer) -> None:
        """Add the outcome to the metrics."""
        for name, amount, labels in (
            ("alerts_received_total", self.firing, {"status": "firing"}),
            ("alerts_received_total", self.resolved, {"status": "resolved"}),
            ("alerts_repaired_total", self.repaired, {}),
            # An unknown number is at least one.
            ("alerts_truncated_total", 1 if self.truncated is None else self.truncated, {}),
        ):
            if amount:
                observer.count(name, amount, **labels)

"""The interfaces of a transaction for code that judges incidents and code that changes them; see `unit_of_work`."""

from typing import Protocol

from tocsin.core.incident.event import Entry, Event
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.outbox import Outgoing
from tocsin.core.incident.throttle import Surge
from tocsin.core.matching.condition import WhenOpen
from tocsin.core.oncall.maintenance_window import Window
from tocsin.engine.change.figures import Figures
from tocsin.engine.change.oncall import OnCall
from tocsin.engine.change.policy import Policy
from tocsin.engine.change.surges import Surges
from tocsin.ports.store import Reader, Transaction


class View(Protocol):
    """The state that judges see, with the transaction's changes so far. Judges write nothing."""

    now: int
    policy: Policy

    @property
    def tx(self) -> Reader:
        """Return the transaction, for reading."""
        ...

    @property
    def windows(self) -> tuple[Window, ...]:
        """Return all maintenance windows if one is active now, else none."""
        ...

    def incident(self, incident_id: str) -> Incident | None:
        """Return an incident by its id."""
        ...

    def open_alike(self, when: WhenOpen, limit: int) -> list[Incident]:
        """Return the open incidents that match a condition."""
        ...

    def surge(self, target: str) -> Surge:
        """Return the incidents that recently began to notify a target."""
        ...


class Changes(View, Protocol):
    """The operations of code that changes incidents."""

    figures: Figures
    oncall: OnCall
    surges: Surges
    timed: bool
    """True if the transaction carries out due work, so that its lateness is measured."""
    behind: int
    """Time in microseconds from tocsin's receipt of what is carried out to this transaction."""

    @property
    def tx(self) -> Transaction:
        """Return the transaction, for reading and writing."""
        ...

    def change(self, incident: Incident, event: Event) -> Incident:
        """Apply an event to an incident; return the changed incident."""
        ...

    def record(self, entry: Entry) -> None:
        """Write an entry into a timeline."""
        ...

    def enqueue(self, row: Outgoing) -> None:
        """Write a row into the outbox."""
        ...

    def flush(self) -> None:
        """Write the pending changes, so that they can be read through `tx`."""
        ...

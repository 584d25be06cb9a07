"""The store's records for the measures of a period; part of `ports.store`.

Each query returns a page in the order of its cursor. Pass the cursor of the last item
to get the next page; an empty page is the end.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from tocsin.core.incident.event import Entry
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.measure import Occurrence
from tocsin.core.incident.outbox import Outgoing


class OccurrenceCursor(NamedTuple):
    """The place after an occurrence."""

    resolved_at: int
    incident_id: str = ""
    occurrence: int = 0


class EntryCursor(NamedTuple):
    """The place after a timeline entry."""

    at: int
    incident_id: str = ""
    seq: int = 0


class PageCursor(NamedTuple):
    """The place after a page."""

    done_at: int
    order_no: int = 0


class MeasureReader(Protocol):
    """Queries for the measures of a period."""

    def occurrences_resolved(self, after: OccurrenceCursor, opened_before: int, limit: int) -> list[Occurrence]:
        """Return counted occurrences that were resolved after the cursor and opened before a time."""
        ...

    def measured_entries(self, after: EntryCursor, limit: int) -> list[Entry]:
        """Return the timelines' entries about missed targets and completed follow-ups after the cursor."""
        ...

    def accepted_pages(self, after: PageCursor, before: int, limit: int) -> list[Outgoing]:
        """Return the pages that their channels accepted after the cursor and before a time."""
        ...

    def incidents_with_duties(self, after_number: int, limit: int) -> list[Incident]:
        """Return the incidents with a duty or an action item that is not done, by number."""
        ...

    def incidents_by_id(self, ids: Sequence[str]) -> list[Incident]:
        """Return the stored ones of these incidents."""
        ...

    def first_occurrence_at(self) -> int | None:
        """Return when the first counted occurrence was opened that is known; None if there is none."""
        ...

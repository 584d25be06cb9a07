"""The queries of `ports.measure_store.MeasureReader` in SQL."""

from collections.abc import Sequence

from tocsin.core.incident.event import Entry
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.measure import Occurrence
from tocsin.core.incident.outbox import Outgoing
from tocsin.ports.measure_store import EntryCursor, OccurrenceCursor, PageCursor
from tocsin.store.sql import measure_statements, rows
from tocsin.store.sql.queries import Queries


class MeasureQueries(Queries):
    """`ports.measure_store.MeasureReader` on one cursor."""

    def occurrences_resolved(self, after: OccurrenceCursor, opened_before: int, limit: int) -> list[Occurrence]:
        """See `ports.measure_store.MeasureReader`."""
        occurrence_rows = self._all(
            measure_statements.OCCURRENCES_RESOLVED, **after._asdict(), opened_before=opened_before, limit=limit
        )
        return self._items(rows.OCCURRENCE, occurrence_rows)

    def measured_entries(self, after: EntryCursor, limit: int) -> list[Entry]:
        """See `ports.measure_store.MeasureReader`."""
        return self._items(rows.ENTRY, self._all(measure_statements.MEASURED_ENTRIES, **after._asdict(), limit=limit))

    def accepted_pages(self, after: PageCursor, before: int, limit: int) -> list[Outgoing]:
        """See `ports.measure_store.MeasureReader`."""
        page_rows = self._all(measure_statements.ACCEPTED_PAGES, **after._asdict(), before=before, limit=limit)
        return self._readable(self._outgoing, page_rows)

    def incidents_with_duties(self, after_number: int, limit: int) -> list[Incident]:
        """See `ports.measure_store.MeasureReader`."""
        return self._incidents(measure_statements.INCIDENTS_WITH_DUTIES, limit, after_number=after_number)

    def incidents_by_id(self, ids: Sequence[str]) -> list[Incident]:
        """See `ports.measure_store.MeasureReader`."""
        incident_rows = self._of_many(measure_statements.incidents_by_id, [(incident_id,) for incident_id in ids])
        return self._readable(self._incident, list(incident_rows))

    def first_occurrence_at(self) -> int | None:
        """See `ports.measure_store.MeasureReader`."""
        return self._long(measure_statements.FIRST_OCCURRENCE_AT)

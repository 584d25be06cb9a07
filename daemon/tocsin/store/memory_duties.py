"""What reports rest on, in the memory store."""

from typing import TYPE_CHECKING

import msgspec

from tocsin.core.measure import Breach, Follow, Occurrence
from tocsin.store.doom import Doomed, write
from tocsin.store.journal import Journal

if TYPE_CHECKING:  # which reads through this
    from tocsin.store.memory_reader import Data

_encode = msgspec.json.Encoder().encode


class DutyReads:
    """`ports.duty_store.DutyReader` over the dictionaries."""

    _data: "Data"

    def occurrences(self, since: int) -> list[Occurrence]:
        """See `ports.duty_store.DutyReader`."""
        found = [
            one for one in self._data.occurrences.values() if _is_since(since, one.acknowledged_at, one.resolved_at)
        ]
        return sorted(found, key=lambda one: (one.opened_at, one.incident_id, one.occurrence))

    def breaches(self, since: int) -> list[Breach]:
        """See `ports.duty_store.DutyReader`."""
        found = [one for one in self._data.breaches.values() if one.at >= since]
        return sorted(found, key=lambda one: (one.at, one.incident_id, one.occurrence, one.promise))

    def follows(self, since: int) -> list[Follow]:
        """See `ports.duty_store.DutyReader`."""
        found = [
            one
            for one in self._data.follows.values()
            if one.outcome == "open" or _is_since(since, one.due_at, one.done_at)
        ]
        return sorted(found, key=lambda one: (one.due_at, one.incident_id, one.name))


class DutyWrites(Doomed):
    """`ports.duty_store.DutyWriter` over the dictionaries."""

    _data: "Data"
    _journal: Journal

    @write
    def put_breach(self, breach: Breach) -> None:
        """See `ports.duty_store.DutyWriter`."""
        _encode(breach)
        key = (breach.incident_id, breach.occurrence, breach.promise)
        if key not in self._data.breaches:
            self._journal.put(self._data.breaches, key, breach)

    @write
    def put_follow(self, follow: Follow) -> None:
        """See `ports.duty_store.DutyWriter`."""
        _encode(follow)
        self._journal.put(self._data.follows, (follow.incident_id, follow.name), follow)


def _is_since(since: int, *moments: int | None) -> bool:
    return any(at is not None and at >= since for at in moments)

"""Who is on call, written into the memory store."""

import msgspec

from tocsin.core.roster import Roster
from tocsin.core.rotation import Override
from tocsin.store.doom import Doomed, write
from tocsin.store.journal import Journal
from tocsin.store.memory_reader import Data

_encode = msgspec.json.Encoder().encode


class OnCallWrites(Doomed):
    """`ports.oncall_store.OnCallWriter` over the dictionaries."""

    _data: Data
    _journal: Journal

    @write
    def put_override(self, override: Override) -> None:
        """See `ports.oncall_store.OnCallWriter`."""
        _encode(override)
        self._journal.put(self._data.overrides, override.id, override)

    @write
    def put_roster(self, roster: Roster) -> None:
        """See `ports.oncall_store.OnCallWriter`."""
        _encode(roster)
        self._journal.put(self._data.rosters, roster.source, roster)

    @write
    def forget_overrides_before(self, at: int) -> int:
        """See `ports.oncall_store.OnCallWriter`."""
        old = [one.id for one in self._data.overrides.values() if one.ends_at < at]
        for override_id in old:
            self._journal.drop(self._data.overrides, override_id)
        return len(old)

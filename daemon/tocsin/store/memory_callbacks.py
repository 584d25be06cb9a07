"""Answers from outside, written into the memory store."""

from collections.abc import Sequence

import msgspec

from tocsin.store.doom import Doomed, write
from tocsin.store.journal import Journal
from tocsin.store.memory_reader import Data

_encode = msgspec.json.Encoder().encode


class CallbackWrites(Doomed):
    """`ports.callback_store.CallbackWriter` over the dictionaries."""

    _data: Data
    _journal: Journal
    _now: int

    @write
    def first_sight(self, origin: str, key: str) -> bool:
        """See `ports.callback_store.CallbackWriter`."""
        _encode((origin, key))
        if (origin, key) in self._data.inbound:
            return False
        self._journal.put(self._data.inbound, (origin, key), self._now)
        return True

    @write
    def link_pages(self, provider: str, ref: str, keys: Sequence[str]) -> None:
        """See `ports.callback_store.CallbackWriter`."""
        _encode((provider, ref, keys))
        for key in keys:
            self._journal.put(self._data.page_links, (provider, ref, key), None)

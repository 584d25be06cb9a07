"""Time zones defined by the VTIMEZONE of a calendar."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - on UTC's wall clock
_SECOND = timedelta(seconds=1)


class Onset(NamedTuple):
    """The start of a period with another offset from UTC."""

    at: datetime
    """On UTC's wall clock."""
    offset: timedelta


class ObservedZone(tzinfo):
    """A time zone as a list of onsets; the offset ``before`` applies until the first onset."""

    def __init__(self, name: str, before: timedelta, onsets: Iterable[Onset]) -> None:
        self._name = name
        self._onsets = sorted(onsets)
        self._offsets = [before, *(onset.offset for onset in self._onsets)]
        self._at = [(onset.at - _EPOCH) // _SECOND for onset in self._onsets]
        steps = list(zip(self._at, pairwise(self._offsets), strict=True))
        # Of a time that the wall clock shows twice, or skips, `fold` chooses the reading (PEP 495).
        self._walls = (
            [at + max(pair) // _SECOND for at, pair in steps],
            [at + min(pair) // _SECOND for at, pair in steps],
        )

    def utcoffset(self, dt: datetime | None) -> timedelta:
        """Return the offset of a time on the wall clock."""
        if dt is None:
            return self._offsets[0]
        shown = (dt.replace(tzinfo=None, fold=0) - _EPOCH) // _SECOND
        return self._offsets[bisect_right(self._walls[dt.fold], shown)]

    def fromutc(self, dt: datetime) -> datetime:
        """Return the time on the wall clock."""
        utc = dt.replace(tzinfo=None)
        place = bisect_right(self._at, (utc - _EPOCH) // _SECOND)
        local = utc + self._offsets[place]
        is_second = place > 0 and (local - _EPOCH) // _SECOND < self._walls[0][place - 1]
        return local.replace(tzinfo=self, fold=int(is_second))

    def tzname(self, dt: datetime | None) -> str:
        """Return the zone's name, which is the same at any time."""
        del dt
        return self._name

    def dst(self, dt: datetime | None) -> None:
        """Return None: tocsin does not need to know which offset is summer time."""
        del dt

    def __reduce__(self) -> tuple[type["ObservedZone"], tuple[str, timedelta, list[Onset]]]:
        """Pickle the constructor's arguments: the committing process receives the policy with its calendars."""
        return ObservedZone, (self._name, self._offsets[0], self._onsets)

    def __repr__(self) -> str:
        return f"ObservedZone({self._name!r})"

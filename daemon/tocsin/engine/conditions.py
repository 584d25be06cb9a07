"""Which conditions of rules hold: asked of the rows, and of what this batch has begun that is not written yet."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from tocsin.core.alert import Episode, EpisodeStatus
from tocsin.core.condition import Likeness, Rate, WhenOpen
from tocsin.engine.former_keys import FormerKeys
from tocsin.ports.store import Reader


class Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that this batch opens, or in which alerts begin."""

    service: str
    severity: str
    playbook: str
    team: str
    dedup_key: str

    def is_like(self, like: Likeness) -> bool:
        """Whether it is what somebody asks for."""
        return like.fits(**msgspec.structs.asdict(self))


class Answers:
    """What one transaction knows; every question is asked of the rows once."""

    def __init__(self, tx: Reader, former_keys: FormerKeys) -> None:
        self._tx = tx
        self._former_keys = former_keys
        self._open: dict[Likeness, list[str]] = {}
        self._since: dict[tuple[str, int], int] = {}
        self._begun: Counter[str] = Counter()

    def begun(self, dedup_key: str) -> None:
        """An episode of this dedup key has begun, and is not written yet."""
        self._begun[dedup_key] += 1

    def for_alert(self, last: Episode | None, beginnings: Iterable[Beginning]) -> "Holding":
        """The answers for an alert of which ``last`` is the newest episode."""
        return Holding(self, last, beginnings)

    def is_open(self, when: WhenOpen, beginnings: Iterable[Beginning]) -> bool:
        """Whether another incident like this is open, or about to be."""
        keys = self._open.get(when.like)
        if keys is None:
            keys = self._open[when.like] = self._tx.open_alike(when.like)
        # The alert's own incident may have been opened under another key.
        own = (when.other_than, self._former_keys.key_of(when.other_than))
        if any(key not in own for key in keys):
            return True
        return any(one.dedup_key not in own and one.is_like(when.like) for one in beginnings)

    def is_over(self, rate: Rate, last: Episode | None) -> bool:
        """Whether it has come more often than that; an episode that goes on is among those counted."""
        key = (rate.dedup_key, rate.within)
        written = self._since.get(key)
        if written is None:
            written = self._since[key] = self._tx.episodes_since(rate.dedup_key, self._tx.now - rate.within)
        goes_on = last is not None and last.status in (EpisodeStatus.FIRING, EpisodeStatus.HELD)
        return written + self._begun[rate.dedup_key] + (not goes_on) > rate.more_than


class Holding:
    """The conditions that hold for one alert, as a container: what nobody asks for costs nothing."""

    def __init__(self, answers: Answers, last: Episode | None, beginnings: Iterable[Beginning]) -> None:
        self._answers = answers
        self._last = last
        self._beginnings = beginnings

    def __contains__(self, condition: object) -> bool:
        if isinstance(condition, WhenOpen):
            return self._answers.is_open(condition, self._beginnings)
        return isinstance(condition, Rate) and self._answers.is_over(condition, self._last)

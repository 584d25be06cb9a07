"""Evaluation of the rules' conditions on the store's rows and on the unwritten changes of a batch."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from tocsin.core.alerts.alert import Episode, EpisodeStatus
from tocsin.core.matching.condition import Likeness, Rate, WhenOpen
from tocsin.engine.change.former_keys import FormerKeys
from tocsin.ports.store import Reader


class BatchIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that this batch opens, or to which this batch adds alerts."""

    service: str
    severity: str
    playbook: str
    team: str
    dedup_key: str

    def is_like(self, like: Likeness) -> bool:
        """Return whether the incident matches a condition."""
        return like.fits(**msgspec.structs.asdict(self))


class ConditionResults:
    """Results of conditions within one transaction; each one is read from the store once."""

    def __init__(self, tx: Reader, former_keys: FormerKeys) -> None:
        self._tx = tx
        self._former_keys = former_keys
        self._open: dict[Likeness, list[str]] = {}
        self._since: dict[tuple[str, int], int] = {}
        self._begun: Counter[str] = Counter()

    def begun(self, dedup_key: str) -> None:
        """Count an episode with this dedup key that this batch begins and has not written yet."""
        self._begun[dedup_key] += 1

    def for_alert(self, last: Episode | None, batch_incidents: Iterable[BatchIncident]) -> "TrueConditions":
        """Return the conditions that hold for an alert whose newest episode is ``last``."""
        return TrueConditions(self, last, batch_incidents)

    def is_open(self, when: WhenOpen, batch_incidents: Iterable[BatchIncident]) -> bool:
        """Return whether another matching incident is open or about to open."""
        keys = self._open.get(when.like)
        if keys is None:
            keys = self._open[when.like] = self._tx.open_alike(when.like)
        # The alert's own incident may have been opened under a former key.
        own = (when.other_than, self._former_keys.key_of(when.other_than))
        if any(key not in own for key in keys):
            return True
        return any(incident.dedup_key not in own and incident.is_like(when.like) for incident in batch_incidents)

    def is_over(self, rate: Rate, last: Episode | None) -> bool:
        """Return whether more episodes with this dedup key began than the rate allows.

        The current episode of the alert counts, even if it is not written yet.
        """
        key = (rate.dedup_key, rate.within)
        written = self._since.get(key)
        if written is None:
            written = self._since[key] = self._tx.episodes_since(rate.dedup_key, self._tx.now - rate.within)
        goes_on = last is not None and last.status in (EpisodeStatus.FIRING, EpisodeStatus.HELD)
        return written + self._begun[rate.dedup_key] + (not goes_on) > rate.more_than


class TrueConditions:
    """A container of the conditions that hold for one alert; `in` evaluates a condition."""

    def __init__(
        self, results: ConditionResults, last: Episode | None, batch_incidents: Iterable[BatchIncident]
    ) -> None:
        self._results = results
        self._last = last
        self._batch_incidents = batch_incidents

    def __contains__(self, condition: object) -> bool:
        if isinstance(condition, WhenOpen):
            return self._results.is_open(condition, self._batch_incidents)
        return isinstance(condition, Rate) and self._results.is_over(condition, self._last)

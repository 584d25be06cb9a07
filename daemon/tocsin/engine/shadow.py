"""Other rules that judge every alert beside the live ones, and page nobody: what would they change?"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import structlog

from tocsin.core.alert import Alert
from tocsin.core.comparison import Difference, differences
from tocsin.core.playbook import MINUTE
from tocsin.core.rules import RuleSet
from tocsin.core.verdict import Verdict
from tocsin.ports.observer import Observer

LISTED = 1000
"""Different differences that are kept; more are only counted."""
SAID_A_MINUTE = 20
"""Lines in the log."""
LONGEST = 200
"""Characters of a label that are kept."""

_log = structlog.get_logger("tocsin.engine.shadow")


class ShadowDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference, and how often it came up."""

    alertname: str
    service: str
    """As the live rules have it."""
    field: str
    live: str
    shadow: str
    alerts: int
    """How many alerts it concerned, repetitions among them."""
    first_at: int
    last_at: int


class ShadowReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the shadow has seen since it, or what it is compared with, was last loaded."""

    rules: str
    """The folder."""
    since_at: int
    judged: int
    differing: int
    failed: int
    """Alerts that the shadow could not be asked about."""
    unlisted: int
    """Differences beyond those that are listed."""
    differences: tuple[ShadowDifference, ...]
    """The most frequent first."""


@dataclass(frozen=True)
class ShadowRules:
    """Rules that judge beside the live ones, and the folder that they are from."""

    folder: str
    rules: RuleSet


class _Seen:
    __slots__ = ("alerts", "first_at", "last_at")

    def __init__(self, now: int) -> None:
        self.alerts = 0
        self.first_at = self.last_at = now


class Shadow:
    """Judges beside the live rules. Whatever goes wrong in here stays in here."""

    def __init__(self, given: ShadowRules, observer: Observer, now: Callable[[], int]) -> None:
        self._observer = observer
        self._now = now
        self._said: deque[int] = deque(maxlen=SAID_A_MINUTE)
        self._unsaid = 0
        self.replace(given)

    def replace(self, given: ShadowRules | None = None) -> None:
        """Judge by these rules from now on (None: as before), and begin to count anew."""
        if given is not None:
            self._given = given
        self._since = self._now()
        self._judged = self._differing = self._failed = self._unlisted = 0
        self._seen: dict[tuple[str, str, Difference], _Seen] = {}

    def judge(self, pairs: Sequence[tuple[Alert, Verdict]]) -> None:
        """Compare with what the live rules said of these alerts."""
        for alert, live in pairs:
            try:
                found = differences(live, self._given.rules.evaluate(alert))
                self._note(alert, live, found)
                outcome = "differs" if found else "same"
            except Exception as error:  # noqa: BLE001 - nothing of the shadow may reach the live way
                self._failed += 1
                outcome = "failed"
                _log.error("shadow_failed", alertname=alert.name[:LONGEST], error=repr(error))
            self._observer.count("shadow_alerts_total", outcome=outcome)

    def report(self) -> ShadowReport:
        """What it has seen so far."""
        rows = sorted(self._seen.items(), key=lambda row: (-row[1].alerts, row[1].first_at))
        return ShadowReport(
            rules=self._given.folder,
            since_at=self._since,
            judged=self._judged,
            differing=self._differing,
            failed=self._failed,
            unlisted=self._unlisted,
            differences=tuple(
                ShadowDifference(
                    alertname=alertname,
                    service=service,
                    field=difference.field,
                    live=difference.before,
                    shadow=difference.after,
                    alerts=seen.alerts,
                    first_at=seen.first_at,
                    last_at=seen.last_at,
                )
                for (alertname, service, difference), seen in rows
            ),
        )

    def _note(self, alert: Alert, live: Verdict, found: Sequence[Difference]) -> None:
        self._judged += 1
        if not found:
            return
        self._differing += 1
        now = self._now()
        for difference in found:
            key = (alert.name[:LONGEST], live.service[:LONGEST], _cut(difference))
            seen = self._seen.get(key)
            if seen is None:
                if len(self._seen) >= LISTED:
                    self._unlisted += 1
                    continue
                seen = self._seen[key] = _Seen(now)
                self._say(*key, now)
            seen.alerts += 1
            seen.last_at = now

    def _say(self, alertname: str, service: str, difference: Difference, now: int) -> None:
        if len(self._said) == SAID_A_MINUTE and now - self._said[0] < MINUTE:
            self._unsaid += 1
            return
        self._said.append(now)
        unsaid, self._unsaid = self._unsaid, 0
        _log.info(
            "shadow_differs",
            alertname=alertname,
            service=service,
            field=difference.field,
            live=difference.before,
            shadow=difference.after,
            **({"unsaid_before": unsaid} if unsaid else {}),
        )


def _cut(difference: Difference) -> Difference:
    if len(difference.before) <= LONGEST and len(difference.after) <= LONGEST:
        return difference
    return Difference(difference.field, difference.before[:LONGEST], difference.after[:LONGEST])

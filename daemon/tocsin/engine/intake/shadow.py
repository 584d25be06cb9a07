"""Shadow rules: evaluated for every alert alongside the live rules, without paging, to show what they would change."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import structlog

from tocsin.core.alerts.alert import Alert
from tocsin.core.duration import MINUTE
from tocsin.core.rules.comparison import Difference, differences
from tocsin.core.rules.rules import RuleSet
from tocsin.core.rules.verdict import Verdict
from tocsin.engine.intake.judging import judged
from tocsin.ports.observer import Observer

LISTED = 1000
"""Maximum number of distinct differences that are kept; others are only counted."""
LOGGED_A_MINUTE = 20
"""Maximum number of log lines per minute."""
LONGEST = 200
"""Maximum number of characters of a name or a value that are kept in a difference."""

_log = structlog.get_logger("tocsin.engine.intake.shadow")


class ShadowDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference and its count."""

    alertname: str
    service: str
    """The service by the live rules."""
    field: str
    live: str
    shadow: str
    alerts: int
    """Number of alerts with this difference; a repeated alert counts again."""
    first_at: int
    last_at: int


class ShadowReport(msgspec.Struct, frozen=True, kw_only=True):
    """The results since the shadow rules or the live rules were last loaded."""

    rules: str
    """The folder of the shadow rules."""
    since_at: int
    judged: int
    differing: int
    failed: int
    """Number of alerts that the shadow rules failed to evaluate."""
    unlisted: int
    """Number of differences beyond the listed ones."""
    differences: tuple[ShadowDifference, ...]
    """The differences, most frequent first."""


@dataclass(frozen=True)
class ShadowRules:
    """Rules to evaluate alongside the live rules, and their folder."""

    folder: str
    rules: RuleSet


class _Seen:
    __slots__ = ("alerts", "first_at", "last_at")

    def __init__(self, now: int) -> None:
        self.alerts = 0
        self.first_at = self.last_at = now


class Shadow:
    """The evaluation by shadow rules. Errors of the shadow rules never affect the live rules."""

    def __init__(self, shadow: ShadowRules, observer: Observer, now: Callable[[], int]) -> None:
        self._observer = observer
        self._now = now
        self._logged_at: deque[int] = deque(maxlen=LOGGED_A_MINUTE)
        self._unlogged = 0
        self.replace(shadow)

    def replace(self, shadow: ShadowRules | None = None) -> None:
        """Evaluate by these rules from now on (None: the same rules), and reset the counts."""
        if shadow is not None:
            self._shadow = shadow
        self._since = self._now()
        self._judged = self._differing = self._failed = self._unlisted = 0
        self._seen: dict[tuple[str, str, Difference], _Seen] = {}

    async def judge(self, pairs: Sequence[tuple[Alert, Verdict]]) -> None:
        """Evaluate alerts by the shadow rules and compare with the live verdicts."""
        rules = self._shadow.rules

        def evaluate(alert: Alert) -> Verdict | Exception:
            try:
                return rules.evaluate(alert)
            except Exception as error:  # noqa: BLE001 - errors of the shadow rules must not affect the live rules
                return error

        verdicts = await judged(evaluate, [alert for alert, _ in pairs])
        for (alert, live), verdict in zip(pairs, verdicts, strict=True):
            try:
                if isinstance(verdict, Exception):
                    raise verdict  # noqa: TRY301 - counted below, like a failure of the comparison
                changed = differences(live, verdict)
                self._note(alert, live, changed)
                outcome = "differs" if changed else "same"
            except Exception as error:  # noqa: BLE001 - as above
                self._failed += 1
                outcome = "failed"
                _log.error("shadow_failed", alertname=alert.name[:LONGEST], error=repr(error))
            self._observer.count("shadow_alerts_total", outcome=outcome)

    def report(self) -> ShadowReport:
        """Return the results since the last reset."""
        rows = sorted(self._seen.items(), key=lambda row: (-row[1].alerts, row[1].first_at))
        return ShadowReport(
            rules=self._shadow.folder,
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

    def _note(self, alert: Alert, live: Verdict, changed: Sequence[Difference]) -> None:
        self._judged += 1
        if not changed:
            return
        self._differing += 1
        now = self._now()
        for difference in changed:
            key = (alert.name[:LONGEST], live.service[:LONGEST], _cut(difference))
            seen = self._seen.get(key)
            if seen is None:
                if len(self._seen) >= LISTED:
                    self._unlisted += 1
                    continue
                seen = self._seen[key] = _Seen(now)
                self._log_difference(*key, now)
            seen.alerts += 1
            seen.last_at = now

    def _log_difference(self, alertname: str, service: str, difference: Difference, now: int) -> None:
        if len(self._logged_at) == LOGGED_A_MINUTE and now - self._logged_at[0] < MINUTE:
            self._unlogged += 1
            return
        self._logged_at.append(now)
        unlogged, self._unlogged = self._unlogged, 0
        _log.info(
            "shadow_difference_found",
            alertname=alertname,
            service=service,
            field=difference.field,
            live=difference.before,
            shadow=difference.after,
            **({"unlogged_before": unlogged} if unlogged else {}),
        )


def _cut(difference: Difference) -> Difference:
    if len(difference.before) <= LONGEST and len(difference.after) <= LONGEST:
        return difference
    return Difference(difference.field, difference.before[:LONGEST], difference.after[:LONGEST])

"""The verdict on the alerts of scheduled drills."""

from collections.abc import Callable

from msgspec.structs import replace

from tocsin.core.alerts.alert import Alert
from tocsin.core.playbook.drill import DRILL_LEVEL
from tocsin.core.rules.verdict import Verdict
from tocsin.engine.change.drilled import drill_of
from tocsin.engine.change.policy import Policy


def drill_evaluation(policy: Policy) -> Callable[[Alert], Verdict]:
    """Return the evaluation of drill alerts, which rehearses the rules as well."""
    return lambda alert: drill_verdict(alert, policy.rules.evaluate(alert))


def drill_verdict(alert: Alert, verdict: Verdict) -> Verdict:
    """Return the verdict of the rules on a drill alert, changed to follow the plan of the drill.

    So no rule can suppress the drill, join it to a real incident, or page anyone but the drill's targets.
    """
    key = drill_of(alert.labels)
    return replace(
        verdict,
        playbook=key,
        severity=DRILL_LEVEL,
        dedup_key=key,
        flags=(),
        suppress=False,
        heartbeat=False,
        hold=0,
        resolve_after=None,
        asks=(),
        inhibited_by=(),
        unrouted=False,
        errors=(),
    )

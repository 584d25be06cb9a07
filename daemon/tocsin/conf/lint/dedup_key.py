"""Dedup keys that differ between alerts of the same problem."""

from collections.abc import Sequence

from tocsin.conf.rules.written import Written
from tocsin.conf.source import Findings
from tocsin.core.matching.placeholders import Template
from tocsin.core.rules.action import Value

RESTLESS = frozenset(
    {
        *("severity", "pod", "instance"),
        *("pod_name", "pod_uid", "pod_ip", "host_ip", "uid"),  # change with every new pod
        *("container_id", "image_id", "id"),  # cAdvisor's: one each container
        *("prometheus_replica", "replica"),  # which of two that see the same has seen it
        *("le", "quantile"),  # one each bucket of a histogram
    }
)
"""Labels that differ between alerts of one trouble: in a dedup key they open an incident for each."""


def report_restless_keys(rules: Sequence[Written], findings: Findings) -> None:
    """Warn about every dedup key, and all `key_labels`, that contain such a label."""
    for written in rules:
        for action in ("dedup_key", "key_labels"):
            if restless := sorted(_names(written.rule.actions.get(action)) & RESTLESS):
                message = f"{' and '.join(restless)} in a dedup key opens one incident for each"
                findings.warn(written.action(action).mark, message, "leave it out, unless that is what you want")


def _names(value: Value | None) -> frozenset[str]:
    """Return the labels that a rule adds to a key."""
    if isinstance(value, Template):
        return value.names
    return frozenset(map(str, value)) if isinstance(value, tuple) else frozenset()

"""Small arithmetic on severities and flags."""

from tocsin.core.playbook import Playbook


def counted(
    firing: dict[str, int],
    fired: tuple[str, ...] = (),
    ended: tuple[str, ...] = (),
    moved: tuple[tuple[str, str], ...] = (),
) -> dict[str, int]:
    """Firing alerts by severity after these have begun, ended or moved; never below zero."""
    counts = dict(firing)
    for severity in fired:
        counts[severity] = counts.get(severity, 0) + 1
    for severity in ended:
        counts[severity] = counts.get(severity, 0) - 1
    for old, to in moved:
        counts[old] = counts.get(old, 0) - 1
        counts[to] = counts.get(to, 0) + 1
    if ended or moved:
        return {severity: count for severity, count in counts.items() if count > 0}
    return counts


def above(plan: Playbook, severity: str, other: str) -> bool:
    """Whether a severity outranks another."""
    return plan.level(severity).rank < plan.level(other).rank


def merged(flags: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Flags with more flags, each once, in order."""
    return tuple(dict.fromkeys((*flags, *more)))

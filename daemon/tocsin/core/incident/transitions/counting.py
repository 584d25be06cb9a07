"""Arithmetic on severities and flags."""

from tocsin.core.playbook.playbook import Playbook


def counted(
    firing: dict[str, int],
    fired: tuple[str, ...] = (),
    ended: tuple[str, ...] = (),
    moved: tuple[tuple[str, str], ...] = (),
) -> dict[str, int]:
    """Return the number of firing alerts by severity, after some began, ended or changed severity; never negative."""
    counts = dict(firing)
    for severity in fired:
        counts[severity] = counts.get(severity, 0) + 1
    for severity in ended:
        counts[severity] = counts.get(severity, 0) - 1
    for before, after in moved:
        counts[before] = counts.get(before, 0) - 1
        counts[after] = counts.get(after, 0) + 1
    if ended or moved:
        return {severity: count for severity, count in counts.items() if count > 0}
    return counts


def above(plan: Playbook, severity: str, other: str) -> bool:
    """Return whether a severity outranks another."""
    return plan.level(severity).rank < plan.level(other).rank


def merged(flags: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Return both lists of flags as one, each flag once, in order."""
    return tuple(dict.fromkeys((*flags, *more)))

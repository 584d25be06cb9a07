"""Counts of alerts and of a storm's incidents in words, and the groups of alerts that a message shows."""

from typing import NamedTuple

from msgspec.structs import replace

from tocsin.channels.alert_groups import AlertGroup, distinct, grouped
from tocsin.channels.persons import person
from tocsin.core.content.page import Content
from tocsin.core.incident.outbox import Job


def tells_declarer(content: Content) -> bool:
    """Return whether the reason names the person who declared the incident."""
    others = (content.target, content.acknowledged_by)
    return content.job is Job.PAGE and not content.alerts_total and content.declared_by not in ("", *others)


def alerts(content: Content) -> str:
    """Return how many alerts fire: ``3 of 5 alerts firing``; for a storm, the number of its incidents.

    "" if neither alerts nor a person have reported the incident. If severities differ from the incident's: ``5 alerts
    firing (2 SEV-1, 3 SEV-2)``; if alerts differ only by their severity: ``6 alerts firing on 3 pods (...)``.
    """
    if content.members is not None:
        return f"{content.members} incidents"
    if content.is_own:
        return f"{content.alerts_firing} faults" if content.alerts_firing > 1 else ""
    firing, total = content.alerts_firing, content.alerts_total
    if not total:
        if tells_declarer(content):
            return ""
        return f"declared by {person(content, content.declared_by)}" if content.declared_by else ""
    if not unseen(content):  # an alert that fires again has been counted before
        total = max(firing, len(distinct(content.alerts)))
    noun = "alert" if total == 1 else "alerts"
    if not firing:
        return {1: "1 alert resolved", 2: "both alerts resolved"}.get(total, f"all {total} alerts resolved")
    by = ", ".join(f"{number} {severity}" for severity, number in content.firing)
    is_known = sum(number for _, number in content.firing) == firing
    is_mixed = is_known and [severity for severity, _ in content.firing] != [content.severity]
    count = f"{firing}" if firing == total else f"{firing} of {total}"
    words = [f"{count} {noun} firing", _objects(content), f"({by})" if is_mixed else ""]
    return " ".join(filter(None, words))


def number_firing(content: Content) -> str:
    """Return the number of firing alerts for a message with little room: ``60 alerts firing``; "" for a single one."""
    if content.members is not None or content.alerts_firing <= 1:
        return ""
    if content.is_own:
        return alerts(content)
    firing, total = content.alerts_firing, content.alerts_total
    if not unseen(content):
        total = max(firing, len(distinct(content.alerts)))
    return f"{firing} alerts firing" if firing == total else f"{firing} of {total} alerts firing"


def first_facts(content: Content, limit: int, shown: str) -> str:
    """Return the text of the first alert, and how many it stands for; "" without alerts."""
    return next((group.facts(limit, shown, more) for group, more in Shown.of(content, 1).groups), "")


def _objects(content: Content) -> str:
    """Return how many objects the firing alerts are about, if some are about the same one and all have one text."""
    firing = [shown for shown in Shown.of(content, len(content.alerts)).groups if shown[0].is_firing]
    return firing[0][0].objects(firing[0][1]) if len(firing) == 1 else ""


def unseen(content: Content) -> int:
    """Return the number of alerts, or incidents of a storm, beyond those in the content."""
    total = content.alerts_total if content.members is None else content.members
    return max(0, total - len(content.alerts))


def unseen_firing(content: Content) -> int:
    """Return how many of the `unseen` alerts fire; for a storm, all of its incidents count."""
    if content.members is not None:
        return unseen(content)
    seen = sum(alert.firing for alert in content.alerts)
    return min(unseen(content), max(0, content.alerts_firing - seen))


class Shown(NamedTuple):
    """The groups of alerts that a message shows."""

    groups: tuple[tuple[AlertGroup, int], ...]
    """The groups, each with the number of its members that are not in the sample."""
    more: str
    """The rest: ``3 more alerts and 30 resolved alerts``; "" if there is none."""

    @classmethod
    def of(cls, content: Content, most: int) -> "Shown":
        """Return at most so many groups."""
        groups = grouped(content.alerts)
        firing, hidden = unseen_firing(content), sum(group.size() for group in groups[most:])
        resolved = unseen(content) - firing
        if len(groups) != 1:
            alike, hidden = 0, hidden + firing
        elif groups[0].is_firing or content.members is not None:
            repeated = min(firing, content.repeated)
            alike = firing - repeated
            groups = (replace(groups[0], repeated=groups[0].repeated + repeated),)
        else:
            alike, resolved = resolved, 0
        noun = "incident" if content.members is not None else "alert"
        parts = [(hidden, "more"), (resolved, "resolved")]
        more = [f"{number} {kind} {noun}{'s' if number > 1 else ''}" for number, kind in parts if number]
        return cls(tuple((group, alike) for group in groups[:most]), " and ".join(more))


def count(group: AlertGroup, unseen: int, content: Content) -> str:
    """Return how many alerts a group has: ``30 firing``, or of a storm ``11 incidents``; "" for a single one.

    If alerts differ only by their severity: ``60 firing on 30 pods``.
    """
    number = group.size(unseen)
    if number == 1:
        return ""
    if content.members is not None:
        return f"{number} incidents"
    count = f"{number} firing" if group.is_firing else f"{number} alerts"
    return f"{count} {group.objects(unseen)}".rstrip()

"""The alerts of scheduled drills, and people and channels by the time of their last drill."""

from tocsin.core.alerts.alert import DRILL_LABEL
from tocsin.core.incident.outbox import Outgoing
from tocsin.core.playbook.drill import DRILLED_EVERY, drill_key
from tocsin.engine.change.policy import Policy
from tocsin.ports.store import Reader, Transaction

_PREFIX = "drilled/"
KINDS = ("person", "channel")
NAME_LABEL = "drill"
"""Label with the name of the drill."""


def drill_labels(playbook: str, name: str) -> dict[str, str]:
    """Return the labels of a drill's alert."""
    return {
        "alertname": "TocsinScheduledDrill",
        "severity": "info",
        "service": "tocsin-drill",
        "playbook": playbook,
        DRILL_LABEL: "true",
        NAME_LABEL: name,
    }


def drill_of(labels: dict[str, str]) -> str:
    """Return the dedup key of the drill that an alert of `DRILL_SOURCE` belongs to."""
    return drill_key(labels.get("playbook", ""), labels.get(NAME_LABEL, ""))


def record_drill(tx: Transaction, row: Outgoing) -> None:
    """Record that the page of a drill was delivered to its target through its channel."""
    if not row.stranded:
        tx.put_moment(f"{_PREFIX}person/{row.target}", tx.now)
        tx.put_moment(f"{_PREFIX}channel/{row.channel}", tx.now)


def last_drills(tx: Reader, policy: Policy) -> dict[str, dict[str, int | None]]:
    """Return the time of the last drill, None if there was none, by kind (`KINDS`) and name.

    Only the people whom a playbook may page, and the channels of their contact methods.
    """
    people = policy.people
    targets = {target for playbook in policy.playbooks.values() for target in playbook.targets}
    names = {name for target in targets for name in people.everybody(target)} & people.persons.keys()
    channels = {method.contact.channel for name in names for method in people.persons[name].methods}
    moments = tx.moments(_PREFIX)
    return {
        "person": {name: moments.get(f"{_PREFIX}person/{name}") for name in sorted(names)},
        "channel": {name: moments.get(f"{_PREFIX}channel/{name}") for name in sorted(channels & policy.channel_names)},
    }


def not_drilled(tx: Reader, policy: Policy) -> dict[str, int]:
    """Return how many people and channels had no drill within `DRILLED_EVERY`, by kind."""
    since = tx.now - DRILLED_EVERY
    return {
        kind: sum(at is None or at < since for at in moments.values())
        for kind, moments in last_drills(tx, policy).items()
    }

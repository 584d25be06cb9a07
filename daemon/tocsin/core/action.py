"""What a rule may do: each action described once, beside the code that carries it out.

The YAML reader, the documentation and the editors' schema are made from
`ACTIONS`. A new action is an entry there, a field of `Outcome`, and what the
verdict makes of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from tocsin.core.placeholder import Template

Value = Template | dict[str, Template] | tuple[str, ...] | int | bool
"""What an action of a rule holds, by the action's form."""


class Form(StrEnum):
    """How an action's value is written."""

    TEXT = "text"
    """Text with ``{label}`` placeholders: a `Template`. Stands under ``set``."""
    TEXTS = "texts"
    """Names and their texts with placeholders: a dict of `Template`."""
    NAMES = "names"
    """A list of names: a tuple."""
    DURATION = "duration"
    """Such as ``2m``: microseconds."""
    SWITCH = "switch"
    """``true`` or ``false``."""


@dataclass(slots=True)
class Outcome:
    """What the rules that match an alert say together; later rules win over earlier ones."""

    playbook: Template | None = None
    severity: Template | None = None
    service: Template | None = None
    dedup_key: Template | None = None
    title: Template | None = None
    flags: dict[str, None] = field(default_factory=dict)
    labels: dict[str, Template] = field(default_factory=dict)
    suppress: bool = False
    heartbeat: bool = False
    self_heal: int = 0
    stop: bool = False
    trace: tuple[str, ...] = ()


class Action(NamedTuple):
    """One thing that a rule may do."""

    name: str
    form: Form
    meaning: str
    example: str
    """Its value in YAML."""
    carry_out: Callable[[Outcome, str, Any], None]
    """Takes the outcome so far, the action's name, and this rule's value."""


def _replace(outcome: Outcome, name: str, value: Value) -> None:
    setattr(outcome, name, value)


def _add_flags(outcome: Outcome, _name: str, value: tuple[str, ...]) -> None:
    outcome.flags |= dict.fromkeys(value)


def _add_labels(outcome: Outcome, _name: str, value: dict[str, Template]) -> None:
    for label, template in value.items():
        outcome.labels.pop(label, None)  # said again, it comes last: it sees the labels before it
        outcome.labels[label] = template


_ALL = (
    Action(
        "playbook",
        Form.TEXT,
        "The playbook whose levels, tiers and times the incident follows. Unset: the default playbook.",
        "emergency-response",
        _replace,
    ),
    Action(
        "severity",
        Form.TEXT,
        "A level of the playbook. An alert to which no rule gives one is unrouted: it pages at the playbook's"
        " `unrouted` level, marked.",
        "SEV-2",
        _replace,
    ),
    Action(
        "service",
        Form.TEXT,
        "What is in trouble. Unset: the label service, app, application, job or namespace, the first that is there.",
        '"{namespace}/{deployment}"',
        _replace,
    ),
    Action(
        "dedup_key",
        Form.TEXT,
        "Alerts with the same key share an incident. Unset: playbook, service, alertname, cluster and namespace.",
        '"db/{cluster}"',
        _replace,
    ),
    Action(
        "title",
        Form.TEXT,
        "The incident's title. Unset: the first line of the annotation summary, or else `alertname (service)`.",
        '"{alertname} on {instance|an unknown host}"',
        _replace,
    ),
    Action(
        "flags",
        Form.NAMES,
        "Flags of the playbook that are set on the incident, added to those of earlier rules.",
        "[data_breach]",
        _add_flags,
    ),
    Action(
        "labels",
        Form.TEXTS,
        "Labels added to the alert, or replaced. Placeholders see them, matchers do not.",
        '{owner: "{team|platform}"}',
        _add_labels,
    ),
    Action(
        "suppress",
        Form.SWITCH,
        "Record the alert and tell nobody.",
        "true",
        _replace,
    ),
    Action(
        "heartbeat",
        Form.SWITCH,
        "The alert is its source's Watchdog: it is recorded as a sign of life and opens nothing.",
        "true",
        _replace,
    ),
    Action(
        "self_heal",
        Form.DURATION,
        "Give automation this long: the incident pages only if the alert still fires then. 0s takes it back.",
        "2m",
        _replace,
    ),
    Action(
        "stop",
        Form.SWITCH,
        "Look at no rule after this one.",
        "true",
        _replace,
    ),
)

ACTIONS = {action.name: action for action in _ALL}
"""Every action, by its name."""

"""What a rule may do: each action described once, beside the code that carries it out.

The YAML reader, the documentation and the editors' schema are made from
`ACTIONS`. A new action is an entry there, a field of `Outcome`, and what the
verdict makes of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from tocsin.core.placeholder import Template

Rows = Mapping[str, Mapping[str, str]]
"""A lookup table: for each name, its columns."""


class Lookup(NamedTuple):
    """Which row of which table."""

    table: str
    by: Template
    rows: Rows


Value = Template | dict[str, Template] | tuple[str, ...] | Lookup | int | bool
"""What an action of a rule holds, by the action's form."""


class Form(StrEnum):
    """How an action's value is written."""

    TEXT = "text"
    """Text with ``{label}`` placeholders: a `Template`. Stands under ``set``, everything else beside it."""
    TEXTS = "texts"
    """Names and their texts with placeholders: a dict of `Template`."""
    NAMES = "names"
    """A list of names: a tuple."""
    DURATION = "duration"
    """Such as ``2m``: microseconds."""
    SWITCH = "switch"
    """``true`` or ``false``."""
    STEPS = "steps"
    """How many levels: a whole number from 1."""
    LEVEL = "level"
    """A severity, which may have placeholders: a `Template`."""
    LOOKUP = "lookup"
    """A table's name and what to look up in it: a `Lookup`."""


@dataclass(slots=True)
class Outcome:
    """What the rules that match an alert say together; later rules win over earlier ones."""

    playbook: Template | None = None
    severity: Template | None = None
    shift: int = 0
    """Levels up (above 0) or down that `raise` and `lower` come to."""
    cap: Template | None = None
    service: Template | None = None
    team: Template | None = None
    dedup_key: Template | None = None
    key_labels: dict[str, None] = field(default_factory=dict)
    title: Template | None = None
    summary: Template | None = None
    runbook: Template | None = None
    automation: Template | None = None
    flags: dict[str, None] = field(default_factory=dict)
    labels: dict[str, Template | Lookup] = field(default_factory=dict)
    """What adds labels, in its order: single ones by their names, lookups by their tables' (behind a ``:``)."""
    suppress: bool = False
    heartbeat: bool = False
    self_heal: int = 0
    resolve_after: int | None = None
    stop: bool = False
    trace: tuple[str, ...] = ()
    """The rules that had their say."""
    inhibitors: tuple[int, ...] = ()
    """Indexes of the rules that suppress it for as long as another incident is open."""
    place: tuple[str, str] | None = None
    """Its playbook and severity, where they are the same for every alert."""
    all_flags: tuple[str, ...] = ()
    all_key_labels: tuple[str, ...] = ()
    """In the order in which they stand in a key."""
    uses_source: bool = False
    """True if any of its texts has the placeholder of the alert's source."""
    has_details: bool = False
    """Whether any of team, summary, runbook and automation is set."""
    last: int = -1
    """The index of the rule that stopped; -1: none did."""


class Action(NamedTuple):
    """One thing that a rule may do."""

    name: str
    form: Form
    meaning: str
    example: str
    """Its value in YAML."""
    carry_out: Callable[[Outcome, str, Any], None]
    """Takes the outcome so far, the action's name, and this rule's value."""


def written(value: Value) -> Any:
    """An action's value as it stands in the rule; durations in microseconds."""
    if isinstance(value, Template):
        return value.text
    if isinstance(value, dict):
        return {name: template.text for name, template in value.items()}
    if isinstance(value, Lookup):
        return {"table": value.table, "by": value.by.text}
    return list(value) if isinstance(value, tuple) else value


def _replace(outcome: Outcome, name: str, value: Value) -> None:
    setattr(outcome, name, value)


def _add_flags(outcome: Outcome, _name: str, value: tuple[str, ...]) -> None:
    outcome.flags |= dict.fromkeys(value)


def _add_key_labels(outcome: Outcome, _name: str, value: tuple[str, ...]) -> None:
    outcome.key_labels |= dict.fromkeys(value)


def _add_labels(outcome: Outcome, _name: str, value: dict[str, Template]) -> None:
    for label, template in value.items():
        outcome.labels.pop(label, None)  # said again, it comes last: it sees the labels before it
        outcome.labels[label] = template


def _look_up(outcome: Outcome, _name: str, value: Lookup) -> None:
    name = f":{value.table}"
    outcome.labels.pop(name, None)
    outcome.labels[name] = value


def _raise(outcome: Outcome, _name: str, value: int) -> None:
    outcome.shift += value


def _lower(outcome: Outcome, _name: str, value: int) -> None:
    outcome.shift -= value


def _suppress(outcome: Outcome, _name: str, value: bool) -> None:
    outcome.suppress = value
    if not value:
        outcome.inhibitors = ()


_ALL = (
    Action(
        "lookup",
        Form.LOOKUP,
        "Add the columns of a table's row as labels, as `labels` does. Where there is no such row, or no label to look"
        " it up by, nothing is added.",
        '{table: services, by: "{service|}"}',
        _look_up,
    ),
    Action(
        "labels",
        Form.TEXTS,
        "Labels added to the alert, or replaced. Placeholders see them, matchers do not.",
        '{owner: "{team|platform}"}',
        _add_labels,
    ),
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
        "raise",
        Form.STEPS,
        "That many levels higher than what `severity` comes to, at most the highest. Steps of several rules add up.",
        "1",
        _raise,
    ),
    Action(
        "lower",
        Form.STEPS,
        "That many levels lower, at most the lowest. Adds up with `raise`.",
        "1",
        _lower,
    ),
    Action(
        "cap",
        Form.LEVEL,
        "Never higher than this level, whatever `severity` and `raise` say.",
        "SEV-3",
        _replace,
    ),
    Action(
        "service",
        Form.TEXT,
        "What is in trouble. Unset: the first that is there of the labels service, service_name, service.name, app,"
        " application, job, namespace, host, hostname, host_name, host.name and node; else `unknown`.",
        '"{namespace}/{deployment}"',
        _replace,
    ),
    Action(
        "team",
        Form.TEXT,
        "Whose it is: shown with the incident, and what `when_open` may ask for. It pages nobody; targets do.",
        '"{team|platform}"',
        _replace,
    ),
    Action(
        "dedup_key",
        Form.TEXT,
        "Alerts with the same key share an incident. Unset: source, playbook, service, alertname, cluster, namespace"
        " and the `key_labels`; where the service is `unknown`, every label but severity, pod, replica and container.",
        '"db/{cluster}"',
        _replace,
    ),
    Action(
        "key_labels",
        Form.NAMES,
        "Labels that tell incidents apart: they are added to the default dedup key, as far as the alert has them. Those"
        " of several rules add up.",
        "[queue, consumergroup]",
        _add_key_labels,
    ),
    Action(
        "title",
        Form.TEXT,
        "The incident's title. Unset: the first line of the annotation summary, or else `alertname (service)`.",
        '"{alertname} on {instance|an unknown host}"',
        _replace,
    ),
    Action(
        "summary",
        Form.TEXT,
        "What it means, in a sentence or two, shown below the title.",
        '"Customers in {region} cannot pay."',
        _replace,
    ),
    Action(
        "runbook",
        Form.TEXT,
        "The link to what has to be done, on every page. Unset: the annotation runbook_url. What is no http or https"
        " link is left out.",
        '"https://runbooks.example.com/{alertname}"',
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
        "suppress",
        Form.SWITCH,
        "Record the alert and tell nobody. In a rule with `when_open`: only for as long as the other incident is open.",
        "true",
        _suppress,
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
        "resolve_after",
        Form.DURATION,
        "How long all of the incident's alerts must stay resolved before it is. Unset: the playbook's `resolve_after`.",
        "15m",
        _replace,
    ),
    Action(
        "automation",
        Form.TEXT,
        "The name of the automation that can heal it: kept with the incident and shown. tocsin does not call it yet.",
        '"restart-{service}"',
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

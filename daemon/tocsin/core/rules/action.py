"""Actions of rules, each described once, next to its implementation.

The YAML reader, the documentation and the editors' schema are generated from `ACTIONS`. A new action needs an entry
there, and the field of `Subject` that it sets; or else a field of `RuleOutcome`, and its use in the verdict.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from tocsin.core.matching.placeholders import Template

Rows = Mapping[str, Mapping[str, str]]
"""A lookup table: for each name, its columns."""


class Lookup(NamedTuple):
    """A table, and the key of the row to look up."""

    table: str
    by: Template
    rows: Rows


Value = Template | dict[str, Template] | tuple[str, ...] | Lookup | int | bool
"""The value of a rule's action, by the action's form."""


class Form(StrEnum):
    """The form of an action's value in the rule file."""

    TEXT = "text"
    """Text with ``{label}`` placeholders: a `Template`. Written under ``set``; all other forms are beside ``set``."""
    TEXTS = "texts"
    """Names and their texts with placeholders: a dict of `Template`."""
    NAMES = "names"
    """A list of names: a tuple."""
    DURATION = "duration"
    """For example ``2m``: microseconds."""
    SWITCH = "switch"
    """``true`` or ``false``."""
    STEPS = "steps"
    """A number of levels: a whole number from 1."""
    LEVEL = "level"
    """A severity, which may have placeholders: a `Template`."""
    LOOKUP = "lookup"
    """A table's name and the text to look up in it: a `Lookup`."""


@dataclass(slots=True)
class RuleOutcome:
    """The combined actions of the rules that match an alert; later rules override earlier ones."""

    playbook: Template | None = None
    severity: Template | None = None
    shift: int = 0
    """The sum of `raise` (above 0) and `lower` in levels."""
    cap: Template | None = None
    service: Template | None = None
    dedup_key: Template | None = None
    key_labels: dict[str, None] = field(default_factory=dict)
    title: Template | None = None
    details: dict[str, Template] = field(default_factory=dict)
    """The subject's fields that few rules set: `core.alerts.subject.DETAILS`."""
    flags: dict[str, None] = field(default_factory=dict)
    labels: dict[str, Template | Lookup] = field(default_factory=dict)
    """The sources of added labels, in order: single ones by name, lookups by table name (after a ``:``)."""
    suppress: bool = False
    heartbeat: bool = False
    self_heal: int = 0
    resolve_after: int | None = None
    stop: bool = False
    trace: tuple[str, ...] = ()
    """The rules that applied."""
    inhibitors: tuple[int, ...] = ()
    """Indexes of the rules that inhibit the alert's incident while another incident is open."""
    place: tuple[str, str] | None = None
    """The playbook and severity, if they are the same for every alert."""
    all_flags: tuple[str, ...] = ()
    all_key_labels: tuple[str, ...] = ()
    """In the order of their use in a key."""
    uses_source: bool = False
    """True if any of the texts has the placeholder of the alert's source."""
    last: int = -1
    """The index of the rule with ``stop``, after which no rule was evaluated; -1: none."""


class Action(NamedTuple):
    """One action that a rule can have."""

    name: str
    form: Form
    meaning: str
    example: str
    """A value in YAML."""
    carry_out: Callable[[RuleOutcome, str, Any], None]
    """A function of the outcome so far, the action's name, and this rule's value."""


def written(value: Value) -> Any:
    """Return an action's value in the form of the rule file; durations in microseconds."""
    if isinstance(value, Template):
        return value.text
    if isinstance(value, dict):
        return {name: template.text for name, template in value.items()}
    if isinstance(value, Lookup):
        return {"table": value.table, "by": value.by.text}
    return list(value) if isinstance(value, tuple) else value


def _replace(outcome: RuleOutcome, name: str, value: Value) -> None:
    setattr(outcome, name, value)


def _set_detail(outcome: RuleOutcome, name: str, value: Template) -> None:
    outcome.details[name] = value


def _add_flags(outcome: RuleOutcome, _name: str, value: tuple[str, ...]) -> None:
    outcome.flags |= dict.fromkeys(value)


def _add_key_labels(outcome: RuleOutcome, _name: str, value: tuple[str, ...]) -> None:
    outcome.key_labels |= dict.fromkeys(value)


def _add_labels(outcome: RuleOutcome, _name: str, value: dict[str, Template]) -> None:
    for label, template in value.items():
        # A label that is set again moves to the end, so that its text can use the labels set before.
        outcome.labels.pop(label, None)
        outcome.labels[label] = template


def _look_up(outcome: RuleOutcome, _name: str, value: Lookup) -> None:
    name = f":{value.table}"
    outcome.labels.pop(name, None)
    outcome.labels[name] = value


def _raise(outcome: RuleOutcome, _name: str, value: int) -> None:
    outcome.shift += value


def _lower(outcome: RuleOutcome, _name: str, value: int) -> None:
    outcome.shift -= value


def _suppress(outcome: RuleOutcome, _name: str, value: bool) -> None:
    outcome.suppress = value
    if not value:
        outcome.inhibitors = ()


_ALL = (
    Action(
        "lookup",
        Form.LOOKUP,
        "Add the columns of a table's row as labels, as `labels` does. If there is no such row, or the label to look it"
        " up by is missing, nothing is added.",
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
        "Raise the severity by this number of levels, at most to the highest. The numbers of several rules add up.",
        "1",
        _raise,
    ),
    Action(
        "lower",
        Form.STEPS,
        "Lower the severity by this number of levels, at most to the lowest. Adds up with `raise`.",
        "1",
        _lower,
    ),
    Action(
        "cap",
        Form.LEVEL,
        "The highest severity allowed, whatever `severity` and `raise` set.",
        "SEV-3",
        _replace,
    ),
    Action(
        "service",
        Form.TEXT,
        "The affected service. Unset: the first of these labels that the alert has: service, service_name,"
        " service.name, app, application, job, namespace, host, hostname, host_name, host.name, node; else `unknown`.",
        '"{namespace}/{deployment}"',
        _replace,
    ),
    Action(
        "team",
        Form.TEXT,
        "The owning team: shown with the incident, and usable in `when_open`. It does not decide who is paged.",
        '"{team|platform}"',
        _set_detail,
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
        "Labels that distinguish incidents: those that the alert has are added to the default dedup key. The labels of"
        " several rules accumulate.",
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
        "The meaning for people, in one or two sentences, shown below the title.",
        '"Customers in {region} cannot pay."',
        _set_detail,
    ),
    Action(
        "runbook",
        Form.TEXT,
        "The link to the instructions, shown on every page. Unset: the annotation runbook_url. A value that is not an"
        " http or https link is left out.",
        '"https://runbooks.example.com/{alertname}"',
        _set_detail,
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
        "Record the alert, and notify no one. In a rule with `when_open`: only while the other incident is open.",
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
        "Time for automation: the incident pages only if the alert still fires after it. 0s revokes it.",
        "2m",
        _replace,
    ),
    Action(
        "resolve_after",
        Form.DURATION,
        "How long all alerts must stay resolved before the incident is. Unset: the playbook's `resolve_after`.",
        "15m",
        _replace,
    ),
    Action(
        "automation",
        Form.TEXT,
        "The name of the automation that can fix it: stored with the incident and shown. tocsin does not call it.",
        '"restart-{service}"',
        _set_detail,
    ),
    Action(
        "stop",
        Form.SWITCH,
        "Evaluate no further rules.",
        "true",
        _replace,
    ),
)

ACTIONS = {action.name: action for action in _ALL}
"""The actions by their names."""

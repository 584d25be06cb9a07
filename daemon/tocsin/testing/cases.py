"""Tests of rules and escalation, as users write them in YAML: what a file may say, and what is wrong with it.

rules/README.md ("Testing rules") documents the format.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from tocsin.conf.bundle import Bundle
from tocsin.conf.duration import Duration
from tocsin.conf.json_schema import model_schema
from tocsin.conf.schema import Name, Section, Text, Whole, YesNo, mistake, validate
from tocsin.conf.source import Findings, Mark, Node, read_yaml
from tocsin.core.hours import BusinessHours
from tocsin.core.incident import State, WaitReason
from tocsin.core.people import People
from tocsin.core.playbook import DAY, HOUR
from tocsin.core.suggestions import did_you_mean
from tocsin.testing.case_times import with_durations
from tocsin.testing.clock import microseconds

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
"""When a test begins that does not say: a Monday, nine o'clock."""
LOOKS_ON_FOR = 24 * HOUR
"""How long after its last event a test looks on, unless it says until when."""

ACTIONS = ("fire", "resolve", "acknowledge", "resolve_incident", "escalate", "set_severity", "flag")
"""What may happen: one of them an event."""
STATES = ("none", *(state.value for state in State))
"""What may be expected of an incident; ``none``: there is none."""
_FOR_FIRE = ("alert", "annotations")
_FOR_INCIDENTS = ("incident",)
_BY = ("set_severity", "flag")


def _moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise mistake("a time is wanted here", 'write for example "2026-01-05T09:00:00Z", in quotes')
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise mistake("is no time", 'write for example "2026-01-05T09:00:00Z"') from None
    if at.tzinfo is None:
        raise mistake("a time needs its zone", f'write "{value}Z" for UTC, or an offset such as +01:00')
    return at


def _labels(value: object) -> object:
    if not isinstance(value, dict) or not value:
        raise mistake("labels are wanted here", "write for example {alertname: DiskFull, severity: critical}")
    for name, text in value.items():
        if not isinstance(text, str) or not text:
            raise mistake(f"the label {name} must be text, and not empty", "put it in quotes")
    return value


def _labels_or_name(value: object) -> object:
    return value if isinstance(value, str) and value else _labels(value)


def _state(value: object) -> object:
    if value not in STATES:
        raise mistake(f"{value!r} is no state", did_you_mean(str(value), STATES))
    return value


def _wait(value: object) -> object:
    known = [reason.value for reason in WaitReason]
    if value not in known:
        raise mistake(f"{value!r} is nothing that an incident waits for", did_you_mean(str(value), known))
    return value


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


CaseTime = Annotated[
    Duration,
    WithJsonSchema(
        {"type": "string", "minLength": 1, "examples": ["15m", "respond_within", "2 x respond_within + 1m"]}
    ),
]
"""A duration; in its place a file may name targets, which `case_times` replaces."""
Moment = Annotated[datetime, BeforeValidator(_moment)]
Labels = Annotated[dict[str, str], BeforeValidator(_labels)]
AlertRef = Annotated[Any, BeforeValidator(_labels_or_name)]
"""An alert's labels, or the name that an event gave it."""
StateName = Annotated[str, BeforeValidator(_state), WithJsonSchema({"enum": list(STATES)})]
WaitName = Annotated[str, BeforeValidator(_wait), WithJsonSchema({"enum": [reason.value for reason in WaitReason]})]
Number = Annotated[int, Field(strict=True, ge=1)]
Names = Annotated[
    tuple[Text, ...],
    BeforeValidator(_one_or_many),
    Field(min_length=1),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1, "minLength": 1}),
]


class EventSettings(Section):
    """Something that happens."""

    at: CaseTime
    fire: Labels | None = None
    resolve: AlertRef = None
    acknowledge: Name | None = None
    resolve_incident: Name | None = None
    escalate: Name | None = None
    set_severity: Name | None = None
    flag: Name | None = None
    alert: Name | None = None
    annotations: dict[str, str] | None = None
    source: Name = "default"
    incident: Number | None = None
    by: Name | None = None


class ExpectSettings(Section):
    """How things must stand. What is not said is not asked."""

    at: CaseTime | None = None
    alert: AlertRef = None
    source: Name = "default"
    incident: Number | None = None
    incidents: Annotated[int, Field(strict=True, ge=0)] | None = None
    playbook: Text | None = None
    severity: Text | None = None
    service: Text | None = None
    dedup_key: Text | None = None
    title: Text | None = None
    team: str | None = None
    summary: str | None = None
    runbook: str | None = None
    state: StateName | None = None
    acknowledged_by: Text | None = None
    flags: tuple[Name, ...] | None = None
    rules: tuple[Text, ...] | None = None
    suppressed: YesNo | None = None
    held: YesNo | None = None
    waits: tuple[WaitName, ...] | None = None
    unrouted: YesNo | None = None
    heartbeat: YesNo | None = None

    @property
    def asked(self) -> dict[str, Any]:
        """The facts that are asked for, by their names."""
        return {name: value for name in FACTS if (value := getattr(self, name)) is not None}


FACTS = tuple(name for name in ExpectSettings.model_fields if name not in ("at", "alert", "source", "incident"))
OF_ALERTS = frozenset({"rules", "suppressed", "unrouted", "heartbeat"})
"""Facts that only an alert has."""


class PageSettings(Section):
    """Somebody is told."""

    at: CaseTime
    every: Annotated[CaseTime, Field(ge=1_000_000)] | None = None
    hours: Literal["business"] | None = None
    who: Names
    tier: Whole | None = None
    by: Name | None = None
    kind: Literal["page", "update"] = "page"
    severity: Text | None = None
    incident: Number | None = None


class TargetsOf(Section):
    """Whose targets the times of a test name."""

    playbook: Name
    severity: Name


class CaseSettings(Section):
    """One test."""

    name: Text
    start: Moment | None = None
    until: CaseTime | None = None
    targets_of: TargetsOf | None = None
    events: Annotated[tuple[EventSettings, ...], Field(min_length=1)]
    expect: tuple[ExpectSettings, ...] = ()
    pages: tuple[PageSettings, ...] | None = None


class FileSettings(Section):
    """One file."""

    tests: Annotated[tuple[CaseSettings, ...], Field(min_length=1)]


@dataclass(frozen=True)
class Case:
    """One test, read, and found to make sense."""

    said: CaseSettings
    node: Node
    """Where it stands."""
    default_start: int
    """The start of a test that does not say when it begins."""
    hours: BusinessHours
    """The business hours of its playbook."""

    @property
    def name(self) -> str:
        """What it promises."""
        return self.said.name

    @property
    def mark(self) -> Mark:
        """Where it begins."""
        return self.node.mark

    @property
    def start(self) -> int:
        """Microseconds since the epoch."""
        return microseconds(self.said.start) if self.said.start is not None else self.default_start

    @property
    def end(self) -> int:
        """How long it goes on, in microseconds."""
        said = self.said
        if said.until is not None:
            return said.until
        asked = [expectation.at for expectation in said.expect]
        told = [self._shifted(page.at, page) for page in said.pages or ()]
        last = max(event.at for event in said.events)
        looks_on = LOOKS_ON_FOR if said.pages is not None or None in asked else 0
        return max(last + looks_on, *told, *(at for at in asked if at is not None), 0)

    @property
    def pages(self) -> tuple[PageSettings, ...] | None:
        """Return the expected messages, one line for each moment: repeated until the end, and within business hours.

        A line that these move beyond the end is left out.
        """
        if self.said.pages is None:
            return None
        return tuple(
            page.model_copy(update={"at": self._shifted(at, page)})
            for page in self.said.pages
            for at in (range(page.at, self.end + 1, page.every) if page.every is not None else (page.at,))
            if self._shifted(at, page) <= self.end
        )

    def _shifted(self, at: int, page: PageSettings) -> int:
        return self.hours.opening(self.start + at) - self.start if page.hours is not None else at


def schema() -> dict[str, Any]:
    """The JSON Schema of a file, for editors; see `tocsin.conf.json_schema`."""
    return model_schema("rules/tests/*.yaml: tests of rules and escalation", FileSettings)


def read_tests(paths: Iterable[Path], bundle: Bundle) -> list[Case]:
    """Every test of these files, in order.

    Raises:
        ConfigError: There are mistakes in them; it has all of them.
    """
    findings = Findings()
    cases = [case for path in paths for case in _read(path, bundle, findings)]
    findings.raise_problems()
    return cases


def default_start(people: People) -> int:
    """Return the first Monday 09:00 UTC, from 2026-01-05 on, at which every rotation has begun.

    A test without a time means a usual moment: working hours, with a person on call.
    """
    begins = max((rotation.begins_at or 0 for rotation in people.rotations.values()), default=0)
    weeks = max(0, -(-(begins - microseconds(MONDAY)) // (7 * DAY)))
    return microseconds(MONDAY) + weeks * 7 * DAY


def _read(path: Path, bundle: Bundle, findings: Findings) -> Iterator[Case]:
    top = read_yaml(path, findings)
    if top is None or top.broken:
        return
    if not isinstance(top.value, dict):
        findings.problem(top.mark, "a mapping is wanted here", "begin the file with `tests:`")
        return
    top = with_durations(top, bundle.playbooks, findings)
    said = validate(top, FileSettings, findings)
    if said is None:
        return
    names: dict[str, Mark] = {}
    for index, one in enumerate(said.tests):
        node = top.at("tests", index)
        if one.name in names:
            told = f"the name {one.name!r} is taken"
            findings.problem(node.at("name").mark, told, f"the first is at {names[one.name]}; rename one")
        names.setdefault(one.name, node.at("name").mark)
        _Sense(one, node, bundle, findings).check()
        yield Case(one, node, default_start(bundle.people), _hours_of(one, bundle))


def _hours_of(said: CaseSettings, bundle: Bundle) -> BusinessHours:
    """Return the hours that ``hours: business`` in ``pages:`` means: those of the playbook of ``targets_of``."""
    named = said.targets_of.playbook if said.targets_of is not None else bundle.settings.playbook
    playbook = bundle.playbooks.get(named)
    return playbook.business_hours if playbook is not None else BusinessHours()


class _Sense:
    """Whether what a test says can be meant: names that exist, one thing an event, nothing after its end."""

    def __init__(self, said: CaseSettings, node: Node, bundle: Bundle, findings: Findings) -> None:
        self._said = said
        self._node = node
        self._bundle = bundle
        self._findings = findings
        self._named = {event.alert for event in said.events if event.alert is not None}

    def check(self) -> None:
        said = self._said
        for index, event in enumerate(said.events):
            self._event(event, self._node.at("events", index))
        for index, expectation in enumerate(said.expect):
            self._expectation(expectation, self._node.at("expect", index))
        for index, page in enumerate(said.pages or ()):
            self._page(page, self._node.at("pages", index))

    def _tell(self, node: Node, key: str, message: str, hint: str = "") -> None:
        child = node.child(key)
        self._findings.problem(child.mark if child is not None else node.mark, message, hint)

    def _event(self, event: EventSettings, node: Node) -> None:
        self._not_after_the_end(event.at, node)
        given = [action for action in ACTIONS if getattr(event, action) is not None]
        if len(given) != 1:
            told = f"{given[0]} and {given[1]} in one event" if given else "nothing happens in this event"
            hint = "write one event each" if given else f"write one of {', '.join(ACTIONS)}"
            self._findings.problem(node.mark, told, hint)
            return
        action = given[0]
        self._fits(node, action, "fire", _FOR_FIRE)
        self._fits(node, action, ("fire", "resolve"), ("source",))
        self._fits(node, action, ACTIONS[2:], _FOR_INCIDENTS)
        self._fits(node, action, _BY, ("by",))
        if isinstance(event.resolve, str):
            self._known_alert(event.resolve, node, "resolve")
        for key in ("acknowledge", "resolve_incident", "escalate", "by"):
            self._person(getattr(event, key), node, key)
        self._level(event.set_severity, node, "set_severity")
        flags = {flag for playbook in self._bundle.playbooks.values() for flag in playbook.flags}
        if event.flag is not None and event.flag not in flags:
            self._tell(node, "flag", f"no playbook has a flag {event.flag!r}", did_you_mean(event.flag, flags))

    def _fits(self, node: Node, action: str, wanted: str | Iterable[str], keys: Iterable[str]) -> None:
        allowed = (wanted,) if isinstance(wanted, str) else tuple(wanted)
        for key in keys:
            child = node.child(key)
            if child is not None and action not in allowed:
                told = f"{key!r} means nothing beside {action!r}"
                self._findings.problem(child.head, told, f"it belongs to {', '.join(allowed)}")

    def _expectation(self, expectation: ExpectSettings, node: Node) -> None:
        if expectation.at is not None:
            self._not_after_the_end(expectation.at, node)
        if not expectation.asked:
            self._findings.problem(node.mark, "nothing is expected here", f"write one of {', '.join(FACTS)}")
        if isinstance(expectation.alert, str):
            self._known_alert(expectation.alert, node, "alert")
        if expectation.incident is not None:
            if expectation.alert is not None:
                self._tell(node, "incident", "'alert' and 'incident' together", "say of which of them")
            for key in sorted(OF_ALERTS & set(expectation.asked)):
                self._tell(node, key, f"an incident has no {key!r}", "write `alert:` in place of `incident:`")
        self._level(expectation.severity, node, "severity")
        self._known(expectation.playbook, self._bundle.playbooks, node, "playbook", "playbook")
        names = [rule.name for rule in self._bundle.rules.rules]
        for index, rule in enumerate(expectation.rules or ()):
            if rule not in names:
                place = node.at("rules", index).mark
                self._findings.problem(place, f"there is no rule {rule!r}", did_you_mean(rule, names))

    def _page(self, page: PageSettings, node: Node) -> None:
        if page.hours is None:
            self._not_after_the_end(page.at, node)
        people = self._bundle.people
        for name in page.who:
            if not people.knows(name):
                self._tell(node, "who", f"nobody is called {name!r}", did_you_mean(name, people.targets))
        self._known(page.by, [channel.name for channel in self._bundle.channels], node, "by", "channel")
        self._level(page.severity, node, "severity")

    def _not_after_the_end(self, at: int, node: Node) -> None:
        if self._said.until is not None and at > self._said.until:
            self._tell(node, "at", "comes after the end of the test", "write a later `until:`")

    def _known_alert(self, name: str, node: Node, key: str) -> None:
        if name not in self._named:
            hint = did_you_mean(name, self._named) or "name it where it fires: `alert: NAME` beside `fire:`"
            self._tell(node, key, f"no event fires an alert {name!r}", hint)

    def _person(self, name: str | None, node: Node, key: str) -> None:
        people = self._bundle.people
        self._known(name, (*people.persons, *people.groups, *people.rotations), node, key, "person")

    def _level(self, severity: str | None, node: Node, key: str) -> None:
        levels = [level.name for playbook in self._bundle.playbooks.values() for level in playbook.levels]
        self._known(severity, levels, node, key, "severity of a playbook")

    def _known(self, name: str | None, known: Iterable[str], node: Node, key: str, what: str) -> None:
        names = list(known)
        if name is not None and name not in names:
            self._tell(node, key, f"there is no {what} {name!r}", did_you_mean(name, names))

"""Tests of rules and escalation in YAML: the file format and its validation.

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
from tocsin.core.duration import DAY, HOUR
from tocsin.core.incident.incident import State, WaitReason
from tocsin.core.oncall.people import People
from tocsin.core.schedule.hours import BusinessHours
from tocsin.core.suggestions import did_you_mean
from tocsin.testing.case_times import with_durations
from tocsin.testing.clock import microseconds

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
"""The default start of a test: a Monday, nine o'clock."""
FOLLOW_FOR = 24 * HOUR
"""The default time for which a test continues after its last event."""

ACTIONS = ("fire", "resolve", "acknowledge", "resolve_incident", "escalate", "set_severity", "flag")
"""The kinds of event; each event is one of them."""
STATES = ("none", *(state.value for state in State))
"""The states that can be expected of an incident; ``none``: no incident exists."""
_FOR_FIRE = ("alert", "annotations")
_FOR_INCIDENTS = ("incident",)
_BY = ("set_severity", "flag")


def _moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise mistake("a time is expected here", 'write for example "2026-01-05T09:00:00Z", in quotes')
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise mistake("is not a time", 'write for example "2026-01-05T09:00:00Z"') from None
    if at.tzinfo is None:
        raise mistake("a time needs its zone", f'write "{value}Z" for UTC, or an offset such as +01:00')
    return at


def _labels(value: object) -> object:
    if not isinstance(value, dict) or not value:
        raise mistake("labels are expected here", "write for example {alertname: DiskFull, severity: critical}")
    for name, text in value.items():
        if not isinstance(text, str) or not text:
            raise mistake(f"the label {name} must be text, and not empty", "put it in quotes")
    return value


def _labels_or_name(value: object) -> object:
    return value if isinstance(value, str) and value else _labels(value)


def _state(value: object) -> object:
    if value not in STATES:
        raise mistake(f"{value!r} is not a state", did_you_mean(str(value), STATES))
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
"""A duration; a file may name targets instead, which `case_times` replaces."""
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
    """The expected state. Missing keys are not checked."""

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
    automation: str | None = None
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
        """Return the expected facts by name."""
        return {name: value for name in FACTS if (value := getattr(self, name)) is not None}


FACTS = tuple(name for name in ExpectSettings.model_fields if name not in ("at", "alert", "source", "incident"))
OF_ALERTS = frozenset({"rules", "suppressed", "unrouted", "heartbeat"})
"""Facts that only an alert has."""


class PageSettings(Section):
    """An expected page."""

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
    """The playbook whose targets the times of a test name."""

    playbook: Name
    severity: Name


class CaseSettings(Section):
    """One test, as written."""

    name: Text
    start: Moment | None = None
    until: CaseTime | None = None
    targets_of: TargetsOf | None = None
    events: Annotated[tuple[EventSettings, ...], Field(min_length=1)]
    expect: tuple[ExpectSettings, ...] = ()
    pages: tuple[PageSettings, ...] | None = None


class FileSettings(Section):
    """One file, as written."""

    tests: Annotated[tuple[CaseSettings, ...], Field(min_length=1)]


@dataclass(frozen=True)
class Case:
    """One test, read and validated."""

    settings: CaseSettings
    node: Node
    """Position in the file."""
    default_start: int
    """The start, if the test does not set its own."""
    hours: BusinessHours
    """The business hours of its playbook."""

    @property
    def name(self) -> str:
        """Return the name of the test."""
        return self.settings.name

    @property
    def mark(self) -> Mark:
        """Return where the test begins in its file."""
        return self.node.mark

    @property
    def start(self) -> int:
        """Return the start in microseconds since the epoch."""
        return microseconds(self.settings.start) if self.settings.start is not None else self.default_start

    @property
    def end(self) -> int:
        """Return the duration in microseconds."""
        settings = self.settings
        if settings.until is not None:
            return settings.until
        asked = [expectation.at for expectation in settings.expect]
        pages = [self._shifted(page.at, page) for page in settings.pages or ()]
        last = max(event.at for event in settings.events)
        looks_on = FOLLOW_FOR if settings.pages is not None or None in asked else 0
        return max(last + looks_on, *pages, *(at for at in asked if at is not None), 0)

    @property
    def pages(self) -> tuple[PageSettings, ...] | None:
        """Return the expected messages, one line for each moment: repeated until the end, and within business hours.

        A line that these move beyond the end is left out.
        """
        if self.settings.pages is None:
            return None
        return tuple(
            page.model_copy(update={"at": self._shifted(at, page)})
            for page in self.settings.pages
            for at in (range(page.at, self.end + 1, page.every) if page.every is not None else (page.at,))
            if self._shifted(at, page) <= self.end
        )

    def _shifted(self, at: int, page: PageSettings) -> int:
        return self.hours.opening(self.start + at) - self.start if page.hours is not None else at


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a file, for editors; see `tocsin.conf.json_schema`."""
    return model_schema("rules/tests/*.yaml: tests of rules and escalation", FileSettings)


def read_tests(paths: Iterable[Path], bundle: Bundle) -> list[Case]:
    """Return every test of these files, in order.

    Raises:
        ConfigError: The files contain mistakes; the error lists all of them.
    """
    findings = Findings()
    cases = [case for path in paths for case in _read(path, bundle, findings)]
    findings.raise_problems()
    return cases


def default_start(people: People) -> int:
    """Return the first Monday 09:00 UTC, from 2026-01-05 on, at which every rotation has begun.

    A test without a time means a typical moment: working hours, with a person on call.
    """
    begins = max((rotation.begins_at or 0 for rotation in people.rotations.values()), default=0)
    weeks = max(0, -(-(begins - microseconds(MONDAY)) // (7 * DAY)))
    return microseconds(MONDAY) + weeks * 7 * DAY


def _read(path: Path, bundle: Bundle, findings: Findings) -> Iterator[Case]:
    top = read_yaml(path, findings)
    if top is None or top.broken:
        return
    if not isinstance(top.value, dict):
        findings.problem(top.mark, "a mapping is expected here", "begin the file with `tests:`")
        return
    top = with_durations(top, bundle.playbooks, findings)
    settings = validate(top, FileSettings, findings)
    if settings is None:
        return
    names: dict[str, Mark] = {}
    for index, one in enumerate(settings.tests):
        node = top.at("tests", index)
        if one.name in names:
            message = f"the name {one.name!r} is taken"
            findings.problem(node.at("name").mark, message, f"the first is at {names[one.name]}; rename one")
        names.setdefault(one.name, node.at("name").mark)
        _Sense(one, node, bundle, findings).check()
        yield Case(one, node, default_start(bundle.people), _hours_of(one, bundle))


def _hours_of(settings: CaseSettings, bundle: Bundle) -> BusinessHours:
    """Return the hours that ``hours: business`` in ``pages:`` means: those of the playbook of ``targets_of``."""
    named = settings.targets_of.playbook if settings.targets_of is not None else bundle.settings.playbook
    playbook = bundle.playbooks.get(named)
    return playbook.business_hours if playbook is not None else BusinessHours()


class _Sense:
    """Checks of a test: names exist, each event has one action, and no event is after the end."""

    def __init__(self, settings: CaseSettings, node: Node, bundle: Bundle, findings: Findings) -> None:
        self._settings = settings
        self._node = node
        self._bundle = bundle
        self._findings = findings
        self._named = {event.alert for event in settings.events if event.alert is not None}

    def check(self) -> None:
        settings = self._settings
        for index, event in enumerate(settings.events):
            self._event(event, self._node.at("events", index))
        for index, expectation in enumerate(settings.expect):
            self._expectation(expectation, self._node.at("expect", index))
        for index, page in enumerate(settings.pages or ()):
            self._page(page, self._node.at("pages", index))

    def _report(self, node: Node, key: str, message: str, hint: str = "") -> None:
        child = node.child(key)
        self._findings.problem(child.mark if child is not None else node.mark, message, hint)

    def _event(self, event: EventSettings, node: Node) -> None:
        self._not_after_the_end(event.at, node)
        actions = [action for action in ACTIONS if getattr(event, action) is not None]
        if len(actions) != 1:
            message = f"{actions[0]} and {actions[1]} in one event" if actions else "nothing happens in this event"
            hint = "write one event each" if actions else f"write one of {', '.join(ACTIONS)}"
            self._findings.problem(node.mark, message, hint)
            return
        action = actions[0]
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
            self._report(node, "flag", f"no playbook has a flag {event.flag!r}", did_you_mean(event.flag, flags))

    def _fits(self, node: Node, action: str, wanted: str | Iterable[str], keys: Iterable[str]) -> None:
        allowed = (wanted,) if isinstance(wanted, str) else tuple(wanted)
        for key in keys:
            child = node.child(key)
            if child is not None and action not in allowed:
                message = f"{key!r} means nothing beside {action!r}"
                self._findings.problem(child.head, message, f"it belongs to {', '.join(allowed)}")

    def _expectation(self, expectation: ExpectSettings, node: Node) -> None:
        if expectation.at is not None:
            self._not_after_the_end(expectation.at, node)
        if not expectation.asked:
            self._findings.problem(node.mark, "nothing is expected here", f"write one of {', '.join(FACTS)}")
        if isinstance(expectation.alert, str):
            self._known_alert(expectation.alert, node, "alert")
        if expectation.incident is not None:
            if expectation.alert is not None:
                self._report(node, "incident", "'alert' and 'incident' together", "say of which of them")
            for key in sorted(OF_ALERTS & set(expectation.asked)):
                self._report(node, key, f"an incident has no {key!r}", "write `alert:` in place of `incident:`")
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
                self._report(node, "who", f"there is no person or target {name!r}", did_you_mean(name, people.targets))
        self._known(page.by, [channel.name for channel in self._bundle.channels], node, "by", "channel")
        self._level(page.severity, node, "severity")

    def _not_after_the_end(self, at: int, node: Node) -> None:
        if self._settings.until is not None and at > self._settings.until:
            self._report(node, "at", "comes after the end of the test", "write a later `until:`")

    def _known_alert(self, name: str, node: Node, key: str) -> None:
        if name not in self._named:
            hint = did_you_mean(name, self._named) or "name it where it fires: `alert: NAME` beside `fire:`"
            self._report(node, key, f"no event fires an alert {name!r}", hint)

    def _person(self, name: str | None, node: Node, key: str) -> None:
        people = self._bundle.people
        self._known(name, (*people.persons, *people.groups, *people.rotations), node, key, "person")

    def _level(self, severity: str | None, node: Node, key: str) -> None:
        levels = [level.name for playbook in self._bundle.playbooks.values() for level in playbook.levels]
        self._known(severity, levels, node, key, "severity")

    def _known(self, name: str | None, known: Iterable[str], node: Node, key: str, what: str) -> None:
        names = list(known)
        if name is not None and name not in names:
            self._report(node, key, f"there is no {what} {name!r}", did_you_mean(name, names))

"""Rules: from an alert to a verdict.

Rules are looked at from top to bottom; every rule that matches has its say,
and a later one wins over an earlier one (labels and flags accumulate), until
one says ``stop``. Whatever goes wrong, the alert is placed where it pages.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tocsin.core.action import ACTIONS, Action, Form, Outcome, Value
from tocsin.core.alert import Alert
from tocsin.core.errors import PlaceholderError, UnknownName
from tocsin.core.matcher import Matcher, Matchers
from tocsin.core.placeholder import Template
from tocsin.core.verdict import (
    Step,
    Verdict,
    bounded_key,
    default_key,
    default_service,
    default_title,
    one_line,
)

_REMEMBERED = 4096
"""How many label values, and how many combinations of matching rules, are remembered."""
_LONGEST_REMEMBERED = 256
"""Longer label values are judged anew each time, so that nobody can fill the memory with them."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule; without matchers it matches every alert."""

    name: str
    matchers: Matchers = ()
    actions: dict[str, Value] = {}
    """By the names of `ACTIONS`."""
    path: str = ""
    line: int = 0

    @property
    def stops(self) -> bool:
        """Whether no rule is looked at after it."""
        return bool(self.actions.get("stop", False))


class _Column(dict[str, int]):
    """What one label decides: for each of its values, the rules (one bit each) that it does not rule out."""

    def __init__(self, everyone: int, askers: Mapping[Matcher, int]) -> None:
        super().__init__()
        self._everyone = everyone
        self._askers = askers
        """Each condition on the label once, and the rules that have it."""

    def __missing__(self, value: str) -> int:
        passing = self._everyone
        for matcher, rules in self._askers.items():
            if not matcher.test(value):
                passing &= ~rules
        if len(value) <= _LONGEST_REMEMBERED:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[value] = passing
        return passing


class _Outcomes(dict[int, Outcome]):
    """What each combination of matching rules says."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        super().__init__()
        self._rules = rules

    def __missing__(self, matching: int) -> Outcome:
        outcome = Outcome()
        trace = []
        for rule in self._select(matching):
            trace.append(rule.name)
            for name, value in rule.actions.items():
                ACTIONS[name].carry_out(outcome, name, value)
            if rule.stops:
                break
        outcome.trace = tuple(trace)
        if len(self) >= _REMEMBERED:
            self.clear()
        self[matching] = outcome
        return outcome

    def _select(self, matching: int) -> Iterator[Rule]:
        while matching:
            lowest = matching & -matching
            yield self._rules[lowest.bit_length() - 1]
            matching ^= lowest


class RuleSet:
    """All rules, ready to judge alerts.

    Args:
        rules: In their order.
        default_playbook: For alerts to which no rule gives a playbook.
        levels: Each playbook's severities, highest first.
        unrouted: Each playbook's level for what the rules fail to place.

    Raises:
        UnknownName: The default playbook, or the unrouted level of one, does not exist.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        default_playbook: str,
        levels: Mapping[str, Sequence[str]],
        unrouted: Mapping[str, str],
    ) -> None:
        self.rules = tuple(rules)
        self.default_playbook = default_playbook
        self._ranks = {name: {level: rank for rank, level in enumerate(order)} for name, order in levels.items()}
        self._unrouted = dict(unrouted)
        if default_playbook not in self._ranks:
            raise UnknownName(f"there is no playbook {default_playbook!r}")
        for name, ranks in self._ranks.items():
            if self._unrouted.get(name) not in ranks:
                raise UnknownName(f"playbook {name} has no severity {self._unrouted.get(name)!r} for what is unrouted")
        self._everyone = (1 << len(self.rules)) - 1
        self._columns = self._build_columns()
        self._outcomes = _Outcomes(self.rules)

    def _build_columns(self) -> list[tuple[str, _Column]]:
        askers: dict[str, dict[Matcher, int]] = {}
        for index, rule in enumerate(self.rules):
            for matcher in rule.matchers:
                of_label = askers.setdefault(matcher.name, {})
                of_label[matcher] = of_label.get(matcher, 0) | 1 << index
        return [(label, _Column(self._everyone, of_label)) for label, of_label in askers.items()]

    def evaluate(self, alert: Alert) -> Verdict:
        """Where this alert belongs. Raises nothing: what fails is told in the verdict, which then pages."""
        label = alert.labels.get
        matching = self._everyone
        for name, column in self._columns:
            matching &= column[label(name, "")]
        return self._verdict(alert, self._outcomes[matching])

    def explain(self, alert: Alert) -> Verdict:
        """The same verdict, with every rule that was looked at."""
        return msgspec.structs.replace(self.evaluate(alert), steps=tuple(self._steps(alert)))

    def _steps(self, alert: Alert) -> Iterator[Step]:
        for rule in self.rules:
            failed = next((matcher for matcher in rule.matchers if not matcher.matches(alert.labels)), None)
            yield Step(
                rule=rule.name,
                path=rule.path,
                line=rule.line,
                matched=failed is None,
                failed="" if failed is None else str(failed),
                sets={name: _written(value) for name, value in rule.actions.items()},
                stopped=failed is None and rule.stops,
            )
            if failed is None and rule.stops:
                return

    def _verdict(self, alert: Alert, outcome: Outcome) -> Verdict:
        errors: list[str] = []
        labels = _with_extras(alert.labels, outcome.labels, errors) if outcome.labels else alert.labels
        playbook = _render("playbook", outcome.playbook, labels, errors) or self.default_playbook
        if playbook not in self._ranks:
            errors.append(f"playbook: there is no {playbook!r}")
            playbook = self.default_playbook
        severity = _render("severity", outcome.severity, labels, errors)
        service = _render("service", outcome.service, labels, errors) or default_service(labels)
        key = _render("dedup_key", outcome.dedup_key, labels, errors)
        title = _render("title", outcome.title, labels, errors)
        is_silent = outcome.suppress or outcome.heartbeat
        if severity not in self._ranks[playbook]:
            if severity:
                errors.append(f"severity: playbook {playbook} has no {severity!r}")
            elif not (errors or is_silent):
                errors.append("no rule sets a severity")
        return Verdict(
            playbook=playbook,
            severity=self._severity(playbook, severity, has_failed=bool(errors)),
            service=service,
            dedup_key=bounded_key(key) if key else default_key(playbook, service, labels),
            title=one_line(title) or default_title(service, labels, alert.annotations),
            flags=tuple(outcome.flags),
            labels=labels,
            suppress=outcome.suppress and not errors,
            heartbeat=outcome.heartbeat,
            hold=0 if errors else outcome.self_heal,
            unrouted=bool(errors),
            trace=outcome.trace,
            errors=tuple(errors),
        )

    def _severity(self, playbook: str, severity: str, *, has_failed: bool) -> str:
        """What the rules say, if it is a level; after a failure at least the playbook's unrouted level."""
        ranks, unrouted = self._ranks[playbook], self._unrouted[playbook]
        if severity in ranks and (not has_failed or ranks[severity] < ranks[unrouted]):
            return severity
        return unrouted


def _with_extras(own: dict[str, str], extras: Mapping[str, Template], errors: list[str]) -> dict[str, str]:
    labels = dict(own)
    for name, template in extras.items():
        try:
            labels[name] = template.render(labels)
        except PlaceholderError as error:
            errors.append(f"label {name}: {error}")
    return labels


def _render(what: str, template: Template | None, labels: Mapping[str, str], errors: list[str]) -> str:
    if template is None:
        return ""
    try:
        return template.render(labels)
    except PlaceholderError as error:
        errors.append(f"{what}: {error}")
        return ""


def _written(value: Value) -> Any:
    if isinstance(value, Template):
        return value.text
    if isinstance(value, dict):
        return {name: template.text for name, template in value.items()}
    return list(value) if isinstance(value, tuple) else value


__all__ = ["ACTIONS", "Action", "Form", "Rule", "RuleSet", "Step", "Verdict"]

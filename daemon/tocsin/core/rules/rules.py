"""Rules: from an alert to a verdict.

Rules are evaluated from top to bottom. Every matching rule applies, and a later
one overrides an earlier one (labels and flags accumulate), until a rule has
``stop``. Whatever goes wrong, the alert is routed to a level that pages.

Conditions on more than labels need the rows: `evaluate` returns the conditions
that have to be checked, `decide` judges again with the answers.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, Self

from tocsin.core import plain_text as plain
from tocsin.core.alerts.alert import Alert
from tocsin.core.errors import PlaceholderError, UnknownName
from tocsin.core.matching.clause_index import Clauses, bits
from tocsin.core.matching.condition import Condition, Inhibition, WhenOpen
from tocsin.core.matching.matcher import show_matchers
from tocsin.core.matching.placeholders import SOURCE
from tocsin.core.rules.action import ACTIONS, Action, Form, RuleOutcome, written
from tocsin.core.rules.rule import Rule
from tocsin.core.rules.rule_texts import details, render, templates, with_extras
from tocsin.core.rules.rules_json import from_plain, tables_of, to_plain
from tocsin.core.rules.shown_parts import cut
from tocsin.core.rules.verdict import (
    LONGEST_SERVICE,
    EvaluatedRule,
    Verdict,
    bounded_key,
    default_key,
    default_service,
    default_title,
    link,
    one_line,
)
from tocsin.core.typed_replace import replace

_SHOWN = 80
"""Maximum number of characters of a label's value that an error repeats."""
_MIN_CACHED = 4096
"""Minimum number of cached combinations of matching rules; twice the number of rules if that is more."""


class _Question(NamedTuple):
    """A rule whose labels match, and the conditions to check before it applies."""

    rule: int
    """The index of the rule."""
    conditions: tuple[Condition, ...]
    failed: str = ""
    """The reason why the conditions cannot be built for this alert."""


class _Outcomes(dict[int, RuleOutcome]):
    """Cache of the combined outcome of each combination of matching clauses."""

    def __init__(
        self, rules: Sequence[Rule], rule_of: Sequence[int], place: Callable[[RuleOutcome], tuple[str, str] | None]
    ) -> None:
        super().__init__()
        self._place = place
        self._rules = rules
        self._rule_of = rule_of
        self._max_cached = max(_MIN_CACHED, 2 * len(rules))

    def __missing__(self, matching: int) -> RuleOutcome:
        outcome = RuleOutcome()
        trace = []
        for index in self.indexes(matching):
            rule = self._rules[index]
            trace.append(rule.name)
            self._carry_out(outcome, index, rule)
            if rule.stops:
                outcome.last = index
                break
        outcome.trace = tuple(trace)
        outcome.all_flags = tuple(outcome.flags)
        outcome.all_key_labels = tuple(sorted(outcome.key_labels))
        outcome.uses_source = any(SOURCE in template.names for template in templates(outcome))
        outcome.place = self._place(outcome)
        if len(self) >= self._max_cached:
            self.clear()
        self[matching] = outcome
        return outcome

    def _carry_out(self, outcome: RuleOutcome, index: int, rule: Rule) -> None:
        for name, value in rule.actions.items():
            if name == "suppress" and value and rule.when_open is not None:
                outcome.inhibitors += (index,)
            else:
                ACTIONS[name].carry_out(outcome, name, value)

    def indexes(self, matching: int) -> Iterator[int]:
        """Yield the rules of some clauses, in order and each once."""
        before = -1
        for bit in bits(matching):
            index = self._rule_of[bit]
            if index != before:
                yield index
            before = index


class RuleSet:
    """The rules in the form in which they evaluate alerts.

    Args:
        rules: In order.
        default_playbook: For alerts to which no rule assigns a playbook.
        levels: Each playbook's severities, highest first.
        unrouted: Each playbook's level for alerts that the rules fail to route.

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
        self._levels = {name: tuple(order) for name, order in levels.items()}
        self._ranks = {name: {level: rank for rank, level in enumerate(order)} for name, order in levels.items()}
        self._unrouted = dict(unrouted)
        if default_playbook not in self._ranks:
            raise UnknownName(f"there is no playbook {default_playbook!r}")
        for name, ranks in self._ranks.items():
            if self._unrouted.get(name) not in ranks:
                raise UnknownName(f"playbook {name} has no severity {self._unrouted.get(name)!r} for what is unrouted")
        rule_of = [index for index, rule in enumerate(self.rules) for _ in rule.clauses]
        self._clauses = Clauses([clause for rule in self.rules for clause in rule.clauses])
        self._outcomes = _Outcomes(self.rules, rule_of, self._constant_place)
        self._bits = [0] * len(self.rules)
        """The clauses of each rule."""
        for bit, index in enumerate(rule_of):
            self._bits[index] |= 1 << bit
        self._asking = sum(bits for bits, rule in zip(self._bits, self.rules, strict=True) if rule.asks)

    @cached_property
    def sha(self) -> str:
        """A stable name for exactly these rules, their lookup tables, and the levels they can choose.

        Half a SHA-256, because it is stored in the row of every alert.
        """
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:32]

    def to_json(self) -> str:
        """Return the rules in their stored form; in ASCII, so that no text can be one that a store refuses."""
        tables = {name: rows for rule in self.rules for name, rows in tables_of(rule).items()}
        return json.dumps(
            {
                "rules": [to_plain(rule) for rule in self.rules],
                "tables": {name: {key: dict(row) for key, row in rows.items()} for name, rows in tables.items()},
                "default_playbook": self.default_playbook,
                "levels": self._levels,
                "unrouted": self._unrouted,
            }
        )

    @classmethod
    def from_json(cls, raw: str) -> Self:
        """Return rules from their stored form.

        Raises:
            KeyError: They contain something that this version does not know.
            TocsinError: A matcher, a placeholder or a level cannot be read.
        """
        kept = json.loads(raw)
        rules = [from_plain(plain, kept["tables"]) for plain in kept["rules"]]
        return cls(rules, kept["default_playbook"], kept["levels"], kept["unrouted"])

    def evaluate(self, alert: Alert) -> Verdict:
        """Return the verdict as far as labels decide; ``asks`` has the conditions to check.

        Raises nothing: errors are listed in the verdict, which then pages.
        """
        matching = self._clauses.matching(alert.labels)
        if matching & self._asking:
            verdict, questions = self._preliminary(alert, matching)
            asks = dict.fromkeys(condition for question in questions for condition in question.conditions)
            return replace(verdict, asks=tuple(asks))
        return self._verdict(alert, self._outcomes[matching])

    def decide(self, alert: Alert, holds: Container[Condition]) -> Verdict:
        """Return the verdict, given which of the conditions from `evaluate` are true.

        A rule applies if all its conditions are true.
        """
        matching = self._clauses.matching(alert.labels)
        if not matching & self._asking:
            return self._verdict(alert, self._outcomes[matching])
        verdict, questions = self._preliminary(alert, matching)
        satisfied = [question for question in questions if _all_hold(question, holds)]
        if not satisfied:
            return verdict
        applied = matching & ~self._asking | sum(self._bits[question.rule] & matching for question in satisfied)
        outcome = self._outcomes[applied]
        true_conditions = dict.fromkeys(
            condition for question in questions for condition in question.conditions if condition in holds
        )
        verdict = replace(self._verdict(alert, outcome), holds=tuple(true_conditions))
        if verdict.unrouted or not outcome.inhibitors:
            return verdict
        when = {
            question.rule: condition
            for question in satisfied
            for condition in question.conditions
            if isinstance(condition, WhenOpen)
        }
        inhibited_by = [Inhibition(rule=self.rules[index].name, when=when[index]) for index in outcome.inhibitors]
        return replace(verdict, inhibited_by=tuple(inhibited_by))

    def _preliminary(self, alert: Alert, matching: int) -> tuple[Verdict, list[_Question]]:
        """Return the verdict without the rules that have conditions, and these conditions with the alert's values."""
        asking = matching & self._asking
        outcome = self._outcomes[matching ^ asking]
        verdict = self._verdict(alert, outcome)
        reached = [index for index in self._outcomes.indexes(asking) if not 0 <= outcome.last < index]
        return verdict, [_question(index, self.rules[index], verdict, alert.source) for index in reached]

    def explain(self, alert: Alert, holds: Container[Condition] = ()) -> Verdict:
        """Return the verdict of `decide`, with every rule that was evaluated."""
        return replace(self.decide(alert, holds), steps=tuple(self._steps(alert, holds)))

    def _steps(self, alert: Alert, holds: Container[Condition]) -> Iterator[EvaluatedRule]:
        _, questions = self._preliminary(alert, self._clauses.matching(alert.labels))
        asked = {question.rule: question for question in questions}
        for index, rule in enumerate(self.rules):
            failures = _failures(rule, alert.labels)
            question = asked.get(index)
            if question is not None and not failures:
                failures = [(text, None) for text in _unmet_conditions(question, holds)]
            failed, value = failures[0] if failures else ("", None)
            yield EvaluatedRule(
                rule=rule.name,
                path=rule.path,
                line=rule.line,
                matched=not failed,
                failed=failed,
                found=value,
                near=len(failures) == 1 and _is_about(rule, alert.labels),
                asks=tuple(map(str, question.conditions)) if question is not None else (),
                sets={name: written(value) for name, value in rule.actions.items()},
                stopped=not failed and rule.stops,
            )
            if not failed and rule.stops:
                return

    def _verdict(self, alert: Alert, outcome: RuleOutcome) -> Verdict:
        errors: list[str] = []
        hidden = {SOURCE: alert.source} if outcome.uses_source else {}
        labels = with_extras(alert.labels, outcome.labels, hidden, errors) if outcome.labels else alert.labels
        visible_labels = labels | hidden if hidden else labels
        playbook, severity = outcome.place or self._place(outcome, visible_labels, errors)
        service = render("service", outcome.service, visible_labels, errors) or default_service(labels)
        key = bounded_key(render("dedup_key", outcome.dedup_key, visible_labels, errors)) or default_key(
            alert.source, playbook, service, labels, outcome.all_key_labels
        )
        title = render("title", outcome.title, visible_labels, errors)
        has_details = outcome.details or outcome.resolve_after is not None
        extra_fields = details(outcome, visible_labels, errors) if has_details else {}
        annotated = alert.annotations.get("runbook_url")
        verdict = Verdict(
            playbook=playbook,
            severity=self._severity(playbook, severity) if errors else severity,
            service=service if len(service) <= LONGEST_SERVICE else one_line(service),
            dedup_key=key,
            title=one_line(title) or default_title(service, labels, alert.annotations),
            runbook=link(annotated) if annotated else "",
            flags=outcome.all_flags,
            labels=labels,
            suppress=outcome.suppress and not errors,
            heartbeat=outcome.heartbeat,
            hold=0 if errors else outcome.self_heal,
            unrouted=bool(errors),
            trace=outcome.trace,
            rules_sha=self.sha,
            errors=tuple(errors),
        )
        # Few alerts have any of these, and each further argument costs time for every alert.
        return replace(verdict, **extra_fields) if extra_fields else verdict

    def _constant_place(self, outcome: RuleOutcome) -> tuple[str, str] | None:
        """Return the route of every alert with this outcome; None if it depends on labels, or does not exist."""
        playbook = outcome.playbook.constant if outcome.playbook else self.default_playbook
        severity = outcome.severity.constant if outcome.severity else None
        if playbook is None or severity is None or outcome.shift or outcome.cap:
            return None
        return (playbook, severity) if severity in self._ranks.get(playbook, ()) else None

    def _place(self, outcome: RuleOutcome, labels: Mapping[str, str], errors: list[str]) -> tuple[str, str]:
        """Return the playbook, and one of its severities."""
        playbook = render("playbook", outcome.playbook, labels, errors) or self.default_playbook
        if playbook not in self._ranks:
            errors.append(f"playbook: there is no {playbook!r}")
            playbook = self.default_playbook
        severity = render("severity", outcome.severity, labels, errors)
        if severity and (outcome.shift or outcome.cap):
            severity = self._moved(playbook, severity, outcome, labels, errors)
        if severity in self._ranks[playbook]:
            return playbook, severity
        unrouted = self._unrouted[playbook]
        if severity:
            errors.append(f"severity: playbook {playbook} has no {severity!r}; treated as {unrouted}")
        elif not (errors or outcome.suppress or outcome.heartbeat):
            errors.append(f"{self._unknown(labels)}; treated as {unrouted}")
        return playbook, unrouted

    def _unknown(self, labels: Mapping[str, str]) -> str:
        """Return a text about severity labels of the alert whose values no rule knows."""
        values = {name: plain.one_line(labels[name]) for name in self._classifying if labels.get(name)}
        found = [f"{name}={cut(value, _SHOWN)}" for name, value in values.items()]
        if found:
            return f"{' and '.join(found)} {'is' if len(found) == 1 else 'are'} not known to the rules"
        none = f": there is no label {' or '.join(self._classifying)}" if self._classifying else ""
        return f"no rule sets a severity{none}"

    @cached_property
    def _classifying(self) -> tuple[str, ...]:
        """Return the labels that alone decide the severity in at least two rules, such as ``severity``."""
        rules = [rule for rule in self.rules if "severity" in rule.actions]
        counts = Counter(name for rule in rules for name in _alone(rule) if name != "alertname")
        return tuple(name for name, count in counts.items() if count > 1)

    def _moved(
        self, playbook: str, severity: str, outcome: RuleOutcome, labels: Mapping[str, str], errors: list[str]
    ) -> str:
        """Return the severity after raising and lowering, limited by the cap."""
        levels, ranks = self._levels[playbook], self._ranks[playbook]
        if severity not in ranks:
            return severity
        rank = min(max(ranks[severity] - outcome.shift, 0), len(levels) - 1)
        cap = render("cap", outcome.cap, labels, errors)
        if cap and cap not in ranks:
            errors.append(f"cap: playbook {playbook} has no {cap!r}")
        return levels[max(rank, ranks.get(cap, 0))]

    def _severity(self, playbook: str, severity: str) -> str:
        """Return the severity after an error: at least the playbook's unrouted level."""
        ranks, unrouted = self._ranks[playbook], self._unrouted[playbook]
        return severity if ranks[severity] < ranks[unrouted] else unrouted


def _alone(rule: Rule) -> dict[str, None]:
    """Return the labels of which a single value is enough for a rule to match."""
    alone = [clause[0] for clause in rule.clauses if len(clause) == 1]
    return {matcher.name: None for matcher in alone if matcher.op in ("=", "=~") and not matcher.matches({})}


def _question(index: int, rule: Rule, verdict: Verdict, source: str) -> _Question:
    visible_labels = verdict.labels | {SOURCE: source}
    try:
        conditions = [asking.condition(visible_labels, verdict.dedup_key) for asking in rule.asks]
    except PlaceholderError as error:
        return _Question(index, (), f"when_open: {error}")
    return _Question(index, tuple(conditions))


def _all_hold(question: _Question, holds: Container[Condition]) -> bool:
    """Return whether a rule applies; a rule whose conditions cannot be built does not."""
    return not question.failed and all(condition in holds for condition in question.conditions)


def _failures(rule: Rule, labels: Mapping[str, str]) -> list[tuple[str, str | None]]:
    """Return each matcher that fails, with the label's value; empty if all match."""
    failures: list[tuple[str, str | None]] = [
        (str(matcher), labels.get(matcher.name, "")) for matcher in rule.matchers if not matcher.matches(labels)
    ]
    if rule.any_of and not any(all(matcher.matches(labels) for matcher in entry) for entry in rule.any_of):
        failures.append((f"any: {' or '.join(map(show_matchers, rule.any_of))}", None))
    return failures


def _is_about(rule: Rule, labels: Mapping[str, str]) -> bool:
    """Return whether a rule with one failing matcher is meant for such alerts: another of its values matches.

    A rule for other alert names is not.
    """
    return all(matcher.matches(labels) for matcher in rule.matchers if matcher.name == "alertname") and any(
        matcher.op in ("=", "=~") and labels.get(matcher.name) and matcher.matches(labels) for matcher in rule.matchers
    )


def _unmet_conditions(question: _Question, holds: Container[Condition]) -> list[str]:
    return (
        [question.failed]
        if question.failed
        else [str(condition) for condition in question.conditions if condition not in holds]
    )


__all__ = ["ACTIONS", "Action", "EvaluatedRule", "Form", "Rule", "RuleSet", "Verdict", "written"]

"""Rules: from an alert to a verdict.

Rules are looked at from top to bottom; every rule that matches has its say,
and a later one wins over an earlier one (labels and flags accumulate), until
one says ``stop``. Whatever goes wrong, the alert is placed where it pages.

What a rule asks besides labels is answered by who has the rows: `evaluate`
says what has to be known, `decide` judges again with the answers.
"""

import hashlib
import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, Self

import msgspec

from tocsin.core.action import ACTIONS, Action, Form, Outcome, Value, written
from tocsin.core.alert import Alert
from tocsin.core.condition import AskOpen, AskRate, Condition, Inhibition, WhenOpen
from tocsin.core.errors import PlaceholderError, UnknownName
from tocsin.core.matcher import Matchers, show_matchers
from tocsin.core.matching import Clauses, bits
from tocsin.core.placeholder import SOURCE
from tocsin.core.rule_texts import DETAILS, details, render, templates, with_extras
from tocsin.core.rules_json import from_plain, tables_of, to_plain
from tocsin.core.verdict import (
    LONGEST_SERVICE,
    Step,
    Verdict,
    bounded_key,
    default_key,
    default_service,
    default_title,
    link,
    one_line,
)

_REMEMBERED = 4096
"""How many combinations of matching rules are remembered at least; twice as many as rules, if those are more."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule; without matchers and conditions it matches every alert."""

    name: str
    matchers: Matchers = ()
    """All of them must match."""
    any_of: tuple[Matchers, ...] = ()
    """All matchers of at least one of these must match as well, where there are any."""
    when_open: AskOpen | None = None
    rate: AskRate | None = None
    actions: dict[str, Value] = {}
    """By the names of `ACTIONS`."""
    path: str = ""
    line: int = 0

    @property
    def stops(self) -> bool:
        """Whether no rule is looked at after it."""
        return bool(self.actions.get("stop", False))

    @property
    def asks(self) -> tuple[AskOpen | AskRate, ...]:
        """What it asks besides labels; all of it must hold."""
        return tuple(asking for asking in (self.when_open, self.rate) if asking is not None)

    @property
    def matches_everything(self) -> bool:
        """Whether there is no alert on which it has no say."""
        return not self.matchers and not self.asks and (not self.any_of or () in self.any_of)

    @property
    def clauses(self) -> tuple[Matchers, ...]:
        """It matches where all matchers of one of these do."""
        return tuple((*self.matchers, *more) for more in self.any_of) or (self.matchers,)


class _Question(NamedTuple):
    """A rule whose labels match, and what is to be known before it has its say."""

    rule: int
    """Its index."""
    conditions: tuple[Condition, ...]
    failed: str = ""
    """Why it cannot be asked for this alert."""


class _Outcomes(dict[int, Outcome]):
    """What each combination of matching clauses says."""

    def __init__(
        self, rules: Sequence[Rule], rule_of: Sequence[int], place: Callable[[Outcome], tuple[str, str] | None]
    ) -> None:
        super().__init__()
        self._place = place
        self._rules = rules
        self._rule_of = rule_of
        self._remembered = max(_REMEMBERED, 2 * len(rules))

    def __missing__(self, matching: int) -> Outcome:
        outcome = Outcome()
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
        outcome.has_details = any(getattr(outcome, name) is not None for name in (*DETAILS, "resolve_after"))
        if len(self) >= self._remembered:
            self.clear()
        self[matching] = outcome
        return outcome

    def _carry_out(self, outcome: Outcome, index: int, rule: Rule) -> None:
        for name, value in rule.actions.items():
            if name == "suppress" and value and rule.when_open is not None:
                outcome.inhibitors += (index,)
            else:
                ACTIONS[name].carry_out(outcome, name, value)

    def indexes(self, matching: int) -> Iterator[int]:
        """The rules of some clauses, in order and each once."""
        before = -1
        for bit in bits(matching):
            index = self._rule_of[bit]
            if index != before:
                yield index
            before = index


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
        """A stable name for exactly these rules, what they look up, and the levels that they choose from.

        Half a SHA-256: it stands in the row of every alert.
        """
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:32]

    def to_json(self) -> str:
        """The rules as they are stored; in ASCII, so that no text of theirs can be one that a store refuses."""
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
        """The rules as they were stored.

        Raises:
            KeyError: They hold something that this version does not know.
            TocsinError: A matcher, a placeholder or a level of them cannot be read.
        """
        kept = json.loads(raw)
        rules = [Rule(**from_plain(plain, kept["tables"])) for plain in kept["rules"]]
        return cls(rules, kept["default_playbook"], kept["levels"], kept["unrouted"])

    def evaluate(self, alert: Alert) -> Verdict:
        """Where this alert belongs, as far as labels tell; ``asks`` says what else has to be known.

        Raises nothing: what fails is told in the verdict, which then pages.
        """
        matching = self._clauses.matching(alert.labels)
        if matching & self._asking:
            verdict, questions = self._preliminary(alert, matching)
            asks = dict.fromkeys(condition for question in questions for condition in question.conditions)
            return msgspec.structs.replace(verdict, asks=tuple(asks))
        return self._verdict(alert, self._outcomes[matching])

    def decide(self, alert: Alert, holds: Container[Condition]) -> Verdict:
        """Where this alert belongs, given which of the conditions that `evaluate` asks for hold.

        A rule has its say if all its conditions do.
        """
        matching = self._clauses.matching(alert.labels)
        if not matching & self._asking:
            return self._verdict(alert, self._outcomes[matching])
        verdict, questions = self._preliminary(alert, matching)
        held = [question for question in questions if _all_hold(question, holds)]
        if not held:
            return verdict
        said = matching & ~self._asking | sum(self._bits[question.rule] & matching for question in held)
        outcome = self._outcomes[said]
        holding = dict.fromkeys(condition for q in questions for condition in q.conditions if condition in holds)
        verdict = msgspec.structs.replace(self._verdict(alert, outcome), holds=tuple(holding))
        if verdict.unrouted or not outcome.inhibitors:
            return verdict
        when = {q.rule: condition for q in held for condition in q.conditions if isinstance(condition, WhenOpen)}
        inhibited_by = [Inhibition(rule=self.rules[index].name, when=when[index]) for index in outcome.inhibitors]
        return msgspec.structs.replace(verdict, inhibited_by=tuple(inhibited_by))

    def _preliminary(self, alert: Alert, matching: int) -> tuple[Verdict, list[_Question]]:
        """The verdict without the rules that ask, and what they ask, with its labels and dedup key."""
        asking = matching & self._asking
        outcome = self._outcomes[matching ^ asking]
        verdict = self._verdict(alert, outcome)
        reached = [index for index in self._outcomes.indexes(asking) if not 0 <= outcome.last < index]
        return verdict, [_question(index, self.rules[index], verdict, alert.source) for index in reached]

    def explain(self, alert: Alert, holds: Container[Condition] = ()) -> Verdict:
        """The verdict of `decide`, with every rule that was looked at."""
        return msgspec.structs.replace(self.decide(alert, holds), steps=tuple(self._steps(alert, holds)))

    def _steps(self, alert: Alert, holds: Container[Condition]) -> Iterator[Step]:
        _, questions = self._preliminary(alert, self._clauses.matching(alert.labels))
        asked = {question.rule: question for question in questions}
        for index, rule in enumerate(self.rules):
            fails = _what_fails(rule, alert.labels)
            question = asked.get(index)
            if question is not None and not fails:
                fails = [(said, None) for said in _what_does_not_hold(question, holds)]
            failed, found = fails[0] if fails else ("", None)
            yield Step(
                rule=rule.name,
                path=rule.path,
                line=rule.line,
                matched=not failed,
                failed=failed,
                found=found,
                near=len(fails) == 1 and _is_about(rule, alert.labels),
                asks=tuple(map(str, question.conditions)) if question is not None else (),
                sets={name: written(value) for name, value in rule.actions.items()},
                stopped=not failed and rule.stops,
            )
            if not failed and rule.stops:
                return

    def _verdict(self, alert: Alert, outcome: Outcome) -> Verdict:
        errors: list[str] = []
        hidden = {SOURCE: alert.source} if outcome.uses_source else {}
        labels = with_extras(alert.labels, outcome.labels, hidden, errors) if outcome.labels else alert.labels
        seen = labels | hidden if hidden else labels
        playbook, severity = outcome.place or self._place(outcome, seen, errors)
        service = render("service", outcome.service, seen, errors) or default_service(labels)
        key = bounded_key(render("dedup_key", outcome.dedup_key, seen, errors)) or default_key(
            alert.source, playbook, service, labels, outcome.all_key_labels
        )
        title = render("title", outcome.title, seen, errors)
        more = details(outcome, seen, errors) if outcome.has_details else {}
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
        # Few have any of these, and each argument more costs every alert.
        return msgspec.structs.replace(verdict, **more) if more else verdict

    def _constant_place(self, outcome: Outcome) -> tuple[str, str] | None:
        """Where every alert of this outcome belongs; None where that depends on its labels, or is no such place."""
        playbook = outcome.playbook.constant if outcome.playbook else self.default_playbook
        severity = outcome.severity.constant if outcome.severity else None
        if playbook is None or severity is None or outcome.shift or outcome.cap:
            return None
        return (playbook, severity) if severity in self._ranks.get(playbook, ()) else None

    def _place(self, outcome: Outcome, labels: Mapping[str, str], errors: list[str]) -> tuple[str, str]:
        """The playbook, and one of its severities."""
        playbook = render("playbook", outcome.playbook, labels, errors) or self.default_playbook
        if playbook not in self._ranks:
            errors.append(f"playbook: there is no {playbook!r}")
            playbook = self.default_playbook
        severity = render("severity", outcome.severity, labels, errors)
        if severity and (outcome.shift or outcome.cap):
            severity = self._moved(playbook, severity, outcome, labels, errors)
        if severity in self._ranks[playbook]:
            return playbook, severity
        if severity:
            errors.append(f"severity: playbook {playbook} has no {severity!r}")
        elif not (errors or outcome.suppress or outcome.heartbeat):
            errors.append("no rule sets a severity")
        return playbook, self._unrouted[playbook]

    def _moved(
        self, playbook: str, severity: str, outcome: Outcome, labels: Mapping[str, str], errors: list[str]
    ) -> str:
        """The severity after raising and lowering, and then not above the cap."""
        levels, ranks = self._levels[playbook], self._ranks[playbook]
        if severity not in ranks:
            return severity
        rank = min(max(ranks[severity] - outcome.shift, 0), len(levels) - 1)
        cap = render("cap", outcome.cap, labels, errors)
        if cap and cap not in ranks:
            errors.append(f"cap: playbook {playbook} has no {cap!r}")
        return levels[max(rank, ranks.get(cap, 0))]

    def _severity(self, playbook: str, severity: str) -> str:
        """After a failure: at least the playbook's unrouted level."""
        ranks, unrouted = self._ranks[playbook], self._unrouted[playbook]
        return severity if ranks[severity] < ranks[unrouted] else unrouted


def _question(index: int, rule: Rule, verdict: Verdict, source: str) -> _Question:
    seen = verdict.labels | {SOURCE: source}
    try:
        conditions = [asking.condition(seen, verdict.dedup_key) for asking in rule.asks]
    except PlaceholderError as error:
        return _Question(index, (), f"when_open: {error}")
    return _Question(index, tuple(conditions))


def _all_hold(question: _Question, holds: Container[Condition]) -> bool:
    """A rule that cannot even be asked has no say."""
    return not question.failed and all(condition in holds for condition in question.conditions)


def _what_fails(rule: Rule, labels: Mapping[str, str]) -> list[tuple[str, str | None]]:
    """What of it does not match its labels, with the value that the label has; nothing if all does."""
    fails: list[tuple[str, str | None]] = [
        (str(matcher), labels.get(matcher.name, "")) for matcher in rule.matchers if not matcher.matches(labels)
    ]
    if rule.any_of and not any(all(matcher.matches(labels) for matcher in entry) for entry in rule.any_of):
        fails.append((f"any: {' or '.join(map(show_matchers, rule.any_of))}", None))
    return fails


def _is_about(rule: Rule, labels: Mapping[str, str]) -> bool:
    """Whether a rule of which one thing fails is about such alerts: a value that it asks for is there.

    A rule that names other alerts is not.
    """
    return all(matcher.matches(labels) for matcher in rule.matchers if matcher.name == "alertname") and any(
        matcher.op in ("=", "=~") and labels.get(matcher.name) and matcher.matches(labels) for matcher in rule.matchers
    )


def _what_does_not_hold(question: _Question, holds: Container[Condition]) -> list[str]:
    return [question.failed] if question.failed else [str(each) for each in question.conditions if each not in holds]


__all__ = ["ACTIONS", "Action", "Form", "Rule", "RuleSet", "Step", "Verdict", "written"]

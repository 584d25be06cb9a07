"""The path from labels to a verdict, rule by rule."""

from typing import Any

from msgspec import Struct

from tocsin.core.duration import duration
from tocsin.core.rules.action import ACTIONS, Form
from tocsin.core.rules.shown_parts import cut, shown_labels
from tocsin.core.rules.verdict import EvaluatedRule, Verdict


class RuleStep(Struct, frozen=True, kw_only=True):
    """One evaluated rule."""

    rule: str
    path: str
    line: int
    matched: bool
    failed: str
    """The first matcher that did not match, or the condition that does not hold."""
    found: str | None
    """The value of the label that did not match; empty if the label is missing, null if it is not a single label."""
    near: bool
    """True if only ``failed`` kept the rule from matching: the author may have expected a match."""
    asks: tuple[str, ...]
    """The rule's conditions beyond labels, with this alert's values."""
    sets: dict[str, Any]
    stopped: bool


class Judgment(Struct, frozen=True, kw_only=True):
    """A rule set's verdict on an alert, and the rule behind each part of it."""

    playbook: str
    severity: str
    service: str
    team: str
    title: str
    dedup_key: str
    labels: dict[str, str]
    flags: tuple[str, ...]
    unrouted: bool
    errors: tuple[str, ...]
    rules: tuple[RuleStep, ...]
    decided_by: dict[str, str]
    """The rule that decided each action, by action; actions that no rule has set are left out."""


def judgment(verdict: Verdict) -> dict[str, Any]:
    """Return the fields of a `Judgment`."""
    return {
        "playbook": verdict.playbook,
        "severity": verdict.severity,
        "service": verdict.service,
        "team": verdict.team,
        "title": verdict.title,
        "dedup_key": verdict.dedup_key,
        "labels": shown_labels(verdict.labels),
        "flags": verdict.flags,
        "unrouted": verdict.unrouted,
        "errors": verdict.errors,
        "rules": tuple(_rule(step) for step in verdict.steps),
        "decided_by": decided_by(verdict),
    }


def decided_by(verdict: Verdict) -> dict[str, str]:
    """Return the last rule that set each action, by action."""
    return {action: step.rule for step in verdict.steps if step.matched for action in step.sets}


def suppressed_by(verdict: Verdict) -> str:
    """Return the reason for which the rules suppress the alert."""
    rule = decided_by(verdict).get("suppress")
    return f"suppressed by rule {rule}" if rule and verdict.suppress else "a rule suppressed it"


def _rule(step: EvaluatedRule) -> RuleStep:
    return RuleStep(
        rule=step.rule,
        path=step.path,
        line=step.line,
        matched=step.matched,
        failed=step.failed,
        found=None if step.found is None else cut(step.found),
        near=step.near,
        asks=step.asks,
        sets={name: _set(name, value) for name, value in step.sets.items()},
        stopped=step.stopped,
    )


def _set(action: str, value: Any) -> Any:
    return duration(value) if ACTIONS[action].form is Form.DURATION else value

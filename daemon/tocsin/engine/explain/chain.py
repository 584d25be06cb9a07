"""From labels to a verdict, rule by rule."""

from typing import Any

from msgspec import Struct

from tocsin.core.action import ACTIONS, Form
from tocsin.core.duration import duration
from tocsin.core.shown import cut, shown_labels
from tocsin.core.verdict import Step, Verdict


class RuleStep(Struct, frozen=True, kw_only=True):
    """One rule that was looked at."""

    rule: str
    path: str
    line: int
    matched: bool
    failed: str
    """The first matcher that did not match, or the condition that does not hold."""
    found: str | None
    """The value of the label that did not match; empty where there is none, null where it is no single label."""
    near: bool
    """Nothing but this kept it from matching, and it does not name other alerts: somebody may have expected it to."""
    asks: tuple[str, ...]
    """What it asks besides labels, with this alert's values."""
    sets: dict[str, Any]
    stopped: bool


class Judgment(Struct, frozen=True, kw_only=True):
    """What a rule set says about an alert, and which rule said what."""

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
    """By action: the rule that had the last word about it. What is not here, no rule has set."""


def judgment(verdict: Verdict) -> dict[str, Any]:
    """The fields of a `Judgment`."""
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
    """By action, the last rule that had a say."""
    return {action: step.rule for step in verdict.steps if step.matched for action in step.sets}


def suppressed_by(verdict: Verdict) -> str:
    """Why nobody is to be told of it, as the rules see it."""
    rule = decided_by(verdict).get("suppress")
    return f"suppressed by rule {rule}" if rule and verdict.suppress else "a rule suppressed it"


def _rule(step: Step) -> RuleStep:
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

"""Placeholders whose label an alert may lack: such an alert is unrouted, and pages.

A label is guaranteed by the rule's own matchers (``team="db"``, ``team!=""``, ``team=~"a|b"``), or by ``labels``
of the same rule. Otherwise the sample alerts decide; if no sample uses the text, it is reported.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from tocsin.conf.lint.implication import is_there
from tocsin.conf.lint.material import Material
from tocsin.conf.rules.written import Written
from tocsin.conf.source import Findings, Node
from tocsin.core.matching.placeholders import Template
from tocsin.core.rules.action import ACTIONS, Lookup, RuleOutcome
from tocsin.core.rules.rule import Rule

_ALWAYS = frozenset({"alertname"})
"""Labels that Prometheus adds to every alert."""


@dataclass
class _Use:
    """The result of trying a text on the samples."""

    used: bool = False
    missing: dict[str, str] = field(default_factory=dict)
    """For each label, the first alert that uses the text and lacks the label."""


def report_missing_labels(material: Material, dead: frozenset[int], findings: Findings) -> None:
    """Report each label of a text that an alert of that rule may lack."""
    alive = [written for index, written in enumerate(material.rules) if index not in dead]
    uses: dict[int, _Use] = {}
    for sample in material.samples:
        _try(sample, [rule for rule, _ in alive], uses)
    always = _ALWAYS.union(*(_added_labels(rule) for rule, _ in alive if rule.matches_everything))
    for written in alive:
        for template, node in _templates(written):
            use = uses.get(id(template), _Use())
            for label in sorted(template.needs):
                doubtful = label in use.missing or (not use.used and label not in always)
                if doubtful and not _is_guaranteed(written.rule, template, label):
                    _report(label, use, template, node, findings)


def _report(label: str, use: _Use, template: Template, node: Node, findings: Findings) -> None:
    if label in use.missing:
        message = f"{{{label}}}: {use.missing[label]} has no such label, so this rule would leave it unrouted"
    else:
        message = f"{{{label}}}: an alert without this label would be unrouted, and nothing says that each here has it"
    place = re.search(rf"\{{\s*{re.escape(label)}\s*\}}", template.text)
    hint = f'write {{{label}|...}}, or match {label}!=""'
    findings.warn(node.inside(place.start() if place else 0), message, hint)


def _is_guaranteed(rule: Rule, template: Template, label: str) -> bool:
    return label in _added_labels(rule, template) or all(is_there(clause, label) for clause in rule.clauses)


def _added_labels(rule: Rule, before: Template | None = None) -> list[str]:
    """Return the labels that a rule adds; for a text in ``labels``, only those before it."""
    added = rule.actions.get("labels")
    if not isinstance(added, dict):
        return []
    place = next((place for place, text in enumerate(added.values()) if text is before), len(added))
    return list(added)[:place]


def _templates(written: Written) -> Iterator[tuple[Template, Node]]:
    """Return every text of a rule with its position."""
    for name, value in written.rule.actions.items():
        node = written.action(name)
        if isinstance(value, Template):
            yield value, node
        elif isinstance(value, dict):
            yield from ((template, node.at(key)) for key, template in value.items())


def _try(sample: Mapping[str, str], rules: Sequence[Rule], uses: dict[int, _Use]) -> None:
    """Apply the rules to one alert, and record the result of each text that takes effect."""
    outcome = RuleOutcome()
    for rule in rules:
        if not rule.asks and _matches(rule, sample):
            for name, value in rule.actions.items():
                ACTIONS[name].carry_out(outcome, name, value)
            if rule.stops:
                break
    labels = dict(sample)
    for name, extra in outcome.labels.items():
        _note(extra, labels, sample, uses)
        labels.update(_added(name, extra, labels))
    for each in fields(outcome):
        if each.name != "labels":
            _note(getattr(outcome, each.name), labels, sample, uses)


def _matches(rule: Rule, labels: Mapping[str, str]) -> bool:
    return any(all(matcher.matches(labels) for matcher in clause) for clause in rule.clauses)


def _note(value: Any, labels: Mapping[str, str], sample: Mapping[str, str], uses: dict[int, _Use]) -> None:
    if not isinstance(value, Template):
        return
    use = uses.setdefault(id(value), _Use())
    use.used = True
    for label in value.needs:
        if not labels.get(label):
            use.missing.setdefault(label, sample.get("alertname", "an alert"))


def _added(name: str, extra: Any, labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that a rule adds to an alert with these labels."""
    if isinstance(extra, Template) and all(labels.get(label) for label in extra.needs):
        return {name: extra.render(labels)}
    if isinstance(extra, Lookup) and all(labels.get(label) for label in extra.by.needs):
        return dict(extra.rows.get(extra.by.render(labels), {}))
    return {}

"""Texts of rules, rendered for one alert."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tocsin.core.alerts.subject import DETAILS
from tocsin.core.errors import PlaceholderError
from tocsin.core.matching.placeholders import Template
from tocsin.core.rules.action import ACTIONS, Form, Lookup, RuleOutcome
from tocsin.core.rules.verdict import link, one_line, shortened

_LIMITS: dict[str, Callable[[str], str]] = {"summary": shortened, "runbook": link}
"""The functions that limit the length of details; `one_line` for all others."""


def templates(outcome: RuleOutcome) -> Iterator[Template]:
    """Yield every text of an outcome."""
    extras = [extra.by if isinstance(extra, Lookup) else extra for extra in outcome.labels.values()]
    names = [action.name for action in ACTIONS.values() if action.form in (Form.TEXT, Form.LEVEL)]
    texts = [getattr(outcome, name) for name in names if name not in DETAILS]
    return (text for text in (*extras, *texts, *outcome.details.values()) if text is not None)


def with_extras(
    own: dict[str, str], extras: Mapping[str, Template | Lookup], hidden: Mapping[str, str], errors: list[str]
) -> dict[str, str]:
    """Return the labels with those that rules add; ``hidden`` ones are visible only to placeholders."""
    labels = dict(own)
    for name, extra in extras.items():
        visible_labels = {**labels, **hidden} if hidden else labels
        try:
            if isinstance(extra, Lookup):
                labels.update(_row(extra, visible_labels))
            else:
                labels[name] = extra.render(visible_labels)
        except PlaceholderError as error:
            errors.append(f"label {name}: {error}")
    return labels


def _row(lookup: Lookup, labels: Mapping[str, str]) -> Mapping[str, str]:
    """Return the row's columns; empty if there is no such row, or if the lookup's label is missing."""
    try:
        return lookup.rows.get(lookup.by.render(labels), {})
    except PlaceholderError:
        return {}


def details(outcome: RuleOutcome, labels: Mapping[str, str], errors: list[str]) -> dict[str, Any]:
    """Return the fields of the verdict that few rules set."""
    fields: dict[str, Any] = {"resolve_after": outcome.resolve_after}
    for name, template in outcome.details.items():
        fields[name] = _LIMITS.get(name, one_line)(render(name, template, labels, errors))
    return fields


def render(field: str, template: Template | None, labels: Mapping[str, str], errors: list[str]) -> str:
    """Return the text for these labels; "" if there is none, or after an error, which is added to ``errors``."""
    if template is None:
        return ""
    try:
        return template.render(labels)
    except PlaceholderError as error:
        errors.append(f"{field}: {error}")
        return ""

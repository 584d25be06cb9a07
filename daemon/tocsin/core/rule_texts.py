"""The texts of rules, filled in for one alert."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tocsin.core.action import ACTIONS, Form, Lookup, Outcome
from tocsin.core.errors import PlaceholderError
from tocsin.core.placeholder import Template
from tocsin.core.verdict import link, one_line, shortened

DETAILS: dict[str, Callable[[str], str]] = {
    "team": one_line,
    "summary": shortened,
    "runbook": link,
    "automation": one_line,
}
"""Texts that few rules set, each with the function that fits them to their limit."""


def templates(outcome: Outcome) -> Iterator[Template]:
    """Yield every text of what some rules say together."""
    extras = [extra.by if isinstance(extra, Lookup) else extra for extra in outcome.labels.values()]
    texts = [getattr(outcome, action.name) for action in ACTIONS.values() if action.form in (Form.TEXT, Form.LEVEL)]
    return (text for text in (*extras, *texts) if text is not None)


def with_extras(
    own: dict[str, str], extras: Mapping[str, Template | Lookup], hidden: Mapping[str, str], errors: list[str]
) -> dict[str, str]:
    """Return the labels with those that rules add; ``hidden`` ones are there for placeholders only."""
    labels = dict(own)
    for name, extra in extras.items():
        seen = {**labels, **hidden} if hidden else labels
        try:
            if isinstance(extra, Lookup):
                labels.update(_row(extra, seen))
            else:
                labels[name] = extra.render(seen)
        except PlaceholderError as error:
            errors.append(f"label {name}: {error}")
    return labels


def _row(lookup: Lookup, labels: Mapping[str, str]) -> Mapping[str, str]:
    """The row's columns; none where there is no such row, or no label to look it up by."""
    try:
        return lookup.rows.get(lookup.by.render(labels), {})
    except PlaceholderError:
        return {}


def details(outcome: Outcome, labels: Mapping[str, str], errors: list[str]) -> dict[str, Any]:
    """Return what few rules set, by field of the verdict."""
    found: dict[str, Any] = {"resolve_after": outcome.resolve_after}
    for name, fitted in DETAILS.items():
        template: Template | None = getattr(outcome, name)
        if template is not None:
            found[name] = fitted(render(name, template, labels, errors))
    return found


def render(what: str, template: Template | None, labels: Mapping[str, str], errors: list[str]) -> str:
    """Return the text for these labels; empty if there is none, or if it cannot be filled in, which is an error."""
    if template is None:
        return ""
    try:
        return template.render(labels)
    except PlaceholderError as error:
        errors.append(f"{what}: {error}")
        return ""

"""Conditions of rules on more than labels: other open incidents, and the rate of this alert.

The answers change while an alert is processed, so they are read from the rows
inside the transaction. A rule holds an `AskOpen` or `AskRate`; for one alert that
becomes a `Condition` with the alert's own values. Each condition is evaluated once, and
the answer counts for every rule with the same condition.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from tocsin.core.duration import duration
from tocsin.core.errors import PlaceholderError
from tocsin.core.matching.placeholders import Template


class Likeness(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of an incident to look for: every column that is not empty must be equal."""

    service: str = ""
    severity: tuple[str, ...] = ()
    """Any of these levels."""
    playbook: str = ""
    team: str = ""
    dedup_key: str = ""

    def fits(self, *, service: str, severity: str, playbook: str, team: str, dedup_key: str) -> bool:
        """Return whether an incident with these columns matches."""
        return (
            self.service in ("", service)
            and (not self.severity or severity in self.severity)
            and self.playbook in ("", playbook)
            and self.team in ("", team)
            and self.dedup_key in ("", dedup_key)
        )

    def __str__(self) -> str:
        columns = ("service", "playbook", "team", "dedup_key")
        parts = [f"{name} {value}" for name in columns if (value := getattr(self, name))]
        return ", ".join([*parts, *([f"severity {' or '.join(self.severity)}"] if self.severity else [])])


class WhenOpen(msgspec.Struct, frozen=True, kw_only=True, tag="when_open"):
    """A condition that is true while a matching incident is open, other than the incident with this dedup key."""

    like: Likeness
    other_than: str
    """The alert's own dedup key."""

    def __str__(self) -> str:
        return f"when_open: {self.like}"


class Rate(msgspec.Struct, frozen=True, kw_only=True, tag="rate"):
    """A condition that is true if more than a number of episodes of a dedup key began within a time.

    The episode of the evaluated alert counts.
    """

    dedup_key: str
    more_than: int
    within: int
    """Microseconds."""

    def __str__(self) -> str:
        return f"rate: more than {self.more_than} within {duration(self.within)}"


Condition = WhenOpen | Rate
"""A question to the store, with the values of one alert."""


class AskOpen(msgspec.Struct, frozen=True, kw_only=True):
    """The form of ``when_open`` in a rule: texts with placeholders. None: any."""

    service: Template | None = None
    severity: tuple[Template, ...] = ()
    playbook: Template | None = None
    team: Template | None = None
    dedup_key: Template | None = None

    def condition(self, labels: Mapping[str, str], dedup_key: str) -> WhenOpen:
        """Return the condition for one alert.

        Raises:
            PlaceholderError: A label is missing, or a text is empty for this alert.
        """
        texts = {name: template for name in COLUMNS if isinstance(template := getattr(self, name), Template)}
        columns: dict[str, Any] = {name: _not_empty(template, labels) for name, template in texts.items()}
        severity = tuple(_not_empty(template, labels) for template in self.severity)
        return WhenOpen(like=Likeness(severity=severity, **columns), other_than=dedup_key)

    def written(self) -> dict[str, Any]:
        """Return the condition in the form of the rule file."""
        texts = {name: value.text for name in COLUMNS if isinstance(value := getattr(self, name), Template)}
        severity = [template.text for template in self.severity]
        return {**texts, **({"severity": severity} if severity else {})}


class AskRate(msgspec.Struct, frozen=True, kw_only=True):
    """The form of ``rate`` in a rule."""

    more_than: int
    within: int
    """Microseconds."""

    def condition(self, labels: Mapping[str, str], dedup_key: str) -> Rate:  # noqa: ARG002 - see AskOpen
        """Return the condition for one alert."""
        return Rate(dedup_key=dedup_key, more_than=self.more_than, within=self.within)

    def written(self) -> dict[str, Any]:
        """Return the condition in the form of the rule file, with the duration in microseconds."""
        return {"more_than": self.more_than, "within": self.within}


class Described(NamedTuple):
    """The description of a key that decides whether a rule applies."""

    name: str
    meaning: str
    example: str
    """A value in YAML."""


_ALL = (
    Described(
        "match",
        "Matchers, as a text or a list of texts: all of them must match. `{}` matches every alert.",
        '\'team="db", env!="dev"\'',
    ),
    Described(
        "any",
        "A list of texts with matchers: at least one entry must match, with all its matchers. Beside `match`, both"
        " must.",
        "['team=\"db\"', 'alertname=~\"Pg.*\"']",
    ),
    Described(
        "when_open",
        "Another incident is open that has this service, severity (one or a list), playbook, team and dedup_key; keys"
        " that are not given match anything. The alert's own incident does not count. Texts with placeholders; if one"
        " cannot be filled in for an alert, the rule does not match.",
        '{service: "db-{cluster}", severity: [SEV-1, SEV-2]}',
    ),
    Described(
        "rate",
        "More than so many episodes with the alert's dedup key have begun within this time, this one included.",
        "{more_than: 5, within: 10m}",
    ),
)

CONDITIONS = {described.name: described for described in _ALL}
"""Every key that decides whether a rule applies, by name."""

COLUMNS = AskOpen.__struct_fields__
"""The columns of an incident that ``when_open`` can test."""


class Inhibition(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that suppresses notifications while another incident is open."""

    rule: str
    when: WhenOpen


def _not_empty(template: Template, labels: Mapping[str, str]) -> str:
    """Return the rendered text; refuse an empty one, which would match any incident."""
    text = template.render(labels)
    if not text:
        raise PlaceholderError(f"{template.text!r} is empty for this alert")
    return text

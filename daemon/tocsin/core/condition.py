"""What a rule may ask about besides labels: what else is open, and how often this alert has come.

The answers change while an alert is on its way, so they are found inside the
transaction, on rows. A rule holds an `Asking`; for one alert it becomes a
`Condition` with the alert's own values in it, which is asked once and whose
answer counts for every rule that asks the same.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from tocsin.core.duration import duration
from tocsin.core.errors import PlaceholderError
from tocsin.core.placeholder import Template


class Likeness(msgspec.Struct, frozen=True, kw_only=True):
    """What an incident is to be like: every column that is not empty must be equal."""

    service: str = ""
    severity: tuple[str, ...] = ()
    """Any of these levels."""
    playbook: str = ""
    team: str = ""
    dedup_key: str = ""

    def fits(self, *, service: str, severity: str, playbook: str, team: str, dedup_key: str) -> bool:
        """Whether an incident with these columns is like this."""
        return (
            self.service in ("", service)
            and (not self.severity or severity in self.severity)
            and self.playbook in ("", playbook)
            and self.team in ("", team)
            and self.dedup_key in ("", dedup_key)
        )

    def __str__(self) -> str:
        columns = ("service", "playbook", "team", "dedup_key")
        said = [f"{name} {value}" for name in columns if (value := getattr(self, name))]
        return ", ".join([*said, *([f"severity {' or '.join(self.severity)}"] if self.severity else [])])


class WhenOpen(msgspec.Struct, frozen=True, kw_only=True, tag="when_open"):
    """Holds while an incident that is ``like`` this is open, other than the one with this dedup key."""

    like: Likeness
    other_than: str
    """The alert's own dedup key."""

    def __str__(self) -> str:
        return f"when_open: {self.like}"


class Rate(msgspec.Struct, frozen=True, kw_only=True, tag="rate"):
    """Holds when more than so many episodes of a dedup key have begun within a time, the one asked for included."""

    dedup_key: str
    more_than: int
    within: int
    """Microseconds."""

    def __str__(self) -> str:
        return f"rate: more than {self.more_than} within {duration(self.within)}"


Condition = WhenOpen | Rate
"""A question about the rows, with one alert's values in it."""


class AskOpen(msgspec.Struct, frozen=True, kw_only=True):
    """``when_open`` as a rule has it: texts with placeholders. None: any."""

    service: Template | None = None
    severity: tuple[Template, ...] = ()
    playbook: Template | None = None
    team: Template | None = None
    dedup_key: Template | None = None

    def condition(self, labels: Mapping[str, str], dedup_key: str) -> WhenOpen:
        """The question for one alert.

        Raises:
            PlaceholderError: A label is missing, or what is asked for comes out empty.
        """
        texts = {name: template for name in COLUMNS if isinstance(template := getattr(self, name), Template)}
        given: dict[str, Any] = {name: _not_empty(template, labels) for name, template in texts.items()}
        severity = tuple(_not_empty(template, labels) for template in self.severity)
        return WhenOpen(like=Likeness(severity=severity, **given), other_than=dedup_key)

    def written(self) -> dict[str, Any]:
        """As it stands in the rule."""
        texts = {name: value.text for name in COLUMNS if isinstance(value := getattr(self, name), Template)}
        severity = [template.text for template in self.severity]
        return {**texts, **({"severity": severity} if severity else {})}


class AskRate(msgspec.Struct, frozen=True, kw_only=True):
    """``rate`` as a rule has it."""

    more_than: int
    within: int
    """Microseconds."""

    def condition(self, labels: Mapping[str, str], dedup_key: str) -> Rate:  # noqa: ARG002 - see AskOpen
        """The question for one alert."""
        return Rate(dedup_key=dedup_key, more_than=self.more_than, within=self.within)

    def written(self) -> dict[str, Any]:
        """As it stands in the rule; the duration in microseconds."""
        return {"more_than": self.more_than, "within": self.within}


Asking = AskOpen | AskRate


class Described(NamedTuple):
    """One of the keys that say when a rule has its say."""

    name: str
    meaning: str
    example: str
    """Its value in YAML."""


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
        "Another incident is open whose service, severity (one or a list), playbook, team and dedup_key are these; what"
        " is not named may be anything. The alert's own incident does not count. Texts with placeholders; where one"
        " cannot be filled in for an alert, the rule has no say.",
        '{service: "db-{cluster}", severity: [SEV-1, SEV-2]}',
    ),
    Described(
        "rate",
        "More than so many episodes with the alert's dedup key have begun within this time, this one included.",
        "{more_than: 5, within: 10m}",
    ),
)

CONDITIONS = {described.name: described for described in _ALL}
"""Every key that says when a rule has its say."""

COLUMNS = AskOpen.__struct_fields__
"""What ``when_open`` may ask of an incident."""


class Inhibition(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that wants nobody told while another incident is open."""

    rule: str
    when: WhenOpen


def _not_empty(template: Template, labels: Mapping[str, str]) -> str:
    """An empty text would ask for any incident, which is hardly what was meant."""
    text = template.render(labels)
    if not text:
        raise PlaceholderError(f"{template.text!r} is empty for this alert")
    return text

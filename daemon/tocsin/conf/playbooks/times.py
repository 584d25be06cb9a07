"""The time limits of an incident, and the limits above which incidents are a storm or flap."""

from typing import Annotated, Any

from pydantic import Field

from tocsin.conf.duration import Duration
from tocsin.conf.playbooks.parts import Part
from tocsin.conf.schema import Section, Whole
from tocsin.conf.settings import Span, Times
from tocsin.core.playbook.playbook import FlappingLimits, StormLimits

NESTED = ("storm", "flapping", "ack_timeout")
"""Defaults that are not plain fields of a `Playbook`; `ack_timeout` is a field of its levels."""


class StormEntry(Section):
    """``storm:`` of a playbook; missing keys come from ``defaults.storm`` of tocsin.yaml."""

    more_than: Annotated[Whole, Field(ge=1, le=1_000_000)] | None = None
    within: Span | None = None
    again_after: Span | None = None


class FlappingEntry(Section):
    """``flapping:`` of a playbook, likewise."""

    more_than: Annotated[Whole, Field(ge=1, le=1_000_000)] | None = None
    within: Span | None = None
    digest_every: Span | None = None


class TimesPart(Part):
    """Times of a playbook; missing keys come from ``defaults`` of tocsin.yaml."""

    resolve_after: Duration | None = None
    reopen_within: Duration | None = None
    fallback_after: Duration | None = None
    resolved_by_hand_grace: Span | None = None
    fallback_at_least: Span | None = None
    storm: StormEntry = StormEntry()
    flapping: FlappingEntry = FlappingEntry()

    def of_playbook(self, times: Times) -> dict[str, Any]:
        """Return its own times, or the defaults."""
        plain = [key for key in Times.model_fields if key not in NESTED]
        return {
            **{key: getattr(times if getattr(self, key) is None else self, key) for key in plain},
            **limits_of(times, self),
        }


def limits_of(times: Times, file: TimesPart | None = None) -> dict[str, Any]:
    """Return the thresholds for a storm and for flapping: the playbook's own, or the defaults."""
    entry = file.model_dump(include={"storm", "flapping"}, exclude_none=True) if file is not None else {}
    return {
        "storm": StormLimits(**{**times.storm.model_dump(), **entry.get("storm", {})}),
        "flapping": FlappingLimits(**{**times.flapping.model_dump(), **entry.get("flapping", {})}),
    }

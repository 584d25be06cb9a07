"""The times that bound an incident, and from when on many are too many."""

from typing import Annotated, Any

from pydantic import Field

from tocsin.conf.duration import Duration
from tocsin.conf.playbooks.parts import Part
from tocsin.conf.schema import Section, Whole
from tocsin.conf.settings import Span, Times
from tocsin.core.playbook import FlappingLimits, StormLimits

NESTED = ("storm", "flapping", "ack_timeout")
"""Of the defaults, what is no field of a `Playbook` as it stands; `ack_timeout` is one of its levels."""


class StormEntry(Section):
    """``storm:`` of a playbook; what it does not say is as ``defaults.storm`` of tocsin.yaml says."""

    more_than: Annotated[Whole, Field(ge=1, le=1_000_000)] | None = None
    within: Span | None = None
    again_after: Span | None = None


class FlappingEntry(Section):
    """``flapping:`` of a playbook, likewise."""

    more_than: Annotated[Whole, Field(ge=1, le=1_000_000)] | None = None
    within: Span | None = None
    digest_every: Span | None = None


class TimesPart(Part):
    """Each is as ``defaults`` of tocsin.yaml says where the file does not say its own."""

    resolve_after: Duration | None = None
    reopen_within: Duration | None = None
    fallback_after: Duration | None = None
    resolved_by_hand_grace: Span | None = None
    fallback_at_least: Span | None = None
    storm: StormEntry = StormEntry()
    flapping: FlappingEntry = FlappingEntry()

    def of_playbook(self, times: Times) -> dict[str, Any]:
        """Its own, or the defaults."""
        plain = [key for key in Times.model_fields if key not in NESTED]
        return {
            **{key: getattr(times if getattr(self, key) is None else self, key) for key in plain},
            **limits_of(times, self),
        }


def limits_of(times: Times, file: TimesPart | None = None) -> dict[str, Any]:
    """From when on a playbook's incidents are a storm, or flap: as its file says, or else as the defaults do."""
    said = file.model_dump(include={"storm", "flapping"}, exclude_none=True) if file is not None else {}
    return {
        "storm": StormLimits(**{**times.storm.model_dump(), **said.get("storm", {})}),
        "flapping": FlappingLimits(**{**times.flapping.model_dump(), **said.get("flapping", {})}),
    }

"""The limits that a playbook's measures are compared with: ``goals:``."""

from typing import Annotated, Any

from pydantic import Field

from tocsin.conf.playbooks.parts import Check, Part
from tocsin.conf.schema import Name, Section, Whole, YesNo
from tocsin.conf.settings import Span, Times
from tocsin.core.playbook.goals import LevelGoal, PlaybookGoals
from tocsin.core.suggestions import did_you_mean


class GoalsEntry(Section):
    """The goals."""

    mttr: Annotated[dict[Name, Span], Field(max_length=20)] = Field(default_factory=dict)
    """The mean time to resolve must be below this, by severity: ``{P0: 30m}``."""
    mttd: Span | None = None
    """The mean time to detect must be below this."""
    incidents_a_month: Annotated[Whole, Field(ge=1, le=1_000_000)] | None = None
    """The number of incidents a month must be below this."""
    post_mortems_in_time: YesNo = False
    """``true``: every postmortem that is not waived is done by its due time."""


class GoalsPart(Part):
    """The goals; None if there are none."""

    goals: GoalsEntry | None = None

    def of_playbook(self, times: Times) -> dict[str, Any]:
        """Return the goals as the core's types."""
        del times
        goals = self.goals
        if goals is None:
            return {}
        return {
            "goals": PlaybookGoals(
                mttr=tuple(LevelGoal(severity, within) for severity, within in goals.mttr.items()),
                mttd=goals.mttd,
                incidents_a_month=goals.incidents_a_month,
                post_mortems_in_time=goals.post_mortems_in_time,
            )
        }

    def check(self, check: Check) -> None:
        """Check that the severities belong to the playbook."""
        severities = getattr(self, "severities", {})
        for severity in self.goals.mttr if self.goals is not None else ():
            if severity not in severities:
                hint = did_you_mean(severity, severities)
                check.problem(check.node.at("goals", "mttr", severity), f"there is no severity {severity!r}", hint)

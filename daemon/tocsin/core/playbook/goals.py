"""Goals of a playbook: limits that the measures of its incidents are compared with."""

import msgspec


class LevelGoal(msgspec.Struct, frozen=True):
    """A limit for the mean time to resolve at one severity."""

    severity: str
    within: int
    """Microseconds."""


class PlaybookGoals(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One playbook's ``goals:``. A measure meets a limit only if it is below it. Durations are microseconds."""

    mttr: tuple[LevelGoal, ...] = ()
    mttd: int | None = None
    incidents_a_month: int | None = None
    post_mortems_in_time: bool = False
    """True: every postmortem is completed by its due time."""

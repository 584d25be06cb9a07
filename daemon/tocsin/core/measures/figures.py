"""The output of the measures. Times are in seconds; None is missing data, which is not the same as 0."""

import msgspec


class TimeFigure(msgspec.Struct, frozen=True):
    """A mean time."""

    seconds: float | None
    """None if nothing was measured."""
    count: int
    """Number of measured times; for the time between failures, the number of incidents."""


class TargetFigure(msgspec.Struct, frozen=True):
    """The number of times that a target of a severity was met and missed."""

    target: str
    """``respond``, ``acknowledge`` or ``resolve``."""
    met: int
    missed: int
    met_ratio: float | None
    """Share of met targets; None if there was none to meet."""


class LevelFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The measures of one severity of a playbook."""

    playbook: str
    severity: str
    incidents: int
    occurrences: int
    acknowledge: TimeFigure
    resolve: TimeFigure
    detect: TimeFigure
    targets: tuple[TargetFigure, ...]


class GroupFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The measures of a playbook or of a service."""

    name: str
    incidents: int
    occurrences: int
    between: TimeFigure
    acknowledge: TimeFigure
    resolve: TimeFigure
    detect: TimeFigure
    pages: int


class UserFigures(msgspec.Struct, frozen=True):
    """Affected users, from the fact ``users_affected``."""

    total: int | None
    """None if no incident has a number."""
    per_incident: float | None
    """Mean over the incidents with a number."""
    known: int
    """Number of incidents with a number."""
    unknown: int
    """Number of incidents without one."""


class ItemFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Action items of people, and the follow-ups of incidents from versions that had them as action items."""

    added: int
    done: int
    done_late: int
    open: int
    """Number of items that were open at the end of the period."""
    overdue: int
    """Number of open items whose due time had passed at the end of the period."""
    completion_ratio: float | None
    """Done, as a share of done and open; None if there were none."""


class PostMortemFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Postmortems that were due in the period."""

    due: int
    in_time: int
    late: int
    """Number of those completed after their due time, or overdue and not completed."""
    waived: int
    pending: int
    """Number of those whose due time has not passed."""
    in_time_ratio: float | None
    """In time, as a share of in time and late; None if there were none."""


class DutyFigures(PostMortemFigures, frozen=True, kw_only=True):
    """Duties other than the postmortem: those that were due in the period, and those that were open at its end."""

    open: int
    """Number of duties that were open at the end of the period, due at any time."""
    overdue: int
    """Number of open duties whose due time had passed at the end of the period."""


class DutyGroupFigures(DutyFigures, frozen=True, kw_only=True):
    """The duties of one name in one playbook."""

    playbook: str
    duty: str
    """The name of the duty."""


class RecoveryFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Achievement of a recovery objective of a service."""

    service: str
    objective: str
    """``rto`` or ``rpo``."""
    target_seconds: float
    met: int
    missed: int
    unknown: int
    """Number of incidents without the fact that is needed."""
    met_ratio: float | None
    worst_seconds: float | None


class PageFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Pages to people."""

    pages: int
    people: int
    at_night: int
    nights: int
    """Number of disturbed nights: one person in one night is one."""
    per_person: float | None
    per_night: float | None
    """Pages at night, per night of the period."""
    busiest_ratio: float | None
    """Pages of the person with the most, as a multiple of the mean; 1 is perfectly fair."""


class PersonFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The pages of one person."""

    person: str
    pages: int
    incidents: int
    at_night: int
    nights: int
    share: float
    """Share of all pages."""


class GoalFigure(msgspec.Struct, frozen=True, kw_only=True):
    """A goal of a playbook, and what was achieved."""

    playbook: str
    goal: str
    """``mttr``, ``mttd``, ``incidents_a_month`` or ``post_mortems_in_time``."""
    severity: str
    """The severity that it applies to; "" for all."""
    limit: float
    """Seconds, a number, or a share; see ``goal``."""
    achieved: float | None
    """None if there is no data."""
    met: bool | None
    """None if there is no data."""


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """The measures of one period."""

    incidents: int
    occurrences: int
    resolved: int
    unacknowledged: int
    open: int
    acknowledge: TimeFigure
    resolve: TimeFigure
    detect: TimeFigure
    between: TimeFigure
    levels: tuple[LevelFigures, ...]
    playbooks: tuple[GroupFigures, ...]
    services: tuple[GroupFigures, ...]
    users: UserFigures
    action_items: ItemFigures
    post_mortems: PostMortemFigures
    duties: DutyFigures
    duty_groups: tuple[DutyGroupFigures, ...]
    """The duties by playbook and name."""
    recovery: tuple[RecoveryFigures, ...]
    pages: PageFigures
    people: tuple[PersonFigures, ...]
    goals: tuple[GoalFigure, ...]


def ratio(part: int, rest: int) -> float | None:
    """Return the share of ``part`` in the sum of both; None if both are 0."""
    return part / (part + rest) if part + rest else None

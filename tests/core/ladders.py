"""A playbook that uses every feature of a matrix."""

from tocsin.core.alerts.subject import Subject
from tocsin.core.duration import DAY, HOUR, MINUTE
from tocsin.core.incident.escalation import unopened
from tocsin.core.incident.incident import Incident
from tocsin.core.playbook.playbook import Cell, Kind, Level, Moment, Playbook, Tier, Until
from tocsin.core.schedule.hours import BusinessHours, Hours

RESOLVED = Until.RESOLVED
BUSINESS = Hours.BUSINESS
HIGH = Level(
    "high", 0, 15 * MINUTE, None,
    (
        Cell(tier=1, nth=1, after=0, targets=("one",)),
        Cell(tier=1, nth=2, after=15 * MINUTE, targets=("one",)),
        Cell(tier=1, nth=3, on=Moment.ACKNOWLEDGED, kind=Kind.UPDATE, until=RESOLVED, targets=("lead",)),
        Cell(tier=2, nth=1, on=Moment.DECLARED, until=RESOLVED, targets=("two",)),
        Cell(tier=2, nth=2, after=10 * MINUTE, targets=("two",)),
        Cell(tier=2, nth=3, after=10 * MINUTE, when=("customer",), targets=("product",)),
        Cell(tier=3, nth=1, after=30 * MINUTE, until=RESOLVED, targets=("three",)),
        Cell(tier=4, nth=1, flags=("breach",), until=RESOLVED, targets=("four",)),
    ),
    ack_timeout=30 * MINUTE,
)  # fmt: skip
MIDDLE = Level(
    "middle", 1, HOUR, None,
    (
        Cell(tier=1, nth=1, after=0, targets=("one",)),
        Cell(tier=2, nth=1, after=20 * MINUTE, targets=("two",)),
        Cell(tier=3, nth=1, on=Moment.DECLARED, when=("customer", "breach"), until=RESOLVED, targets=("three",)),
        Cell(tier=3, nth=2, after=50 * MINUTE, until=RESOLVED, targets=("three",)),
    ),
)  # fmt: skip
LOW = Level(
    "low", 2, 4 * HOUR, None,
    (
        Cell(tier=1, nth=1, after=0, hours=BUSINESS, targets=("one",)),
        Cell(tier=2, nth=1, after=4 * HOUR, hours=BUSINESS, targets=("two",)),
        Cell(tier=3, nth=1, after=3 * DAY, until=RESOLVED, targets=("three",)),
        Cell(tier=4, nth=1, flags=("breach",), hours=BUSINESS, targets=("four",)),
    ),
    ack_timeout=8 * HOUR,
)  # fmt: skip


def rich(hours: BusinessHours | None = None) -> Playbook:
    """Three levels, four tiers; ``low`` pages in business hours only."""
    return Playbook(
        name="rich",
        title="Rich",
        levels=(HIGH, MIDDLE, LOW),
        tiers=tuple(
            Tier(number, name, (name,)) for number, name in enumerate(("one", "two", "three", "four"), start=1)
        ),
        unrouted="middle",
        flags=("breach", "customer", "blocked"),
        next_tier_on=("blocked",),
        business_hours=hours or BusinessHours(),
    )


def fresh(now: int, hours: BusinessHours | None = None) -> Incident:
    """An incident of it that nothing has happened to."""
    return unopened(
        incident_id="id",
        number=1,
        dedup_key="key",
        plan=rich(hours),
        subject=Subject(title="Down", service="shop"),
        now=now,
    )

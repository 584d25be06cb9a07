"""The plan of a scheduled drill's incident."""

from tocsin.core.duration import DAY, HOUR
from tocsin.core.playbook.playbook import Cell, Kind, Level, Playbook, Tier
from tocsin.core.playbook.reminder import ScheduledDrill
from tocsin.core.typed_replace import replace

DRILL_LEVEL = "drill"
"""The severity of a scheduled drill's incident."""
ENDS_AFTER = HOUR
"""Time after which a drill that no one has acknowledged ends."""
DRILLED_EVERY = 91 * DAY
"""Time after which a person or a channel without a drill counts as not drilled."""
_KEY = "tocsin/drill"


def drill_key(playbook: str, name: str) -> str:
    """Return the dedup key of a drill's incidents; `Policy.plan` also finds their plan by it."""
    return f"{_KEY}/{playbook}/{name}"


def plan_of_drill(drill: ScheduledDrill, playbook: Playbook) -> Playbook:
    """Return the playbook with one level, which pages the drill's targets once, and no one else."""
    cell = Cell(tier=1, nth=1, after=0, kind=Kind.PAGE, targets=drill.to)
    level = Level(DRILL_LEVEL, 0, ENDS_AFTER, None, (cell,), repeats=False)
    return replace(
        playbook,
        levels=(level,),
        tiers=(Tier(1, "whom the drill is for", drill.to),),
        unrouted=DRILL_LEVEL,
        announce=(),
        actions=(),
        reminders=(),
        drills=(),
        next_tier_on=(),
        declares_when_acknowledged=False,
    )

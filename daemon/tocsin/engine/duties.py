"""What a severity promised and was not kept, and what is to be done after an incident: into rows and figures."""

from typing import TYPE_CHECKING

from tocsin.core.effect import Breached, Followed
from tocsin.core.measure import Breach, Follow

if TYPE_CHECKING:  # which carries out every effect, these among them
    from tocsin.engine.apply import Work


def keep(work: "Work", effect: Breached | Followed) -> None:
    """Write it down and count it."""
    if isinstance(effect, Breached):
        _breached(work, effect.breach)
    else:
        _followed(work, effect.follow)


def _breached(work: "Work", breach: Breach) -> None:
    work.tx.put_breach(breach)
    work.figures.count("slo_breaches_total", playbook=breach.playbook, severity=breach.severity, target=breach.promise)


def _followed(work: "Work", follow: Follow) -> None:
    work.tx.put_follow(follow)
    if follow.outcome not in ("done", "waived"):
        return
    outcome = "waived" if follow.outcome == "waived" else "in_time" if follow.is_in_time else "late"
    if follow.is_post_mortem:
        work.figures.count("post_mortems_total", playbook=follow.playbook, severity=follow.severity, outcome=outcome)
    else:
        work.figures.count("action_items_done_total", playbook=follow.playbook, outcome=outcome)

"""What a severity promised and was not kept, and what was left to be done after an incident: into the figures."""

from tocsin.core.effect import Breached, DutyDone
from tocsin.engine.figures import Figures


def count(figures: Figures, playbook: str, effect: Breached | DutyDone) -> None:
    """Count it."""
    if isinstance(effect, Breached):
        figures.count("slo_breaches_total", playbook=playbook, severity=effect.severity, target=effect.promise)
    elif effect.is_post_mortem:
        figures.count("post_mortems_total", playbook=playbook, severity=effect.severity, outcome=effect.outcome)
    else:
        figures.count("action_items_done_total", playbook=playbook, outcome=effect.outcome)

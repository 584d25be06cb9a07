"""Whom the clock turns to: the holder of a role, or else whoever is nearest to the incident."""

from tocsin.core.clock import Item
from tocsin.core.incident import Incident


def in_role(incident: Incident, role: str) -> tuple[str, ...]:
    """Who has taken a role of the playbook, else whom the playbook names for it; empty where there is no such role."""
    person = incident.work.roles.get(role) if incident.work is not None else None
    if person:
        return (person,)
    known = incident.plan.role(role)
    return known.targets if known is not None else ()


def communication_lead(incident: Incident) -> tuple[str, ...]:
    """Who writes the updates: the role's holder, else the acknowledger, else tier 1."""
    return in_role(incident, incident.plan.duties.updates_by) or _nearest(incident, incident.acknowledged_by)


def communication_backup(incident: Incident) -> tuple[str, ...]:
    """Who writes the updates where whoever should does not hear of it."""
    role = incident.plan.role(incident.plan.duties.updates_by)
    return role.backup if role is not None else ()


def post_mortem_owner(incident: Incident) -> tuple[str, ...]:
    """Who owns the post-mortem: the role's holder, else the acknowledger, else the resolver, else tier 1."""
    holder = in_role(incident, incident.plan.duties.post_mortem_by)
    return holder or _nearest(incident, incident.acknowledged_by or incident.resolved_by)


def item_owner(incident: Incident, item: Item) -> tuple[str, ...]:
    """Whose an action item is: as it says, else the holder of its role, else the owner of the post-mortem."""
    if item.owner:
        return (item.owner,)
    return (in_role(incident, item.role) if item.role else ()) or post_mortem_owner(incident)


def told_of_breaches(incident: Incident) -> tuple[str, ...]:
    """Who hears of a breach: where the incident's own message stands, and whoever has it."""
    has_it = (incident.acknowledged_by,) if incident.acknowledged_by else ()
    return tuple(dict.fromkeys((*incident.plan.announce, *has_it)))


def _nearest(incident: Incident, person: str | None) -> tuple[str, ...]:
    return (person,) if person else incident.plan.tier(1).targets

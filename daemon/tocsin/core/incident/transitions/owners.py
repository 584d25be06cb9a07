"""Recipients of reminders: the holder of a role, or else the person closest to the incident."""

from collections.abc import Iterator

from tocsin.core.incident.incident import Incident
from tocsin.core.incident.incident_duty import IncidentDuty
from tocsin.core.incident.sla import Item, duties_of
from tocsin.core.playbook.duties import POST_MORTEM, RESPONDERS, Meeting
from tocsin.core.playbook.playbook import Moment, Playbook


def in_role(incident: Incident, role: str) -> tuple[str, ...]:
    """Return the holder of a role, else the playbook's targets for it; empty if there is no such role."""
    person = incident.work.roles.get(role) if incident.work is not None else None
    if person:
        return (person,)
    plan_role = incident.plan.role(role)
    return plan_role.targets if plan_role is not None else ()


def communication_lead(incident: Incident) -> tuple[str, ...]:
    """Return the author of the updates: the role's holder, else the acknowledger, else tier 1."""
    return in_role(incident, incident.plan.duties.updates_by) or _nearest(incident, incident.acknowledged_by)


def communication_backup(incident: Incident) -> tuple[str, ...]:
    """Return the targets to remind as well if the author of the updates does not respond."""
    role = incident.plan.role(incident.plan.duties.updates_by)
    return role.backup if role is not None else ()


def post_mortem_owner(incident: Incident) -> tuple[str, ...]:
    """Return the owner of the postmortem: the role's holder, else the acknowledger, else the resolver, else tier 1."""
    holder = in_role(incident, incident.plan.duties.post_mortem_by)
    return holder or _nearest(incident, incident.acknowledged_by or incident.resolved_by)


def item_owner(incident: Incident, item: Item) -> tuple[str, ...]:
    """Return the owner of an action item: the named one, else the holder of its role, else the postmortem's owner."""
    if item.owner:
        return (item.owner,)
    return (in_role(incident, item.role) if item.role else ()) or post_mortem_owner(incident)


def duty_owner(incident: Incident, duty: IncidentDuty) -> tuple[str, ...]:
    """Return the owner of a duty: its role's holder or its target, else the responder.

    Without either, after the resolve, it is the owner of the postmortem.
    """
    if duty.name == POST_MORTEM:
        return post_mortem_owner(incident)
    named = _role_or_target(incident, duty.by)
    if named:
        return named
    if duty.since == Moment.RESOLVED:
        return post_mortem_owner(incident)
    return _nearest(incident, incident.acknowledged_by)


def invited(incident: Incident, meeting: Meeting, owner: tuple[str, ...]) -> tuple[str, ...]:
    """Return the targets to invite to a meeting, the owner of its duty first."""
    targets: list[str] = []
    for name in meeting.invites(incident.flags):
        targets += responders(incident) if name == RESPONDERS else _role_or_target(incident, name)
    return tuple(dict.fromkeys((*owner, *targets)))


def responders(incident: Incident) -> Iterator[str]:
    """Yield the people who responded in this occurrence: acknowledged, declared, had a role, resolved."""
    work = incident.work
    if incident.acknowledged_by:
        yield incident.acknowledged_by
    if work is not None:
        yield from (work.declared_by,) if work.declared_by else ()
        yield from work.roles.values()
        yield from (tick.by for tick in work.ticks)
    if incident.resolved_by:
        yield incident.resolved_by


def _role_or_target(incident: Incident, name: str) -> tuple[str, ...]:
    """Return the holder of a role, else its targets; a name that is no role is a target itself."""
    if not name or incident.plan.role(name) is not None:
        return in_role(incident, name) if name else ()
    return (name,)


def told_of_breaches(incident: Incident) -> tuple[str, ...]:
    """Return the recipients of a breach: the targets of the incident's own message, and the acknowledger."""
    acknowledger = (incident.acknowledged_by,) if incident.acknowledged_by else ()
    return tuple(dict.fromkeys((*incident.plan.announce, *acknowledger)))


def target_names(plan: Playbook) -> dict[str, str]:
    """Return the names that people know of groups and rotations: the tier or the role for which one stands alone."""
    named = [*((role.targets, role.name) for role in plan.roles), *((tier.targets, tier.name) for tier in plan.tiers)]
    return {targets[0]: name for targets, name in named if len(targets) == 1}


def tasks(incident: Incident) -> dict[str, str]:
    """Return the texts of the duties, by their names: of the playbook, and of the incident itself."""
    required = {duty.name: duty.text for duty in incident.plan.duties.required}
    return required | {duty.name: duty.text for duty in duties_of(incident.obligations)}


def _nearest(incident: Incident, person: str | None) -> tuple[str, ...]:
    return (person,) if person else incident.plan.tier(1).targets

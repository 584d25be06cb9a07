"""A playbook's own words: the texts that it sends when something happens to an incident."""

from tocsin.core.effect import Notify
from tocsin.core.incident import Incident
from tocsin.core.message import MESSAGE_STEP, Message
from tocsin.core.playbook import Kind, Moment, Until
from tocsin.core.throttle import is_told_by_its_storm
from tocsin.core.transitions.change import Change


def tell(change: Change, moment: Moment) -> None:
    """Send what the playbook has to say at this moment. A drill tells nobody who is no responder."""
    incident = change.incident
    if incident.drill or is_told_by_its_storm(incident):
        return
    for number, message in enumerate(incident.plan.texts.messages, start=1):
        if message.at == moment and _is_for(incident, message):
            change.notify(
                Notify(
                    kind=Kind.UPDATE,
                    step=f"{MESSAGE_STEP}{number}.{incident.version}",
                    tier=max(incident.reached, default=1),
                    targets=message.to,
                    until=Until.RESOLVED,
                    because=f"{message.template}, as it was {moment}",
                )
            )
            change.record("told", template=message.template, targets=list(message.to))


def tell_opened(change: Change) -> None:
    """Once an occurrence, after its ladder first notifies somebody: what waits is nobody's business yet."""
    incident = change.incident
    if not incident.plan.texts.messages or not change.is_first_reached:
        return
    moments = change.standing.moments
    if Moment.OPENED not in moments:
        change.stand(moments=(*moments, Moment.OPENED))
        tell(change, Moment.OPENED)


def _is_for(incident: Incident, message: Message) -> bool:
    if message.severities and incident.severity not in message.severities:
        return False
    return not message.when or any(flag in incident.flags for flag in message.when)

"""Incidents that people declare before any alert, or without one."""

import hashlib
from collections.abc import Callable

import msgspec

from tocsin.core.alerts.subject import Subject
from tocsin.core.errors import UnknownChoice, UnknownLevel
from tocsin.core.incident.escalation import unopened
from tocsin.core.incident.event import Actor, Declare, Opened, SetFacts
from tocsin.core.incident.incident import Incident
from tocsin.core.playbook.playbook import Playbook
from tocsin.core.suggestions import choices, known_names
from tocsin.engine.change.commit import Committer
from tocsin.engine.change.policy import Policy
from tocsin.engine.change.unit_of_work import UnitOfWork

KEY = "tocsin/declared"
"""Beginning of the dedup key of a declared incident; no rule sets a key that begins like this."""


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that a person declares."""

    title: str
    severity: str
    playbook: str = ""
    """Name of a playbook; "" for the default one."""
    service: str = ""
    team: str = ""
    summary: str = ""
    reason: str = ""
    flags: tuple[str, ...] = ()
    facts: dict[str, str] = {}


class Declarer:
    """The declaration of incidents by people."""

    def __init__(self, committer: Committer, new_id: Callable[[], str]) -> None:
        self._committer = committer
        self._new_id = new_id

    async def declare(self, declaration: Declaration, by: Actor, delivery: tuple[str, str] | None = None) -> Incident:
        """Open the incident at once, even during a maintenance window: a person requests it.

        A repeated ``delivery`` returns the incident that the first one opened.

        Raises:
            UnknownChoice: There is no such playbook.
            UnknownLevel: The playbook has no such severity or flag.
            StoreUnavailable: The store cannot commit now.
        """

        def do(uow: UnitOfWork) -> Incident:
            incident_id = self._new_id()
            key = f"{KEY}/{incident_id if delivery is None else hashlib.sha256(repr(delivery).encode()).hexdigest()}"
            there = uow.tx.latest_incidents([key]).get(key)
            return there if there is not None else _open(uow, incident_id, key, declaration, by)

        return await self._committer.commit("respond", do)


def _open(uow: UnitOfWork, incident_id: str, key: str, declaration: Declaration, by: Actor) -> Incident:
    plan = _plan(uow.policy, declaration)
    incident = unopened(
        incident_id=incident_id,
        number=uow.tx.next_numbers(1),
        dedup_key=key,
        plan=plan,
        subject=Subject(
            title=declaration.title, service=declaration.service, team=declaration.team, summary=declaration.summary
        ),
        now=uow.now,
        by_hand=True,
    )
    incident = uow.change(incident, Opened(fired=(), severity=declaration.severity, flags=declaration.flags))
    if declaration.facts:
        incident = uow.change(incident, SetFacts(by=by, facts=declaration.facts))
    return uow.change(incident, Declare(by=by, reason=declaration.reason))


def _plan(policy: Policy, declaration: Declaration) -> Playbook:
    name = declaration.playbook or policy.rules.default_playbook
    plan = policy.playbooks.get(name)
    if plan is None:
        raise UnknownChoice(f"there is no playbook {name!r}; {known_names(name, policy.playbooks)}")
    plan.level(declaration.severity)
    unknown = next((flag for flag in declaration.flags if flag not in plan.flags), None)
    if unknown is not None:
        raise UnknownLevel(f"playbook {plan.name} has no flag {unknown!r}; {choices(unknown, plan.flags)}")
    return plan

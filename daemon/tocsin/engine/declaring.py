"""Incidents that people declare before any alert, or without one."""

import hashlib
from collections.abc import Callable

import msgspec

from tocsin.core.errors import UnknownLevel, UnknownName
from tocsin.core.escalation import unopened
from tocsin.core.event import Actor, Declare, Opened, SetFacts
from tocsin.core.incident import Incident
from tocsin.core.playbook import Playbook
from tocsin.engine.apply import Work
from tocsin.engine.commit import Committer
from tocsin.engine.policy import Policy

KEY = "tocsin/declared"
"""What the dedup key of such an incident begins with; no rule makes one like it."""


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody declares."""

    title: str
    severity: str
    playbook: str = ""
    """A name; "" for the default one."""
    service: str = ""
    team: str = ""
    summary: str = ""
    reason: str = ""
    flags: tuple[str, ...] = ()
    facts: dict[str, str] = {}


class Declarer:
    """Opens what people declare."""

    def __init__(self, committer: Committer, new_id: Callable[[], str]) -> None:
        self._committer = committer
        self._new_id = new_id

    async def declare(self, wish: Declaration, by: Actor, delivery: tuple[str, str] | None = None) -> Incident:
        """Open the incident, at once and whatever a maintenance window says: a person asks for people.

        The second sight of a ``delivery`` is the incident that the first has opened.

        Raises:
            UnknownName: There is no such playbook.
            UnknownLevel: The playbook has no such severity or flag.
            StoreUnavailable: The store does not answer.
        """

        def work(changes: Work) -> Incident:
            incident_id = self._new_id()
            key = f"{KEY}/{incident_id if delivery is None else hashlib.sha256(repr(delivery).encode()).hexdigest()}"
            there = changes.tx.latest_incidents([key]).get(key)
            return there if there is not None else _open(changes, incident_id, key, wish, by)

        return await self._committer.commit("respond", work)


def _open(work: Work, incident_id: str, key: str, wish: Declaration, by: Actor) -> Incident:
    plan = _plan(work.policy, wish)
    incident = unopened(
        incident_id=incident_id,
        number=work.tx.next_numbers(1),
        dedup_key=key,
        plan=plan,
        title=wish.title,
        service=wish.service,
        team=wish.team,
        summary=wish.summary,
        now=work.now,
        by_hand=True,
    )
    incident = work.change(incident, Opened(fired=(), severity=wish.severity, flags=wish.flags))
    if wish.facts:
        incident = work.change(incident, SetFacts(by=by, facts=wish.facts))
    return work.change(incident, Declare(by=by, reason=wish.reason))


def _plan(policy: Policy, wish: Declaration) -> Playbook:
    name = wish.playbook or policy.rules.default_playbook
    plan = policy.playbooks.get(name)
    if plan is None:
        raise UnknownName(f"there is no playbook {name!r}; there is: {', '.join(sorted(policy.playbooks))}")
    plan.level(wish.severity)
    unknown = next((flag for flag in wish.flags if flag not in plan.flags), None)
    if unknown is not None:
        known = ", ".join(plan.flags) or "none"
        raise UnknownLevel(f"playbook {plan.name} has no flag {unknown!r}; it has: {known}")
    return plan

"""Scheduled drills: ``drills:``."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field

from tocsin.conf.playbooks.parts import Check, Part
from tocsin.conf.playbooks.reminders import RecurringEntry, check_recurring
from tocsin.conf.settings import Times
from tocsin.conf.source import Node
from tocsin.core.playbook.reminder import ScheduledDrill


class DrillEntry(RecurringEntry):
    """One of ``drills:``."""

    def drill(self) -> ScheduledDrill:
        """Return the drill as the core's type."""
        return ScheduledDrill(**self.recurring())


class DrillsPart(Part):
    """The scheduled drills."""

    drills: Annotated[tuple[DrillEntry, ...], Field(max_length=20)] = ()

    def of_playbook(self, times: Times) -> dict[str, Any]:
        """Return the drills as the core's types."""
        del times
        return {"drills": tuple(entry.drill() for entry in self.drills)}

    def check(self, check: Check) -> None:
        """Check that names are unique and that every rule names times."""
        check_recurring("drills", [entry.drill() for entry in self.drills], check)

    @classmethod
    def targets_in(cls, node: Node) -> Iterable[Node]:
        """Return the people and places that are drilled."""
        drills = node.child("drills")
        lists = [entry.child("to") for _, entry in drills.children()] if drills is not None else []
        yield from (targets for targets in lists if targets is not None)

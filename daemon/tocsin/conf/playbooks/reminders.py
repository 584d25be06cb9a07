"""What is to be done again and again: ``reminders:``."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field

from tocsin.conf.playbooks.parts import Check, Part
from tocsin.conf.schema import Name, Section, Text
from tocsin.conf.settings import Times
from tocsin.conf.source import Node
from tocsin.conf.wall_clock import Local, TimeZone
from tocsin.core.errors import WindowError
from tocsin.core.reminder import Reminder
from tocsin.core.reminding import recurrence_of


class ReminderEntry(Section):
    """One of ``reminders:``."""

    name: Text
    rrule: Text
    starts: Local
    time_zone: TimeZone = "UTC"
    to: Annotated[tuple[Name, ...], Field(min_length=1)]
    text: str = ""

    def reminder(self) -> Reminder:
        """As the core has it."""
        return Reminder(
            name=self.name,
            rrule=self.rrule,
            starts=self.starts.isoformat(),
            time_zone=str(self.time_zone),
            to=self.to,
            text=self.text,
        )


class RemindersPart(Part):
    """The reminders."""

    reminders: Annotated[tuple[ReminderEntry, ...], Field(max_length=100)] = ()

    def of_playbook(self, times: Times) -> dict[str, Any]:
        """As the core has them."""
        del times
        return {"reminders": tuple(entry.reminder() for entry in self.reminders)}

    def check(self, check: Check) -> None:
        """No name stands there twice, and every rule names times."""
        names: set[str] = set()
        for index, entry in enumerate(self.reminders):
            node = check.node.at("reminders", index)
            if entry.name in names:
                check.problem(node.at("name"), f"there is another reminder {entry.name!r}", "give each its own name")
            names.add(entry.name)
            try:
                recurrence_of(entry.reminder())
            except WindowError as error:
                check.problem(node.at("rrule"), str(error), error.hint)

    @classmethod
    def targets_in(cls, node: Node) -> Iterable[Node]:
        """Whom they are for."""
        reminders = node.child("reminders")
        lists = [entry.child("to") for _, entry in reminders.children()] if reminders is not None else []
        yield from (targets for targets in lists if targets is not None)

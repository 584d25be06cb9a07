"""Recurring tasks: ``reminders:``."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from tocsin.conf.playbooks.parts import Check, Part
from tocsin.conf.schema import Name, Section, Text
from tocsin.conf.settings import Times
from tocsin.conf.source import Node
from tocsin.conf.wall_clock import Local, TimeZone
from tocsin.core.errors import WindowError
from tocsin.core.playbook.reminder import Recurring, Reminder
from tocsin.core.playbook.reminder_schedule import recurrence_of

REPORT_MONTHS = {"month": 1, "quarter": 3, "year": 12}
"""The periods of ``report:`` in months."""


class RecurringEntry(Section):
    """A recurring task."""

    name: Text
    rrule: Text
    starts: Local
    time_zone: TimeZone = "UTC"
    to: Annotated[tuple[Name, ...], Field(min_length=1)]

    def recurring(self) -> dict[str, Any]:
        """Return the fields of the core's `Recurring`."""
        return {
            "name": self.name,
            "rrule": self.rrule,
            "starts": self.starts.isoformat(),
            "time_zone": str(self.time_zone),
            "to": self.to,
        }


class ReminderEntry(RecurringEntry):
    """One of ``reminders:``."""

    text: str = ""
    report: Literal["month", "quarter", "year"] | None = None

    def reminder(self) -> Reminder:
        """Return the reminder as the core's type."""
        months = REPORT_MONTHS[self.report] if self.report is not None else 0
        return Reminder(**self.recurring(), text=self.text, report_months=months)


def check_recurring(key: str, tasks: Sequence[Recurring], check: Check) -> None:
    """Check that the tasks under a key have unique names and that every rule names times."""
    names: set[str] = set()
    for index, task in enumerate(tasks):
        node = check.node.at(key, index)
        if task.name in names:
            check.problem(node.at("name"), f"there is another {key[:-1]} {task.name!r}", "give each its own name")
        names.add(task.name)
        try:
            recurrence_of(task)
        except WindowError as error:
            check.problem(node.at("rrule"), str(error), error.hint)


class RemindersPart(Part):
    """The reminders."""

    reminders: Annotated[tuple[ReminderEntry, ...], Field(max_length=100)] = ()

    def of_playbook(self, times: Times) -> dict[str, Any]:
        """Return the reminders as the core's types."""
        del times
        return {"reminders": tuple(entry.reminder() for entry in self.reminders)}

    def check(self, check: Check) -> None:
        """Check that names are unique and that every rule names times."""
        check_recurring("reminders", [entry.reminder() for entry in self.reminders], check)

    @classmethod
    def targets_in(cls, node: Node) -> Iterable[Node]:
        """Return the recipients."""
        reminders = node.child("reminders")
        lists = [entry.child("to") for _, entry in reminders.children()] if reminders is not None else []
        yield from (targets for targets in lists if targets is not None)

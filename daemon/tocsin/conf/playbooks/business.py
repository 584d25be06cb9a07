"""Business hours and holidays: when steps with ``hours: business`` are carried out."""

from datetime import date, timedelta
from typing import Annotated, Any

from pydantic import Field, model_validator

from tocsin.conf.playbooks.parts import Check, Part
from tocsin.conf.schema import Section, mistake
from tocsin.conf.settings import Times
from tocsin.conf.wall_clock import Day, TimeOfDay, TimeZone, Weekdays
from tocsin.core.schedule.hours import BusinessHours

DEFAULT = BusinessHours()
CLOSED_AT_MOST = 31
"""Maximum number of days without business hours; work that waits longer needs other hours."""


class HoursEntry(Section):
    """``business_hours:``."""

    days: Weekdays = DEFAULT.days
    from_: Annotated[TimeOfDay, Field(alias="from")] = DEFAULT.opens
    to: TimeOfDay = DEFAULT.closes
    time_zone: TimeZone = DEFAULT.time_zone
    holidays: Annotated[tuple[Day, ...], Field(max_length=1000)] = ()

    @model_validator(mode="after")
    def _open_before_they_close(self) -> "HoursEntry":
        if self.from_ >= self.to:
            raise mistake("closes before it opens", 'write from: "09:00", to: "17:00"')
        return self

    def hours(self) -> BusinessHours:
        """Return the hours as the core's type."""
        return BusinessHours(
            days=self.days, opens=self.from_, closes=self.to, time_zone=self.time_zone, holidays=self.holidays
        )


class BusinessHoursPart(Part):
    """The hours of the whole playbook."""

    business_hours: HoursEntry = HoursEntry()

    def of_playbook(self, times: Times) -> dict[str, Any]:
        """Return the business hours."""
        del times
        return {"business_hours": self.business_hours.hours()}

    def check(self, check: Check) -> None:
        """Check that holidays have an end, and that none is listed twice."""
        entry, node = self.business_hours, check.node.at("business_hours", "holidays")
        for index, holiday in enumerate(entry.holidays):
            if holiday in entry.holidays[:index]:
                check.problem(node.at(index), f"{holiday} is given twice", "remove one")
            elif not _opens_within(entry, date.fromisoformat(holiday)):
                message = f"from {holiday} on nothing opens for {CLOSED_AT_MOST} days"
                check.problem(node.at(index), message, "what waits for business hours would never be sent: remove some")
                return


def _opens_within(entry: HoursEntry, first: date) -> bool:
    days = (first + timedelta(days=ahead) for ahead in range(CLOSED_AT_MOST + 1))
    return any(day.weekday() in entry.days and day.isoformat() not in entry.holidays for day in days)

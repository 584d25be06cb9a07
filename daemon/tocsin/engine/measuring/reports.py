"""Reports of a period, made from the store."""

import asyncio

from tocsin.core.errors import InvalidValue, UnknownChoice
from tocsin.core.measures.period import (
    ReportPeriod,
    between,
    day_of,
    expect_begun,
    month,
    month_of,
    months_before,
    previous,
)
from tocsin.core.measures.records import Records
from tocsin.core.measures.report import Conditions, IncidentReport, ReportFilter, report
from tocsin.core.measures.summary import summary
from tocsin.core.suggestions import choices
from tocsin.engine.change.policy import Policy
from tocsin.engine.measuring.reading import TooLarge, read, records_of
from tocsin.ports.store import Store


def period_of(month_text: str | None, first: str | None, last: str | None, zone: str, now: int) -> ReportPeriod:
    """Return the requested period: a month, or days from the first to the last; by default the current month.

    Without a last day, the period ends today.

    Raises:
        InvalidValue: It cannot be read, its ends are exchanged, or it lies in the future.
    """
    if month_text is not None:
        if first is not None or last is not None:
            raise InvalidValue("name either a month, or the first and the last day")
        period = month(month_text, zone)
    elif first is not None:
        period = between(first, max(first, day_of(now, zone)) if last is None else last, zone)
    elif last is not None:
        raise InvalidValue("name the first day as well")
    else:
        period = month_of(now, zone)
    expect_begun(period, now)
    return period


async def make_report(
    store: Store, policy: Policy, now: int, period: ReportPeriod, only: ReportFilter | None = None
) -> IncidentReport:
    """Return the report of a period.

    Raises:
        UnknownChoice: There is no such playbook, today or among the incidents.
        TooLarge: There are too many records.
    """
    before = previous(period)
    stored = await read(store, policy, before.starts_at, period.ends_at)
    conditions = conditions_of(policy, now, only or ReportFilter())

    def make() -> IncidentReport:
        records = records_of(stored, policy)
        _expect_known(conditions.only, records, policy)
        return report(records, period, before, conditions)

    # Thousands of records would hold up the event loop, and a thread of the store those who read.
    return await asyncio.to_thread(make)


async def report_before(store: Store, policy: Policy, now: int, at: int, months: int, playbook: str) -> str:
    """Return the report of a playbook over the whole months before a time in a few sentences, for a reminder.

    If there are too many records, the text says so: a reminder is sent in any case.
    """
    period = months_before(at, months, policy.report_zone)
    where = f"--month {period.first_day:%Y-%m}" if months == 1 else f"--from {period.first_day} --to {period.last_day}"
    try:
        text = summary(await make_report(store, policy, now, period, ReportFilter(playbook=playbook)))
    except TooLarge as error:
        text = f"No report of {period.name}: {error}."
    return f"{text} Full report: tocsin report {where} --playbook {playbook}"


def conditions_of(policy: Policy, now: int, only: ReportFilter) -> Conditions:
    """Return the configuration and the time for a report."""
    return Conditions(
        now=now,
        playbooks=policy.playbooks,
        objectives=policy.objectives,
        zones={name: zone for name in policy.people.persons if (zone := policy.people.time_zone_of(name))},
        only=only,
    )


def _expect_known(only: ReportFilter, records: Records, policy: Policy) -> None:
    name = only.playbook
    if name is None or name in policy.playbooks or any(each.playbook == name for each in records.incidents):
        return
    raise UnknownChoice(f"there is no playbook {name[:100]!r}; {choices(name, policy.playbooks)}")

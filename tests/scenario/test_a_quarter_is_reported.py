"""Each figure of a report equals one that the test computes by itself from timelines, pages and its own script."""

import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from scenario.ledger import Ledger
from scenario.quarter import DAYS, Quarter, happen, script, tocsin_of_the_quarter
from tocsin.cli.reporting.comma_separated import comma_separated
from tocsin.cli.reporting.html import html
from tocsin.cli.reporting.markdown import markdown
from tocsin.cli.reporting.text import print_report
from tocsin.core.duration import DAY
from tocsin.core.measures.figures import Measures
from tocsin.core.measures.listing import LISTED_DUTIES
from tocsin.core.measures.period import ReportPeriod, between, month, previous
from tocsin.core.measures.report import IncidentReport, ReportFilter
from tocsin.engine.measuring.reports import make_report
from tocsin.testing.harness import Harness
from tocsin.web.api.views import encoded

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def quarter() -> AsyncIterator[Quarter]:
    async with tocsin_of_the_quarter() as tocsin:
        yield await happen(tocsin, script(), tocsin.clock.start + DAYS * DAY)


async def report_of(tocsin: Harness, name: str, zone: str = "UTC", **only: str) -> IncidentReport:
    period = month(name, zone) if len(name) == 7 else between(*name.split("/"), zone)
    return await make_report(tocsin.store, tocsin.live.policy, tocsin.clock.now(), period, ReportFilter(**only))


def flat(found: Any, path: str = "") -> dict[str, object]:
    """Every figure by its path, such as ``levels.3.targets.0.met``."""
    if isinstance(found, dict | list | tuple):
        parts = found.items() if isinstance(found, dict) else enumerate(found)
        return {key: value for name, part in parts for key, value in flat(part, f"{path}.{name}").items()}
    return {path: pytest.approx(found) if isinstance(found, float) else found}


def compare(measures: Measures, ledger: Ledger) -> None:
    """Every figure of one period, whatever it is called."""
    assert flat(msgspec.to_builtins(measures)) == flat(ledger.measures())


def ledger_of(quarter: Quarter, period: ReportPeriod, **only: str) -> Ledger:
    days = (period.first_day, period.last_day)
    return Ledger(quarter, days, quarter.tocsin.clock.now(), period.months, period.time_zone, **only)


NAMES = ("2026-08", "2026-09", "2026-10", "2026-08-01/2026-10-29", "2026-09-30/2026-09-30")
FILTERS: tuple[dict[str, str], ...] = (
    {},
    {"playbook": "erlmcp"},
    {"playbook": "service-quick-reference"},
    {"service": "mail"},
    {"playbook": "mgmt-vibe", "service": "checkout"},
)


@pytest.mark.parametrize("only", FILTERS, ids=lambda only: " ".join(only.values()) or "all")
@pytest.mark.parametrize("name", NAMES)
async def test_each_figure_equals_one_computed_from_the_events(
    quarter: Quarter, name: str, only: dict[str, str]
) -> None:
    made = await report_of(quarter.tocsin, name, **only)
    compare(made.current, ledger_of(quarter, made.period, **only))
    compare(made.previous, ledger_of(quarter, previous(made.period), **only))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
async def test_days_and_months_begin_at_midnight_of_the_zone(quarter: Quarter, zone: str) -> None:
    """In Berlin the clock goes back within October."""
    made = await report_of(quarter.tocsin, "2026-10", zone)
    ledger = ledger_of(quarter, made.period)
    compare(made.current, ledger)
    assert flat(msgspec.to_builtins(made.trend)) == flat(ledger.trend(1))


@pytest.mark.parametrize("only", FILTERS, ids=lambda only: " ".join(only.values()) or "all")
@pytest.mark.parametrize("name", NAMES)
async def test_each_line_of_a_list_is_one_of_the_events(quarter: Quarter, name: str, only: dict[str, str]) -> None:
    made = await report_of(quarter.tocsin, name, **only)
    ledger = ledger_of(quarter, made.period, **only)
    assert flat(msgspec.to_builtins(made.trend)) == flat(ledger.trend(made.trend_days))
    slowest = [(str(line.number), line.occurrence, line.resolve_seconds, line.pages) for line in made.slowest]
    assert slowest == ledger.slowest()
    assert [(str(line.number), line.occurrence, line.pages) for line in made.incidents] == ledger.newest()
    assert [(line.pages, line.occurrences, line.incidents) for line in made.noisiest] == ledger.noisiest()
    duties = [(line.due_at, str(line.number), line.duty) for line in made.open_duties]
    wanted = ledger.open_duties()
    assert [duty[0] for duty in duties] == [duty[0] for duty in wanted[:LISTED_DUTIES]]
    assert set(duties) <= set(wanted)
    assert len(duties) + made.open_duties_left_out == len(wanted)
    assert all(line.overdue == (line.due_at < ledger.ends) for line in made.open_duties)


async def test_a_report_of_the_quarter_takes_less_than_two_seconds(quarter: Quarter) -> None:
    began = time.perf_counter()
    made = await report_of(quarter.tocsin, "2026-08-01/2026-10-29")
    answer = msgspec.json.decode(msgspec.json.encode(encoded(made)))
    for render in (print_report, markdown, comma_separated, html):
        render(answer)
    assert time.perf_counter() - began < 2


async def test_the_quarter_has_something_of_everything(quarter: Quarter) -> None:
    made = (await report_of(quarter.tocsin, "2026-08-01/2026-10-29")).current
    assert made.incidents > 380
    assert made.occurrences > made.incidents
    assert len(made.playbooks) == 5
    for count in (
        made.unacknowledged,
        made.users.total,
        made.action_items.done_late,
        made.action_items.overdue,
        made.post_mortems.late,
        made.post_mortems.waived,
        made.duties.in_time,
        made.duties.late,
        made.duties.waived,
        made.duties.overdue,
        made.pages.at_night,
        *(each.met * each.missed for each in made.recovery),
    ):
        assert count


async def test_goals_are_compared_with_the_figures(quarter: Quarter) -> None:
    made = await report_of(quarter.tocsin, "2026-09")
    ledger = ledger_of(quarter, made.period, playbook="service-quick-reference")
    p0 = [spell for spell in ledger.spells if spell.severity == "P0"]
    figures = ledger.measures()
    kept = figures["post_mortems"]["in_time_ratio"]
    assert [(goal.goal, goal.severity, goal.limit, goal.achieved, goal.met) for goal in made.current.goals] == [
        ("mttr", "P0", 1800, pytest.approx(ledger.times(p0)["resolve"]["seconds"]), False),
        ("mttd", "", 300, pytest.approx(figures["detect"]["seconds"]), True),
        ("incidents_a_month", "", 1, figures["incidents"], False),
        ("post_mortems_in_time", "", 1, pytest.approx(kept), False),
    ]

"""Each figure of a report equals one that the test computes by itself from timelines, pages and its own script."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from scenario.ledger import Ledger
from scenario.quarter import DAYS, Quarter, happen, script, tocsin_of_the_quarter
from tocsin.core.duration import DAY
from tocsin.core.measures.figures import Measures, TimeFigure
from tocsin.core.measures.period import between, month, previous
from tocsin.core.measures.report import IncidentReport, ReportFilter
from tocsin.engine.measuring.reports import make_report
from tocsin.testing.harness import Harness

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def quarter() -> AsyncIterator[Quarter]:
    async with tocsin_of_the_quarter() as tocsin:
        yield await happen(tocsin, script(), tocsin.clock.start + DAYS * DAY)


async def report_of(tocsin: Harness, name: str, playbook: str | None = None) -> IncidentReport:
    period = month(name, "UTC") if len(name) == 7 else between(*name.split("/"), "UTC")
    only = ReportFilter(playbook=playbook)
    return await make_report(tocsin.store, tocsin.live.policy, tocsin.clock.now(), period, only)


def plain(figure: TimeFigure) -> tuple[float | None, int]:
    return (None if figure.seconds is None else pytest.approx(figure.seconds), figure.count)


def compare(measures: Measures, ledger: Ledger) -> None:
    """Every figure of one period."""
    assert {name: getattr(measures, name) for name in ledger.counts()} == ledger.counts()
    for name, figure in ledger.times(ledger.spells).items():
        assert plain(getattr(measures, name)) == figure, name
    assert plain(measures.between) == ledger.between(ledger.spells)
    targets = {
        (level.playbook, level.severity, target.target): (target.met, target.missed)
        for level in measures.levels
        for target in level.targets
        if target.met or target.missed
    }
    assert targets == ledger.targets()
    levels = {(level.playbook, level.severity) for level in measures.levels}
    assert levels >= {(spell.seen.trouble.playbook, spell.severity) for spell in ledger.began}
    for level in measures.levels:
        own = [s for s in ledger.spells if (s.seen.trouble.playbook, s.severity) == (level.playbook, level.severity)]
        times = (plain(level.acknowledge), plain(level.resolve), plain(level.detect))
        assert times == tuple(ledger.times(own).values())
        assert level.occurrences == sum(spell.opened in ledger.within for spell in own)
    for groups, attribute in ((measures.playbooks, "playbook"), (measures.services, "service")):
        for group in groups:
            own = [s for s in ledger.spells if getattr(s.seen.trouble, attribute) == group.name]
            assert plain(group.between) == ledger.between(own)
            times = (plain(group.acknowledge), plain(group.resolve), plain(group.detect))
            assert times == tuple(ledger.times(own).values())
        assert sum(group.incidents for group in groups) == measures.incidents
    assert {group.name: group.pages for group in measures.services if group.pages} == dict(ledger.services)
    assert (measures.users.total, measures.users.known, measures.users.unknown) == ledger.users()
    assert {name: getattr(measures.action_items, name) for name in ledger.items()} == ledger.items()
    assert {name: getattr(measures.post_mortems, name) for name in ledger.post_mortems()} == ledger.post_mortems()
    counted = ("due", "in_time", "late", "waived", "pending", "open", "overdue")
    duties = {
        (group.playbook, group.duty): {name: getattr(group, name) for name in counted} for group in measures.duty_groups
    }
    assert duties == ledger.duties()
    for name in counted:
        assert getattr(measures.duties, name) == sum(group[name] for group in duties.values())
    people = {each.person: (each.pages, each.incidents, each.at_night, each.nights) for each in measures.people}
    assert people == ledger.people()
    recovery = {(each.service, each.objective): (each.met, each.missed, each.unknown) for each in measures.recovery}
    assert recovery == ledger.recovery()


NAMES = ("2026-08", "2026-09", "2026-10", "2026-08-01/2026-10-29", "2026-09-30/2026-09-30")


@pytest.mark.parametrize("playbook", [None, "erlmcp", "service-quick-reference"])
@pytest.mark.parametrize("name", NAMES)
async def test_each_figure_equals_one_computed_from_the_events(
    quarter: Quarter, name: str, playbook: str | None
) -> None:
    tocsin = quarter.tocsin
    made = await report_of(tocsin, name, playbook)
    now = tocsin.clock.now()
    compare(made.current, Ledger(quarter, made.period.starts_at, made.period.ends_at, now, playbook))
    before = previous(made.period)
    compare(made.previous, Ledger(quarter, before.starts_at, before.ends_at, now, playbook))


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
    goals = {(goal.goal, goal.severity): goal for goal in made.current.goals}
    ledger = Ledger(
        quarter, made.period.starts_at, made.period.ends_at, quarter.tocsin.clock.now(), "service-quick-reference"
    )
    p0 = [spell for spell in ledger.spells if spell.severity == "P0"]
    mean, _ = ledger.times(p0)["resolve"]
    assert mean is not None
    mttr = goals["mttr", "P0"]
    assert (mttr.limit, mttr.achieved, mttr.met) == (1800, pytest.approx(mean), mean < 1800)
    detect, _ = ledger.times(ledger.spells)["detect"]
    assert goals["mttd", ""].achieved == pytest.approx(detect)
    assert goals["mttd", ""].met is True
    count = ledger.counts()["incidents"]
    assert (goals["incidents_a_month", ""].achieved, goals["incidents_a_month", ""].met) == (count, False)
    mortems = ledger.post_mortems()
    share = mortems["in_time"] / (mortems["in_time"] + mortems["late"])
    assert goals["post_mortems_in_time", ""].achieved == pytest.approx(share)
    assert goals["post_mortems_in_time", ""].met is (mortems["late"] == 0)


async def test_the_trend_adds_up_to_the_whole(quarter: Quarter) -> None:
    made = await report_of(quarter.tocsin, "2026-08-01/2026-10-29")
    assert (made.trend_days, len(made.trend)) == (7, 13)
    assert sum(point.incidents for point in made.trend) == made.current.incidents
    assert sum(point.pages for point in made.trend) == made.current.pages.pages
    assert sum(point.at_night for point in made.trend) == made.current.pages.at_night

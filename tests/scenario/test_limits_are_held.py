"""Past each limit of config/README.md: a clear answer and a count, while another sender's alert and a due page pass."""

import re
from pathlib import Path

import pytest

from scenario import (
    limits_of_calendars,
    limits_of_callers,
    limits_of_files,
    limits_of_peers,
    limits_of_providers,
    limits_of_senders,
)
from scenario.attacks import Case
from scenario.besieged import SECOND_PAGE, Besieged, besieged
from scenario.limits_table import ROWS

CASES = (
    *limits_of_peers.CASES,
    *limits_of_senders.CASES,
    *limits_of_callers.CASES,
    *limits_of_providers.CASES,
    *limits_of_files.CASES,
    *limits_of_calendars.CASES,
)


async def expect_others_are_served(tocsin: Besieged, due: int) -> None:
    """Expect another sender's alert to be answered and paged at once, and the page that falls due at its time."""
    now = tocsin.clock.now()
    assert await tocsin.send("Meanwhile") == 200
    assert tocsin.pages("Meanwhile") == [now]
    await tocsin.advance_to(due)
    assert tocsin.pages("Earlier") == [due - SECOND_PAGE, due]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_past_a_limit_others_are_served_and_it_is_answered_and_counted(case: Case, tmp_path: Path) -> None:
    row = ROWS[case.name]
    async with besieged(tmp_path, **case.setup) as tocsin:
        assert await tocsin.send("Earlier") == 200
        due = tocsin.clock.now() + SECOND_PAGE
        figures = {tocsin.figure(row.metric)}
        async with case.held(tocsin):
            figures.add(tocsin.figure(row.metric))
            await expect_others_are_served(tocsin, due)
        figures.add(tocsin.figure(row.metric))
        assert len(figures) > 1, f"{row.metric} does not count it"
        for status in re.findall(r"\b[45]\d\d\b", row.beyond):
            assert int(status) in tocsin.statuses


def test_every_limit_has_its_case_and_every_case_its_limit() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    assert set(names) == ROWS.keys()

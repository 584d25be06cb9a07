"""The product representative of Ultimate Marketing joins with the flag or the declaration, and the page says which."""

from collections.abc import Sequence

import pytest

from scenario.obligations.shipped import ALEX, persons, story, tocsin
from tocsin.core.incident.event import Declare
from tocsin.core.incident.outbox import Job


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (["declaration", "flag"], "flagged customer_facing"),
        (["flag", "declaration"], "it was declared"),
        (["flag"], "no one has acknowledged it for 15 min"),
    ],
)
async def test_the_page_names_what_has_brought_them_in(order: Sequence[str], reason: str) -> None:
    async with tocsin() as harness:
        await story(harness, "ultimate-marketing").fire("P1", automated_recovery="no")
        for what in order:
            await harness.advance(minutes=1)
            await (harness.flag("customer_facing") if what == "flag" else harness.say(Declare(by=ALEX)))
        await harness.advance(minutes=14)
        [page, *_] = [page for page in harness.sent(Job.PAGE) if page.target in persons("product")]
        assert page.because == reason

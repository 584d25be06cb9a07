"""New faults page at once when a person has resolved tocsin's own incident, unchanged ones when the grace is over."""

import pytest

from tocsin.core.incident.outbox import Job
from tocsin.engine.selfwatch.troubles import KNOWN_FAULTS
from tocsin.testing.harness import Harness

DEAD = ("dead", "slack", "Page of incident 7 for alex: 404 channel_not_found", "page of incident 7 for alex")
ANOTHER = ("dead", "slack", "Page of incident 8 for alex: 404 channel_not_found", "page of incident 8 for alex")


async def report(tocsin: Harness, *trouble: str) -> None:
    tocsin.ingest.report(*trouble)
    await tocsin.settle()


async def test_another_page_that_is_lost_pages_at_once(tocsin: Harness) -> None:
    await report(tocsin, *DEAD)
    await tocsin.close("alice")
    await tocsin.advance(minutes=5)
    await report(tocsin, *ANOTHER)
    incident = await tocsin.incident()
    assert (incident.state, incident.occurrence) == ("triggered", 2)
    assert tocsin.pages() == [(0, "console"), (5, "console")]
    (page,) = tocsin.sent(Job.PAGE)[1:]
    assert {line.annotations["description"] for line in page.alerts} == {DEAD[2], ANOTHER[2]}


async def test_another_one_within_the_same_minute_is_not_left_out(tocsin: Harness) -> None:
    await report(tocsin, *DEAD)
    await report(tocsin, *ANOTHER)
    assert (await tocsin.incident()).alerts_firing == 2
    assert tocsin.pages() == [(0, "console")]


async def test_the_same_trouble_stays_quiet_for_the_grace_and_comes_back_if_it_still_stands(tocsin: Harness) -> None:
    await report(tocsin, *DEAD)
    await tocsin.close("alice")
    for _ in range(70):
        await tocsin.advance(minutes=1)
        await tocsin.housekeeper.run_once()
        await report(tocsin, *DEAD)
    assert tocsin.pages() == [(0, "console"), (60, "console")]


async def test_the_same_trouble_after_it_was_over_pages_at_once(tocsin: Harness) -> None:
    await report(tocsin, *DEAD)
    await tocsin.close("alice")
    for _ in range(35):
        await tocsin.advance(minutes=1)
        await tocsin.housekeeper.run_once()
        await tocsin.settle()
    await report(tocsin, *DEAD)
    assert [at for at, _ in tocsin.pages()] == [0, 35]


async def test_the_number_of_distinguished_faults_is_bounded(tocsin: Harness) -> None:
    for number in range(KNOWN_FAULTS + 30):
        await report(tocsin, "malformed", "eu", f"alerts[{number}]: no object", f"alerts[{number}]: no object")
    assert (await tocsin.incident()).alerts_firing == KNOWN_FAULTS + 1
    assert tocsin.pages() == [(0, "console")]


@pytest.mark.parametrize("minutes", [2, 40])
async def test_unknown_senders_never_page_anyone(tocsin: Harness, minutes: int) -> None:
    for number in range(5):
        await report(tocsin, "strangers", "webhooks", f"from 192.0.2.{number}", f"192.0.2.{number}")
        if number:
            await tocsin.close("alice")
        await tocsin.advance(minutes=minutes)
    assert tocsin.pages() == []
    assert (await tocsin.incident()).alerts_total == 1

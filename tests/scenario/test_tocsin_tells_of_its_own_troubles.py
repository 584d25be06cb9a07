"""Faults of tocsin: one incident per source and reason, closed after 30 quiet minutes."""

from tocsin.core.incident.outbox import Job
from tocsin.ports.store import IncidentFilter
from tocsin.testing.harness import Harness


async def titles(tocsin: Harness) -> list[str]:
    found = await tocsin.store.read(lambda tx: tx.incidents(IncidentFilter()))
    return sorted(incident.title for incident in found)


async def quiet(tocsin: Harness, *, minutes: int) -> None:
    for _ in range(minutes):
        await tocsin.advance(minutes=1)
        await tocsin.housekeeper.run_once()
        await tocsin.settle()


async def test_one_incident_a_source_and_reason_however_often(tocsin: Harness) -> None:
    for _ in range(5):
        for reason, source in (("auth", "eu"), ("auth", "us"), ("malformed", "eu")):
            tocsin.ingest.report(reason, source, "again")
        await tocsin.settle()
        await tocsin.advance(minutes=2)
    assert len(await titles(tocsin)) == 3
    assert [content.target for content in tocsin.sent(Job.PAGE)] == ["console"] * 3


async def test_it_closes_after_30_quiet_minutes_and_the_hold_down(tocsin: Harness) -> None:
    tocsin.ingest.report("auth", "eu", "no token")
    await tocsin.settle()
    await quiet(tocsin, minutes=20)
    tocsin.ingest.report("auth", "eu", "no token")
    await tocsin.settle()
    await quiet(tocsin, minutes=30)
    assert (await tocsin.incident()).state == "triggered"
    await quiet(tocsin, minutes=3)
    assert (await tocsin.incident()).state == "resolved"


async def test_said_again_within_a_minute_it_is_written_once(tocsin: Harness) -> None:
    for _ in range(100):
        tocsin.ingest.report("auth", "eu", "no token")
    await tocsin.settle()
    (episode,) = await tocsin.store.read(lambda tx: tx.episodes_of("incident-1"))
    assert episode.last_seen_at == tocsin.clock.start

"""A resolve that ended before the newest start belongs to an earlier episode: the alert still fires."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from scenario.emergency import ON_CALL
from tocsin.core.alerts.alert import AlertStatus, fingerprint
from tocsin.core.duration import MINUTE, SECOND
from tocsin.testing.harness import Harness
from tocsin.web.alertmanager import payload as wire

FIXTURES = Path(__file__).parents[1] / "fixtures" / "alertmanager"
FIXTURE_START = datetime.fromisoformat("2026-11-29T10:00:00Z")
DOWN = {"alertname": "Down", "severity": "SEV-1"}


async def take_fixture(tocsin: Harness, name: str) -> None:
    """Take a recorded webhook, as if its first spell had begun at the start of the test."""
    payload: dict[str, Any] = json.loads((FIXTURES / name).read_text())
    for alert in payload["alerts"]:
        alert["labels"]["severity"] = "SEV-1"
    webhook = wire.read(json.dumps(payload).encode(), "default", tocsin.clock.now)
    later = tocsin.clock.start - round(FIXTURE_START.timestamp() * 1_000_000)
    alerts = [
        replace(
            alert,
            starts_at=alert.starts_at and alert.starts_at + later,
            ends_at=alert.ends_at and alert.ends_at + later,
        )
        for alert in webhook.alerts
    ]
    await tocsin.take(*alerts)


async def test_a_late_resolve_of_the_first_spell_does_not_end_the_second(tocsin: Harness) -> None:
    await take_fixture(tocsin, "late_resolve_1_firing.json")
    await tocsin.advance(minutes=10)
    await take_fixture(tocsin, "late_resolve_2_firing_again.json")
    await take_fixture(tocsin, "late_resolve_3_resolved_of_the_first.json")
    incident = await tocsin.incident()
    assert (incident.state, incident.alerts_firing, incident.resolve_at) == ("triggered", 1, None)
    await tocsin.advance(minutes=6)
    assert tocsin.pages() == [(0, ON_CALL), (15, ON_CALL)]


async def test_the_resolve_of_the_second_spell_ends_it(tocsin: Harness) -> None:
    await take_fixture(tocsin, "late_resolve_1_firing.json")
    await tocsin.advance(minutes=10)
    await take_fixture(tocsin, "late_resolve_2_firing_again.json")
    await take_fixture(tocsin, "late_resolve_3_resolved_of_the_first.json")
    firing = tocsin.alert(AlertStatus.RESOLVED, {}, starts_at=tocsin.clock.start + 9 * MINUTE)
    await tocsin.take(replace(firing, fingerprint="00c0ffee00000001", labels={"alertname": "QueueStuck"}))
    await tocsin.advance(minutes=3)
    assert (await tocsin.incident()).state == "resolved"


async def test_an_episode_that_an_older_version_wrote_goes_on_without_a_second_page(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    (episode,) = await tocsin.store.read(lambda tx: tx.episodes_of("incident-1"))
    assert episode.newest_start_at is None
    await tocsin.advance(minutes=5)
    await tocsin.fire(**DOWN, starts_at=tocsin.clock.start + 4 * MINUTE)
    late = tocsin.alert(AlertStatus.RESOLVED, DOWN, starts_at=tocsin.clock.start)
    await tocsin.take(replace(late, ends_at=tocsin.clock.start + 3 * MINUTE))
    assert (await tocsin.incident()).alerts_firing == 1
    assert tocsin.pages() == [(0, ON_CALL)]


async def test_a_start_in_the_future_does_not_keep_an_alert_firing_for_ever(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN, starts_at=tocsin.clock.start + 10_000_000 * MINUTE)
    await tocsin.advance(minutes=1)
    await tocsin.fire(**DOWN, starts_at=tocsin.clock.start + 20_000_000 * MINUTE)
    await tocsin.advance(minutes=1)
    await tocsin.resolve(**DOWN)
    await tocsin.advance(minutes=3)
    assert (await tocsin.incident()).state == "resolved"


async def test_a_copy_is_held_after_two_resolves_whose_start_is_their_end_as_grafana_sends_them(
    tocsin: Harness,
) -> None:
    await tocsin.fire(**DOWN)
    for _ in range(2):
        await tocsin.advance(minutes=1)
        now = tocsin.clock.now()
        await tocsin.take(tocsin.alert(AlertStatus.RESOLVED, DOWN, starts_at=now))
    await tocsin.advance(seconds=20)
    await tocsin.fire(**DOWN, starts_at=tocsin.clock.start)
    assert (await tocsin.incident()).alerts_firing == 0
    await tocsin.resolve(**DOWN)
    await tocsin.advance(hours=1)
    assert tocsin.pages() == [(0, ON_CALL)]
    assert (await tocsin.incident()).state == "resolved"


async def test_a_copy_with_any_start_of_the_spell_that_resolved_is_held(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=5)
    second_start = tocsin.clock.now()
    await tocsin.fire(**DOWN, starts_at=second_start)
    await tocsin.advance(minutes=1)
    await tocsin.resolve(**DOWN)
    for starts_at in (second_start, tocsin.clock.start, tocsin.clock.start - MINUTE):
        await tocsin.advance(seconds=10)
        await tocsin.fire(**DOWN, starts_at=starts_at)
        assert (await tocsin.incident()).alerts_firing == 0


async def test_a_repeated_resolve_of_an_earlier_spell_hides_nothing_of_the_last_one(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=10)
    await tocsin.fire(**DOWN)
    await tocsin.advance(minutes=1)
    await tocsin.resolve(**DOWN)
    late = tocsin.alert(AlertStatus.RESOLVED, DOWN, starts_at=tocsin.clock.start)
    await tocsin.take(replace(late, ends_at=tocsin.clock.start + MINUTE))
    key = ("default", fingerprint(DOWN))
    episodes = await tocsin.store.read(lambda tx: tx.latest_episodes([key]))
    assert episodes[key].incident_id == "incident-1"


@pytest.mark.parametrize("ahead", [0, 45 * SECOND, 10 * MINUTE])
async def test_a_late_resolve_ends_no_later_spell_though_the_senders_clock_is_ahead(
    tocsin: Harness, ahead: int
) -> None:
    first_start = tocsin.clock.now() + ahead
    await tocsin.fire(**DOWN, starts_at=first_start)
    await tocsin.advance(minutes=10)
    first = replace(tocsin.alert(AlertStatus.RESOLVED, DOWN, starts_at=first_start), ends_at=tocsin.clock.now() + ahead)
    await tocsin.advance(seconds=10)
    await tocsin.take(first)
    await tocsin.advance(seconds=10)
    await tocsin.fire(**DOWN, starts_at=tocsin.clock.now() + ahead)
    await tocsin.advance(seconds=5)
    await tocsin.take(first)
    incident = await tocsin.incident()
    assert (incident.state, incident.alerts_firing) == ("triggered", 1)
    await tocsin.advance(minutes=5)
    assert tocsin.pages() == [(0, ON_CALL), (15, ON_CALL)]


@pytest.mark.parametrize("ahead", [0, 45 * SECOND, 10 * MINUTE])
async def test_copies_of_one_episode_page_once_although_the_senders_clock_is_ahead(tocsin: Harness, ahead: int) -> None:
    start = tocsin.clock.now() + ahead

    async def resolve() -> None:
        alert = tocsin.alert(AlertStatus.RESOLVED, DOWN, starts_at=start)
        await tocsin.take(replace(alert, ends_at=tocsin.clock.now() + ahead))

    await tocsin.fire(**DOWN, starts_at=start)
    await tocsin.acknowledge()
    await tocsin.advance(minutes=10)
    await tocsin.close()
    await resolve()
    await tocsin.advance(seconds=5)
    await resolve()
    await tocsin.advance(seconds=20)
    await tocsin.fire(**DOWN, starts_at=start)
    await tocsin.advance(seconds=30)
    await resolve()
    await tocsin.advance(minutes=10)
    assert ((await tocsin.incident()).state, tocsin.pages()) == ("resolved", [(0, ON_CALL)])

"""One episode's webhooks, repeated and shuffled within the window, always end in the same state."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.alerts.alert import Alert, AlertStatus, Episode, EpisodeStatus
from tocsin.core.duration import SECOND
from tocsin.core.rules.dedup import LATE_COPY_WITHIN, Sighting, place
from tocsin.core.rules.verdict import Verdict

START = 1_000 * SECOND
VERDICT = Verdict(playbook="p", severity="high", service="s", dedup_key="k", title="t", labels={"alertname": "Down"})
QUIET = msgspec.structs.replace(VERDICT, suppress=True)

FIRING = Alert("default", "f", AlertStatus.FIRING, {"alertname": "Down"}, starts_at=START)
RESOLVED = msgspec.structs.replace(FIRING, status=AlertStatus.RESOLVED, ends_at=START + 30 * SECOND)


def seen(alerts: list[tuple[Alert, int]]) -> tuple[Episode | None, list[Sighting]]:
    last: Episode | None = None
    sightings = []
    for alert, now in alerts:
        placed = place(alert, VERDICT, last, now)
        sightings.append(placed.sighting)
        if placed.episode is not None:
            last = msgspec.structs.replace(placed.episode, incident_id="incident")
    return last, sightings


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(0, 80))
def test_any_mix_of_both_payloads_that_ends_with_the_resolve_ends_resolved_and_began_once(
    firing: list[bool], spread: int
) -> None:
    payloads = [FIRING, *(FIRING if each else RESOLVED for each in firing), RESOLVED]
    step = spread * SECOND // len(payloads)
    last, sightings = seen([(alert, START + number * step) for number, alert in enumerate(payloads)])
    assert last is not None
    assert last.status is EpisodeStatus.RESOLVED
    assert sightings.count(Sighting.BEGINS) == 1
    assert sightings.count(Sighting.ENDS) == 1


@given(st.lists(st.sampled_from([FIRING, RESOLVED]), max_size=20))
def test_a_firing_alert_is_never_forgotten(payloads: list[Alert]) -> None:
    """Whatever came before, a firing payload leaves an episode that fires, or is held and will be believed."""
    last, _ = seen([(alert, START + number) for number, alert in enumerate([*payloads, FIRING])])
    assert last is not None
    assert last.status is EpisodeStatus.FIRING or last.held_until is not None


@given(st.permutations([FIRING, FIRING, RESOLVED, RESOLVED]))
def test_episode_numbers_only_rise(payloads: list[Alert]) -> None:
    last: Episode | None = None
    for now, alert in enumerate(payloads):
        placed = place(alert, VERDICT, last, START + now)
        if placed.episode is not None:
            assert placed.episode.episode in ((last.episode, last.episode + 1) if last is not None else (1,))
            last = placed.episode


def test_what_is_held_past_its_time_is_believed_by_the_next_copy() -> None:
    last, sightings = seen([(FIRING, START), (RESOLVED, START + 1), (FIRING, START + 2)])
    assert sightings[-1] is Sighting.HELD
    assert last is not None
    late = place(FIRING, VERDICT, last, START + 2 + LATE_COPY_WITHIN)
    assert late.sighting is Sighting.BEGINS
    assert late.episode is not None
    assert (late.episode.status, late.episode.episode) == (EpisodeStatus.FIRING, last.episode)


def test_suppressed_it_is_kept_apart_until_a_rule_lets_it_through() -> None:
    placed = place(FIRING, QUIET, None, START)
    assert placed.episode is not None
    assert (placed.sighting, placed.episode.status) == (Sighting.NO_EVENT, EpisodeStatus.SUPPRESSED)
    again = place(FIRING, VERDICT, placed.episode, START + 1)
    assert again.episode is not None
    assert (again.sighting, again.episode.episode) == (Sighting.BEGINS, 2)


def test_an_earlier_start_is_kept_and_a_later_one_is_not() -> None:
    last, _ = seen([(FIRING, START)])
    for moved, kept in ((-5, -5), (5, 0)):
        placed = place(msgspec.structs.replace(FIRING, starts_at=START + moved), VERDICT, last, START + 1)
        assert placed.episode is not None
        assert placed.episode.starts_at == START + kept


def test_without_times_an_alert_still_begins_and_ends() -> None:
    bare = msgspec.structs.replace(FIRING, starts_at=None)
    last, sightings = seen(
        [(bare, START), (msgspec.structs.replace(RESOLVED, starts_at=None, ends_at=None), START + 9)]
    )
    assert sightings == [Sighting.BEGINS, Sighting.ENDS]
    assert last is not None
    assert last.ends_at == START + 9

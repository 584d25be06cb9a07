"""A flapping incident: pages first, then digests, and always the final state."""

from scenario.emergency import MANAGER, ON_CALL, kinds
from scenario.maintenance import use, window
from tocsin.core.duration import MINUTE
from tocsin.core.incident.incident import State, WaitReason
from tocsin.core.incident.outbox import Job
from tocsin.testing.harness import Harness

DOWN = {"alertname": "Down", "severity": "SEV-2"}

FLAPS = "it goes on and off, so a summary replaces the page for each change"


async def flap(tocsin: Harness, times: int, *, minutes: float = 3) -> None:
    """Resolve it for good and fire it again, so often; it fires at the end."""
    for _ in range(times):
        await tocsin.resolve(**DOWN)
        await tocsin.advance(minutes=minutes)
        await tocsin.fire(**DOWN)
        await tocsin.advance(minutes=0.5)


def told(tocsin: Harness, job: Job = Job.PAGE) -> list[tuple[float, str]]:
    return [((content.now - tocsin.clock.start) / MINUTE, content.because) for content in tocsin.sent(job)]


async def test_four_flips_are_paged_and_resolved_as_ever(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await flap(tocsin, 2)
    assert told(tocsin) == [
        (0, "new incident"),
        (3, "firing again after it was resolved"),
        (6.5, "firing again after it was resolved"),
    ]
    assert len(tocsin.sent(Job.RESOLVE)) == 2
    assert (await tocsin.incident()).waits == ()


async def test_from_the_fifth_flip_on_a_digest_takes_the_place_of_pages(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await flap(tocsin, 2)
    before = len(tocsin.sent(Job.PAGE))
    await flap(tocsin, 8)
    assert told(tocsin)[before:] == []
    await tocsin.advance(minutes=2)
    assert told(tocsin)[before:] == [
        (
            37,
            (
                "it goes on and off: 20 changes since the last message, firing now. "
                "You get one summary every 30 min instead of a message for each change"
            ),
        )
    ]
    await flap(tocsin, 8)
    assert len(told(tocsin)) == before + 1
    incident = await tocsin.incident()
    assert {wait.reason for wait in incident.waits} == {WaitReason.FLAPPING}


async def test_settled_and_resolved_it_says_so(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await flap(tocsin, 5)
    await tocsin.resolve(**DOWN)
    before = len(tocsin.sent(Job.PAGE))
    await tocsin.advance(hours=3)
    assert told(tocsin)[before:] == []
    updates = told(tocsin, Job.UPDATE)
    assert updates[-1][1] == "it has settled: resolved now"
    assert updates[-1][0] <= 2 * 30 + 7
    incident = await tocsin.incident()
    assert (incident.state, incident.digest_at) == (State.RESOLVED, None)


async def test_settled_and_firing_its_ladder_goes_on(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await flap(tocsin, 4)
    before = len(tocsin.sent(Job.PAGE))
    await tocsin.advance(minutes=40)
    assert told(tocsin)[before:] == [
        (
            37,
            f"firing again after it was resolved; it waited: {FLAPS}",
        )
    ]
    assert (await tocsin.incident()).waits == ()
    await tocsin.advance(minutes=20)
    assert tocsin.pages()[-1] == (67, MANAGER), "its clock starts there"


async def test_acknowledged_it_informs_and_steps_until_the_resolve_wait(
    tocsin: Harness,
) -> None:
    await tocsin.fire(**DOWN)
    await flap(tocsin, 10)
    await tocsin.acknowledge()
    before = len(tocsin.sent(Job.PAGE))
    await tocsin.advance(minutes=33)
    assert told(tocsin)[before:] == [(67, f"still open after 30 min; it waited: {FLAPS}")]
    assert told(tocsin, Job.UPDATE) == [
        (
            37,
            (
                "it goes on and off: 20 changes since the last message, firing now. "
                "You get one summary every 30 min instead of a message for each change"
            ),
        ),
        (67, "it has settled: firing now"),
    ]


async def test_a_rise_is_paged_at_once_whatever_it_did_before(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await flap(tocsin, 5)
    before = len(tocsin.sent(Job.PAGE))
    await tocsin.fire(**{**DOWN, "severity": "SEV-1"})
    incident = await tocsin.incident()
    assert incident.severity == "SEV-1"
    assert told(tocsin)[before:] == [(17.5, "firing again after it was resolved")]
    assert (incident.waits, incident.digest_at) == ((), None)


async def test_flips_inside_the_hold_down_count_as_well(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await flap(tocsin, 3, minutes=1)
    assert (await tocsin.incident()).occurrence == 1
    assert "waits" in await kinds(tocsin)
    await tocsin.advance(minutes=25)
    assert [target for _, target in tocsin.pages()] == [ON_CALL]


async def test_a_maintenance_window_keeps_digests_back_as_well(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN)
    await flap(tocsin, 10)
    use(tocsin, window(tocsin, 36, 70, match='alertname="Down"'))
    before = len(tocsin.sent(Job.PAGE))
    await tocsin.advance(minutes=30)
    assert (told(tocsin)[before:], tocsin.sent(Job.UPDATE)) == ([], [])
    assert {wait.reason for wait in (await tocsin.incident()).waits} == {WaitReason.WINDOW, WaitReason.FLAPPING}


async def test_what_never_paged_is_not_flapping(tocsin: Harness) -> None:
    held = {**DOWN, "heal": "first"}
    await tocsin.fire(**held)
    for _ in range(6):
        await tocsin.advance(minutes=1)
        await tocsin.resolve(**held)
        await tocsin.advance(minutes=2)
        await tocsin.fire(**held)
    await tocsin.advance(minutes=2)
    assert [target for _, target in tocsin.pages()] == [ON_CALL]

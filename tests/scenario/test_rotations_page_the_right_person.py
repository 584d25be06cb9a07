"""The right person is paged at each minute around a hand-over: over both DST changes, in two time zones."""

from dataclasses import replace

import pytest

from scenario import crew, emergency
from scenario.conftest import NewStore
from scenario.crew import BERLIN, NEW_YORK, micros, reached, weekly
from tocsin.core.duration import DAY, HOUR, MINUTE
from tocsin.core.errors import IllegalTransition, LimitReached, UnknownChoice, WindowError
from tocsin.core.incident.event import Actor
from tocsin.core.incident.outbox import Job
from tocsin.core.oncall.people import People, Person
from tocsin.core.oncall.rotation import Override, Rotation
from tocsin.engine.responses.overrides import OverrideRequest
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingChannel

ALICE = Actor("alice", "api")
NAMES = ("ann", "ben", "cas", "dan", "zoe", "boss", "spare")
PLAN = crew.playbook(one=("berlin", "new-york"))
AROUND = range(-3, 4)
"""Minutes."""

# Hand-overs are on Mondays at 09:00 on each desk's own wall clock. Here they stand in UTC, with who has the two desks
# before and after. In 2026 the clock of New York goes forward on 8 March and back on 1 November, Berlin's on 29 March
# and 25 October.
HAND_OVERS = [
    ("2026-03-02T08:00", ("ben", "dan"), ("ann", "dan")),
    ("2026-03-02T14:00", ("ann", "dan"), ("ann", "cas")),
    ("2026-03-09T08:00", ("ann", "cas"), ("ben", "cas")),
    ("2026-03-09T13:00", ("ben", "cas"), ("ben", "dan")),
    ("2026-03-23T08:00", ("ann", "cas"), ("ben", "cas")),
    ("2026-03-23T13:00", ("ben", "cas"), ("ben", "dan")),
    ("2026-03-30T07:00", ("ben", "dan"), ("ann", "dan")),
    ("2026-03-30T13:00", ("ann", "dan"), ("ann", "cas")),
    ("2026-10-19T07:00", ("ann", "cas"), ("ben", "cas")),
    ("2026-10-19T13:00", ("ben", "cas"), ("ben", "dan")),
    ("2026-10-26T08:00", ("ben", "dan"), ("ann", "dan")),
    ("2026-10-26T13:00", ("ann", "dan"), ("ann", "cas")),
    ("2026-11-02T08:00", ("ann", "cas"), ("ben", "cas")),
    ("2026-11-02T14:00", ("ben", "cas"), ("ben", "dan")),
]


def desks(**more: Rotation) -> People:
    rotations = {
        "berlin": weekly("berlin", ("ann", "ben"), BERLIN),
        "new-york": weekly("new-york", ("cas", "dan"), NEW_YORK),
    }
    return People(persons={name: reached(name, ("pager", 0)) for name in NAMES}, rotations=rotations | more)


def begun(new_store: NewStore, at: int, people: People | None = None) -> Harness:
    clock = VirtualClock()
    clock.set(at)
    clock.start = at
    return crew.tocsin(people or desks(), PLAN, store=new_store(clock), clock=clock)


async def paged_at_each_minute(tocsin: Harness, around: int) -> list[tuple[str, ...]]:
    """Return the people paged for an alert that fires then."""
    found = []
    for minute in AROUND:
        await tocsin.advance_to(around + minute * MINUTE)
        before = len(tocsin.sent(Job.PAGE))
        await tocsin.fire(alertname=f"Down{minute}", severity="P1")
        found.append(tuple(sorted(content.target for content in tocsin.sent(Job.PAGE)[before:])))
    assert await emergency.wrong(tocsin) == []
    return found


def expected(before: tuple[str, str], after: tuple[str, str]) -> list[tuple[str, ...]]:
    return [before] * 3 + [after] * 4


@pytest.mark.parametrize(("at", "before", "after"), HAND_OVERS)
async def test_at_each_minute_around_a_hand_over_the_right_person_is_paged(
    new_store: NewStore, at: str, before: tuple[str, str], after: tuple[str, str]
) -> None:
    async with begun(new_store, micros(at) - HOUR) as tocsin:
        assert await paged_at_each_minute(tocsin, micros(at)) == expected(before, after)


@pytest.mark.parametrize(("at", "before", "after"), [HAND_OVERS[2], HAND_OVERS[6], HAND_OVERS[10], HAND_OVERS[12]])
async def test_an_override_around_a_hand_over_counts_to_the_minute_and_leaves_the_other_desk_alone(
    new_store: NewStore, at: str, before: tuple[str, str], after: tuple[str, str]
) -> None:
    moment = micros(at)
    async with begun(new_store, moment - HOUR) as tocsin:
        wish = OverrideRequest(
            rotation="berlin", person="zoe", starts_at=moment - 2 * MINUTE, ends_at=moment + MINUTE, comment="a train"
        )
        await tocsin.oncall_schedule.create(wish, ALICE)
        ny = before[1]
        assert await paged_at_each_minute(tocsin, moment) == [
            before, (ny, "zoe"), (ny, "zoe"), (ny, "zoe"), after, after, after,
        ]  # fmt: skip


@pytest.mark.parametrize(("at", "before", "after"), [HAND_OVERS[3], HAND_OVERS[7], HAND_OVERS[11], HAND_OVERS[13]])
async def test_in_a_swap_over_a_hand_over_each_has_the_shift_of_the_other(
    new_store: NewStore, at: str, before: tuple[str, str], after: tuple[str, str]
) -> None:
    moment = micros(at)
    async with begun(new_store, moment - HOUR) as tocsin:
        wish = OverrideRequest(
            rotation="new-york", person="cas", swaps_with="dan", starts_at=moment - 30 * MINUTE, duration=7 * DAY
        )
        await tocsin.oncall_schedule.create(wish, ALICE)
        berlin, (had, has) = before[0], (before[1], after[1])
        assert await paged_at_each_minute(tocsin, moment) == expected((berlin, has), (berlin, had))


async def test_an_ended_override_has_no_effect_and_one_made_before_a_restart_continues(
    new_store: NewStore,
) -> None:
    at = micros("2026-07-01T12:00")
    clock = VirtualClock()
    clock.set(at)
    store = new_store(clock)
    async with crew.tocsin(desks(), PLAN, store=store, clock=clock) as tocsin:
        made = await tocsin.oncall_schedule.create(
            OverrideRequest(rotation="berlin", person="zoe", duration=8 * HOUR), ALICE
        )
        after = crew.tocsin(desks(), PLAN, store=store, clock=clock)
        await after.fire(alertname="One", severity="P1")
        assert sorted(content.target for content in after.sent(Job.PAGE)) == ["dan", "zoe"]
        ended = await after.oncall_schedule.end(made.id, Actor("bob", "cli"))
        assert (ended.ends_at, ended.planned_ends_at, ended.ended_by) == (at, at + 8 * HOUR, "bob")
        await after.fire(alertname="Two", severity="P1")
        assert sorted(content.target for content in after.sent(Job.PAGE)[2:]) == ["ben", "dan"]
        with pytest.raises(IllegalTransition, match="the override is over"):
            await after.oncall_schedule.end(made.id, ALICE)


BAD = [
    (OverrideRequest(rotation="london", person="ann", duration=HOUR), UnknownChoice, "there is no rotation 'london'"),
    (OverrideRequest(rotation="berlin", person="eve", duration=HOUR), UnknownChoice, "there is no person 'eve'"),
    (OverrideRequest(rotation="berlin", person="ann", swaps_with="eve", duration=HOUR), UnknownChoice, "person 'eve'"),
    (OverrideRequest(rotation="berlin", person="ann", swaps_with="ann", duration=HOUR), WindowError, "with themselves"),
    (OverrideRequest(rotation="berlin", person="ann"), WindowError, "the end is missing or is given twice"),
    (OverrideRequest(rotation="berlin", person="ann", duration=1), WindowError, "shorter than a minute"),
    (OverrideRequest(rotation="berlin", person="ann", duration=400 * DAY), WindowError, "longer than a year"),
    (OverrideRequest(rotation="berlin", person="ann", starts_at=1, duration=HOUR), WindowError, "start is in the past"),
    (OverrideRequest(rotation="berlin", person="ann", duration=HOUR, comment="x" * 2001), WindowError, "too long"),
]  # fmt: skip


@pytest.mark.parametrize(("wish", "error", "told"), BAD)
async def test_an_override_that_makes_no_sense_is_refused(
    new_store: NewStore, wish: OverrideRequest, error: type[Exception], told: str
) -> None:
    async with begun(new_store, micros("2026-07-01T12:00")) as tocsin:
        with pytest.raises(error, match=told):
            await tocsin.oncall_schedule.create(wish, ALICE)
        _, standings, _ = await tocsin.oncall_schedule.states(None, 0)
        assert [one.overrides for one in standings] == [(), ()]


async def test_only_so_many_overrides_can_be_made(new_store: NewStore) -> None:
    async with begun(new_store, micros("2026-07-01T12:00")) as tocsin:
        wish = OverrideRequest(rotation="berlin", person="zoe", duration=HOUR)
        for _ in range(500):
            await tocsin.oncall_schedule.create(wish, ALICE)
        with pytest.raises(LimitReached, match="there are 500 overrides"):
            await tocsin.oncall_schedule.create(wish, ALICE)


# Whose turn it is matters when the page goes out, not when the incident opened.


async def test_the_next_step_pages_the_person_on_call_by_then(new_store: NewStore) -> None:
    handed_over = micros("2026-03-30T07:00")
    plan = crew.playbook(one=("berlin",), two=("berlin",))
    clock = VirtualClock()
    clock.set(handed_over - 10 * MINUTE)
    async with crew.tocsin(desks(), plan, store=new_store(clock), clock=clock) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.advance(minutes=15)
        assert [content.target for content in tocsin.sent(Job.PAGE)] == ["ben", "ann"]


# The second on call, and the backup.


async def test_the_secondary_is_paged_together_with_the_next_tier(new_store: NewStore) -> None:
    people = desks(berlin=weekly("berlin", ("ann", "ben", "zoe"), BERLIN, secondary_is_next=True))
    clock = VirtualClock(crew.utc("2026-01-06T12:00"))
    async with crew.tocsin(people, crew.playbook(one=("berlin",)), store=new_store(clock), clock=clock) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.advance(minutes=15)
        assert tocsin.pages() == [(0, "ann"), (15, "boss"), (15, "ben")]
        assert tocsin.sent(Job.PAGE)[2].because == "no one has acknowledged it for 15 min; you are second on call"
        assert await emergency.wrong(tocsin) == []


async def test_where_no_tier_comes_next_the_secondary_is_paged_with_the_fallback(new_store: NewStore) -> None:
    people = desks(berlin=weekly("berlin", ("ann", "ben"), BERLIN, secondary=("zoe",)))
    clock = VirtualClock(crew.utc("2026-01-06T12:00"))
    plan = crew.playbook(one=("boss",), two=("berlin",))
    async with crew.tocsin(people, plan, store=new_store(clock), clock=clock) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.advance(minutes=30)
        assert tocsin.pages() == [(0, "boss"), (15, "ann"), (30, "ann"), (30, "boss"), (30, "zoe")]


async def test_without_on_call_person_and_backup_the_page_goes_to_the_console_marked(new_store: NewStore) -> None:
    people = desks(berlin=weekly("berlin", ("ann",), BERLIN, starts="2027-01-04 09:00"))
    clock = VirtualClock(crew.utc("2026-01-06T12:00"))
    async with crew.tocsin(people, crew.playbook(one=("berlin",)), store=new_store(clock), clock=clock) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        [page] = tocsin.sent(Job.PAGE)
        assert (page.target, page.destination, page.stranded) == ("berlin", "console", True)
        assert page.because == "new incident; no one is on call for berlin"


def _desk(*, secondary_is_next: bool = False, backup: tuple[str, ...] = ()) -> People:
    desk = weekly("desk", ("ann", "ben"), BERLIN, secondary_is_next=secondary_is_next, backup=backup)
    return People(persons={name: reached(name, ("pager", 0)) for name in NAMES}, rotations={"desk": desk})


async def test_a_swap_that_is_made_twice_is_one() -> None:
    async with crew.tocsin(_desk(), crew.playbook(one=("desk",))) as tocsin:
        _, [before], _ = await tocsin.oncall_schedule.states(None, 0)
        for _ in range(2):
            await tocsin.oncall_schedule.create(
                OverrideRequest(rotation="desk", person="ann", swaps_with="ben", duration=8 * HOUR), ALICE
            )
        _, [after], _ = await tocsin.oncall_schedule.states(None, 0)
        assert {*before.shift.names, *after.shift.names} == {"ann", "ben"}


async def test_in_a_swap_the_person_who_gave_up_the_turn_is_next() -> None:
    async with crew.tocsin(_desk(secondary_is_next=True), crew.playbook(one=("desk",))) as tocsin:
        _, [before], _ = await tocsin.oncall_schedule.states(None, 0)
        await tocsin.oncall_schedule.create(
            OverrideRequest(rotation="desk", person="ann", swaps_with="ben", duration=8 * HOUR), ALICE
        )
        _, [after], _ = await tocsin.oncall_schedule.states(None, 0)
        assert (after.shift.names, after.secondary) == (before.secondary, before.shift.names)


async def test_an_override_that_is_taken_back_before_it_begins_is_not_to_come() -> None:
    async with crew.tocsin(_desk(), crew.playbook(one=("desk",))) as tocsin:
        begins = tocsin.clock.now() + DAY
        made = await tocsin.oncall_schedule.create(
            OverrideRequest(rotation="desk", person="zoe", starts_at=begins, duration=HOUR), ALICE
        )
        await tocsin.oncall_schedule.end(made.id, ALICE)
        _, [standing], _ = await tocsin.oncall_schedule.states(None, 3)
        assert standing.overrides == ()


async def test_a_refused_fallback_page_to_the_on_call_person_goes_to_the_backup() -> None:
    pager = crew.channels()[0]
    refused: set[str] = set()
    works = pager.answer
    pager.answer = lambda content: (
        Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR, "no such user") if content.target in refused else works(content)
    )
    people = _desk(backup=("spare",))
    async with crew.tocsin(people, crew.playbook(one=("desk",)), through=(pager,)) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.advance(minutes=16)
        refused.add(tocsin.sent(Job.PAGE)[0].target)
        await tocsin.advance(minutes=16)
        assert "spare" in [content.target for content in tocsin.sent(Job.PAGE)]


async def test_a_manual_swap_precedes_an_override_of_the_file() -> None:
    now = VirtualClock().now()
    planned = Override(rotation="desk", person="ben", starts_at=now - DAY, ends_at=now + DAY)
    people = _desk()
    desk = replace(people.rotations["desk"], overrides=(planned,))
    people = People(persons=people.persons, rotations={"desk": desk})
    async with crew.tocsin(people, crew.playbook(one=("desk",)), clock=VirtualClock()) as tocsin:
        await tocsin.oncall_schedule.create(
            OverrideRequest(rotation="desk", person="ann", swaps_with="ben", duration=8 * HOUR), ALICE
        )
        _, [standing], _ = await tocsin.oncall_schedule.states(None, 0)
        assert standing.shift.names == ("ann",)


async def test_an_empty_backup_rotation_is_replaced_by_its_own_backup() -> None:
    never = weekly("desk", ("gone",), BERLIN, backup=("second",))
    second = weekly("second", ("gone",), BERLIN, backup=("spare",))
    persons = {name: reached(name, ("pager", 0)) for name in NAMES} | {"gone": Person("gone")}
    people = People(persons=persons, rotations={"desk": never, "second": second})
    async with crew.tocsin(people, crew.playbook(one=("desk",))) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        assert [content.target for content in tocsin.sent(Job.PAGE)] == ["spare"]


@pytest.mark.parametrize("at", ["2026-11-23T07:59", "2026-11-23T05:59"])
async def test_a_second_method_that_fails_after_the_hand_over_calls_the_backup_all_the_same(at: str) -> None:
    pager, phone = (RecordingChannel(name) for name in ("pager", "phone"))
    down, gone = Receipt(Outcome.RETRY, Reason.CONNECTION), Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR)
    works = pager.answer
    pager.answer = lambda content: down if content.target in ("ann", "ben") else works(content)
    phone.answer = lambda content: gone if content.target in ("ann", "ben") else works(content)
    persons = {name: reached(name, ("pager", 0), ("phone", 5)) for name in NAMES}
    desk = weekly("desk", ("ann", "ben"), BERLIN, backup=("spare",))
    people = People(persons=persons, rotations={"desk": desk})
    async with crew.tocsin(people, crew.playbook(one=("desk",)), at=at, through=(pager, phone)) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.advance(minutes=10)
        assert "spare" in [content.target for content in tocsin.sent(Job.PAGE)]

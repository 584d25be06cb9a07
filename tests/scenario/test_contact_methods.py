"""A person is paged by one contact method after another until the person responds."""

from collections.abc import Callable

import pytest

from scenario import crew, emergency
from scenario.conftest import NewStore
from scenario.crew import BERLIN, MAIL, PAGER, PHONE, by_three_ways, calls, reached, weekly
from tocsin.core.content.page import Content
from tocsin.core.duration import MINUTE
from tocsin.core.incident.outbox import Job
from tocsin.core.oncall.people import Contact, People
from tocsin.core.playbook.playbook import Until
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingChannel

PEOPLE = People(persons={"ann": by_three_ways("ann"), "boss": by_three_ways("boss"), "zoe": reached("zoe", (PHONE, 0))})
PLAN = crew.playbook(one=("ann",))
THREE = [(0, "ann", PAGER), (2, "ann", PHONE), (5, "ann", MAIL)]

Running = Callable[..., Harness]


@pytest.fixture
def running(new_store: NewStore) -> Running:
    def build(**more: object) -> Harness:
        clock = VirtualClock()
        people, plan = more.pop("people", PEOPLE), more.pop("plan", PLAN)
        return crew.tocsin(people, plan, store=new_store(clock), clock=clock, **more)  # type: ignore[arg-type]

    return build


async def test_each_method_is_used_after_its_delay(running: Running) -> None:
    async with running() as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.advance(minutes=14)
        assert calls(tocsin) == THREE
        assert len({content.key for content in tocsin.sent(Job.PAGE)}) == 3
        assert [content.because for content in tocsin.sent(Job.PAGE)] == [
            "new incident", "new incident; ann has not responded yet", "new incident; ann has not responded yet",
        ]  # fmt: skip
        assert await emergency.wrong(tocsin) == []


async def test_it_is_exact_to_the_second(running: Running) -> None:
    async with running() as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.advance(seconds=119)
        assert calls(tocsin) == THREE[:1]
        await tocsin.advance(seconds=1)
        assert calls(tocsin) == THREE[:2]


async def test_an_acknowledgment_by_anyone_ends_what_waited_for_it(running: Running) -> None:
    async with running() as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.advance(minutes=3)
        await tocsin.acknowledge("somebody")
        await tocsin.advance(minutes=30)
        assert calls(tocsin) == THREE[:2]
        assert (await tocsin.incident()).contact_attempts is None


async def test_a_person_who_responds_otherwise_counts_as_reached(running: Running) -> None:
    async with running() as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.advance(minutes=1)
        await tocsin.escalate("ann")
        await tocsin.advance(minutes=13)
        assert calls(tocsin) == [(0, "ann", PAGER), (1, "boss", PAGER), (3, "boss", PHONE), (6, "boss", MAIL)]


async def test_a_page_until_resolved_goes_on_after_the_acknowledgment_until_that_person_responds(
    running: Running,
) -> None:
    plan = crew.playbook(one=("ann",), two_until=Until.RESOLVED)
    async with running(plan=plan) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.advance(minutes=1)
        await tocsin.acknowledge("ann")
        await tocsin.advance(minutes=17)
        assert calls(tocsin)[1:] == [(15, "boss", PAGER), (17, "boss", PHONE)]
        await tocsin.acknowledge("boss")
        await tocsin.advance(minutes=30)
        assert len(calls(tocsin)) == 3
        assert await emergency.wrong(tocsin) == []


async def test_a_resolve_ends_all_of_it(running: Running) -> None:
    async with running(plan=crew.playbook(one=("ann",), two_until=Until.RESOLVED)) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.advance(minutes=1)
        await tocsin.close("ann")
        await tocsin.advance(minutes=30)
        assert calls(tocsin) == THREE[:1]


async def test_nothing_is_used_while_it_recovers_and_it_goes_on_where_it_fires_again(running: Running) -> None:
    async with running() as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.advance(minutes=1)
        await tocsin.resolve(alertname="Down", severity="P1")
        await tocsin.advance(minutes=1.5)
        assert calls(tocsin) == THREE[:1]
        await tocsin.fire(alertname="Down", severity="P1")
        assert calls(tocsin)[1:] == [(2.5, "ann", PHONE)]
        await tocsin.advance(minutes=3)
        assert calls(tocsin)[2:] == [(5.5, "ann", MAIL)]


async def test_a_restart_loses_no_method_and_uses_none_twice(new_store: NewStore) -> None:
    clock = VirtualClock()
    store = new_store(clock)
    through = crew.channels()
    async with crew.tocsin(PEOPLE, PLAN, store=store, clock=clock, through=through) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        for minute in range(1, 13):
            clock.set(clock.start + minute * MINUTE)
            await crew.tocsin(PEOPLE, PLAN, store=store, clock=clock, through=through).settle()
        assert calls(tocsin) == THREE
        assert await emergency.wrong(tocsin) == []


async def test_after_a_time_in_which_tocsin_was_down_the_methods_keep_their_distance(running: Running) -> None:
    async with running() as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        tocsin.clock.advance(minutes=10)
        await tocsin.settle()
        assert calls(tocsin) == [(0, "ann", PAGER), (10, "ann", PHONE)]
        assert tocsin.sent(Job.PAGE)[1].late == 8 * MINUTE
        await tocsin.advance(minutes=3)
        assert calls(tocsin)[2:] == [(13, "ann", MAIL)]


async def test_a_rise_pages_again_and_delays_no_method_that_was_to_come(running: Running) -> None:
    async with running() as tocsin:
        await tocsin.fire(alertname="Down", severity="P2")
        await tocsin.advance(minutes=1)
        await tocsin.set_severity("P1", by="bob")
        await tocsin.advance(minutes=10)
        assert calls(tocsin) == [(0, "ann", PAGER), (1, "ann", PAGER), (2, "ann", PHONE), (5, "ann", MAIL)]
        assert await emergency.wrong(tocsin) == []


async def test_a_method_whose_channel_is_not_configured_is_skipped(running: Running) -> None:
    async with running(through=(RecordingChannel(PHONE), RecordingChannel(MAIL))) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.advance(minutes=14)
        assert calls(tocsin) == [(0, "ann", PHONE), (5, "ann", MAIL)]


async def test_a_person_without_any_channel_goes_to_the_console_marked(running: Running) -> None:
    async with running(through=()) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        [page] = tocsin.sent(Job.PAGE)
        assert (page.target, page.destination, page.stranded) == ("ann", "console", True)


async def test_no_method_is_used_for_what_only_informs(running: Running) -> None:
    async with running() as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.close("ann")
        await tocsin.advance(hours=1)
        told = [content for content in tocsin.sent(Job.UPDATE) if content.target == "ann"]
        assert [content.because for content in told] == ["you resolved it, and 1 of its alerts still fires"]


# A provider that is down.


def down(name: str, outcome: Outcome = Outcome.RETRY) -> RecordingChannel:
    refused = Receipt(outcome, Reason.SERVER_ERROR, "no")
    taken = Receipt(Outcome.SENT)

    def answer(content: Content) -> Receipt:
        return refused if content.job is Job.PAGE else taken

    return RecordingChannel(name, answer=answer)


async def test_a_provider_that_refuses_for_good_makes_room_for_the_next_method_at_once(running: Running) -> None:
    through = (down(PAGER, Outcome.PERMANENT), RecordingChannel(PHONE), RecordingChannel(MAIL))
    async with running(through=through) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        assert calls(tocsin) == [(0, "ann", PHONE)]
        assert tocsin.channels[PHONE].sent[0].because == "new incident; pager refused the page for ann: no"
        await tocsin.advance(minutes=14)
        assert calls(tocsin) == [(0, "ann", PHONE), (5, "ann", MAIL)]
        assert await emergency.wrong(tocsin) == []


async def test_a_provider_that_does_not_take_it_is_passed_over_after_the_fallback_time(running: Running) -> None:
    late = People(persons={"ann": reached("ann", (PAGER, 0), (MAIL, 10)), "boss": by_three_ways("boss")})
    through = (down(PAGER), RecordingChannel(PHONE), RecordingChannel(MAIL))
    async with running(people=late, through=through) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.advance(minutes=14)
        assert calls(tocsin) == [(2, "ann", MAIL)]
        assert await emergency.wrong(tocsin) == []


async def test_whoever_has_been_reached_by_another_method_is_reached(running: Running) -> None:
    through = (down(PAGER), RecordingChannel(PHONE), RecordingChannel(MAIL))
    async with running(through=through) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.advance(minutes=14)
        assert calls(tocsin) == [(2, "ann", PHONE), (5, "ann", MAIL)]


async def test_if_every_method_fails_the_backup_is_paged_and_then_the_operators(running: Running) -> None:
    desk = weekly("desk", ("ann",), BERLIN, backup=("zoe",))
    people = People(persons=PEOPLE.persons, rotations={"desk": desk})
    gone = Outcome.PERMANENT
    async with running(
        people=people, plan=crew.playbook(one=("desk",)), through=(down(PAGER, gone), RecordingChannel(PHONE))
    ) as tocsin:
        tocsin.channels[PHONE].answer = lambda content: Receipt(
            gone if content.job is Job.PAGE and content.target == "ann" else Outcome.SENT, detail="engaged"
        )
        await tocsin.fire(alertname="Down", severity="P1")
        assert calls(tocsin) == [(0, "zoe", PHONE)]
        assert await emergency.wrong(tocsin) == []
        tocsin.channels[PHONE].answer = lambda content: Receipt(gone if content.job is Job.PAGE else Outcome.SENT)
        await tocsin.fire(alertname="Other", severity="P1")
        [page] = [content for content in tocsin.sent(Job.PAGE) if content.title.startswith("Other")]
        assert (page.destination, page.stranded, page.target) == ("console", True, "zoe")


async def test_a_place_has_its_next_channel(running: Running) -> None:
    people = People(
        persons=PEOPLE.persons, places={"room": Contact(PAGER, "room")}, spares={"room": (Contact(MAIL, "room"),)}
    )
    plan = crew.playbook(one=("room",))
    async with running(people=people, plan=plan, through=(down(PAGER), *crew.channels()[1:])) as tocsin:
        await tocsin.fire(alertname="Down", severity="P1")
        await tocsin.advance(minutes=2)
        assert calls(tocsin) == [(2, "room", MAIL)]
        assert await emergency.wrong(tocsin) == []

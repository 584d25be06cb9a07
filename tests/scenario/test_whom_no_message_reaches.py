"""Messages for a person without a suitable contact go to the announce targets, or else to the console."""

from dataclasses import replace

import pytest
from msgspec import structs

from scenario import emergency
from tocsin.channels.pagerduty.payload import ACTIONS
from tocsin.channels.registry import KINDS
from tocsin.channels.wording import remarks
from tocsin.core.content.page import Content
from tocsin.core.duration import MINUTE
from tocsin.core.incident.outbox import Job
from tocsin.core.oncall.people import Contact, Method, People, Person
from tocsin.core.oncall.rotation import Rotation
from tocsin.core.playbook.playbook import Cell, Kind, Level, Playbook, Tier
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingChannel

ONLY_PAGES = frozenset(ACTIONS)
CELLS = (
    Cell(tier=1, nth=1, after=0, targets=("taylor",)),
    Cell(tier=1, nth=2, after=10 * MINUTE, kind=Kind.UPDATE, targets=("taylor",)),
)
PLAN = Playbook(
    name="crew",
    title="Crew",
    levels=(Level("P1", 0, 15 * MINUTE, None, CELLS),),
    tiers=(Tier(1, "One", ("taylor",)),),
    announce=("room",),
    unrouted="P1",
)
PEOPLE = People(
    persons={
        "taylor": Person("taylor", contact=Contact("pager", "ops")),
        "boss": Person("boss", contact=Contact("mail", "boss")),
        "mute": Person("mute"),
    },
    places={"room": Contact("chat", "C0ROOM")},
)


def refuses(name: str, *jobs: Job) -> RecordingChannel:
    def answer(content: Content) -> Receipt:
        if content.job in jobs:
            return Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR, "channel is archived")
        return Receipt(Outcome.SENT)

    return RecordingChannel(name, answer=answer)


def tocsin(*channels: RecordingChannel, plan: Playbook = PLAN, people: People = PEOPLE, own: str = "boss") -> Harness:
    pager = RecordingChannel("pager", handles=ONLY_PAGES)
    given = {channel.name: channel for channel in (pager, RecordingChannel("chat"), RecordingChannel("mail"))}
    given |= {channel.name: channel for channel in channels}
    harness = Harness(plan, people, channels=tuple(given.values()))
    harness.live.policy = replace(harness.live.policy, self_targets=(own,))
    return harness


def sent(harness: Harness, job: Job) -> list[tuple[str, str, str]]:
    """(channel, destination, whom it is for) of each message about the incident."""
    return [
        (name, content.destination, content.target)
        for name, channel in harness.channels.items()
        for content in channel.sent
        if content.job is job and content.playbook == "crew"
    ]


async def test_an_update_for_a_person_with_only_a_pager_reaches_the_announce_target_by_name() -> None:
    async with tocsin() as harness:
        await harness.fire(alertname="Down", severity="P1")
        await harness.advance(minutes=10)
        assert sent(harness, Job.PAGE) == [("pager", "ops", "taylor")]
        assert sent(harness, Job.UPDATE) == [("chat", "C0ROOM", "taylor")]
        [update] = harness.sent(Job.UPDATE)
        [remark] = remarks(update)
        assert remark == "taylor gets only pages, not this message: please tell taylor."
        assert harness.console.sent == [], "nothing that is meant for a person ends on the console"
        assert await emergency.wrong(harness) == []


async def test_if_the_announce_target_refuses_it_operators_are_notified_and_then_the_console() -> None:
    async with tocsin(refuses("chat", Job.UPDATE)) as harness:
        await harness.fire(alertname="Down", severity="P1")
        await harness.advance(minutes=10)
        assert sent(harness, Job.UPDATE) == [("mail", "boss", "taylor")]
    async with tocsin(refuses("chat", Job.UPDATE), refuses("mail", Job.UPDATE)) as harness:
        await harness.fire(alertname="Down", severity="P1")
        await harness.advance(minutes=10)
        assert sent(harness, Job.UPDATE) == [("console", "console", "taylor")]
        assert await emergency.wrong(harness) == []


async def test_a_refused_page_reaches_the_announce_target_and_the_operators() -> None:
    async with tocsin(refuses("pager", Job.PAGE)) as harness:
        await harness.fire(alertname="Down", severity="P1")
        assert sorted(sent(harness, Job.PAGE)) == [("chat", "C0ROOM", "taylor"), ("mail", "boss", "taylor")]
        page = harness.channels["chat"].sent[-1]
        assert remarks(page)[0] == (
            "You get this in place of taylor, who cannot be reached. Find a person who can respond, or acknowledge it "
            "yourself. This could not be delivered to taylor."
        )
        assert page.because == "new incident; pager refused the page for taylor: channel is archived"


async def test_a_page_refused_by_all_fallbacks_is_on_the_console_at_once_and_still_retried() -> None:
    chat, mail = refuses("chat", Job.PAGE), refuses("mail", Job.PAGE)
    async with tocsin(refuses("pager", Job.PAGE), chat, mail) as harness:
        await harness.fire(alertname="Down", severity="P1")
        assert sent(harness, Job.PAGE) == [("console", "console", "taylor")]
        await harness.advance(minutes=10)
        assert sent(harness, Job.PAGE) == [("console", "console", "taylor")]
        chat.answer = mail.answer = lambda _: Receipt(Outcome.SENT)
        await harness.advance(minutes=1)
        assert [("chat" in one or "mail" in one) for one in sent(harness, Job.PAGE)].count(True) >= 1
        assert await emergency.wrong(harness) == []


async def test_a_refused_fallback_is_not_retried_once_another_one_succeeds() -> None:
    chat = refuses("chat", Job.PAGE)
    async with tocsin(refuses("pager", Job.PAGE), chat) as harness:
        await harness.fire(alertname="Down", severity="P1")
        await harness.advance(minutes=10)
        assert ("mail", "boss", "taylor") in sent(harness, Job.PAGE)
        assert len([content for content in chat.tried if content.playbook == "crew" and content.job is Job.PAGE]) <= 2


async def test_a_fallback_recipient_is_reached_by_further_contact_methods_too() -> None:
    ways = (Method(contact=Contact("mail", "boss"), after=5 * MINUTE),)
    boss = Person("boss", contact=Contact("sms", "+15550100"), further=ways)
    people = People(persons={**PEOPLE.persons, "boss": boss}, places=PEOPLE.places)
    plan = structs.replace(PLAN, announce=())
    async with tocsin(refuses("pager", Job.PAGE), refuses("sms", Job.PAGE), plan=plan, people=people) as harness:
        await harness.fire(alertname="Down", severity="P1")
        await harness.advance(minutes=1)
        assert ("mail", "boss", "taylor") in sent(harness, Job.PAGE)


async def test_a_page_for_a_person_without_a_contact_says_so_and_is_sent_once_per_destination() -> None:
    plan = structs.replace(
        PLAN, levels=(Level("P1", 0, 15 * MINUTE, None, (Cell(tier=1, nth=1, after=0, targets=("mute",)),)),)
    )
    async with tocsin(plan=plan) as harness:
        await harness.fire(alertname="Down", severity="P1")
        assert sent(harness, Job.PAGE) == [("chat", "C0ROOM", "mute")]
        [remark] = remarks(harness.channels["chat"].sent[-1])
        assert remark.startswith("You get this in place of mute, who cannot be reached. Find a person")
        assert "Tocsin has no working contact for mute." in remark


async def test_a_page_says_that_no_one_is_on_call() -> None:
    cell = Cell(tier=1, nth=1, after=0, targets=("desk",))
    plan = structs.replace(PLAN, levels=(Level("P1", 0, 15 * MINUTE, None, (cell,)),))
    people = structs.replace(PEOPLE, rotations={"desk": Rotation("desk", ())})
    async with tocsin(plan=plan, people=people) as harness:
        await harness.fire(alertname="Down", severity="P1")
        [page] = [content for content in harness.channels["chat"].sent if content.job is Job.PAGE]
        assert remarks(page) == [
            "No one is on call for desk. Find a person who can respond, or acknowledge it yourself."
        ]


@pytest.mark.parametrize(
    ("kind", "mode", "informs"),
    [
        ("console", "", True),
        ("email", "", True),
        ("pagerduty", "", False),
        ("slack", "", True),
        ("twilio", "call", False),
        ("twilio", "sms", True),
        ("webhook", "", True),
    ],
)
def test_check_knows_which_channels_carry_updates(kind: str, mode: str, informs: bool) -> None:
    assert KINDS[kind].settings.model_construct(mode=mode).informs is informs


def test_every_kind_of_channel_is_among_them() -> None:
    assert set(KINDS) == {"console", "email", "pagerduty", "slack", "twilio", "webhook"}
    assert Job.UPDATE not in ACTIONS

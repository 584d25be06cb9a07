"""A person whose page lasts until the incident is resolved is told when another person acknowledges it."""

from scenario import crew, emergency
from tocsin.channels.wording import kind, reason
from tocsin.core.content.page import Content
from tocsin.core.duration import MINUTE
from tocsin.core.incident.incident import State
from tocsin.core.incident.outbox import Job
from tocsin.core.oncall.people import Contact, People, Person
from tocsin.core.playbook.playbook import Until
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingChannel

DOWN = Receipt(Outcome.RETRY, Reason.CONNECTION, "no answer")
ONLY_PAGES = frozenset({Job.PAGE, Job.ACKNOWLEDGE, Job.RESOLVE})


def told(harness: Harness) -> list[tuple[float, str]]:
    """Return the minutes and the recipients of the updates that a person has acknowledged."""
    updates = [content for content in harness.sent(Job.UPDATE) if kind(content) == "ACKNOWLEDGED"]
    return [((content.now - content.opened_at) / MINUTE, content.target) for content in updates]


async def test_the_manager_stays_paged_and_learns_who_has_it_and_how_to_reach_them(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-2")
    await tocsin.advance(minutes=31)
    await tocsin.acknowledge("alice")
    await tocsin.advance(minutes=5)
    assert told(tocsin) == [(31, emergency.MANAGER)]
    [update] = [content for content in tocsin.sent(Job.UPDATE) if kind(content) == "ACKNOWLEDGED"]
    assert reason(update) == (
        "alice acknowledged it at 12:31 UTC and is responding. You stay involved as Engineering manager until it is "
        "resolved: ask alice whether help is needed. You need not acknowledge."
    )


async def test_a_repeated_acknowledgment_has_its_own_time(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-2")
    await tocsin.advance(minutes=31)
    await tocsin.acknowledge("alice")
    await tocsin.advance(minutes=5)
    await tocsin.set_severity("SEV-1")
    await tocsin.acknowledge("alice")
    await tocsin.settle()
    updates = [content for content in tocsin.sent(Job.UPDATE) if kind(content) == "ACKNOWLEDGED"]
    starts = [reason(update).partition(" and is")[0] for update in updates]
    assert starts == ["alice acknowledged it at 12:31 UTC", "alice acknowledged it again at 12:36 UTC"]


async def test_the_one_who_acknowledges_and_those_whose_page_has_ended_are_not_told(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-2")
    await tocsin.advance(minutes=31)
    await tocsin.acknowledge(emergency.MANAGER)
    await tocsin.advance(minutes=5)
    assert told(tocsin) == []


async def test_each_acknowledgment_is_told_once_however_often_it_is_repeated(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-2")
    await tocsin.advance(minutes=31)
    for _ in range(3):
        await tocsin.acknowledge("alice")
    await tocsin.acknowledge("bob")
    await tocsin.advance(minutes=5)
    assert told(tocsin) == [(31, emergency.MANAGER)]


async def test_it_is_an_update_and_no_page_and_none_for_a_person_with_only_a_pager() -> None:
    people = People(
        persons={
            "ann": Person("ann", contact=Contact("phone", "ann")),
            "boss": Person("boss", contact=Contact("pager", "boss")),
        },
        places={"room": Contact("mail", "room")},
    )
    plan = crew.playbook(one=("ann",), two_until=Until.RESOLVED)
    through = (RecordingChannel("pager", handles=ONLY_PAGES), RecordingChannel("phone"), RecordingChannel("mail"))
    async with crew.tocsin(people, plan, through=through) as harness:
        await harness.fire(alertname="Down", severity="P1")
        await harness.advance(minutes=16)
        pages = harness.pages()
        await harness.acknowledge("ann")
        await harness.advance(minutes=5)
        assert harness.pages() == pages == [(0, "ann"), (15, "boss")]
        assert told(harness) == [], "no other person is asked to pass it on"


async def test_a_delayed_update_is_not_sent_once_the_acknowledgment_has_ended() -> None:
    slow, tried = RecordingChannel("slow"), list[str]()
    works = slow.answer

    def fails(content: Content) -> Receipt:
        tried.append(kind(content))
        return DOWN if content.job is Job.UPDATE else works(content)

    slow.answer = fails
    people = emergency.reached_by(slow, engineering_manager="manager")
    async with emergency.tocsin(people=people, channels=(slow,)) as harness:
        await harness.fire(alertname="Down", severity="SEV-2")
        await harness.advance(minutes=31)
        await harness.acknowledge("alice")
        await harness.advance(seconds=10)
        assert "ACKNOWLEDGED" in tried
        for instance in "abcdef":
            await harness.fire(alertname="Down", severity="SEV-2", instance=instance)
        assert (await harness.incident()).state is State.TRIGGERED
        slow.answer = works
        await harness.advance(minutes=10)
        assert told(harness) == []

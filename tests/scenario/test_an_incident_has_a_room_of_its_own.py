"""A playbook's ``room:``, from the page to a Slack channel that is archived."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from scenario.crew import BERLIN, weekly
from scenario.emergency import rules, shipped
from tocsin.core.content.page import Content
from tocsin.core.duration import DAY
from tocsin.core.incident.outbox import ROOM_JOBS, Job
from tocsin.core.oncall.people import Contact, People, Person
from tocsin.core.playbook.messages import RoomState, RoomWish
from tocsin.core.playbook.playbook import Playbook
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingChannel

BRIDGE = "https://zoom.us/j/123456789"


class Chat(RecordingChannel):
    """A channel that makes rooms; ``answers`` are given to the next requests for one, in order."""

    def __init__(self) -> None:
        super().__init__("chat", handles=frozenset({Job.ANNOUNCE, Job.HISTORY, Job.PAGE, Job.UPDATE, *ROOM_JOBS}))
        self.answers: list[Receipt] = []
        self.asked: list[Content] = []

    async def send(self, content: Content) -> Receipt:
        if content.job is Job.ROOM_CREATE:
            self.asked.append(content)
            if self.answers:
                return self.answers.pop(0)
        receipt = await super().send(content)
        if content.job is Job.ROOM_CREATE and content.room is not None:
            return msgspec.structs.replace(receipt, ref=f"C0ROOM:{content.room.name}")
        if content.job is Job.ANNOUNCE:
            return msgspec.structs.replace(receipt, ref=f"{content.destination}:1.0")
        return receipt

    def done(self, job: Job) -> list[Content]:
        return [content for content in self.sent if content.job is job]


def playbook(**wish: Any) -> Playbook:
    texts = msgspec.structs.replace(
        shipped().texts, bridge=BRIDGE, room=RoomWish(channel="chat", **({"severities": ("SEV-1",)} | wish))
    )
    return msgspec.structs.replace(shipped(), announce=(), texts=texts)


def people() -> People:
    names = {target for tier in shipped().tiers for target in tier.targets} | {"security", "alice"}
    persons = {name: Person(name, slack_user=f"U0{name.upper()[:5]}", contact=Contact("chat", "C0")) for name in names}
    return People(persons=persons)


@pytest.fixture
async def chat() -> Chat:
    return Chat()


@pytest.fixture
async def tocsin(chat: Chat) -> AsyncIterator[Harness]:
    plan = playbook(archive_after=7 * DAY)
    async with Harness(plan, people(), rules=rules(plan), channels=[chat]) as running:
        yield running


async def test_it_is_made_once_and_furnished(tocsin: Harness, chat: Chat):
    await tocsin.fire(alertname="Down", severity="SEV-1")
    made = chat.done(Job.ROOM_CREATE)
    assert [content.room.name for content in made if content.room] == ["incident-20261120-001"]
    assert {content.destination for content in chat.done(Job.ROOM_TOPIC)} == {"C0ROOM"}
    assert [content.bridge for content in chat.done(Job.ROOM_TOPIC)] == [BRIDGE]
    assert [content.destination for content in chat.done(Job.ANNOUNCE)] == ["C0ROOM"]
    assert [content.ref for content in chat.done(Job.ROOM_PIN)] == ["C0ROOM:1.0"]
    assert [content.recipient for content in chat.done(Job.ROOM_INVITE)] == ["U0ON-CA"]
    await tocsin.advance(hours=2)
    assert len(chat.done(Job.ROOM_CREATE)) == len(chat.done(Job.ROOM_PIN)) == 1


async def test_whoever_is_paged_or_takes_it_later_is_brought_in_once(tocsin: Harness, chat: Chat):
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=31)
    await tocsin.acknowledge(by="alice")
    invited = [content.recipient for content in chat.done(Job.ROOM_INVITE)]
    assert sorted(invited) == sorted({"U0ON-CA", "U0ENGIN", "U0VP-EN", "U0CTO", "U0ALICE"})
    said = [entry.kind for content in chat.done(Job.HISTORY) for entry in content.history]
    assert "acknowledged" in said


async def test_it_is_archived_some_time_after_the_resolve(tocsin: Harness, chat: Chat):
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.resolve(alertname="Down", severity="SEV-1")
    await tocsin.advance(hours=24 * 7)
    assert not chat.done(Job.ROOM_ARCHIVE)
    await tocsin.advance(minutes=5)
    assert len(chat.done(Job.ROOM_ARCHIVE)) == 1
    room = (await tocsin.incident()).messages
    assert room is not None
    assert room.room is not None
    assert room.room.state is RoomState.ARCHIVED


async def test_an_incident_that_fires_again_goes_on_in_its_room(tocsin: Harness, chat: Chat):
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.resolve(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=5)
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.advance(hours=24 * 8)
    assert (await tocsin.incident()).occurrence == 2
    assert len(chat.done(Job.ROOM_CREATE)) == 1
    assert not chat.done(Job.ROOM_ARCHIVE)


async def test_a_severity_that_wants_none_gets_none_until_it_rises(tocsin: Harness, chat: Chat):
    await tocsin.fire(alertname="Down", severity="SEV-2")
    assert not chat.asked
    await tocsin.fire(alertname="Down", severity="SEV-1", pod="b")
    assert len(chat.asked) == 1


async def test_an_attempt_without_an_answer_says_so_at_the_next(tocsin: Harness, chat: Chat):
    chat.answers = [Receipt(Outcome.AMBIGUOUS, Reason.TIMEOUT), Receipt(Outcome.RETRY, Reason.SERVER_ERROR)]
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=20)
    assert [content.possible_duplicate for content in chat.asked] == [False, True, True]
    assert len(chat.done(Job.ROOM_CREATE)) == 1


async def test_a_room_that_is_refused_keeps_no_page_back_and_is_told(tocsin: Harness, chat: Chat):
    chat.answers = [Receipt(Outcome.PERMANENT, Reason.AUTH, "missing_scope: channels:manage")]
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=16)
    assert [minutes for minutes, _ in tocsin.pages()] == [0, 15]
    assert len(chat.asked) == 1
    told = [entry for entry in await tocsin.timeline() if entry.kind == "room_refused"]
    assert [entry.data["detail"] for entry in told] == ["missing_scope: channels:manage"]


async def test_no_room_is_made_for_what_is_over(tocsin: Harness, chat: Chat):
    chat.answers = [Receipt(Outcome.RETRY, Reason.SERVER_ERROR)] * 100
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.resolve(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=10)
    asked = len(chat.asked)
    chat.answers = []
    await tocsin.advance(hours=1)
    assert len(chat.asked) == asked


async def test_the_on_call_person_of_a_rotation_is_invited(chat: Chat):
    plan = playbook()
    everybody = people()
    person = Person("ann", slack_user="U0ANN", contact=Contact("chat", "C0"))
    rotations = {"on-call-engineer": weekly("on-call-engineer", ("ann",), BERLIN)}
    persons = {name: one for name, one in everybody.persons.items() if name not in rotations} | {"ann": person}
    on_call = People(persons=persons, rotations=rotations)
    async with Harness(plan, on_call, rules=rules(plan), channels=[chat]) as tocsin:
        await tocsin.fire(alertname="Down", severity="SEV-1")
        assert [content.recipient for content in chat.done(Job.ROOM_INVITE)] == ["U0ANN"]

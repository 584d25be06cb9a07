"""A duty with a meeting proposes a time and sends invitations; an e-mail carries one for the calendar."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario import emergency
from scenario.owing import ALICE, REVIEW, down, duties, entries, outcomes, over, playbook, told
from tocsin.channels.email.payload import render
from tocsin.channels.email.settings import EmailSettings
from tocsin.core.content.page import Content
from tocsin.core.duration import DAY, HOUR, MINUTE, SECOND
from tocsin.core.errors import IllegalTransition, InvalidValue
from tocsin.core.incident.event import CompleteDuty, MoveMeeting, RoleTaken, SetFlags, WaiveDuty
from tocsin.core.incident.transitions.meetings import meeting_start
from tocsin.core.oncall.people import Contact, Method, People, Person
from tocsin.core.playbook.duties import Meeting, PlaybookDuty
from tocsin.core.schedule.hours import BusinessHours
from tocsin.engine.deliver.invitations import MOST_ATTENDEES
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingChannel

MONDAY = datetime(2026, 11, 23, 10, tzinfo=UTC)
SETTINGS = EmailSettings.model_validate({"host": "127.0.0.1", "tls": "none", "from": "tocsin@example.com"})


def tocsin(*more: PlaybookDuty, at: datetime = MONDAY) -> Harness:
    """Bob reads mail as his second method; the others are on the console."""
    plan = playbook(REVIEW, *more)
    people = emergency.one_person_a_target(plan)
    bob = Person(
        "bob",
        contact=Contact("console", "console"),
        further=(Method(Contact("mail", "bob@example.com"), 5 * MINUTE),),
    )
    known = People(persons={**people.persons, "bob": bob})
    mail = RecordingChannel("mail", kind="email")
    return emergency.tocsin(playbook=plan, people=known, channels=(mail,), clock=VirtualClock(at))


def invitations(harness: Harness) -> list[Content]:
    return [content for content in harness.sent() if content.step.startswith("meeting.review.")]


def mail_of(content: Content) -> EmailMessage:
    message = message_from_bytes(render(content, SETTINGS), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def event_of(content: Content, method: str = "REQUEST") -> icalendar.Event:
    """The event, as an independent reader of calendars sees it."""
    part = mail_of(content).get_body(("calendar",))
    calendar = next(each for each in mail_of(content).walk() if each.get_content_type() == "text/calendar")
    assert part is None or part.get_content_type() == "text/calendar"
    assert calendar.get_param("method") == method
    read = icalendar.Calendar.from_ical(calendar.get_content())
    assert (read["METHOD"], read["VERSION"]) == (method, "2.0")
    [event] = read.walk("VEVENT")
    return event


async def reviewed(harness: Harness) -> None:
    await down(harness)
    await harness.acknowledge()
    await harness.say(RoleTaken(by=ALICE, role="technical-lead", person="bob"))
    await over(harness)


async def test_the_responders_are_invited_once_to_a_time_in_business_hours() -> None:
    async with tocsin() as harness:
        await reviewed(harness)
        review = (await duties(harness))["review"]
        assert review.meets_at is not None
        assert datetime.fromtimestamp(review.meets_at / 1e6, UTC) == MONDAY + timedelta(hours=1, minutes=30)
        targets = [(content.target, content.destination) for content in invitations(harness)]
        assert targets == [
            ("incident-commander", "console"),
            ("alice", "console"),
            ("bob", "bob@example.com"),
        ], "the owner of the postmortem leads it; bob gets it by mail, though that is his second method"
        assert await entries(harness, "meeting_proposed") == [("meeting_proposed", "review")]


async def test_the_mail_carries_an_invitation_that_another_program_reads() -> None:
    async with tocsin() as harness:
        await reviewed(harness)
        [content] = [each for each in invitations(harness) if each.target == "bob"]
        event = event_of(content)
        assert event.decoded("DTSTART") == MONDAY + timedelta(hours=1, minutes=30)
        assert event.decoded("DTEND") - event.decoded("DTSTART") == timedelta(hours=1)
        assert (event["SEQUENCE"], str(event["ORGANIZER"])) == (0, "mailto:tocsin@example.com")
        assert str(event["SUMMARY"]).startswith("Hold the review (#1 ")
        assert str(event["ATTENDEE"]) == "mailto:bob@example.com"
        text = mail_of(content).get_body(("plain",))
        assert text is not None
        invited = "You are invited to the review on 2026-11-23 11:30 UTC, for 1 h. incident-commander holds it."
        assert invited in text.get_content()


async def test_another_time_reaches_everyone_as_the_same_event() -> None:
    async with tocsin() as harness:
        await reviewed(harness)
        at = harness.clock.now() + DAY
        await harness.say(MoveMeeting(by=ALICE, duty="review", at=at))
        first, second = [each for each in invitations(harness) if each.target == "bob"]
        was, is_now = event_of(first), event_of(second)
        assert (was["UID"], is_now["SEQUENCE"]) == (is_now["UID"], 1)
        assert is_now.decoded("DTSTART") > was.decoded("DTSTART")
        assert len(invitations(harness)) == 6
        await harness.say(MoveMeeting(by=ALICE, duty="review", at=(await duties(harness))["review"].meets_at or 0))
        assert len(invitations(harness)) == 6, "the same time is no news"


async def test_what_is_no_meeting_or_is_over_cannot_be_moved() -> None:
    plain = PlaybookDuty(name="plain", text="Do it", since="opened", within=HOUR)
    async with tocsin(plain) as harness:
        await reviewed(harness)
        at = harness.clock.now() + DAY
        with pytest.raises(InvalidValue, match="the duty plain is no meeting"):
            await harness.say(MoveMeeting(by=ALICE, duty="plain", at=at))
        with pytest.raises(InvalidValue, match="later than now"):
            await harness.say(MoveMeeting(by=ALICE, duty="review", at=harness.clock.now()))
        await harness.say(CompleteDuty(by=ALICE, duty="review"))
        with pytest.raises(IllegalTransition, match="is done or waived already"):
            await harness.say(MoveMeeting(by=ALICE, duty="review", at=at))


@pytest.mark.parametrize("is_set", [True, False])
async def test_some_people_are_invited_only_while_a_flag_is_set(*, is_set: bool) -> None:
    meeting = Meeting(after=HOUR, invite_when={"data_breach": ("legal",), "major_impact": ("ceo",)})
    review = PlaybookDuty(name="review", text="Review", since="resolved", within=2 * DAY, meeting=meeting)
    async with emergency.tocsin(playbook=playbook(review), clock=VirtualClock(MONDAY)) as harness:
        await down(harness)
        if is_set:
            await harness.say(SetFlags(by=ALICE, add=("data_breach",)))
        await over(harness)
        invited = {content.target for content in invitations(harness)}
        assert ("legal" in invited, "ceo" in invited) == (is_set, False)
        await harness.say(WaiveDuty(by=ALICE, duty="review", reason="known"))
        assert {content.target for content in cancellations(harness)} == invited


async def test_a_meeting_that_nobody_held_is_a_breach_and_one_that_was_held_is_done() -> None:
    async with tocsin() as harness:
        await reviewed(harness)
        await harness.advance(hours=48)
        assert [who for _, who in told(harness, "review")] == ["incident-commander", "incident-commander", "incidents"]
        await harness.say(CompleteDuty(by=ALICE, duty="review"))
        assert await outcomes(harness) == {"review": "late"}


@pytest.mark.parametrize(
    ("now", "within", "after", "start"),
    [
        ("2026-11-23 10:05", 2 * DAY, 0, "2026-11-23 11:30"),  # an hour's notice, on the half hour
        ("2026-11-23 16:10", 2 * DAY, 0, "2026-11-24 09:00"),  # it would end after closing
        ("2026-11-23 03:00", 2 * DAY, DAY, "2026-11-24 09:00"),
        (
            "2026-11-27 04:03",
            2 * DAY,
            12 * HOUR,
            "2026-11-28 09:00",
        ),  # never before `after`; rather by day than at night
        (
            "2026-11-27 16:15",
            2 * DAY,
            DAY,
            "2026-11-29 09:00",
        ),  # not on Saturday at nine: that is less than a day later
        ("2026-11-28 04:15", 2 * DAY, DAY, "2026-11-29 09:00"),
        ("2026-11-28 11:00", 2 * DAY, DAY, "2026-11-30 09:00"),
        ("2026-11-27 16:15", 7 * DAY, DAY, "2026-11-30 09:00"),
        ("2026-11-23 17:10", 4 * HOUR, HOUR, "2026-11-23 18:30"),  # no hour of the day is left
        ("2026-11-23 17:10", 2 * HOUR, HOUR, "2026-11-23 18:10"),  # exactly at `after`, so that it ends in time
        ("2026-11-27 18:00", DAY, 0, "2026-11-28 09:00"),  # a weekend does not move the deadline
        ("2026-11-27 18:00", 3 * DAY, 0, "2026-11-30 09:00"),
        ("2026-11-23 10:00", HOUR, 0, "2026-11-23 10:00"),
    ],
)
def test_the_time_is_in_business_hours_unless_its_window_has_none(
    now: str, within: int, after: int, start: str
) -> None:
    def micros(text: str) -> int:
        return int(datetime.fromisoformat(f"{text}:00+00:00").timestamp()) * 1_000_000

    found = meeting_start(Meeting(after=after), micros(now), micros(now) + within, BusinessHours())
    assert datetime.fromtimestamp(found / 1e6, UTC).strftime("%Y-%m-%d %H:%M") == start


@given(hour=st.integers(0, 7 * 24 * 4 - 1), within=st.integers(60, 10 * 24 * 60), data=st.data())
def test_a_meeting_is_never_before_its_earliest_start_and_ends_by_its_deadline(
    hour: int, within: int, data: st.DataObject
) -> None:
    now = int(MONDAY.timestamp()) * SECOND + hour * 15 * MINUTE
    length = data.draw(st.integers(15, min(within, 180)))
    after = data.draw(st.integers(0, within - length))
    meeting = Meeting(length=length * MINUTE, after=after * MINUTE)
    found = meeting_start(meeting, now, now + within * MINUTE, BusinessHours())
    assert now + meeting.after <= found <= now + within * MINUTE - meeting.length


async def test_a_very_long_list_of_guests_is_cut_but_each_is_invited() -> None:
    guests = [f"guest-{number}" for number in range(MOST_ATTENDEES + 5)]
    meeting = Meeting(after=HOUR, invite=("guests",))
    plan = playbook(PlaybookDuty(name="review", text="Review", since="resolved", within=2 * DAY, meeting=meeting))
    persons = {name: Person(name, contact=Contact("mail", f"{name}@example.com")) for name in guests}
    known = emergency.one_person_a_target(plan).persons
    people = People(persons={**known, **persons}, groups={"guests": tuple(guests)})
    mail = RecordingChannel("mail", kind="email")
    async with emergency.tocsin(playbook=plan, people=people, channels=(mail,), clock=VirtualClock(MONDAY)) as harness:
        await down(harness)
        await over(harness)
        sent = [content for content in invitations(harness) if content.target in persons]
        assert len(sent) == len(guests)
        listed = [str(each) for each in event_of(sent[-1])["ATTENDEE"]]
        assert len(listed) == MOST_ATTENDEES + 1
        assert listed[-1] == f"mailto:{guests[-1]}@example.com"


def cancellations(harness: Harness) -> list[Content]:
    return [content for content in harness.sent() if content.step.startswith("meeting_canceled.review.")]


@pytest.mark.parametrize("how", ["reopened", "waived", "done"])
async def test_a_meeting_that_is_not_held_is_canceled_in_the_calendars_of_the_people_invited(how: str) -> None:
    async with tocsin() as harness:
        await reviewed(harness)
        await harness.say(MoveMeeting(by=ALICE, duty="review", at=harness.clock.now() + DAY))
        if how == "reopened":
            await down(harness, instance="b")
        elif how == "waived":
            await harness.say(WaiveDuty(by=ALICE, duty="review", reason="known"))
        else:
            await harness.say(CompleteDuty(by=ALICE, duty="review"))
        invited = [each for each in invitations(harness) if each.target == "bob"]
        assert [each.target for each in cancellations(harness)] == ["incident-commander", "alice", "bob"]
        [canceled] = [each for each in cancellations(harness) if each.target == "bob"]
        was, event = event_of(invited[-1]), event_of(canceled, "CANCEL")
        assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == (was["UID"], 2, "CANCELLED")
        assert event.decoded("DTSTART") == was.decoded("DTSTART")
        text = mail_of(canceled).get_body(("plain",))
        assert text is not None
        assert "MEETING CANCELED" in text.get_content()
        assert await emergency.wrong(harness) == []


async def test_a_meeting_that_was_held_is_not_canceled() -> None:
    async with tocsin() as harness:
        await reviewed(harness)
        await harness.advance(hours=3)
        await harness.say(CompleteDuty(by=ALICE, duty="review"))
        assert cancellations(harness) == []

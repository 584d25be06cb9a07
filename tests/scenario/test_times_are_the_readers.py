"""Times are in the reader's time zone, which is always named; messages name who has acknowledged."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tocsin.channels import outcomes, wording
from tocsin.channels.console.payload import render as on_console
from tocsin.channels.email.payload import render as by_mail
from tocsin.channels.email.settings import EmailSettings
from tocsin.channels.twilio.payload import text as by_sms
from tocsin.channels.twilio.payload import twiml
from tocsin.channels.twilio.settings import TwilioSettings
from tocsin.conf.secrets import Secret
from tocsin.conf.templates import MessageTemplate
from tocsin.core.content.page import Upcoming
from tocsin.core.duration import MINUTE
from tocsin.core.incident.outbox import Job
from tocsin.core.oncall.people import Contact, People, Person
from tocsin.core.oncall.rotation import Rotation, TurnsLayer
from tocsin.core.playbook.playbook import Cell, Level, Playbook, Tier, Until
from tocsin.core.schedule.hours import BusinessHours
from tocsin.core.schedule.moments import exact_moment, in_zone, moment, short_moment
from tocsin.testing.clock import VirtualClock
from tocsin.testing.content import NOW, content
from tocsin.testing.harness import Harness

LAST = 253_402_300_799_999_999
"""The end of the year 9999."""
CONSOLE = Contact("console", "console")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def member(name: str, zone: str = "") -> Person:
    return Person(name, contact=CONSOLE, time_zone=zone)


def rotation(name: str, zone: str, *members: str) -> Rotation:
    return Rotation(name, (TurnsLayer(members, UTC, NOON, anchor=NOON, period=NOON - NOON),), time_zone=zone)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("UTC", "2026-11-20 03:05 UTC"),
        ("Europe/Berlin", "2026-11-20 04:05 CET"),
        ("America/New_York", "2026-11-19 22:05 EST"),
        ("America/Sao_Paulo", "2026-11-20 00:05 UTC-03"),
        ("Mars/Olympus", "2026-11-20 03:05 UTC"),
    ],
)
def test_a_moment_names_its_zone_and_one_that_is_unknown_loses_no_page(zone: str, said: str) -> None:
    assert moment(NOW, zone) == said


def test_today_needs_no_date_and_another_day_has_its_name() -> None:
    assert short_moment(NOW, NOW + 60 * MINUTE, "Europe/Berlin") == "04:05 CET"
    tomorrow = NOW + 60 * 24 * MINUTE
    assert short_moment(NOW, tomorrow, "Europe/Berlin") == "Fri 2026-11-20 04:05 CET"
    assert moment(NOW, "Europe/Berlin", NOW) == "2026-11-20 04:05 CET"
    assert moment(NOW, "America/New_York", tomorrow) == "Thu 2026-11-19 22:05 EST"


def test_a_day_that_is_another_one_for_the_reader_alone_has_its_name() -> None:
    assert short_moment(NOW - 4 * 60 * MINUTE, NOW, "UTC") == "Thu 2026-11-19 23:05 UTC"
    assert short_moment(NOW - 4 * 60 * MINUTE, NOW, "Europe/Berlin") == "00:05 CET"


@given(st.integers(0, LAST), st.sampled_from(["UTC", "Asia/Tokyo", "Pacific/Kiritimati", "America/Los_Angeles"]))
def test_any_moment_that_an_alert_may_carry_can_be_said(at: int, zone: str) -> None:
    assert exact_moment(at, zone)


@given(st.text(), st.sampled_from(["Asia/Tokyo", "Europe/Berlin"]))
def test_a_text_without_a_moment_stays_as_it_is(text: str, zone: str) -> None:
    assert in_zone(text, zone) == text or " UTC" in text


def test_a_time_within_a_sentence_is_in_the_readers_zone() -> None:
    because = "action item 1 is due in 1 d, by 2026-11-25 23:30 UTC: a moment such as 2026-02-31 10:00 UTC"
    assert in_zone(because, "Europe/Berlin") == (
        "action item 1 is due in 1 d, by 2026-11-26 00:30 CET: a moment such as 2026-02-31 10:00 UTC"
    )
    assert "by Thu 2026-11-26 00:30 CET" in in_zone(because, "Europe/Berlin", NOW)
    assert "by Wed 2026-11-25 23:30 UTC" in in_zone(because, "UTC", NOW)


def test_a_persons_zone_is_their_own_or_that_of_their_rotations() -> None:
    people = People(
        persons={name: member(name) for name in ("ben", "cleo", "dora")} | {"ann": member("ann", "Asia/Tokyo")},
        rotations={
            "east": rotation("east", "Europe/Berlin", "ann", "ben", "cleo"),
            "west": rotation("west", "America/New_York", "cleo"),
        },
    )
    assert [people.time_zone_of(name) for name in ("ann", "ben", "cleo", "dora", "room")] == [
        "Asia/Tokyo",
        "Europe/Berlin",
        "",
        "",
        "",
    ]


def plan(zone: str = "UTC") -> Playbook:
    cells = (
        Cell(tier=1, nth=1, after=0, targets=("ann",)),
        Cell(tier=2, nth=1, after=30 * MINUTE, targets=("ben",), until=Until.RESOLVED),
        Cell(tier=3, nth=1, after=60 * MINUTE, targets=("room",), until=Until.RESOLVED),
    )
    return Playbook(
        name="crew",
        title="Crew",
        levels=(Level("P1", 0, 15 * MINUTE, None, cells),),
        tiers=tuple(Tier(number, name, ()) for number, name in enumerate(("One", "Two", "Three"), 1)),
        unrouted="P1",
        business_hours=BusinessHours(time_zone=zone),
    )


PEOPLE = People(
    persons={"ann": member("ann", "Europe/Berlin"), "ben": member("ben", "America/New_York")}, places={"room": CONSOLE}
)


async def test_a_later_page_of_an_acknowledged_incident_says_who_has_it_in_each_readers_time() -> None:
    async with Harness(plan("Asia/Tokyo"), PEOPLE, clock=VirtualClock(NOON)) as harness:
        await harness.fire(alertname="Down", severity="P1")
        await harness.advance(minutes=22)
        await harness.acknowledge("ann")
        await harness.advance(minutes=60)
        first, second, third = harness.sent(Job.PAGE)
        assert wording.reason(first) == "New incident."
        assert (
            wording.reason(second)
            == "Still open after 30 min. You are paged as Two. ann has been the responder since 07:22 EST."
        )
        assert (
            wording.reason(third)
            == "Still open after 1 h. You are paged as Three. ann has been the responder since 21:22 JST."
        )
        [taken] = harness.sent(Job.ACKNOWLEDGE)
        coming = "If it is not resolved by 13:30 CET, Two (ben) will be paged."
        assert outcomes.taken(taken) == f"You have acknowledged it. {coming}"


async def test_who_has_it_and_since_when_is_the_latest_who_took_it() -> None:
    async with Harness(plan(), PEOPLE, clock=VirtualClock(NOON)) as harness:
        await harness.fire(alertname="Down", severity="P1")
        await harness.acknowledge("ann")
        await harness.snooze(5, "ann")
        await harness.advance(minutes=6)
        await harness.acknowledge("ben")
        await harness.advance(minutes=120)
        page = harness.sent(Job.PAGE)[-1]
        assert wording.reason(page).endswith("ben has been the responder since 12:06 UTC.")


def test_other_recipients_need_not_respond_and_see_what_may_follow() -> None:
    told = content(Job.ACKNOWLEDGE, state="acknowledged", acknowledged_by="bob", taken_at=NOW)
    assert outcomes.taken(told) == "Acknowledged by bob at 03:05 UTC. You do not need to respond now."
    later = content(
        Job.ACKNOWLEDGE,
        state="acknowledged",
        acknowledged_by="alice",
        next_pages=(Upcoming(NOW + 30 * MINUTE, "the manager", Until.RESOLVED),),
    )
    assert "nothing more to do" not in outcomes.taken(later)
    assert "the manager will be paged" in outcomes.taken(later)


def test_no_channel_asks_to_acknowledge_what_is_acknowledged() -> None:
    told = content(state="acknowledged", acknowledged_by="bob", taken_at=NOW, external_url="https://t.example.com")
    mail = EmailSettings.model_validate({"host": "mail.example.com", "from": "tocsin@example.com"})
    phone = {"account": "AC" + "0" * 32, "token": Secret("x"), "from": "+15005550006"}
    said = [
        on_console(told, colour=False),
        by_mail(structs.replace(told, destination="alice@example.com"), mail).decode(),
        by_sms(told, TwilioSettings.model_validate({**phone, "mode": "sms"})),
        twiml(told, TwilioSettings.model_validate({**phone, "mode": "call"})),
    ]
    for text in said:
        assert "bob has been the responder since 03:05 UTC" in text
        assert not [asked for asked in ("Acknowledge:", "Reply:", "to acknowledge", "incidents ack") if asked in text]


def test_a_template_that_names_utc_itself_gets_its_times_in_utc() -> None:
    assert MessageTemplate("old", "{{ now_time }} UTC").is_in_utc
    assert not MessageTemplate("new", "{{ now_time }} {{ time_zone }}").is_in_utc


async def test_a_link_that_a_person_cannot_open_is_not_sent() -> None:
    async with Harness(plan(), PEOPLE) as harness:
        harness.live.policy = replace(harness.live.policy, external_url="https://tocsin.example.com")
        await harness.fire(alertname="Down", severity="P1")
        assert {content.url for content in harness.sent()} == {""}

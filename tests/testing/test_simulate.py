"""People in a simulation: who is on call at that minute, and through which contacts."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tocsin.core.duration import HOUR, MINUTE
from tocsin.core.incident.event import Acknowledge, Actor, Opened
from tocsin.core.oncall.people import Contact, Method, People, Person
from tocsin.core.oncall.rotation import Rotation, TurnsLayer
from tocsin.core.playbook.playbook import Cell, Kind, Level, Playbook, Tier, Until
from tocsin.testing.clock import microseconds
from tocsin.testing.simulate import Walk, Ways

BERLIN = ZoneInfo("Europe/Berlin")
CONSOLE = Contact("console", "console")
CHANNELS = dict.fromkeys(Kind, frozenset({"console", "pager", "sms"}))


def ladder(*minutes: int, until: Until = Until.ACKNOWLEDGED) -> Playbook:
    """One tier, whoever is on watch, at these minutes."""
    cells = tuple(
        Cell(tier=1, nth=nth, after=at * MINUTE, until=until, targets=("watch",)) for nth, at in enumerate(minutes, 1)
    )
    level = Level("high", 0, HOUR, None, cells)
    return Playbook(name="p", title="P", levels=(level,), tiers=(Tier(1, "One", ("watch",)),), unrouted="high")


def watch(starts: datetime, *members: str) -> People:
    """They take turns each day at that time of the wall clock in Berlin."""
    turns = TurnsLayer(members, BERLIN, starts, starts, timedelta(days=1))
    persons = {name: Person(name, contact=Contact("pager", name)) for name in members}
    return People(persons=persons, rotations={"watch": Rotation("watch", (turns,), "Europe/Berlin")})


def told(playbook: Playbook, people: People, start: datetime, until: int, *more: tuple[int, Acknowledge]) -> list[str]:
    walk = Walk(playbook, Ways(people, CHANNELS, CONSOLE))
    steps = walk.run([(0, Opened(fired=("high",))), *more], start=microseconds(start), until=until * MINUTE)
    return [f"{step.after // MINUTE} {step.kind} {' '.join(step.targets)} by {step.channel}" for step in steps]


@pytest.mark.parametrize(
    ("night", "hand_over"),
    [
        # The clock goes back at 03:00: it shows 02:30 twice, and the first of them counts.
        ("2026-10-25T00:30", 120),
        # The clock goes forward at 02:00: 02:30 does not come, and the jump counts.
        ("2026-03-29T00:30", 90),
        ("2026-11-25T00:30", 120),
    ],
)
def test_the_hand_over_is_where_the_wall_clock_says_also_in_the_nights_in_which_it_moves(
    night: str, hand_over: int
) -> None:
    local = datetime.fromisoformat(night)
    people = watch(local.replace(hour=2) - timedelta(days=4), "ann", "ben")
    minutes = (0, hand_over - 1, hand_over, 240)
    found = told(ladder(*minutes), people, local.replace(tzinfo=BERLIN).astimezone(UTC), 240)
    assert found == [
        "0 page ben by pager",
        f"{hand_over - 1} page ben by pager",
        f"{hand_over} page ann by pager",
        "240 page ann by pager",
    ]


def test_each_further_method_is_used_at_its_time_until_an_acknowledgment() -> None:
    ways = tuple(Method(Contact(channel, "ann"), after) for channel, after in (("sms", 2 * MINUTE), ("console", HOUR)))
    people = People(persons={"watch": Person("watch", contact=Contact("pager", "ann"), further=ways)})
    start = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert told(ladder(0), people, start, 59) == ["0 page watch by pager", "2 page watch by sms"]
    assert told(ladder(0), people, start, 50, (MINUTE, Acknowledge(by=Actor("bob", "api")))) == [
        "0 page watch by pager"
    ]


def test_the_next_shift_is_informed_of_acknowledged_incidents() -> None:
    people = watch(datetime(2026, 11, 20, 13), "ann", "ben")  # noqa: DTZ001 - on the wall clock in Berlin
    start = datetime(2026, 11, 20, 12, tzinfo=UTC)
    taken = (5 * MINUTE, Acknowledge(by=Actor("ann", "api")))
    day = 24 * 60
    found = told(ladder(0, day + 1, until=Until.RESOLVED), people, start, day + 1, taken)
    assert found == ["0 page ann by pager", f"{day} update ben by pager", f"{day + 1} page ben by pager"]


def test_a_page_to_an_empty_rotation_goes_to_the_console() -> None:
    people = watch(datetime(2026, 12, 1, 9), "ann", "ben")  # noqa: DTZ001 - it has not begun
    found = told(ladder(0), people, datetime(2026, 11, 20, 12, tzinfo=UTC), 0)
    assert found == ["0 page watch by console"]


def test_who_stays_paged_is_informed_once_when_another_person_acknowledges() -> None:
    people = People(persons={"watch": Person("watch", contact=Contact("pager", "ann"))})
    start = datetime(2026, 11, 20, 12, tzinfo=UTC)
    by_bob, by_watch = ((5 * MINUTE, Acknowledge(by=Actor(name, "api"))) for name in ("bob", "watch"))
    pages = ["0 page watch by pager", "2 page watch by pager"]
    lasting = ladder(0, 2, until=Until.RESOLVED)
    assert told(lasting, people, start, 9, by_bob) == [*pages, "5 update watch by pager"]
    assert told(lasting, people, start, 9, by_watch) == pages
    assert told(ladder(0, 2), people, start, 9, by_bob) == pages

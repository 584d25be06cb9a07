"""People with several contact methods and rotations over two time zones, for the scenarios about them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tocsin.core.duration import MINUTE
from tocsin.core.incident.outbox import Job
from tocsin.core.oncall.people import Contact, Method, People, Person
from tocsin.core.oncall.rotation import Rotation, TurnsLayer
from tocsin.core.playbook.playbook import Cell, Level, Playbook, Tier, Until
from tocsin.ports.store import Store
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingChannel

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
PAGER, PHONE, MAIL = "pager", "phone", "mail"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def micros(text: str) -> int:
    return round(utc(text).timestamp() * 1_000_000)


def channels() -> tuple[RecordingChannel, ...]:
    return tuple(RecordingChannel(name) for name in (PAGER, PHONE, MAIL))


def reached(name: str, *ways: tuple[str, int]) -> Person:
    """A person whose address on each channel is their name."""
    first, *further = [(Contact(channel, name), after * MINUTE) for channel, after in ways]
    return Person(name, contact=first[0], further=tuple(Method(*way) for way in further))


def by_three_ways(name: str) -> Person:
    return reached(name, (PAGER, 0), (PHONE, 2), (MAIL, 5))


def weekly(
    name: str, members: tuple[str, ...], zone: ZoneInfo, starts: str = "2026-01-05 09:00", **more: object
) -> Rotation:
    begins = datetime.fromisoformat(starts)
    turns = TurnsLayer(members, zone, begins, anchor=begins, period=timedelta(days=7))
    return Rotation(name, (turns,), time_zone=str(zone), **more)  # type: ignore[arg-type]


def playbook(
    *, one: tuple[str, ...], two: tuple[str, ...] = ("boss",), two_until: Until = Until.ACKNOWLEDGED
) -> Playbook:
    """Tier 1 at once, tier 2 after 15 minutes."""
    cells = (
        Cell(tier=1, nth=1, after=0, targets=one),
        Cell(tier=2, nth=1, after=15 * MINUTE, until=two_until, targets=two),
    )
    return Playbook(
        name="crew",
        title="Crew",
        levels=(Level("P1", 0, 15 * MINUTE, None, cells), Level("P2", 1, 15 * MINUTE, None, cells)),
        tiers=(Tier(1, "One", one), Tier(2, "Two", two)),
        unrouted="P2",
    )


def tocsin(
    people: People,
    plan: Playbook,
    *,
    at: str = "2026-11-20T12:00",
    store: Store | None = None,
    clock: VirtualClock | None = None,
    through: tuple[RecordingChannel, ...] | None = None,
) -> Harness:
    return Harness(
        plan,
        people,
        channels=channels() if through is None else through,
        store=store,
        clock=clock or VirtualClock(utc(at)),
    )


def calls(harness: Harness) -> list[tuple[float, str, str]]:
    """(minutes since the start, who, by which channel) of each page, but those about tocsin itself."""
    found = [
        ((content.now - harness.clock.start) / MINUTE, content.target, name)
        for name, channel in harness.channels.items()
        for content in channel.sent
        if content.job is Job.PAGE and content.playbook == "crew"
    ]
    return sorted(found)

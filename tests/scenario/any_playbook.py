"""Hypothesis strategies for playbooks, people and events of every kind that a file can describe."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from tocsin.core.duration import HOUR, MINUTE, SECOND
from tocsin.core.oncall.people import Contact, Method, People, Person
from tocsin.core.oncall.rotation import Rotation, TurnsLayer
from tocsin.core.playbook.actions import PlaybookAction, Verb
from tocsin.core.playbook.playbook import Cell, FlappingLimits, Kind, Level, Moment, Playbook, Tier, Until
from tocsin.core.schedule.hours import BusinessHours, Hours

SEVERITIES = ("high", "middle", "low")
FLAGS = ("breach", "impact")
PERSONS = ("ann", "ben", "cai", "dee")
TARGETS = (*PERSONS, "everybody", "crew", "room", "watch", "watch")
PAGER, PLACE = "pager", "place"
CHANNELS = ("console", PAGER, PLACE, "unconfigured")

WORDS = "words"
"""The one template that there is."""

SPAN = st.sampled_from([0, 30 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 20 * MINUTE, HOUR, 4 * HOUR])
"""Durations that collide often: equal moments are where two readings of a rule part."""
SOME_FLAGS = st.lists(st.sampled_from(FLAGS), min_size=1, unique=True).map(tuple)
SOME = st.lists(st.sampled_from(TARGETS), min_size=1, max_size=3, unique=True).map(tuple)


START = datetime(2026, 11, 20, 12)  # noqa: DTZ001 - on the wall clock of the rotation's zone
"""When the virtual clock starts, in UTC."""


@st.composite
def _person(draw: st.DrawFn, name: str) -> Person:
    """Up to three ways, some of them through what is not configured."""
    first, *further = draw(st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=3))
    moments = sorted(draw(st.lists(SPAN, min_size=len(further), max_size=len(further))))
    ways = (Method(Contact(channel, name), after) for channel, after in zip(further, moments, strict=True))
    return Person(name, contact=Contact(first, name), further=tuple(ways))


@st.composite
def _rotation(draw: st.DrawFn) -> Rotation:
    """Hand-overs each hour or so, perhaps only in some of the hours, and perhaps not yet begun."""
    members = tuple(draw(st.lists(st.sampled_from(PERSONS), min_size=2, max_size=3, unique=True)))
    starts = START + timedelta(hours=draw(st.integers(-3, 2)))
    period = timedelta(minutes=draw(st.sampled_from([60, 90, 240])))
    return Rotation(
        "watch",
        (TurnsLayer(members, UTC, starts, starts, period),),
        secondary=tuple(draw(st.lists(st.sampled_from(PERSONS), max_size=1))),
        secondary_is_next=draw(st.booleans()),
        backup=tuple(draw(st.lists(st.sampled_from((*PERSONS, "room")), max_size=2))),
    )


@st.composite
def _people(draw: st.DrawFn) -> People:
    return People(
        persons={name: draw(_person(name)) for name in PERSONS},
        groups={"everybody": PERSONS, "crew": draw(st.lists(st.sampled_from(PERSONS), min_size=1).map(tuple))},
        places={"room": Contact(PLACE, "room"), "console": Contact("console", "console")},
        rotations={"watch": draw(_rotation())},
    )


@st.composite
def _climb(draw: st.DrawFn, tier: Tier, earliest: int) -> list[Cell]:
    """A tier's steps in the order of their times: the first of tier 1 at once, later ones later."""
    after = 0 if tier.number == 1 else earliest + draw(SPAN)
    cells: list[Cell] = []
    for nth in range(1, draw(st.integers(1, 2)) + 1):
        is_plain = nth == 1 or draw(st.booleans())
        cells.append(
            Cell(
                tier=tier.number,
                nth=nth,
                kind=draw(st.sampled_from(Kind)),
                until=draw(st.sampled_from(Until)),
                after=after,
                when=() if is_plain else draw(SOME_FLAGS),
                hours=draw(st.sampled_from(Hours)),
                targets=draw(st.just(tier.targets) | SOME),
            )
        )
        after += draw(SPAN.filter(bool))
    return cells


@st.composite
def _level(draw: st.DrawFn, name: str, rank: int, tiers: tuple[Tier, ...]) -> Level:
    """A higher tier not before a lower one; then what a flag or a moment brings in."""
    cells: list[Cell] = []
    earliest = 0
    for tier in tiers[: draw(st.integers(1, len(tiers)))]:
        cells += draw(_climb(tier, earliest))
        earliest = next(cell.after or 0 for cell in cells if cell.tier == tier.number)
    last = tiers[-1]
    nth = sum(cell.tier == last.number for cell in cells)
    hours = draw(st.sampled_from(Hours))
    if draw(st.booleans()):
        flagged = draw(SOME_FLAGS)
        nth += 1
        cells.append(
            Cell(tier=last.number, nth=nth, until=Until.RESOLVED, flags=flagged, hours=hours, targets=last.targets)
        )
    if draw(st.booleans()):
        on, when = Moment.ACKNOWLEDGED, draw(st.just(()) | SOME_FLAGS)
        cells.append(
            Cell(tier=last.number, nth=nth + 1, until=Until.RESOLVED, on=on, when=when, hours=hours, targets=draw(SOME))
        )
    silence = draw(st.none() | SPAN.filter(bool))
    targets = {
        "acknowledge_within": draw(st.none() | SPAN.filter(bool)),
        # What comes each 30 seconds for hours takes long and shows no more.
        "update_every": draw(st.none() | SPAN.filter(lambda span: span >= 15 * MINUTE)),
    }
    resolve_within = draw(st.none() | SPAN.filter(bool))
    return Level(name, rank, draw(SPAN.filter(bool)), resolve_within, tuple(cells), ack_timeout=silence, **targets)


_MOMENTS = ("opened", "declared", "acknowledged", "updated", "resolved", "flagged")
_ACTION = st.builds(
    PlaybookAction,
    at=st.lists(st.sampled_from(_MOMENTS), min_size=1, max_size=3, unique=True).map(tuple),
    verb=st.just(Verb.MESSAGE),
    what=st.just(WORDS),
    to=SOME,
    severities=st.just(()) | st.sampled_from(SEVERITIES).map(lambda severity: (severity,)),
    when=SOME_FLAGS,
    confirm=st.booleans(),
)


@st.composite
def _playbook(draw: st.DrawFn) -> Playbook:
    tiers = tuple(Tier(number, f"tier {number}", draw(SOME)) for number in range(1, draw(st.integers(1, 4)) + 1))
    levels = tuple(draw(_level(name, rank, tiers)) for rank, name in enumerate(SEVERITIES))
    return Playbook(
        name="any",
        title="Any",
        levels=levels,
        tiers=tiers,
        unrouted="high",
        flags=FLAGS,
        next_tier_on=tuple(draw(st.lists(st.sampled_from(FLAGS), unique=True))),
        # The story begins on a Friday noon.
        business_hours=BusinessHours(opens=draw(st.integers(9, 13)) * 60, closes=draw(st.integers(14, 17)) * 60),
        resolve_after=draw(SPAN),
        # It is one incident that is looked at: what is done about many flips is the engine's.
        flapping=FlappingLimits(more_than=1000),
        actions=tuple(draw(st.lists(_ACTION, max_size=3))),
    )


PLAYBOOK = _playbook()
PEOPLE = _people()

_WHAT = st.one_of(
    st.tuples(st.just("acknowledge"), st.sampled_from(PERSONS)),
    st.tuples(st.just("escalate"), st.sampled_from(PERSONS)),
    st.tuples(st.just("pin"), st.sampled_from(SEVERITIES)),
    st.tuples(st.just("unpin"), st.just("")),
    st.tuples(st.just("flag"), st.sampled_from(FLAGS)),
    st.tuples(st.just("unflag"), st.sampled_from(FLAGS)),
    st.tuples(st.just("declare"), st.sampled_from(PERSONS)),
    st.tuples(st.just("update"), st.sampled_from(PERSONS)),
    st.tuples(st.just("joins"), st.sampled_from(SEVERITIES)),
    st.tuples(st.just("leaves"), st.just("")),
    st.tuples(st.just("restart"), st.just("")),
)
_END = st.one_of(
    st.tuples(st.just("close"), st.sampled_from(PERSONS)),
    st.tuples(st.just("over"), st.just("")),
)

Happening = tuple[int, str, str]
"""(how long after the one before, what, by whom or to what)"""


@st.composite
def _story(draw: st.DrawFn) -> list[Happening]:
    story = [(draw(SPAN), *what) for what in draw(st.lists(_WHAT, max_size=8))]
    if draw(st.booleans()):  # once: what is snoozed cannot be snoozed
        length = draw(SPAN.filter(bool))
        story.insert(draw(st.integers(0, len(story))), (draw(SPAN), "snooze", str(length)))
    if draw(st.booleans()):
        story.append((draw(SPAN), *draw(_END)))
    return story


STORY = _story()

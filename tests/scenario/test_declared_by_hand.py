"""A declared incident has no alerts, pages at once, and is resolved only by a person (DESIGN.md 5)."""

import pytest

from scenario import emergency
from scenario.emergency import ON_CALL
from tocsin.core.duration import HOUR
from tocsin.core.errors import UnknownChoice, UnknownLevel
from tocsin.core.incident.event import Actor
from tocsin.core.incident.incident import State
from tocsin.engine.responses.declare import Declaration
from tocsin.engine.responses.windows import WindowRequest
from tocsin.testing.harness import Harness

ALICE = Actor("alice", "api")


def wish(severity: str = "SEV-2", **more: object) -> Declaration:
    return Declaration(**{"title": "Nobody can pay", "severity": severity, **more})


async def declare(tocsin: Harness, severity: str = "SEV-2", **more: object) -> None:
    await tocsin.declarer.declare(wish(severity, **more), ALICE)
    await tocsin.settle()


async def test_it_pages_at_once_and_climbs_as_any_other(tocsin: Harness) -> None:
    await declare(tocsin)
    await tocsin.advance(hours=1)
    assert tocsin.pages()[0] == (0, ON_CALL)
    assert len(tocsin.pages()) > 1
    incident = await tocsin.incident()
    assert (incident.title, incident.alerts_total, incident.by_hand) == ("Nobody can pay", 0, True)
    assert incident.work is not None
    assert incident.work.declared_by == "alice"


async def test_nothing_but_a_person_resolves_it_and_then_it_stays_so(tocsin: Harness) -> None:
    await declare(tocsin)
    await tocsin.acknowledge()
    await tocsin.advance(hours=48)
    assert (await tocsin.incident()).state is State.ACKNOWLEDGED
    await tocsin.close()
    await tocsin.advance(hours=2)
    incident = await tocsin.incident()
    assert (incident.state, incident.occurrence) == (State.RESOLVED, 1)


async def test_its_severity_may_be_changed_and_unpinned_it_stays_where_it_is(tocsin: Harness) -> None:
    await declare(tocsin)
    await tocsin.set_severity("SEV-1")
    await tocsin.set_severity(None)
    assert (await tocsin.incident()).severity == "SEV-1"


async def test_no_window_and_no_storm_keep_a_person_from_asking_for_people(tocsin: Harness) -> None:
    await tocsin.windows.create(WindowRequest(name="all", matchers='service="checkout"', duration=HOUR), ALICE)
    for number in range(15):
        await declare(tocsin, service="checkout", title=f"Trouble {number}")
    assert [who for _, who in tocsin.pages()] == [ON_CALL] * 15


async def test_what_is_known_already_is_kept(tocsin: Harness) -> None:
    await declare(tocsin, flags=("data_breach",), facts={"users_affected": "yes"}, service="checkout")
    incident = await tocsin.incident()
    assert (incident.flags, incident.service) == (("data_breach",), "checkout")
    assert incident.messages is not None
    assert incident.messages.facts == {"users_affected": "yes"}


async def test_sent_twice_it_is_one_incident(tocsin: Harness) -> None:
    first = await tocsin.declarer.declare(wish(), ALICE, ("api", "key-1"))
    again = await tocsin.declarer.declare(wish(), ALICE, ("api", "key-1"))
    other = await tocsin.declarer.declare(wish(), ALICE, ("api", "key-2"))
    assert first.id == again.id != other.id


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"severity": "SEV-9"}, UnknownLevel),
        ({"playbook": "nothing"}, UnknownChoice),
        ({"flags": ("no_such",)}, UnknownLevel),
    ],
)
async def test_what_there_is_not_opens_nothing(
    tocsin: Harness, more: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await tocsin.declarer.declare(wish(**more), ALICE)
    assert await emergency.wrong(tocsin) == []
    assert tocsin.pages() == []

"""Storm records: the recent incidents of a target, and the members of each storm."""

import pytest

from conformance.store.samples import START, incident
from tocsin.core.duration import SECOND
from tocsin.core.incident.incident import Incident, State, Wait, WaitReason
from tocsin.core.incident.throttle import Surge
from tocsin.ports.store import IncidentFilter

STORM = 7
WAITS = (Wait(WaitReason.STORM, str(STORM), START + SECOND),)


def member(number: int, state: State = State.TRIGGERED, waits: tuple[Wait, ...] = WAITS) -> Incident:
    return incident(number, state=state, waits=waits, member_of=STORM)


async def test_a_surge_comes_back_as_it_was_written_last(store):
    assert await store.read(lambda tx: tx.surge("on-call")) is None
    counted = Surge(target="on-call", recent=((START, "a"), (START + 1, "b")))
    other = Surge(target="größe")
    await store.write(lambda tx: tx.put_surges([counted, other]))
    raging = Surge(target="on-call", recent=((START + 1, "b"), (START + 2, "c")), storm="incident-7")

    def work(tx):
        tx.put_surges([raging])
        return tx.surge("on-call")

    assert await store.write(work) == raging
    assert await store.read(lambda tx: (tx.surge("on-call"), tx.surge("größe"))) == (raging, other)


async def test_a_surge_that_is_rolled_back_was_never_there(store):
    def work(tx):
        tx.put_surges([Surge(target="on-call", storm="incident-7")])
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await store.write(work)
    assert await store.read(lambda tx: tx.surge("on-call")) is None


async def test_the_members_of_a_storm_are_found_and_those_that_wait(store):
    members = [member(1), member(2, State.ACKNOWLEDGED), member(3, waits=()), member(4, State.RESOLVED, waits=())]
    await store.write(lambda tx: tx.insert_incidents([*members, incident(5), incident(STORM)]))

    def found(**wanted):
        return store.read(lambda tx: [each.number for each in tx.incidents(IncidentFilter(**wanted))])

    assert await found(storm=STORM) == [4, 3, 2, 1]
    assert await found(storm=STORM, limit=2) == [4, 3]
    assert await found(storm=STORM, before_number=3) == [2, 1]
    assert await found(storm=STORM, waiting=True) == [2, 1]
    assert await found(storm=STORM, waiting=True, states=("triggered",)) == [1]
    assert await found(waiting=False) == [7, 5, 4, 3]
    assert await found(storm=8) == []


async def test_a_resumed_member_no_longer_waits(store):
    await store.write(lambda tx: tx.insert_incidents([member(1), incident(STORM)]))
    await store.write(lambda tx: tx.update_incidents([member(1, waits=())]))
    assert await store.read(lambda tx: tx.incidents(IncidentFilter(storm=STORM, waiting=True))) == []


async def test_each_open_storm_is_counted_with_its_waiting_members(store):
    def work(tx):
        tx.insert_incidents(
            [member(1), member(2, State.ACKNOWLEDGED), member(3, waits=()), incident(STORM), incident(8)]
        )
        tx.put_surges(
            [
                Surge(target="on-call", storm=f"incident-{STORM}"),
                Surge(target="calm"),
                Surge(target="just begun", storm="incident-8"),
            ]
        )

    await store.write(work)
    assert await store.read(lambda tx: dict(tx.open_storms())) == {"on-call": 2, "just begun": 0}

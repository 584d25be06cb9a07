"""Records of a report are read in pages, up to a limit; gauges of the measures name no person."""

import dataclasses
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

import msgspec
import pytest

from conformance.store.samples import outgoing
from scenario import emergency
from tocsin.core.duration import DAY, HOUR
from tocsin.core.incident.event import Actor, CompleteDuty, ItemAdded, SetFacts
from tocsin.core.incident.outbox import RowState
from tocsin.core.measures.goals import RecoveryObjectives
from tocsin.core.measures.period import month_of
from tocsin.core.measures.records import Records
from tocsin.core.oncall.people import Contact
from tocsin.core.playbook.duties import PlaybookDuty
from tocsin.core.playbook.goals import LevelGoal, PlaybookGoals
from tocsin.engine.change.policy import Policy
from tocsin.engine.measuring.reading import AT_ONCE, MostRead, TooLarge, read, records_of
from tocsin.engine.measuring.reports import make_report
from tocsin.ports.store import Reader, Store
from tocsin.testing.harness import Harness

T = TypeVar("T")
DUTIES = (
    PlaybookDuty(name="runbook", text="Mend the runbook", since="resolved", within=DAY),
    PlaybookDuty(name="board", text="Tell the board", since="opened", within=HOUR),
)
DOWN = {"alertname": "Down", "severity": "SEV-1", "service": "checkout"}


@pytest.fixture
async def tocsin() -> AsyncIterator[Harness]:
    async with emergency.tocsin() as running:
        yield running


class CountingStore:
    """A store that counts the transactions and the records that they return."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reads = 0
        self.records = 0

    async def read(self, query: Callable[[Reader], T]) -> T:
        result = await self._store.read(query)
        self.reads += 1
        self.records += len(result) if isinstance(result, list) else 1
        return result


async def records_from(store: Any, policy: Policy, starts_at: int, ends_at: int) -> Records:
    return records_of(await read(store, policy, starts_at, ends_at), policy)


async def some(tocsin: Harness, count: int) -> None:
    """So many incidents that each pages, is acknowledged and is resolved."""
    for number in range(count):
        labels = DOWN | {"alertname": f"Down{number}"}
        await tocsin.fire(**labels)
        await tocsin.acknowledge("alice", str(number + 1))
        await tocsin.resolve(**labels)
        await tocsin.advance(minutes=10)


async def test_a_report_reads_each_record_once_and_few_pages_of_them(tocsin: Harness) -> None:
    await some(tocsin, 12)
    counting: Any = CountingStore(tocsin.store)
    start, now = tocsin.clock.start, tocsin.clock.now()
    records = await records_from(counting, tocsin.live.policy, start, now)
    assert (len(records.incidents), len(records.pages)) == (12, 12)
    # Each occurrence, page and incident; two of the incidents' lists, one of entries, and the first time of all.
    assert counting.records <= 4 * 12 + 5
    assert counting.reads <= 5 * (1 + counting.records // AT_ONCE) + 6
    # Older incidents cost nothing.
    await tocsin.advance(hours=24 * 40)
    again: Any = CountingStore(tocsin.store)
    later = await records_from(again, tocsin.live.policy, tocsin.clock.now() - DAY, tocsin.clock.now())
    assert (later.incidents, later.pages) == ((), ())
    assert again.records <= 12 + 5  # the incidents whose postmortems are not done


@pytest.mark.parametrize(("most", "what"), [(MostRead(incidents=2), "incidents"), (MostRead(others=2), "pages")])
async def test_a_period_with_too_many_records_is_refused_in_words(tocsin: Harness, most: MostRead, what: str) -> None:
    await some(tocsin, 3)
    with pytest.raises(TooLarge, match=f"there are more than 2 {what} .* the most that a report reads: choose a "):
        await read(tocsin.store, tocsin.live.policy, tocsin.clock.start, tocsin.clock.now(), most)


class ThreadsThatRead(dict[str, Contact]):
    """Places that note which threads look at them."""

    threads: set[str]

    def __iter__(self) -> Iterator[str]:
        self.threads.add(threading.current_thread().name)
        return super().__iter__()


@pytest.mark.parametrize("is_report", [True, False], ids=["report", "gauges"])
async def test_records_are_computed_beside_the_event_loop(tocsin: Harness, *, is_report: bool) -> None:
    """Twenty thousand incidents take a second, for which nothing else would happen."""
    places = ThreadsThatRead()
    places.threads = set()
    people = msgspec.structs.replace(tocsin.live.policy.people, places=places)
    tocsin.live.policy = dataclasses.replace(tocsin.live.policy, people=people)
    if is_report:
        now = tocsin.clock.now()
        await make_report(tocsin.store, tocsin.live.policy, now, month_of(now, "UTC"))
    else:
        await tocsin.measures.run_once()
    assert places.threads
    assert threading.current_thread().name not in places.threads


async def test_too_many_open_incidents_are_refused_with_what_helps(tocsin: Harness) -> None:
    for number in range(3):
        await tocsin.fire(**DOWN | {"alertname": f"Down{number}"})
    with pytest.raises(TooLarge, match=r"more than 2 open incidents, .*: resolve those that are over"):
        await read(tocsin.store, tocsin.live.policy, tocsin.clock.now(), tocsin.clock.now() + 1, MostRead(incidents=2))


async def test_drills_and_tocsins_own_incidents_are_in_no_record(tocsin: Harness) -> None:
    await tocsin.fire(**DOWN, tocsin_drill="true")
    tocsin.ingest.report("auth", "default", "no token")
    await tocsin.settle()
    await tocsin.acknowledge("alice")
    await tocsin.close("alice")
    await tocsin.advance(minutes=10)
    records = await records_from(tocsin.store, tocsin.live.policy, 0, tocsin.clock.now())
    assert (records.incidents, records.duties, records.pages, records.since) == ((), (), (), None)


def gauges(tocsin: Harness) -> dict[str, float]:
    """The gauges of the measures: name and labels -> value."""
    return {
        f"{name}{dict(labels)}": value
        for (name, labels), value in tocsin.observer.gauges.items()
        if value is not None and not name.startswith(("incidents_", "outbox"))
    }


async def test_the_measures_of_30_days_are_gauges_without_names_of_people() -> None:
    goals = PlaybookGoals(mttr=(LevelGoal("SEV-1", HOUR),), incidents_a_month=1)
    playbook = msgspec.structs.replace(emergency.shipped(), goals=goals)
    playbook = msgspec.structs.replace(playbook, duties=msgspec.structs.replace(playbook.duties, required=DUTIES))
    async with emergency.tocsin(playbook=playbook) as tocsin:
        objects = {"checkout": RecoveryObjectives(rto=HOUR, rpo=HOUR)}
        object.__setattr__(tocsin.live.policy, "objectives", objects)
        alex = Actor("alex", "api")
        await tocsin.fire(**DOWN)
        await tocsin.advance(minutes=5)
        await tocsin.acknowledge("alex")
        await tocsin.say(SetFacts(by=alex, facts={"users_affected": "120", "data_loss": "2h"}))
        await tocsin.advance(minutes=25)
        await tocsin.resolve(**DOWN)
        await tocsin.advance(minutes=10)
        await tocsin.say(ItemAdded(by=alex, text="Mend it", kind="immediate"))
        await tocsin.say(CompleteDuty(by=alex, duty="board"))
        await tocsin.advance(hours=24 * 8)
        await tocsin.measures.run_once()
        seen = gauges(tocsin)
        level = "{'playbook': 'emergency-response', 'severity': 'SEV-1'}"
        book = "{'playbook': 'emergency-response'}"
        assert seen[f"recent_incidents{level}"] == 1
        assert seen[f"recent_affected_users{book}"] == 120
        assert (seen[f"action_items_open{book}"], seen[f"action_items_overdue{book}"]) == (1, 1)
        assert seen["recent_post_mortems{'outcome': 'late', 'playbook': 'emergency-response'}"] == 1
        runbook, board = (f"{{'duty': '{name}', 'playbook': 'emergency-response'}}" for name in ("runbook", "board"))
        assert (seen[f"duties_open{runbook}"], seen[f"duties_overdue{runbook}"]) == (1, 1)
        assert (seen[f"duties_open{board}"], seen[f"duties_overdue{board}"]) == (0, 0)
        recent = {key for key, count in seen.items() if key.startswith("recent_duties") and count}
        assert recent == {
            "recent_duties{'duty': 'runbook', 'outcome': 'late', 'playbook': 'emergency-response'}",
            "recent_duties{'duty': 'board', 'outcome': 'in_time', 'playbook': 'emergency-response'}",
        }
        rto = "{'objective': 'rto', 'outcome': 'met', 'service': 'checkout'}"
        rpo = "{'objective': 'rpo', 'outcome': 'missed', 'service': 'checkout'}"
        assert (seen[f"recent_recoveries{rto}"], seen[f"recent_recoveries{rpo}"]) == (1, 1)
        mttr = "{'goal': 'mttr', 'playbook': 'emergency-response', 'severity': 'SEV-1'}"
        assert (seen[f"goal_met{mttr}"], seen[f"goal_seconds{mttr}"]) == (1, 3600)
        count = "{'goal': 'incidents_a_month', 'playbook': 'emergency-response', 'severity': ''}"
        assert seen[f"goal_met{count}"] == 0
        people = {*tocsin.live.policy.people.persons, "robin"}
        labels = {value for _, pairs in tocsin.observer.gauges for _, value in pairs}
        assert not labels & people
        await tocsin.advance(hours=24 * 31)
        await tocsin.measures.run_once()
        after = gauges(tocsin)
        assert after[f"recent_incidents{level}"] == 0
        assert f"recent_affected_users{book}" not in after
        assert f"mtbf_seconds{book}" not in after


async def test_the_time_between_incidents_is_a_gauge_from_the_second_one_on(tocsin: Harness) -> None:
    objects = {"checkout": RecoveryObjectives(rto=HOUR)}
    tocsin.live.policy = dataclasses.replace(tocsin.live.policy, objectives=objects)
    gauge = "service_mtbf_seconds{'service': 'checkout'}"
    await some(tocsin, 1)
    await tocsin.measures.run_once()
    assert gauge not in gauges(tocsin)
    await some(tocsin, 2)
    await tocsin.measures.run_once()
    # The first one began again, which is the same failure; the second one began 20 min after it, 10 min ago.
    assert gauges(tocsin)[gauge] == 30 * 60


async def test_pages_to_places_and_those_sent_elsewhere_are_no_pages_to_people(tocsin: Harness) -> None:
    place = "a-channel"
    people_of = msgspec.structs.replace(tocsin.live.policy.people, places={place: Contact("console", "console")})
    tocsin.live.policy = dataclasses.replace(tocsin.live.policy, people=people_of)
    await tocsin.fire(**DOWN)
    given = {"incident_id": (await tocsin.incident()).id, "state": RowState.SENT, "done_at": tocsin.clock.now()}
    rows = [
        outgoing("place", target=place, **given),
        outgoing("console", target="console", **given),
        outgoing("elsewhere", target="robin", stranded=True, **given),
        outgoing("former", target="left-last-year", **given),
    ]
    before = await records_from(tocsin.store, tocsin.live.policy, tocsin.clock.start, tocsin.clock.now() + 1)
    await tocsin.store.write(lambda tx: tx.enqueue(rows))
    records = await records_from(tocsin.store, tocsin.live.policy, tocsin.clock.start - 1, tocsin.clock.now() + 1)
    people = {page.person for page in records.pages} - {page.person for page in before.pages}
    assert people == {"left-last-year"}

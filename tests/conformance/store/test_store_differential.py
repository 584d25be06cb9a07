"""Every implementation of the store returns the same results for any sequence of operations."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from conformance.store.samples import (
    HandClock,
    attempt,
    entry,
    episode,
    incident,
    occurrence,
    outgoing,
    override,
    rules,
    window,
)
from tocsin.core.alerts.alert import EpisodeStatus
from tocsin.core.alerts.heartbeat import Heartbeat
from tocsin.core.duration import SECOND
from tocsin.core.errors import TocsinError
from tocsin.core.incident.incident import Planned, State
from tocsin.core.incident.outbox import Job, RowState
from tocsin.core.oncall.roster import Roster
from tocsin.ports.store import IncidentFilter, MessageRef, Reader, Store, Transaction
from tocsin.store.open import open_store

START = HandClock().at
NAMES = st.sampled_from(["a", "b"])
TIMES = st.integers(-2, 6).map(lambda seconds: START + seconds * SECOND)
MAYBE_TIMES = st.none() | TIMES
FEW = st.integers(1, 4)

RULES = [rules("a"), rules("b")]

INCIDENTS = st.builds(
    lambda number, due, **changes: incident(
        number, dedup_key="ab"[number % 2], ladder=(Planned("1.1", 1, due),) if due else (), **changes
    ),
    FEW,
    MAYBE_TIMES,
    state=st.sampled_from(State),
    severity=st.sampled_from(["SEV-1", "SEV-2"]),
    service=NAMES,
    fallback_at=MAYBE_TIMES,
    resolved_at=MAYBE_TIMES,
    grace_until=MAYBE_TIMES,
)
EPISODES = st.builds(
    episode,
    NAMES,
    FEW,
    source=st.sampled_from(["default", "tocsin"]),
    status=st.sampled_from(EpisodeStatus),
    first_seen_at=TIMES,
    last_seen_at=TIMES,
    incident_id=st.sampled_from(["incident-1", "incident-2", None]),
    rules_sha=st.sampled_from(["", *(each.sha for each in RULES)]),
)
ROWS = st.builds(
    outgoing,
    st.integers(1, 9).map(str),
    incident_id=st.sampled_from(["incident-1", "incident-2"]),
    occurrence=st.integers(1, 2),
    channel=NAMES,
    destination=NAMES,
    job=st.sampled_from(Job),
    state=st.sampled_from([RowState.PENDING, RowState.PENDING, RowState.SENT, RowState.DEAD]),
    not_before=TIMES,
    overdue_at=TIMES,
    created_at=TIMES,
    lease_until=MAYBE_TIMES,
    fence=st.integers(0, 2),
    fell_back=st.booleans(),
)
OCCURRENCES = st.builds(
    occurrence,
    NAMES,
    FEW,
    severity=st.sampled_from(["SEV-1", "SEV-2"]),
    acknowledged_at=MAYBE_TIMES,
    resolved_at=MAYBE_TIMES,
    ended_at=MAYBE_TIMES,
    counted=st.booleans(),
)
STEPS: st.SearchStrategy[tuple[str, tuple[Any, ...]]] = st.one_of(
    st.tuples(st.just("insert_incidents"), st.tuples(st.lists(INCIDENTS, max_size=2))),
    st.tuples(st.just("update_incidents"), st.tuples(st.lists(INCIDENTS, max_size=2))),
    st.tuples(st.just("put_episodes"), st.tuples(st.lists(EPISODES, max_size=4))),
    st.tuples(st.just("append_entries"), st.tuples(st.lists(st.builds(entry, FEW), max_size=2))),
    st.tuples(st.just("enqueue"), st.tuples(st.lists(ROWS, max_size=4))),
    st.tuples(st.just("replace_row"), st.tuples(ROWS)),
    st.tuples(st.just("settle"), st.tuples(ROWS, st.integers(0, 2))),
    st.tuples(st.sampled_from(["claimable", "claimable_for_pages"]), st.tuples(FEW, st.frozensets(NAMES, max_size=1))),
    st.tuples(st.just("put_attempt"), st.tuples(st.builds(attempt, FEW.map(str), FEW, fence=FEW))),
    st.tuples(
        st.just("put_message_ref"),
        st.tuples(FEW.map("incident-{}".format), NAMES, NAMES, st.builds(MessageRef, NAMES, FEW)),
    ),
    st.tuples(st.just("put_occurrence"), st.tuples(OCCURRENCES)),
    st.tuples(st.just("put_window"), st.tuples(st.builds(window, NAMES, starts_at=TIMES, ends_at=TIMES))),
    st.tuples(st.just("forget_windows_before"), st.tuples(TIMES)),
    st.tuples(st.just("put_override"), st.tuples(st.builds(override, NAMES, starts_at=TIMES, ends_at=TIMES))),
    st.tuples(st.just("forget_overrides_before"), st.tuples(TIMES)),
    st.tuples(
        st.just("put_roster"),
        st.tuples(st.builds(Roster, source=NAMES, members=st.lists(NAMES, max_size=2).map(tuple), fetched_at=TIMES)),
    ),
    st.tuples(st.just("record_inbound"), st.tuples(NAMES, NAMES)),
    st.tuples(st.just("link_pages"), st.tuples(NAMES, NAMES, st.lists(st.integers(0, 9).map(str), max_size=3))),
    st.tuples(
        st.just("put_heartbeat"),
        st.tuples(st.builds(Heartbeat, source=NAMES, last_seen_at=TIMES, every=MAYBE_TIMES, lost_at=MAYBE_TIMES)),
    ),
    st.tuples(st.just("forget_before"), st.tuples(TIMES)),
    st.tuples(st.just("forget_incidents_before"), st.tuples(TIMES, FEW)),
    st.tuples(st.just("save_rules"), st.tuples(st.sampled_from(RULES))),
    st.tuples(st.just("forget_rules_before"), st.tuples(TIMES)),
    st.tuples(st.just("next_numbers"), st.tuples(FEW)),
    st.tuples(st.just("probe"), st.just(())),
)


def everything(reader: Reader) -> dict[str, Any]:
    keys = [(source, name) for source in ("default", "tocsin") for name in "ab"]
    incidents = ["incident-1", "incident-2", "3", "4", "5"]
    return {
        "now": reader.now,
        "latest episodes": reader.latest_episodes(keys),
        "episodes": [(reader.episodes_of(each, 3), list(reader.every_episode_of(each))) for each in incidents],
        "episodes of alerts": [(reader.episodes(name), reader.episodes(name, "tocsin", 2)) for name in "ab"],
        "some": [reader.episode(*key, number) for key in keys for number in (1, 2)],
        "rules": [reader.rules(each.sha) is not None for each in RULES],
        "begun": reader.episodes_begun(START, 3),
        "windows": (reader.windows(START), reader.window("a")),
        "on call": (reader.overrides(START), reader.override("a"), reader.rosters()),
        "own": reader.self_episodes(START),
        "standing": [list(reader.episodes_at(source, START)) for source in ("default", "tocsin")],
        "incidents": [(reader.incident(each), reader.due_at_of(each)) for each in incidents],
        "numbers": [reader.incident(each) for each in "1234"],
        "latest incidents": reader.latest_incidents(["a", "b", "c"]),
        "open": reader.incidents(IncidentFilter(states=("triggered", "pending"), before_number=4)),
        "by service": reader.incidents(IncidentFilter(service="a", severity="SEV-1", limit=2)),
        "due": (reader.due_incidents(2), reader.next_due_at()),
        "entries": reader.entries("incident-1", 1, 2),
        "outbox": [(reader.outbox_of(each), reader.outbox_of(each, 1)) for each in incidents],
        "rows": [reader.outbox_row(str(key)) for key in range(10)],
        "pages to": [reader.pages_to(destination, 5) for destination in ("a", "b", "main")],
        "links": [reader.linked_pages(provider, ref) for provider in "ab" for ref in "ab"],
        "next claim": reader.next_claim_at(),
        "overdue": (reader.overdue_pages(), reader.next_overdue_at()),
        "attempts": [reader.attempts_of(key) for key in "1234"],
        "messages": [reader.message_ref(each, "a", "b") for each in incidents],
        "heartbeats": reader.heartbeats(),
        "means": (reader.means("acknowledge", START), reader.means("resolve", START)),
        "open counts": dict(reader.open_counts()),
        "exhausted": dict(reader.exhausted_counts()),
        "depth": dict(reader.outbox_depth()),
    }


def work(steps: list[tuple[str, tuple[Any, ...]]], *, swallow: bool, fail: bool) -> Callable[[Transaction], list[Any]]:
    def run(tx: Transaction) -> list[Any]:
        answers: list[Any] = []
        for name, arguments in steps:
            try:
                answers.append(getattr(tx, name)(*arguments))
            except TocsinError:
                # What a transaction reads after a failure is nobody's business: it will not be committed.
                if swallow:
                    return answers
                raise
        answers.append(everything(tx))
        if fail:
            raise ZeroDivisionError
        return answers

    return run


class Differential(RuleBasedStateMachine):
    """The same steps for both, in transactions of which some fail."""

    @initialize()
    def both_are_new(self) -> None:
        self.clock = HandClock()
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        urls = ("memory:", f"sqlite:///{Path(self.folder.name) / 'tocsin.db'}")
        self.stores = [open_store(url, self.clock) for url in urls]
        for store in self.stores:
            self.loop.run_until_complete(store.open())

    def answer(self, ask: Callable[[Store], Any]) -> list[Any]:
        answers: list[Any] = []
        for store in self.stores:
            try:
                answers.append(self.loop.run_until_complete(ask(store)))
            except (TocsinError, ZeroDivisionError) as error:
                answers.append(type(error))
        return answers

    @rule(steps=st.lists(STEPS, min_size=1, max_size=4), swallow=st.booleans(), fail=st.integers(0, 4))
    def a_transaction(self, steps: list[tuple[str, tuple[Any, ...]]], swallow: bool, fail: int) -> None:
        run = work(steps, swallow=swallow, fail=fail == 0)
        in_memory, in_file = self.answer(lambda store: store.write(run))
        assert in_memory == in_file

    @rule(seconds=st.integers(0, 3))
    def time_passes(self, seconds: int) -> None:
        self.clock.forward(seconds * SECOND)

    @invariant()
    def both_answer_alike(self) -> None:
        if hasattr(self, "stores"):
            in_memory, in_file = self.answer(lambda store: store.read(everything))
            assert in_memory == in_file

    def teardown(self) -> None:
        if hasattr(self, "stores"):
            for store in self.stores:
                self.loop.run_until_complete(store.close())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()
            self.folder.cleanup()


TestDifferential = Differential.TestCase
TestDifferential.settings = settings(
    max_examples=30,
    stateful_step_count=15,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)

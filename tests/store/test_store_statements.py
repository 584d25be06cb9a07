from collections.abc import Callable, Iterable, Sequence

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from conformance.store.samples import PLAN, incident
from tocsin.core.incident.incident import Incident
from tocsin.ports.store import Reader
from tocsin.store.sql import callback_statements, outbox_statements, rows, statements, tables
from tocsin.store.sql import explanation_statements as explaining
from tocsin.store.sql import measure_statements as measuring
from tocsin.store.sql import retention as forgetting
from tocsin.store.sql import storm_statements as storms
from tocsin.store.sql.dialect import Compiler, Insert, Query, Row
from tocsin.store.sql.reader import Shared, SqlReader, padded
from tocsin.store.sql.transaction import SqlTransaction

SQLITE = Compiler(sqlite.dialect())
POSTGRESQL = Compiler(postgresql.psycopg.dialect(paramstyle="format"))

QUERIES: dict[str, Query] = {
    name: thing
    for name, thing in (
        vars(statements)
        | vars(callback_statements)
        | vars(outbox_statements)
        | vars(forgetting)
        | vars(explaining)
        | vars(storms)
        | vars(measuring)
    ).items()
    if isinstance(thing, sa.Select | sa.Update | sa.Delete | Insert)
}
QUERIES |= {f"mean of {name}": thing for name, thing in statements.MEANS.items()}
QUERIES |= {
    f"{make.__name__} {size}": make(size)
    for make in (
        statements.latest_episodes,
        statements.latest_incidents,
        outbox_statements.redundant_rows,
        outbox_statements.claimable,
        outbox_statements.claimable_for_pages,
        measuring.incidents_by_id,
    )
    for size in statements.CHUNKS
}
QUERIES |= {
    f"forget {size} {query.table.name}": query
    for size in statements.CHUNKS
    for query in forgetting.these_incidents(size)
}
LOCKING: dict[str, Query] = {
    f"locking {name}": statements.locking(query)
    for name, query in QUERIES.items()
    if isinstance(query, sa.Select) and name.startswith(("INCIDENT_BY", "DUE_INCIDENTS", "latest_incidents"))
}
QUERIES |= LOCKING
QUERIES["incident page"] = statements.incident_page(2, True, frozenset({"severity", "before_number"}))


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_every_statement_takes_the_same_parameters_on_both_engines(query: Query) -> None:
    on_sqlite, on_postgresql = SQLITE(query), POSTGRESQL(query)
    asked = [[name for name in each._names if name not in each._constants] for each in (on_sqlite, on_postgresql)]
    assert asked[0] == asked[1]
    assert on_sqlite.sql.count("?") == len(on_sqlite._names)
    assert on_postgresql.sql.count("%s") == len(on_postgresql._names)


def test_only_claiming_skips_what_another_node_has_locked() -> None:
    skipping = {name for name, query in QUERIES.items() if "FOR UPDATE OF outbox SKIP LOCKED" in POSTGRESQL(query).sql}
    assert skipping == {name for name in QUERIES if name.startswith("claimable")}
    assert {name for name, query in QUERIES.items() if "FOR UPDATE" in POSTGRESQL(query).sql} == skipping | {*LOCKING}


@pytest.mark.parametrize("name", LOCKING)
def test_locking_is_a_word_more_on_postgresql_and_none_on_sqlite(name: str) -> None:
    plain, locking = QUERIES[name.removeprefix("locking ")], LOCKING[name]
    assert POSTGRESQL(locking).sql == POSTGRESQL(plain).sql + " FOR UPDATE OF incidents"
    assert SQLITE(locking).sql == SQLITE(plain).sql


class Recorder:
    """A cursor that finds nothing and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.rowcount = 0

    def execute(self, sql: str, _: Row, /) -> None:
        self.asked.append(sql)

    def executemany(self, sql: str, _: Iterable[Row], /) -> None:
        self.asked.append(sql)

    def fetchall(self) -> Sequence[Row]:
        return []


@pytest.mark.parametrize(
    ("ask", "lock"),
    [
        (lambda tx: tx.incident("incident-1"), " FOR UPDATE OF incidents"),
        (lambda tx: tx.incident("1"), " FOR UPDATE OF incidents"),
        (lambda tx: tx.latest_incidents([*"abc"]), " FOR UPDATE OF incidents"),
        (lambda tx: tx.due_incidents(9), " FOR UPDATE OF incidents SKIP LOCKED"),
        (lambda tx: tx.surge("on-call"), " FOR UPDATE OF surges"),
    ],
)
def test_who_will_change_rows_locks_them_and_who_reads_them_does_not(
    ask: Callable[[Reader], object], lock: str
) -> None:
    for_readers, for_writers = Recorder(), Recorder()
    ask(SqlReader(for_readers, POSTGRESQL, Shared(), 1))
    ask(SqlTransaction(for_writers, POSTGRESQL, Shared(), 1, RuntimeError))
    assert for_readers.asked
    assert for_writers.asked == [sql + lock for sql in for_readers.asked]


def test_what_is_deleted_is_locked_first_or_left_to_the_next_time() -> None:
    cursor = Recorder()
    SqlTransaction(cursor, POSTGRESQL, Shared(), 1, RuntimeError).forget_incidents_before(1, 9)
    assert cursor.asked[0].endswith(" FOR UPDATE OF incidents SKIP LOCKED")


def test_a_number_is_counted_and_read_in_one_statement() -> None:
    for compiler in (SQLITE, POSTGRESQL):
        counted, answered = compiler(statements.COUNT_ON).sql.split(" RETURNING ")
        assert counted.startswith("UPDATE counters SET value=")
        assert "value" in answered


def plan_of(path: str, query: Query) -> str:
    engine = sa.create_engine("sqlite://")
    tables.METADATA.create_all(engine)
    compiled = Compiler(engine.dialect)(query)
    with engine.connect() as connection:
        nothing = tuple(None for _ in compiled._names)
        found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled.sql}", nothing)
        return f"{path}: " + "; ".join(row[-1] for row in found)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (statements.DUE_INCIDENTS, "incidents_due"),
        (statements.NEXT_DUE, "incidents_due"),
        (statements.OPEN_COUNTS, "incidents_open"),
        (outbox_statements.NEXT_FREE_AT, "outbox_pending"),
        (outbox_statements.NEXT_LEASE_ENDS_AT, "outbox_leased"),
        (outbox_statements.claimable(1), "outbox_pending"),
        (outbox_statements.claimable(1), "outbox_waiting_in_lane"),
        (outbox_statements.claimable_for_pages(1), "SEARCH outbox USING INDEX outbox_waiting_in_lane"),
        (outbox_statements.claimable_for_pages(1), "SCAN page USING INDEX outbox_pages"),
        (outbox_statements.OVERDUE_PAGES, "outbox_pages"),
        (outbox_statements.NEXT_OVERDUE_AT, "outbox_pages"),
        (outbox_statements.redundant_rows(8), "outbox_waiting_in_lane"),
        (statements.latest_incidents(8), "incidents_open"),
        (statements.latest_incidents(8), "incidents_of_key"),
        (statements.incident_page(0, False, frozenset({"drafts"})), "incidents_with_drafts"),
        (statements.incident_page(0, False, frozenset({"drafts", "before_number"})), "incidents_with_drafts"),
        (statements.EPISODES_OF, "alerts_of_incident"),
        # The first few are read without sorting all of them; what has one moment in common is put in order.
        (statements.EPISODES_OF, "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"),
        (statements.EPISODES_AFTER, "SEARCH alerts USING INDEX sqlite_autoindex_alerts_1"),
        (outbox_statements.OUTBOX_OF, "outbox_of_incident"),
        (callback_statements.PAGES_TO, "outbox_of_incident"),
        (callback_statements.PAGES_TO, "incidents_open"),
        (statements.MEANS["acknowledge"], "occurrences_acknowledged_at"),
        (statements.MEANS["resolve"], "occurrences_resolved_at"),
        (forgetting.INBOUND, "inbound_by_age"),
        (forgetting.OLD_INCIDENTS, "incidents_over"),
        (forgetting.LOOSE_EPISODES, "alerts_loose"),
        (forgetting.LOOSE_EPISODES, "SEARCH alerts USING INDEX sqlite_autoindex_alerts_1"),
        *zip(
            forgetting.these_incidents(8),
            (
                "PRIMARY KEY",
                "page_links_of_page",
                "outbox_of_incident",
                "PRIMARY KEY",
                "PRIMARY KEY",
                "alerts_of_incident",
                "(id=?)",
            ),
            strict=True,
        ),
        (statements.QUARANTINED, "quarantine_by_age"),
    ],
)
def test_what_is_asked_often_goes_by_an_index(query: Query, index: str) -> None:
    assert index in plan_of("plan", query)


@pytest.mark.parametrize(
    ("find", "text"),
    [
        (statements.latest_episodes, "SEARCH alerts USING INDEX sqlite_autoindex_alerts_1"),
        (statements.latest_incidents, "SEARCH incidents USING INTEGER PRIMARY KEY"),
    ],
)
def test_many_keys_are_looked_up_one_by_one_in_the_index(find: Callable[[int], Query], text: str) -> None:
    assert text in plan_of("plan", find(64))


@pytest.mark.parametrize(
    ("codec", "kind"),
    [(codec, codec._kind) for codec in vars(rows).values() if isinstance(codec, rows.Codec)],
)
def test_every_field_of_a_struct_has_its_column(codec: rows.Codec[msgspec.Struct], kind: type[msgspec.Struct]) -> None:
    in_body = {field.name for field in msgspec.structs.fields(codec._body)} if codec._body is not None else set()
    with_column = set(codec.columns) - ({"body"} if in_body else set())
    assert with_column | in_body == {field.name for field in msgspec.structs.fields(kind)}
    assert not with_column & in_body


def test_a_row_of_an_incident_says_what_is_not_by_default() -> None:
    said = msgspec.json.decode(rows.incident_row(incident(1))[rows.INCIDENT_COLUMNS.index("body")])
    assert not {"plan", "fired", "flagged", "believe_at", "team", "resolve_after"} & set(said)
    assert {field.name for field in msgspec.structs.fields(Incident) if field.required} - {"plan"} <= set(said)
    said["unknown"] = "from a newer version"
    assert rows.incident(msgspec.json.encode(said).decode(), PLAN) == incident(1)


def test_a_row_of_an_incident_may_say_what_goes_without_saying() -> None:
    defaults = {field.name: field.default for field in msgspec.structs.fields(Incident) if not field.required}
    said = msgspec.json.decode(rows.incident_row(incident(1))[rows.INCIDENT_COLUMNS.index("body")])
    plain = {name: value for name, value in defaults.items() if value is not msgspec.NODEFAULT}
    assert rows.incident(msgspec.json.encode(plain | said).decode(), PLAN) == incident(1)


class Renamed(msgspec.Struct):
    id: str
    attempts: int | None = msgspec.field(default=None, name="tries")


def test_a_renamed_field_keeps_its_stored_name() -> None:
    columns = (sa.Column("id", sa.Text, primary_key=True), sa.Column("body", sa.Text))
    codec = rows.Codec(Renamed, sa.Table("renamed", sa.MetaData(), *columns))
    assert codec.row(Renamed("a", attempts=2)) == ("a", '{"tries":2}')
    assert codec.item(("a", '{"tries":2}')) == Renamed("a", attempts=2)


@pytest.mark.parametrize("many", [0, 1, 2, 3, 31, 33, 64, 65, 200])
def test_padding_loses_no_key_and_adds_only_nulls(many: int) -> None:
    pieces = list(padded([(f"key {number}", "x") for number in range(many)]))
    assert all(len(piece) in statements.CHUNKS for piece in pieces)
    assert len(pieces) == -(-many // statements.CHUNKS[0])
    keys = [key for piece in pieces for key in piece]
    assert keys[:many] == [(f"key {number}", "x") for number in range(many)]
    assert set(keys[many:]) <= {(None, None)}

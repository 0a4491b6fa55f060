"""Laws of the schema: tables, models and rows agree, and a released migration never changes."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import peewee
import pytest

from ledger import schema, state
from ledger.engine import connect, migrate
from ledger.models import tables
from ledger.read import Reader
from ledger.schema import MIGRATIONS, VERSION
from ledger.store import Store

# Frozen when the migration was released: an edit would leave old ledgers behind without a word.
FROZEN = {
    1: "4baeca3cdad1de75cf911399f4552dc02d8ff823a39262435ab3c23e6d13d0d5",
    2: "92c9ec17242f82fff184893a04bd9d5e7fa56371172165196bfe3619f2875244",
    3: "c0b3be4bd4e708bbd4c80b3f844bb71e8aeac86a8292b1c69ef28a9f050bba3c",
    4: "eea7c4c1b2c30842dd25fa55b4d36e299fb5ee4a9e887d947b1f9327544f39f2",
    5: "7af4f8b38c8850948538b5462c00b1e44401edac6329d408c047624038275c7e",
    6: "3bcf0d042bc4dfe4acc29481c8ceb6ec2b819de20c53bf54ac542d5a4181dc08",
}

ROWS = {
    "agents": state.Agent,
    "tokens": state.Token,
    "executions": state.Execution,
    "reservations": state.Reservation,
    "idempotency": state.Binding,
    "bulks": state.Bulk,
    "tool_plugins": state.ToolPlugin,
}
TABLES = tuple(tables(peewee.SqliteDatabase(None)).__dataclass_fields__)


def columns(store: Store, table: str) -> list[tuple[str, str, int]]:
    """(name, type, may it be absent) of a table's columns."""
    found = store.engine.rows(f"PRAGMA table_info({table})")
    return [(name, kind, int(not required)) for _, name, kind, required, _, _ in found]


def test_migrations_are_numbered_from_one() -> None:
    """The n-th migration has the number n, and the last one is the program's version."""
    assert [migration.version for migration in MIGRATIONS] == [*range(1, VERSION + 1)]
    assert set(FROZEN) == set(range(1, VERSION + 1))


@pytest.mark.parametrize("migration", MIGRATIONS, ids=lambda migration: str(migration.version))
def test_a_released_migration_never_changes(migration: schema.Migration) -> None:
    """The statements of a migration are, on both engines, those that were released."""
    text = "\0".join((*migration.sqlite, "", *migration.postgres))
    assert sha256(text.encode()).hexdigest() == FROZEN[migration.version]


@pytest.mark.parametrize("table", TABLES)
def test_models_are_the_tables(store: Store, table: str) -> None:
    """A model has the columns of its table, in order, with their types."""
    model = getattr(tables(store.engine.db), table)
    kinds = {"BIGINT": "INTEGER", "TEXT": "TEXT", "BLOB": "BLOB"}
    fields = {field.column_name: field for field in model._meta.sorted_fields}
    expected = columns(store, table)
    found = [
        (name, kinds[fields[name].field_type], int(fields[name].null)) for name, _, _ in expected
    ]
    assert len(fields) == len(expected)
    assert found == expected


@pytest.mark.parametrize(("table", "row"), ROWS.items())
def test_rows_are_the_tables(store: Store, table: str, row: type[object]) -> None:
    """A row's fields are the columns of its table, in the same order."""
    assert list(state.columns(row)) == [name for name, _, _ in columns(store, table)]


def test_the_events_view_is_the_log(store: Store) -> None:
    """The compatibility stream shows every event and is no second truth."""
    log = store.engine.rows(
        "SELECT seq, time_ns, agent, execution_id, type, payload FROM event_log"
    )
    assert log == store.engine.rows("SELECT * FROM events")
    assert len(log) == 1


def test_every_model_has_a_table(store: Store) -> None:
    """Every table has its model, but for the two that hold no books."""
    found = store.engine.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")
    assert {name for (name,) in found} == {*TABLES, "gateways", "checkpoints"}


@pytest.mark.parametrize("table", TABLES)
def test_columns_hold_their_type_only(store: Store, table: str) -> None:
    """SQLite holds every table to its types, as PostgreSQL does."""
    found = store.engine.rows("SELECT strict FROM pragma_table_list WHERE name = ?", (table,))
    assert found == [(1,)]


def test_a_second_migration_does_nothing(store: Store) -> None:
    """A ledger of this version is left as it is."""
    before = store.engine.rows("PRAGMA schema_version")
    assert migrate(store.engine) == VERSION
    assert store.engine.rows("PRAGMA schema_version") == before


def test_an_empty_ledger_is_brought_up(tmp_path: Path) -> None:
    """The version before the migration is told, and 0 is an empty file."""
    engine = connect("sqlite:///new.db", tmp_path)
    assert migrate(engine) == 0
    assert engine.rows("PRAGMA user_version") == [(VERSION,)]
    engine.close()


def test_tables_are_found_by_name(reader: Reader) -> None:
    """The names of the tables are fixed."""
    assert TABLES == (
        "agents",
        "tokens",
        "executions",
        "reservations",
        "rate_windows",
        "idempotency",
        "answers",
        "bulks",
        "tool_plugins",
        "event_log",
        "ledger_head",
    )
    assert [getattr(reader._tables, name)._meta.table_name for name in TABLES] == list(TABLES)

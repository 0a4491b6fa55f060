"""Laws of migration: a ledger of every older schema is brought up whole, or stays as it was.

fixtures/schema_N.sql holds the rows of a ledger as the program of that time wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ledger import engine as module
from ledger.admin_commands import CreditAgent
from ledger.audit import audit
from ledger.engine import PostgresEngine, SqliteEngine, connect, migrate, schema_version
from ledger.errors import LedgerUnavailable, SchemaTooNew
from ledger.outcomes import Settled
from ledger.read import Reader
from ledger.schema import MIGRATIONS, VERSION
from tests.ledger.making import URL, commit, open_at

FIXTURES = Path(__file__).parent / "fixtures"
OLDER = range(1, VERSION)
TABLES = ("event_log", "agents", "tokens", "executions", "reservations", "rate_windows")
HEAD = "ledger_head"

Engine = SqliteEngine | PostgresEngine
Tables = dict[str, list[dict[str, Any]]]

pytestmark = pytest.mark.xdist_group("postgres")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> str:
    """An empty database on each engine."""
    if request.param == "sqlite":
        return URL
    found: str = request.getfixturevalue("postgres_url")
    return found


@contextmanager
def program_of(version: int, *more: Any) -> Iterator[None]:
    """Migrations as a program of that schema had them, and `more` after them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", (*MIGRATIONS[:version], *more))
        patch.setattr(module, "VERSION", version + len(more))
        yield


def make_old(url: str, base: Path, version: int) -> Tables:
    """A ledger that a program of that schema wrote; what is in it."""
    with closing(connect(url, base)) as engine:
        with program_of(version):
            migrate(engine)
        _, _, statements = (FIXTURES / f"schema_{version}.sql").read_text().partition("\n\n")
        for statement in statements.removesuffix(";\n").split(";\n"):
            engine.rows(spoken(engine, statement))
        if isinstance(engine, PostgresEngine):
            engine.commit()
        return content(engine)


def spoken(engine: Engine, statement: str) -> str:
    """The statement with its blobs as the engine writes them."""
    if isinstance(engine, SqliteEngine):
        return statement
    return statement.replace("X'", "'\\x")


def content(engine: Engine) -> Tables:
    """Every row of the tables that schema 1 had, by column."""
    found: Tables = {}
    for table in (*TABLES, HEAD):
        if isinstance(engine, SqliteEngine):
            sql = f"SELECT name FROM pragma_table_info('{table}')"
        else:
            sql = f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'"
        names = sorted(name for (name,) in engine.rows(sql))
        rows = engine.rows(f"SELECT {', '.join(names)} FROM {table}")
        found[table] = sorted((dict(zip(names, row, strict=True)) for row in rows), key=str)
    engine.rollback()
    return found


def narrowed(now: Tables, before: Tables) -> Tables:
    """The rows of now, without the columns that were not there before."""
    found: Tables = {}
    for table, rows in before.items():
        names = list(rows[0])
        found[table] = sorted(({name: row[name] for name in names} for row in now[table]), key=str)
    return found


def test_every_older_schema_has_a_ledger() -> None:
    """A new migration comes with a ledger of the schema before it."""
    found = {file.name for file in FIXTURES.glob("schema_*.sql")}
    assert found == {f"schema_{version}.sql" for version in OLDER}


@pytest.mark.parametrize("version", OLDER)
def test_an_old_ledger_has_some_of_everything(url: str, tmp_path: Path, version: int) -> None:
    """The ledgers that are migrated here hold every kind of event and row of their time."""
    before = make_old(url, tmp_path, version)
    assert all(before.values())
    kinds = {row["type"] for row in before["event_log"]}
    assert {"usage.overrun", "execution.released", "execution.denied", "agent.deleted"} <= kinds
    states = {row["state"] for row in before["executions"]}
    assert {"COMMITTED", "RELEASED", "DENIED", "DISPATCHED"} <= states


@pytest.mark.parametrize("version", OLDER)
def test_every_row_is_kept(url: str, tmp_path: Path, version: int) -> None:
    """A migration to this schema changes no value that was there, and no event at all."""
    before = make_old(url, tmp_path, version)
    with closing(connect(url, tmp_path)) as engine:
        assert migrate(engine) == version
        assert schema_version(engine) == VERSION
        after = content(engine)
    assert narrowed(after, before) == before
    assert after["event_log"] == before["event_log"]
    assert after[HEAD] == before[HEAD]


@pytest.mark.parametrize("version", OLDER)
def test_the_books_hold_afterwards(url: str, tmp_path: Path, version: int) -> None:
    """Replaying the old log gives the migrated tables, with what the new columns hold in them."""
    make_old(url, tmp_path, version)
    with closing(connect(url, tmp_path)) as engine:
        migrate(engine)
    with Reader(url, tmp_path) as reader:
        assert [finding for finding in audit(reader) if not finding.holds] == []


@pytest.mark.parametrize("version", OLDER)
def test_the_ledger_goes_on(url: str, tmp_path: Path, version: int) -> None:
    """A call that was under way before the migration is settled after it."""
    make_old(url, tmp_path, version)
    with closing(open_at(tmp_path, url)) as store:
        (open_call,) = store.open_executions()
        settled, _ = store.execute(
            [commit(open_call[0], 1_000), CreditAgent("shop", 5, "more", "cli:ann")]
        )
        assert settled == Settled("ex_08", "COMMITTED", 1_000, fresh=True)
    with Reader(url, tmp_path) as reader:
        assert [finding for finding in audit(reader) if not finding.holds] == []


@pytest.mark.parametrize("version", OLDER)
def test_a_migration_that_fails_changes_nothing(url: str, tmp_path: Path, version: int) -> None:
    """Where its last statement fails, the old ledger stays whole and can be migrated later."""
    before = make_old(url, tmp_path, version)
    real = MIGRATIONS[version]
    broken = module.MIGRATIONS[0].__class__(
        version + 1, (*real.sqlite, "SELECT nothing"), (*real.postgres, "SELECT nothing")
    )
    with closing(connect(url, tmp_path)) as engine:
        with program_of(version, broken), pytest.raises(LedgerUnavailable, match="nothing"):
            migrate(engine)
        assert schema_version(engine) == version
        assert content(engine) == before
        assert migrate(engine) == version


@pytest.mark.parametrize("version", OLDER)
def test_an_old_program_refuses_a_migrated_ledger(url: str, tmp_path: Path, version: int) -> None:
    """Whoever goes back to an older program is told to upgrade, and nothing is written."""
    make_old(url, tmp_path, version)
    with closing(connect(url, tmp_path)) as engine:
        migrate(engine)
        after = content(engine)
    with program_of(version), pytest.raises(SchemaTooNew, match=f"has schema {VERSION}, this AEX"):
        open_at(tmp_path, url)
    with closing(connect(url, tmp_path)) as engine:
        assert (schema_version(engine), content(engine)) == (VERSION, after)


@pytest.mark.parametrize("version", OLDER)
def test_the_guards_stand_afterwards(url: str, tmp_path: Path, version: int) -> None:
    """Events and entries stay append-only, and what has ended does not move, after a migration."""
    make_old(url, tmp_path, version)
    with closing(connect(url, tmp_path)) as engine:
        migrate(engine)
        for statement in (
            "UPDATE event_log SET payload = '{}' WHERE seq = 1",
            "DELETE FROM event_log WHERE seq = 34",
            "DELETE FROM reservations",
            "UPDATE executions SET state = 'RELEASED' WHERE execution_id = 'ex_01'",
        ):
            with pytest.raises(LedgerUnavailable, match=r"append-only|terminal"):
                engine.rows(statement)
            engine.rollback()

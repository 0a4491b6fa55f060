"""Laws of opening an engine: the address decides, and what cannot be opened says why."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger import engine as module
from ledger.engine import connect, migrate, refuse_newer, schema_version
from ledger.engine_sqlite import SqliteEngine
from ledger.errors import LedgerError, LedgerUnavailable, SchemaTooNew
from ledger.schema import VERSION


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> str:
    """An empty database on each engine."""
    if request.param == "sqlite":
        return "sqlite:///ledger.db"
    found: str = request.getfixturevalue("postgres_url")
    return found


postgres_group = pytest.mark.xdist_group("postgres")


def set_version(engine: module.SqliteEngine | module.PostgresEngine, version: int) -> None:
    """Makes a ledger say that another program wrote it."""
    if isinstance(engine, SqliteEngine):
        engine.rows(f"PRAGMA user_version = {version}")
        return
    engine.rows("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)")
    engine.rows("INSERT INTO schema_version VALUES (?)", (version,))
    engine.commit()


@postgres_group
def test_a_migration_is_told_and_done_once(url: str, tmp_path: Path) -> None:
    """An empty database is at 0, a migrated one at this version, and stays there."""
    with closing(connect(url, tmp_path)) as engine:
        assert schema_version(engine) == 0
        assert migrate(engine) == 0
        assert schema_version(engine) == VERSION
        assert migrate(engine) == VERSION


@postgres_group
def test_a_newer_schema_is_refused(url: str, tmp_path: Path) -> None:
    """A ledger that a newer AEX has written is refused with both versions and the remedy."""
    with closing(connect(url, tmp_path)) as engine:
        set_version(engine, VERSION + 1)
        sentence = f"has schema {VERSION + 1}, this AEX knows {VERSION}; upgrade AEX"
        with pytest.raises(SchemaTooNew, match=sentence):
            migrate(engine)
        assert schema_version(engine) == VERSION + 1


@postgres_group
def test_a_newer_schema_is_refused_behind_the_lock(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer AEX that migrates while this one waits for the lock is noticed, not overwritten."""
    with closing(connect(url, tmp_path)) as engine:
        set_version(engine, VERSION + 1)
        told: Callable[..., int] = schema_version
        answers = iter([0])
        monkeypatch.setattr(module, "schema_version", lambda e: next(answers, told(e)))
        with pytest.raises(SchemaTooNew):
            migrate(engine)
        assert told(engine) == VERSION + 1


@postgres_group
def test_a_failed_migration_leaves_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration that fails half-way is undone as a whole, and can be tried again."""
    good = module.MIGRATIONS[0]
    bad = module.MIGRATIONS[0].__class__(
        1, (*good.sqlite, "nonsense"), (*good.postgres, "nonsense")
    )
    with closing(connect(url, tmp_path)) as engine:
        monkeypatch.setattr(module, "MIGRATIONS", (bad,))
        with pytest.raises(LedgerUnavailable):
            migrate(engine)
        assert schema_version(engine) == 0
        monkeypatch.undo()
        assert migrate(engine) == 0


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///ledger.db", "ledger.db"),
        ("sqlite:///deep/er.db", "deep/er.db"),
        ("sqlite:///{base}/absolute.db", "absolute.db"),
    ],
)
def test_paths(url: str, file: str, tmp_path: Path) -> None:
    """A relative path is below the base, an absolute one is itself."""
    (tmp_path / "deep").mkdir()
    with closing(connect(url.format(base=tmp_path), tmp_path)) as engine:
        assert isinstance(engine, SqliteEngine)
        assert engine.path == tmp_path / file
    assert (tmp_path / file).exists()


@pytest.mark.parametrize(
    "url", ["", "ledger.db", "sqlite:ledger.db", "sqlite://ledger.db", "mysql://x", "http://[x"]
)
def test_other_addresses(url: str, tmp_path: Path) -> None:
    """Any other address is refused with the two that are meant."""
    with pytest.raises(LedgerError, match=r"sqlite:///FILE nor postgresql://"):
        connect(url, tmp_path)


@pytest.mark.parametrize("url", ["sqlite:///none/ledger.db", "sqlite:///", "postgresql://[x"])
def test_what_cannot_be_opened(url: str, tmp_path: Path) -> None:
    """A place where no ledger can be is unavailable, not a surprise."""
    with pytest.raises(LedgerUnavailable):
        connect(url, tmp_path)


def test_reading_makes_no_ledger(tmp_path: Path) -> None:
    """Who only reads does not leave an empty file behind."""
    with pytest.raises(LedgerUnavailable, match="`aex init` makes one"):
        connect("sqlite:///ledger.db", tmp_path, read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_this_version_is_not_newer() -> None:
    """The program's own version and older ones are not refused."""
    refuse_newer(VERSION)
    refuse_newer(0)

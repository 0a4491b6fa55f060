"""Back-up: one consistent file of a ledger that others go on writing to.

Owns: copying pages through SQLite's backup API, and the proof that the copy is one.
Refuses to know: where back-ups are kept; whether the books add up (audit.py, restore.py).

The copy is of one moment: a read transaction is held from the first page to the last. Writers
are not held up; the WAL keeps what they add until the copy is done.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import apsw

from ledger.engine import connect, refuse_newer
from ledger.engine_sqlite import SqliteEngine, sqlite_errors
from ledger.errors import IntegrityBroken, LedgerError, LedgerUnavailable
from ledger.files import draft

# Told (what is being done, how much of it is done, how much there is).
Progress = Callable[[str, int, int], None]

# 2 MiB between two looks at the progress.
_PAGES = 512
_PATIENCE_MS = 5000

_HEAD = """
SELECT head.seq, head.event_hash, last.seq, last.event_hash
FROM ledger_head AS head
LEFT JOIN event_log AS last ON last.seq = (SELECT max(seq) FROM event_log)
WHERE head.id = 1
"""


@dataclass(frozen=True, slots=True)
class BackupInfo:
    """What a back-up holds: the log up to event `events`, whose hash is `head_hash`."""

    file: Path
    events: int
    head_hash: str
    bytes: int
    schema: int


def backup(
    url: str, base: Path, target: Path, progress: Progress | None = None, *, overwrite: bool = False
) -> BackupInfo:
    """Copies the ledger at `url` (relative to `base`) into the file `target`, and checks the copy.

    Raises LedgerError where the target exists, unless it may be overwritten; IntegrityBroken
    where the copy is damaged. Then, as after every error, there is no new file.
    """
    path = ledger_file(
        url, base, "pg_dump --format=custom --file={file} {url}", shlex.quote(str(target))
    )
    if not path.exists():
        raise LedgerUnavailable(f"there is no ledger at {path}; `aex init` makes one")
    if target.exists() and target.samefile(path):
        raise LedgerError(f"{target} is the ledger itself; name another file")
    with draft(target, overwrite=overwrite) as new:
        copy_ledger(path, new, progress)
        info = examine(new)
    return BackupInfo(target, info.events, info.head_hash, info.bytes, info.schema)


def ledger_file(url: str, base: Path, command: str, file: str) -> Path:
    """The file of an embedded ledger. Raises LedgerError, with PostgreSQL's own `command`."""
    if url.startswith("sqlite:///"):
        return base / url.removeprefix("sqlite:///")
    advice = command.format(file=file, url=_without_password(url))
    raise LedgerError(f"a ledger on a server is copied by the server's own tools: {advice}")


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "URL"
    user, at, host = parts.netloc.rpartition("@")
    query = [pair for pair in parse_qsl(parts.query) if "password" not in pair[0].lower()]
    netloc = user.partition(":")[0] + at + host
    return shlex.quote(urlunsplit(parts._replace(netloc=netloc, query=urlencode(query))))


def copy_ledger(source: Path, target: Path, progress: Progress | None) -> None:
    """One moment of a ledger that may be in use, as a single file that needs none beside it."""
    engine = connect(f"sqlite:///{source.absolute()}", Path("/"), read_only=True)
    assert isinstance(engine, SqliteEngine)
    with closing(engine), sqlite_errors():
        with closing(apsw.Connection(str(target))) as copy, engine.snapshot():
            # The first read is the moment that the copy shows.
            engine.rows("PRAGMA user_version")
            # Nobody knows of the target yet: it is synced as a whole, or thrown away.
            copy.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
            copy_pages(engine.db.connection(), copy, "copying", progress)
        single_file(target)


def copy_pages(
    source: apsw.Connection, target: apsw.Connection, what: str, progress: Progress | None
) -> None:
    """All pages, in one transaction of the target."""
    total = 0
    with target.backup("main", source, "main") as pages:
        while not pages.done:
            pages.step(_PAGES)
            total = pages.page_count
            if progress is not None and not pages.done:
                progress(what, total - pages.remaining, total)
    # Only now is it committed: whoever is told of the whole has it.
    if progress is not None:
        progress(what, total, total)


def single_file(path: Path) -> None:
    """Folds a WAL, and the wish for one, into the database itself."""
    with closing(apsw.Connection(str(path))) as database:
        database.execute("PRAGMA journal_mode = DELETE")


def examine(path: Path) -> BackupInfo:
    """What a back-up holds. Raises IntegrityBroken if it is damaged, SchemaTooNew if newer."""
    flags = apsw.SQLITE_OPEN_READONLY
    with sqlite_errors(), closing(apsw.Connection(str(path), flags=flags)) as database:
        database.set_busy_timeout(_PATIENCE_MS)
        ((schema,),) = _rows(database, "PRAGMA user_version")
        refuse_newer(schema)
        if schema == 0:
            raise IntegrityBroken("there is no ledger in the file")
        ((verdict,),) = _rows(database, "PRAGMA quick_check(1)")
        if verdict != "ok":
            raise IntegrityBroken(f"the file is damaged: {verdict}")
        heads = _rows(database, _HEAD)
    if not heads or heads[0][:2] != heads[0][2:]:
        raise IntegrityBroken("the log in the file does not end at its head")
    return BackupInfo(path, heads[0][0], heads[0][1], path.stat().st_size, schema)


def _rows(database: apsw.Connection, sql: str) -> list[Any]:
    return database.execute(sql).fetchall()

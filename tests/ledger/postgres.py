"""A private PostgreSQL server for tests: made with initdb, reached through a Unix socket only.

Owns: starting and ending it. Refuses to know: what is kept in it.

It does not sync its files: what is tested on it is concurrency, never a loss of power.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

REMEDY = "apt-get install --no-install-recommends postgresql"
SETTINGS = (
    "-c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off "
    "-c max_connections=60 -c shared_buffers=16MB"
)


@dataclass(frozen=True)
class Server:
    """A running server; `directory` holds its socket."""

    directory: Path

    def url(self, database: str) -> str:
        """The address of a database."""
        return f"postgresql://postgres@/{database}?host={self.directory}"

    def create_database(self, name: str) -> str:
        """The URL of a new, empty database."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload]
        return self.url(name)


def binaries() -> Path:
    """Where initdb and pg_ctl are; the test fails, with the remedy, where they are nowhere."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    # Debian keeps them out of the PATH, one folder a version.
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "initdb").exists() and (place / "pg_ctl").exists():
            return place
    pytest.fail(f"the tests need PostgreSQL's initdb and pg_ctl: {REMEDY}", pytrace=False)


@contextmanager
def serve() -> Iterator[Server]:
    """Runs a server for as long as the context lasts."""
    programs = binaries()
    # Not below pytest's own directory: that one is closed to the user that runs the server, and
    # the path of a socket has little room.
    directory = Path(tempfile.mkdtemp(prefix="aex-pg-"))
    # The server refuses to be root; the package brings a user for it.
    other: dict[str, Any] = {}
    if os.getuid() == 0:
        shutil.chown(directory, "postgres", "postgres")
        other = {"user": "postgres", "group": "postgres", "extra_groups": []}
    data = directory / "data"

    def run(program: str, *words: str) -> None:
        subprocess.run(
            [programs / program, *words],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=directory,
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(directory), "LC_ALL": "C.UTF-8"},
            **other,
        )

    try:
        run("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        settings = f"{SETTINGS} -k {directory}"
        run("pg_ctl", "-D", str(data), "-l", f"{directory}/log", "-w", "-o", settings, "start")
        try:
            yield Server(directory)
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(directory, ignore_errors=True)

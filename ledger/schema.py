"""The schema as numbered, forward-only migrations, for both engines.

Owns: their order. A migration, once released, never changes; each stands in a file of its own.
Refuses to know: what the rows mean (state.py), how they are read (models.py) or written.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger import (
    migration_1,
    migration_2,
    migration_3,
    migration_4,
    migration_5,
    migration_6,
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; `version` is its number, from 1."""

    version: int
    sqlite: tuple[str, ...]
    postgres: tuple[str, ...]


MIGRATIONS = (
    Migration(1, migration_1.SQLITE, migration_1.POSTGRES),
    Migration(2, migration_2.SQLITE, migration_2.POSTGRES),
    Migration(3, migration_3.SQLITE, migration_3.POSTGRES),
    Migration(4, migration_4.SQLITE, migration_4.POSTGRES),
    Migration(5, migration_5.SQLITE, migration_5.POSTGRES),
    Migration(6, migration_6.SQLITE, migration_6.POSTGRES),
)

VERSION = MIGRATIONS[-1].version

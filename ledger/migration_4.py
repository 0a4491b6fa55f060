"""Migration 4: what providers keep of many calls at once, files of them and batches.

Owns: what the fourth schema adds. Refuses to know: what the columns mean (state.py).
"""

from __future__ import annotations

_TABLE = """
CREATE TABLE bulks (
    ref TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, execution_id TEXT NOT NULL,
    terms TEXT NOT NULL, results TEXT NOT NULL, settled_at {int} NOT NULL
)
"""
_BY_RESULTS = "CREATE INDEX bulks_results ON bulks (results)"

SQLITE = (_TABLE.rstrip().replace("{int}", "INTEGER") + " STRICT", _BY_RESULTS)
POSTGRES = (_TABLE.replace("{int}", "BIGINT"), _BY_RESULTS)

"""Migration 6: the tools that agents may have run.

Owns: what the sixth schema adds. Refuses to know: what the columns mean (state.py).
"""

from __future__ import annotations

_TABLE = """
CREATE TABLE tool_plugins (
    name TEXT NOT NULL PRIMARY KEY, version TEXT NOT NULL, sha256 TEXT NOT NULL,
    digest TEXT NOT NULL, manifest TEXT NOT NULL, cost_nanousd {int} NOT NULL,
    state TEXT NOT NULL, installed_at {int} NOT NULL, changed_at {int} NOT NULL
)
"""

SQLITE = (_TABLE.rstrip().replace("{int}", "INTEGER") + " STRICT",)
POSTGRES = (_TABLE.replace("{int}", "BIGINT"),)

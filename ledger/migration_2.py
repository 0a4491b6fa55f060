"""Migration 2: budget trees and windows, idempotent answers, gateway leases, checkpoints.

Owns: what the second release adds. Refuses to know: what the columns mean (state.py).

{int} and {blob} are as wide as the engine has them. An execution that has ended may from here on
be adjusted (its amount follows a late bill), but its state still never moves.
"""

from __future__ import annotations

_ADDED = (
    "ALTER TABLE agents ADD COLUMN budget_window TEXT NOT NULL DEFAULT 'total'",
    "ALTER TABLE agents ADD COLUMN window_start {int} NOT NULL DEFAULT 0",
    "ALTER TABLE agents ADD COLUMN spent_before_nanousd {int} NOT NULL DEFAULT 0",
    "ALTER TABLE agents ADD COLUMN expires_at {int} NOT NULL DEFAULT 0",
    "CREATE INDEX agents_parent ON agents (parent) WHERE parent IS NOT NULL",
    "ALTER TABLE tokens ADD COLUMN account TEXT NOT NULL DEFAULT ''",
    "UPDATE tokens SET account = agent",
    "ALTER TABLE executions ADD COLUMN account TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE executions ADD COLUMN retry_of TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE executions ADD COLUMN idempotency_key TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE executions ADD COLUMN tpm_cells {int} NOT NULL DEFAULT 0",
    "UPDATE executions SET account = agent",
    """
CREATE TABLE idempotency (
    agent TEXT NOT NULL, key_hash TEXT NOT NULL, execution_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL, expires_at {int} NOT NULL, PRIMARY KEY (agent, key_hash)
)
""",
    """
CREATE TABLE answers (
    execution_id TEXT NOT NULL PRIMARY KEY, digest TEXT NOT NULL, size {int} NOT NULL,
    expires_at {int} NOT NULL, sealed {blob} NOT NULL
)
""",
    "CREATE INDEX answers_expiry ON answers (expires_at)",
    """
CREATE TABLE gateways (
    gateway TEXT NOT NULL PRIMARY KEY, started_at {int} NOT NULL, beat {int} NOT NULL,
    fenced {int} NOT NULL
)
""",
    """
CREATE TABLE checkpoints (
    size {int} NOT NULL PRIMARY KEY, root TEXT NOT NULL, time_ns {int} NOT NULL,
    note TEXT NOT NULL
)
""",
)

_MOVES = """
CREATE TRIGGER executions_terminal BEFORE UPDATE ON executions
    WHEN OLD.state IN ('COMMITTED', 'RELEASED', 'DENIED', 'FAILED') AND NEW.state <> OLD.state
    BEGIN SELECT RAISE(ABORT, 'a terminal execution never moves'); END
"""

_MOVES_POSTGRES = """
CREATE TRIGGER executions_terminal BEFORE UPDATE ON executions FOR EACH ROW
    WHEN (OLD.state IN ('COMMITTED', 'RELEASED', 'DENIED', 'FAILED') AND NEW.state <> OLD.state)
    EXECUTE FUNCTION aex_terminal()
"""


def _sqlite(statement: str) -> str:
    strict = " STRICT" if statement.lstrip().startswith("CREATE TABLE") else ""
    return statement.rstrip().replace("{int}", "INTEGER").replace("{blob}", "BLOB") + strict


def _postgres(statement: str) -> str:
    return statement.replace("{int}", "BIGINT").replace("{blob}", "BYTEA")


# The old guard would refuse the new columns' values on rows that have ended.
SQLITE = ("DROP TRIGGER executions_terminal", *(_sqlite(text) for text in _ADDED), _MOVES)
POSTGRES = (
    "DROP TRIGGER executions_terminal ON executions",
    *(_postgres(text) for text in _ADDED),
    _MOVES_POSTGRES,
)

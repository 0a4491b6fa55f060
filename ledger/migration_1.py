"""Migration 1: the books, their log, and the triggers that guard both.

Owns: the first shape of the ledger. It is released and never changes.

{int} is a 64-bit integer: INTEGER on SQLite (so that a key is the rowid), BIGINT on PostgreSQL.
The log has no foreign keys: nothing that happens to an agent can touch it.
"""

from __future__ import annotations

_EXECUTIONS = """
CREATE TABLE executions (
    execution_id TEXT NOT NULL PRIMARY KEY,
    agent TEXT NOT NULL, token_id TEXT NOT NULL, gateway TEXT NOT NULL, door TEXT NOT NULL,
    provider TEXT NOT NULL, model TEXT NOT NULL, endpoint TEXT NOT NULL, stream {int} NOT NULL,
    fingerprint TEXT NOT NULL, state TEXT NOT NULL, reserved_nanousd {int} NOT NULL,
    input_tokens_max {int} NOT NULL, output_tokens_cap {int} NOT NULL,
    created_at {int} NOT NULL, dispatched_at {int} NOT NULL, terminal_at {int} NOT NULL,
    status_code {int} NOT NULL, actual_nanousd {int} NOT NULL, usage TEXT NOT NULL,
    usage_source TEXT NOT NULL, certainty TEXT NOT NULL, reason TEXT NOT NULL
)
"""

_TABLES = (
    """
CREATE TABLE ledger_head (
    id {int} NOT NULL PRIMARY KEY CHECK (id = 1),
    seq {int} NOT NULL, event_hash TEXT NOT NULL, time_ns {int} NOT NULL
)
""",
    "INSERT INTO ledger_head VALUES (1, 0, '" + "0" * 64 + "', 0)",
    """
CREATE TABLE event_log (
    seq {int} NOT NULL PRIMARY KEY, version {int} NOT NULL, time_ns {int} NOT NULL,
    agent TEXT, execution_id TEXT, type TEXT NOT NULL, payload TEXT NOT NULL,
    prev_hash TEXT NOT NULL, event_hash TEXT NOT NULL
)
""",
    "CREATE INDEX event_log_execution ON event_log (execution_id) WHERE execution_id IS NOT NULL",
    """
CREATE TABLE agents (
    name TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, parent TEXT,
    budget_nanousd {int} NOT NULL, spent_nanousd {int} NOT NULL,
    reserved_nanousd {int} NOT NULL CHECK (reserved_nanousd >= 0),
    rpm {int} NOT NULL, tpm {int} NOT NULL, on_short_budget TEXT NOT NULL,
    min_output_tokens {int} NOT NULL, lifecycle_state TEXT NOT NULL,
    lifecycle_reason TEXT NOT NULL, created_at {int} NOT NULL
)
""",
    """
CREATE TABLE tokens (
    token_hash TEXT NOT NULL PRIMARY KEY, token_id TEXT NOT NULL, agent TEXT NOT NULL,
    scope TEXT NOT NULL, label TEXT NOT NULL, created_at {int} NOT NULL,
    expires_at {int} NOT NULL, revoked_at {int} NOT NULL
)
""",
    "CREATE INDEX tokens_agent ON tokens (agent)",
    _EXECUTIONS,
    "CREATE INDEX executions_agent ON executions (agent, created_at)",
    "CREATE INDEX executions_created ON executions (created_at)",
    """
CREATE INDEX executions_open ON executions (gateway)
    WHERE state IN ('RESERVED', 'DISPATCHED')
""",
    """
CREATE TABLE reservations (
    execution_id TEXT NOT NULL, entry TEXT NOT NULL,
    amount_nanousd {int} NOT NULL CHECK (amount_nanousd >= 0), seq {int} NOT NULL PRIMARY KEY
)
""",
    """
CREATE UNIQUE INDEX reservations_reserve ON reservations (execution_id)
    WHERE entry = 'reserve'
""",
    """
CREATE UNIQUE INDEX reservations_end ON reservations (execution_id)
    WHERE entry IN ('commit', 'release')
""",
    """
CREATE TABLE rate_windows (
    agent TEXT NOT NULL, kind TEXT NOT NULL, tat_ns {int} NOT NULL, PRIMARY KEY (agent, kind)
)
""",
    """
CREATE VIEW events AS
    SELECT seq AS id, time_ns, agent, execution_id, type, payload FROM event_log
""",
)


def _sqlite(statement: str) -> str:
    # STRICT: a column holds its type and nothing else, as it does on PostgreSQL.
    strict = " STRICT" if statement.lstrip().startswith("CREATE TABLE") else ""
    return statement.rstrip().replace("{int}", "INTEGER") + strict


def _append_only_sqlite(table: str) -> tuple[str, ...]:
    return tuple(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    )


_TERMINAL_SQLITE = """
CREATE TRIGGER executions_terminal BEFORE UPDATE ON executions
    WHEN OLD.state IN ('COMMITTED', 'RELEASED', 'DENIED', 'FAILED')
    BEGIN SELECT RAISE(ABORT, 'a terminal execution never changes'); END
"""

_APPEND_ONLY_POSTGRES = """
CREATE FUNCTION aex_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
"""

_TERMINAL_POSTGRES = (
    """
CREATE FUNCTION aex_terminal() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'a terminal execution never changes'; END $$
""",
    """
CREATE TRIGGER executions_terminal BEFORE UPDATE ON executions FOR EACH ROW
    WHEN (OLD.state IN ('COMMITTED', 'RELEASED', 'DENIED', 'FAILED'))
    EXECUTE FUNCTION aex_terminal()
""",
)


def _append_only_postgres(table: str) -> str:
    return (
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION aex_append_only()"
    )


SQLITE = (
    *(_sqlite(statement) for statement in _TABLES),
    *_append_only_sqlite("event_log"),
    *_append_only_sqlite("reservations"),
    _TERMINAL_SQLITE,
)

POSTGRES = (
    *(statement.replace("{int}", "BIGINT") for statement in _TABLES),
    _APPEND_ONLY_POSTGRES,
    _append_only_postgres("event_log"),
    _append_only_postgres("reservations"),
    *_TERMINAL_POSTGRES,
)

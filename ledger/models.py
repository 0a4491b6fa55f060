"""Peewee models of the tables, for reading.

Owns: the tables as the query builder sees them. They are made for one database each, so that
two ledgers can be open in one process.
Refuses to know: how rows come to be (store.py writes; SQL there is built once).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peewee import BigIntegerField, BlobField, CompositeKey, Database, Model, TextField


@dataclass(frozen=True, slots=True)
class Tables:
    """The models of one ledger; each attribute is a Peewee model class."""

    agents: Any
    tokens: Any
    executions: Any
    reservations: Any
    rate_windows: Any
    idempotency: Any
    answers: Any
    bulks: Any
    tool_plugins: Any
    event_log: Any
    ledger_head: Any


def _integer(**options: Any) -> Any:
    return BigIntegerField(**options)


def _text(**options: Any) -> Any:
    return TextField(**options)


def tables(db: Database) -> Tables:
    """The models, bound to `db`. Columns stand in the order of state.py's fields."""
    return Tables(
        agents=_agents(db),
        tokens=_tokens(db),
        executions=_executions(db),
        reservations=_make(
            db,
            "reservations",
            execution_id=_text(),
            entry=_text(),
            amount_nanousd=_integer(),
            seq=_integer(primary_key=True),
        ),
        rate_windows=_make(
            db,
            "rate_windows",
            CompositeKey("agent", "kind"),
            agent=_text(),
            kind=_text(),
            tat_ns=_integer(),
        ),
        idempotency=_make(
            db,
            "idempotency",
            CompositeKey("agent", "key_hash"),
            agent=_text(),
            key_hash=_text(),
            execution_id=_text(),
            fingerprint=_text(),
            expires_at=_integer(),
        ),
        answers=_make(
            db,
            "answers",
            execution_id=_text(primary_key=True),
            digest=_text(),
            size=_integer(),
            expires_at=_integer(),
            sealed=BlobField(),
        ),
        bulks=_make(
            db,
            "bulks",
            ref=_text(primary_key=True),
            kind=_text(),
            execution_id=_text(),
            terms=_text(),
            results=_text(),
            settled_at=_integer(),
        ),
        tool_plugins=_tool_plugins(db),
        event_log=_event_log(db),
        ledger_head=_make(
            db,
            "ledger_head",
            id=_integer(primary_key=True),
            seq=_integer(),
            event_hash=_text(),
            time_ns=_integer(),
        ),
    )


def _make(db: Database, table: str, key: Any = None, /, **columns: Any) -> Any:
    meta: dict[str, Any] = {"database": db, "table_name": table}
    if key is not None:
        meta["primary_key"] = key
    return type(table, (Model,), {"Meta": type("Meta", (), meta), **columns})


def _agents(db: Database) -> Any:
    return _make(
        db,
        "agents",
        name=_text(primary_key=True),
        kind=_text(),
        parent=_text(null=True),
        budget_nanousd=_integer(),
        spent_nanousd=_integer(),
        reserved_nanousd=_integer(),
        rpm=_integer(),
        tpm=_integer(),
        on_short_budget=_text(),
        min_output_tokens=_integer(),
        lifecycle_state=_text(),
        lifecycle_reason=_text(),
        created_at=_integer(),
        budget_window=_text(),
        window_start=_integer(),
        spent_before_nanousd=_integer(),
        expires_at=_integer(),
        stopped_by=_text(),
        caps=_text(),
    )


def _tokens(db: Database) -> Any:
    return _make(
        db,
        "tokens",
        token_hash=_text(primary_key=True),
        token_id=_text(),
        agent=_text(),
        scope=_text(),
        label=_text(),
        created_at=_integer(),
        expires_at=_integer(),
        revoked_at=_integer(),
        account=_text(),
    )


def _executions(db: Database) -> Any:
    return _make(
        db,
        "executions",
        execution_id=_text(primary_key=True),
        agent=_text(),
        token_id=_text(),
        gateway=_text(),
        door=_text(),
        provider=_text(),
        model=_text(),
        endpoint=_text(),
        stream=_integer(),
        fingerprint=_text(),
        state=_text(),
        reserved_nanousd=_integer(),
        input_tokens_max=_integer(),
        output_tokens_cap=_integer(),
        created_at=_integer(),
        dispatched_at=_integer(),
        terminal_at=_integer(),
        status_code=_integer(),
        actual_nanousd=_integer(),
        usage=_text(),
        usage_source=_text(),
        certainty=_text(),
        reason=_text(),
        account=_text(),
        retry_of=_text(),
        idempotency_key=_text(),
        tpm_cells=_integer(),
    )


def _tool_plugins(db: Database) -> Any:
    return _make(
        db,
        "tool_plugins",
        name=_text(primary_key=True),
        version=_text(),
        sha256=_text(),
        digest=_text(),
        manifest=_text(),
        cost_nanousd=_integer(),
        state=_text(),
        installed_at=_integer(),
        changed_at=_integer(),
    )


def _event_log(db: Database) -> Any:
    return _make(
        db,
        "event_log",
        seq=_integer(primary_key=True),
        version=_integer(),
        time_ns=_integer(),
        agent=_text(null=True),
        execution_id=_text(null=True),
        type=_text(),
        payload=_text(),
        prev_hash=_text(),
        event_hash=_text(),
    )

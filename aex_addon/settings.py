"""What the operator decides: the keys of aex.toml, their defaults and their limits.

Owns: every setting outside the tables that an operator names (settings_tables.py).
Refuses to know: where settings are read (settings_load.py), what they do.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from aex_addon import addresses, capture_modes
from aex_addon.settings_egress import EgressSettings
from aex_addon.settings_mcp import McpSettings
from aex_addon.settings_rules import PolicySettings, RuleSettings, named_once
from aex_addon.settings_tables import (
    CaptureSettings,
    ModelSettings,
    ProviderSettings,
    RouteSettings,
)
from aex_addon.settings_values import Count, Table, listed


def _mode(value: str) -> str:
    capture_modes.kind_of(value)
    return value


def _captures(value: dict[str, CaptureSettings]) -> dict[str, CaptureSettings]:
    kinds = {mode: capture_modes.kind_of(mode) for mode in value}
    for mode, kind in kinds.items():
        if value[mode].agents and kind != "transparent":
            raise ValueError(f'{kind} tells no sources apart; it takes agent = "NAME"')
    if list(kinds.values()).count("local") > 1:
        raise ValueError("there can be one local; name its processes with commas")
    return value


class Settings(Table):
    """aex.toml."""

    listen: Annotated[str, AfterValidator(addresses.listen)] = "127.0.0.1:9000"
    ledger: Annotated[str, AfterValidator(addresses.ledger)] = "sqlite:///ledger.db"
    providers: dict[str, ProviderSettings] = Field(default_factory=dict)
    models: dict[str, ModelSettings] = Field(default_factory=dict)
    routes: dict[str, RouteSettings] = Field(default_factory=dict)
    mcp: dict[str, McpSettings] = Field(default_factory=dict)
    capture: Annotated[
        dict[Annotated[str, AfterValidator(_mode)], CaptureSettings], AfterValidator(_captures)
    ] = Field(default_factory=dict)
    egress: EgressSettings = Field(default_factory=EgressSettings)
    rules: Annotated[list[RuleSettings], AfterValidator(named_once)] = Field(default_factory=list)
    policy: PolicySettings = PolicySettings()
    unpriced_models: Literal["refuse", "free"] = "refuse"
    unmetered_paths: Literal["refuse", "pass"] = "refuse"
    server_calls_max: Annotated[int, Field(ge=0, le=1000)] = 0
    audio_seconds_max: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    recovery: Literal["charge", "release"] = "charge"
    body_limit_mib: Annotated[int, Field(ge=1, le=1024)] = 32
    drain_seconds: Annotated[int, Field(ge=0, le=3600)] = 30
    idempotency_ttl_hours: Annotated[int, Field(ge=1, le=24 * 30)] = 24
    idempotency_max_kib: Annotated[int, Field(ge=0, le=65_536)] = 1024
    idempotency_join_seconds: Annotated[int, Field(ge=0, le=600)] = 25
    denial_status: dict[str, Annotated[int, Field(ge=400, le=499)]] = Field(default_factory=dict)
    checkpoint_every_events: Count = 1000
    checkpoint_every_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    witness_command: Annotated[list[str], BeforeValidator(listed)] = Field(default_factory=list)
    witness_url: Annotated[str, AfterValidator(addresses.witness_url)] | None = None
    otel_url: Annotated[str, AfterValidator(addresses.collector)] | None = None
    metrics: Literal["loopback", "token"] = "loopback"
    tool_runs_max: Annotated[int, Field(ge=1, le=256)] = 4
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def listen_host(self) -> str:
        """The address or name that is listened on, without brackets."""
        return addresses.split_listen(self.listen)[0]

    @property
    def listen_port(self) -> int:
        """0 lets the system choose."""
        return addresses.split_listen(self.listen)[1]

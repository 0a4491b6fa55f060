"""What the operator decides: the keys of aex.toml, their defaults and their limits.

Owns: every setting, its type and its sentence for a wrong value. No message repeats a value, for
values may hold secrets.
Refuses to know: where settings are read (settings_load.py), what they do.
"""

from __future__ import annotations

import difflib
import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from aex_addon import addresses, capture_modes
from certs.errors import HostRefused
from certs.hosts import permitted_names
from providers.registry import FAMILIES

# A key in one of these would change the request instead.
_TAKEN_HEADERS = frozenset(
    ("connection", "content-encoding", "content-length", "host", "te", "transfer-encoding")
)


class ConfigError(Exception):
    """The configuration cannot be used. `problems` holds one line for each mistake."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _variable(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError("expected the name of an environment variable, not the key itself")
    return value


def _private_file(value: str) -> str:
    if not value.startswith(("/", "~/")):
        raise ValueError('expected an absolute path, or one that begins with "~/"')
    return value


def _entry(value: str) -> str:
    if not re.fullmatch(r"[^/]+/.+", value):
        raise ValueError('expected "SERVICE/USER", the entry of the keyring')
    return value


def _split(value: object, info: Any) -> object:
    """In a variable a list is written with commas."""
    if info.context and isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _hosts(value: list[str]) -> list[str]:
    try:
        permitted_names(value)
    except HostRefused as error:
        raise ValueError(str(error)) from error
    return [host.strip().lower() for host in value]


def _families(value: list[str]) -> list[str]:
    for name in value:
        if name not in FAMILIES:
            near = difflib.get_close_matches(name, FAMILIES, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(FAMILIES)}"
            raise ValueError(f"no provider that AEX knows speaks {name!r}; {hint}")
    if not value:
        raise ValueError('expected what it speaks, such as ["openai"]')
    return value


def _key_header(value: str) -> str:
    if re.fullmatch(r"\?[A-Za-z0-9_.-]+", value):
        return value
    name, _, prefix = value.partition(":")
    if not re.fullmatch(r"[A-Za-z0-9-]+", name) or name.lower() in _TAKEN_HEADERS:
        raise ValueError(
            'expected a header, such as "api-key" or "authorization: Bearer", or "?key" for a '
            "parameter of the query"
        )
    if not re.fullmatch(r"[!-~]*", prefix.strip()):
        raise ValueError("after the colon stands one word at most, such as Bearer")
    return value


def _targets(value: list[str]) -> list[str]:
    if not value or any(not re.fullmatch(r"[^/\s]+/[!-~]{1,256}", each) for each in value):
        raise ValueError('expected models with their providers, as ["openai/gpt-4o-mini"]')
    if len(set(value)) < len(value):
        raise ValueError("names a model twice")
    return value


def _faults(value: object, info: Any) -> object:
    value = _split(value, info)
    return [str(each) for each in value] if isinstance(value, list) else value


def _each_fault(value: list[str]) -> list[str]:
    for fault in value:
        if fault not in ("unreachable", "no_answer", "429") and not re.fullmatch(r"5\d\d", fault):
            raise ValueError(
                'expected "unreachable", "no_answer", 429 or statuses of the 5xx kind; what the '
                "provider refuses for the agent's own mistakes is not asked of another"
            )
    return value


def _source(value: str) -> str:
    return str(capture_modes.source_of(value))


def _money(value: object) -> Decimal:
    if isinstance(value, float):
        raise ValueError('a binary fraction is not exact; write the price in quotes, as "0.15"')
    try:
        amount = Decimal(value) if isinstance(value, str | int) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(value, bool) or not amount.is_finite():
        raise ValueError('expected dollars per million tokens in quotes, as "0.15"')
    exponent = amount.as_tuple().exponent
    if not (0 <= amount <= 1_000_000 and isinstance(exponent, int) and exponent >= -12):
        raise ValueError("expected 0 to 1000000 dollars, with 12 decimals at most")
    return amount


_SOURCES = ("api_key_env", "api_key_file", "api_key_keyring", "api_key_command", "aws_profile")

Usd = Annotated[Decimal, BeforeValidator(_money)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]


class _Table(BaseModel, frozen=True, extra="forbid", hide_input_in_errors=True):
    """Known keys only, and never changed."""


class ProviderSettings(_Table):
    """[providers.NAME]: where a provider's governed traffic goes, and whose key it takes.

    A NAME that AEX does not know makes a new provider; it needs upstream and formats.
    """

    upstream: Annotated[str, AfterValidator(addresses.upstream)] | None = None
    credentials: Literal["key", "agent", "aws", "google"] | None = None
    api_key_env: Annotated[str, AfterValidator(_variable)] | None = None
    api_key_file: Annotated[str, AfterValidator(_private_file)] | None = None
    api_key_keyring: Annotated[str, AfterValidator(_entry)] | None = None
    api_key_command: Annotated[list[str], BeforeValidator(_split), Field(min_length=1)] | None = (
        None
    )
    api_key_ttl_seconds: Annotated[int, Field(ge=60, le=86_400)] = 3600
    aws_profile: Annotated[str, Field(min_length=1)] | None = None
    key_header: Annotated[str, AfterValidator(_key_header)] | None = None
    hosts: Annotated[list[str], BeforeValidator(_split), AfterValidator(_hosts)] | None = None
    formats: Annotated[list[str], BeforeValidator(_split), AfterValidator(_families)] | None = None
    price_as: str | None = None
    free: bool | None = None
    subscription: Literal["refuse", "meter"] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        named = [name for name in _SOURCES if getattr(self, name) is not None]
        if self.credentials == "agent":
            named.insert(0, 'credentials = "agent"')
        if len(named) > 1:
            raise ValueError(f"{' and '.join(named)} exclude each other; keep one")
        return self


class ModelSettings(_Table):
    """[models.NAME]: what the price catalogue does not know, or knows otherwise."""

    provider: str
    price_as: str | None = None
    input_usd_per_mtok: Usd | None = None
    output_usd_per_mtok: Usd = Decimal(0)
    cache_read_usd_per_mtok: Usd | None = None
    cache_write_usd_per_mtok: Usd | None = None
    input_audio_usd_per_mtok: Usd | None = None
    output_audio_usd_per_mtok: Usd | None = None
    max_output_tokens: Count | None = None
    context_window: Count | None = None
    hidden_output: bool | None = None
    unit_usd: dict[str, Usd] = Field(default_factory=dict)


class RouteSettings(_Table):
    """[routes.NAME]: what a request at AEX's own address gets that names the model NAME.

    to:             `PROVIDER/MODEL`: the first is asked, the others stand by for its faults.
    fall_back_on:   those faults, all of them before the answer begins: `unreachable` (no
                    connection stood), `no_answer` (it broke, or time ran out), or a status.
    answer_within_seconds: after which a connection without an answer is one; None: never.
    """

    to: Annotated[list[str], BeforeValidator(_split), AfterValidator(_targets)]
    fall_back_on: Annotated[list[str], BeforeValidator(_faults), AfterValidator(_each_fault)] = (
        Field(default_factory=lambda: ["unreachable", "no_answer", "502", "503", "504", "529"])
    )
    answer_within_seconds: Annotated[int, Field(ge=1, le=3600)] | None = None

    @model_validator(mode="after")
    def _somebody_waits(self) -> Self:
        if self.answer_within_seconds and (
            len(self.to) < 2 or "no_answer" not in self.fall_back_on
        ):
            raise ValueError(
                "answer_within_seconds needs another model in `to`, and no_answer in fall_back_on"
            )
        return self


class CaptureSettings(_Table):
    """[capture."MODE"]: agents that know of no proxy, and who pays for what they send.

    agent:  all that comes in; agents: by source address or network, where the mode tells them.
    """

    agent: Annotated[str, Field(min_length=1)] | None = None
    agents: dict[Annotated[str, AfterValidator(_source)], Annotated[str, Field(min_length=1)]] = (
        Field(default_factory=dict)
    )

    @model_validator(mode="after")
    def _somebody_pays(self) -> Self:
        if (self.agent is None) == (not self.agents):
            raise ValueError('needs one of agent = "NAME" and agents = {"SOURCE" = "NAME"}')
        return self


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


class Settings(_Table):
    """aex.toml."""

    listen: Annotated[str, AfterValidator(addresses.listen)] = "127.0.0.1:9000"
    ledger: Annotated[str, AfterValidator(addresses.ledger)] = "sqlite:///ledger.db"
    providers: dict[str, ProviderSettings] = Field(default_factory=dict)
    models: dict[str, ModelSettings] = Field(default_factory=dict)
    routes: dict[str, RouteSettings] = Field(default_factory=dict)
    capture: Annotated[
        dict[Annotated[str, AfterValidator(_mode)], CaptureSettings], AfterValidator(_captures)
    ] = Field(default_factory=dict)
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
    witness_command: Annotated[list[str], BeforeValidator(_split)] = Field(default_factory=list)
    witness_url: Annotated[str, AfterValidator(addresses.witness_url)] | None = None
    otel_url: Annotated[str, AfterValidator(addresses.collector)] | None = None
    metrics: Literal["loopback", "token"] = "loopback"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def listen_host(self) -> str:
        """The address or name that is listened on, without brackets."""
        return addresses.split_listen(self.listen)[0]

    @property
    def listen_port(self) -> int:
        """0 lets the system choose."""
        return addresses.split_listen(self.listen)[1]

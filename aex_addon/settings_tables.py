"""The tables of aex.toml that an operator names: providers, models, routes, captures.

Owns: the keys of each, their defaults and what excludes what.
Refuses to know: where settings are read (settings_load.py), what they do.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from aex_addon import addresses
from aex_addon import settings_values as values
from aex_addon.settings_values import Count, Table, Usd

_SOURCES = ("api_key_env", "api_key_file", "api_key_keyring", "api_key_command", "aws_profile")

LISTED = BeforeValidator(values.listed)
Name = Annotated[str, Field(min_length=1)]


class KeySettings(Table):
    """Where AEX's own key for a server is, if it has one."""

    credentials: Literal["key", "agent", "aws", "google"] | None = None
    api_key_env: Annotated[str, AfterValidator(values.variable)] | None = None
    api_key_file: Annotated[str, AfterValidator(values.private_file)] | None = None
    api_key_keyring: Annotated[str, AfterValidator(values.entry)] | None = None
    api_key_command: Annotated[list[str], LISTED, Field(min_length=1)] | None = None
    api_key_ttl_seconds: Annotated[int, Field(ge=60, le=86_400)] = 3600
    key_header: Annotated[str, AfterValidator(values.key_header)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        named = [name for name in _SOURCES if getattr(self, name, None) is not None]
        if self.credentials == "agent":
            named.insert(0, 'credentials = "agent"')
        if len(named) > 1:
            raise ValueError(f"{' and '.join(named)} exclude each other; keep one")
        return self


class ProviderSettings(KeySettings):
    """[providers.NAME]: where a provider's governed traffic goes, and whose key it takes.

    A NAME that AEX does not know makes a new provider; it needs upstream and formats.
    """

    upstream: Annotated[str, AfterValidator(addresses.upstream)] | None = None
    aws_profile: Annotated[str, Field(min_length=1)] | None = None
    hosts: Annotated[list[str], LISTED, AfterValidator(values.hosts)] | None = None
    formats: Annotated[list[str], LISTED, AfterValidator(values.families)] | None = None
    price_as: str | None = None
    free: bool | None = None
    subscription: Literal["refuse", "meter"] | None = None


class ModelSettings(Table):
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


class RouteSettings(Table):
    """[routes.NAME]: what a request at AEX's own address gets that names the model NAME.

    to:             `PROVIDER/MODEL`: the first is asked, the others stand by for its faults.
    fall_back_on:   those faults, all of them before the answer begins: `unreachable` (no
                    connection stood), `no_answer` (it broke, or time ran out), or a status.
    answer_within_seconds: after which a connection without an answer is one; None: never.
    """

    to: Annotated[list[str], LISTED, AfterValidator(values.targets)]
    fall_back_on: Annotated[
        list[str], BeforeValidator(values.faults), AfterValidator(values.each_fault)
    ] = Field(default_factory=lambda: ["unreachable", "no_answer", "502", "503", "504", "529"])
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


class CaptureSettings(Table):
    """[capture."MODE"]: agents that know of no proxy, and who pays for what they send.

    agent:  all that comes in; agents: by source address or network, where the mode tells them.
    """

    agent: Name | None = None
    agents: dict[
        Annotated[str, AfterValidator(values.source)], Annotated[str, Field(min_length=1)]
    ] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _somebody_pays(self) -> Self:
        if (self.agent is None) == (not self.agents):
            raise ValueError('needs one of agent = "NAME" and agents = {"SOURCE" = "NAME"}')
        return self

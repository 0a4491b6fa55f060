"""[mcp.NAME] of aex.toml: servers of the Model Context Protocol that are governed.

Owns: the keys of one, and what its tools cost. Refuses to know: what a server becomes in the table
of providers (provider_rows.py), what a call of a tool is (providers/mcp.py).
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from aex_addon import addresses
from aex_addon import settings_values as values
from aex_addon.settings_tables import LISTED, KeySettings
from providers.mcp_messages import NAME_MAX

_PATH = re.compile(r"/[A-Za-z0-9_.~/-]{0,255}")
_NANO_DIGITS = 9
_USD_MAX = 10_000


def _usd(value: object) -> Decimal:
    amount = values.dollars(value)
    if amount > _USD_MAX or amount != round(amount, _NANO_DIGITS):
        raise ValueError(f"a call costs up to {_USD_MAX} dollars, with 9 decimals at most")
    return amount


def _url(value: str) -> str:
    if not _PATH.fullmatch(urlsplit(value).path or "/"):
        raise ValueError('expected an address with a plain path, as "https://mcp.example/mcp"')
    return value


def _paths(value: list[str]) -> list[str]:
    if not all(_PATH.fullmatch(each) for each in value):
        raise ValueError('expected paths of the server, such as ["/messages"]')
    return value


def _tools(value: dict[str, Decimal]) -> dict[str, Decimal]:
    if not all(0 < len(name) <= NAME_MAX for name in value):
        raise ValueError(f"a tool's name has 1 to {NAME_MAX} characters")
    return value


UsdPerCall = Annotated[Decimal, BeforeValidator(_usd)]


class McpSettings(KeySettings):
    """[mcp.NAME].

    url:         of its streamable HTTP, or of the stream of the older transport (`…/sse`).
    paths:       further paths of the same host that are MCP's.
    hosts:       the names it is governed under, if the one in its address is not public.
    tools:       what a call of a tool costs; default_usd: a call of any other.
    filter_list: whether an agent is shown the tools that its caps allow, and no others.
    credentials: whose key the server is shown: the agent's own, if it has one, or AEX's.
    """

    url: Annotated[str, AfterValidator(addresses.upstream), AfterValidator(_url)]
    paths: Annotated[list[str], LISTED, AfterValidator(_paths)] = Field(default_factory=list)
    hosts: Annotated[list[str], LISTED, AfterValidator(values.hosts)] | None = None
    tools: Annotated[dict[str, UsdPerCall], AfterValidator(_tools)] = Field(default_factory=dict)
    default_usd: UsdPerCall = Decimal(0)
    filter_list: bool = True
    credentials: Literal["agent", "key"] | None = None

"""An MCP server as a provider of the table, and what its tools cost.

Owns: which paths of its host are MCP's, and the price of a call under every spelling of its tool.
Refuses to know: who configures it, how a call is read (mcp.py).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal

from providers.mcp import MCP, PATH
from providers.mcp_other import MCP_FREE, PREFIXES
from providers.provider import Nests, Provider

# Where servers of the transport of 2024-11-05 have messages posted, beside the stream at `/sse`.
# Clients are told by the stream, but AEX must know before: any other place is named in `paths`.
_BESIDE_SSE = ("/messages", "/message", "/sse/message", "/sse/messages")


def server(
    id_: str, upstream: str, path: str, others: Sequence[str] = (), hosts: Sequence[str] = ()
) -> Provider:
    """The row. path: of its address, "" for the root of its host; others: further ones of MCP's."""
    return Provider(
        id=id_,
        hosts=tuple(hosts),
        upstream=upstream,
        base_prefixes=((f"/{id_}", ""),),
        api_key_env="",
        formats=(MCP.name, MCP_FREE.name),
        credentials="optional",
        nests=_nests(path, others),
    )


def _nests(path: str, others: Sequence[str]) -> Nests:
    paths = [path, *(other.rstrip("/") for other in others)]
    if path.endswith("/sse"):
        paths += [path.removesuffix("/sse") + beside for beside in _BESIDE_SSE]
    # The first that fits counts, and fits what lies below it too: so the longest comes first.
    mine = [(each, PATH) for each in sorted(dict.fromkeys(paths), key=len, reverse=True)]
    named = [each for each in mine if each[0]]
    return (*named, *((prefix, prefix) for prefix in PREFIXES), *mine[len(named) :])


def price(tool: str, tools: Mapping[str, Decimal], other: Decimal) -> Decimal:
    """USD for a call of this tool, where tools not named cost `other`.

    A name that some server could take for one in the table costs the dearest that it may be.
    """
    if tool in tools:
        return tools[tool]
    alike = [usd for name, usd in tools.items() if _plain(name) == _plain(tool)]
    return max([other, *alike])


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().strip()

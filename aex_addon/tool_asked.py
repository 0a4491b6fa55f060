"""A call of a tool before it is admitted: what it asks for, and the question to the ledger.

Owns: reading the request, finding the tool as the ledger has it, and the command of admission.
Refuses to know: what the ledger decides, how a tool is run.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass, replace

from mitmproxy import http

from aex_addon import calls, clock, idempotency
from aex_addon.configuration import Configuration
from aex_addon.identity import Credential
from aex_addon.parts import Parts
from aex_addon.tokens import mint_execution_id, token_hash
from aex_addon.tools import registry, request
from aex_addon.tools.manifest import NAME, Manifest, ManifestError
from ledger.commands import Admit, Asked, Quote, Refusal, Tool
from ledger.state import ToolPlugin
from providers.encoding import decode_body
from providers.wire import Call, Refused

logger = logging.getLogger("aex.tools")

_NONE: frozenset[str] = frozenset()
_UNREADABLE = Refusal(
    503,
    "tool_unreadable",
    "This AEX cannot read the tool's manifest; the operator looks at the gateway's log and installs"
    " it again (`aex plugin install`).",
)


@dataclass(frozen=True, slots=True)
class ToolAsked:
    """A request as it was read; `refusal` says why nothing is run, whoever asks.

    manifest: what is run; None where the ledger will refuse.
    """

    call: Call
    wish: request.Wish
    tool: Tool | None = None
    manifest: Manifest | None = None
    refusal: Refusal | None = None


def read(incoming: http.Request, body_max: int) -> ToolAsked:
    """What the request asks for; its body decoded, at most `body_max` bytes."""
    headers = {name.lower(): value for name, value in incoming.headers.items()}
    call = Call(request.PROVIDER, "POST", request.PATH, "", headers, b"")
    try:
        encoding = headers.get("content-encoding", "")
        call = replace(call, body=decode_body(incoming.raw_content or b"", encoding, body_max))
        wish, call = request.read(call)
        idempotency.key_hash(call)
    except Refused as refused:
        denial = refused.denial
        unread = Refusal(denial.status, denial.code, denial.sentences)
        # Of what cannot be read nothing is a key.
        return ToolAsked(replace(call, headers={}), request.Wish("", b""), refusal=unread)
    return ToolAsked(call, wish)


async def look_up(asked: ToolAsked, parts: Parts) -> ToolAsked:
    """The request with the tool that it names, as it stands in the ledger now.

    Raises LedgerError.
    """
    name, found = asked.wish.tool, None
    if asked.refusal is None and re.fullmatch(NAME, name):
        found = await parts.books.call(lambda store: store.tool(name))
    return with_tool(asked, found)


def with_tool(asked: ToolAsked, found: ToolPlugin | None) -> ToolAsked:
    """The request with its tool as it stands in the ledger; None where there is none."""
    name = asked.wish.tool
    if asked.refusal is not None:
        return asked
    if found is None:
        return replace(asked, tool=Tool(name, ""))
    try:
        manifest = registry.manifest_of(found)
    except ManifestError as error:
        logger.error("tool %s is not run: %s", name, error)
        return replace(asked, refusal=_UNREADABLE)
    return replace(asked, tool=Tool(name, found.digest), manifest=manifest)


def command(
    asked: ToolAsked, gateway: str, configuration: Configuration, credential: Credential
) -> Admit:
    """The question that is put to the ledger; what is refused is put too, to be recorded."""
    call, manifest = asked.call, asked.manifest
    name = asked.wish.tool if re.fullmatch(NAME, asked.wish.tool) else ""
    return Admit(
        execution_id=mint_execution_id(clock.now_ns(), os.urandom(10)),
        token_hash=token_hash(credential.token),
        claimed_agent=credential.agent,
        gateway=gateway,
        door="base-url",
        provider=request.PROVIDER,
        model=name,
        endpoint=request.PATH,
        stream=False,
        fingerprint=calls.fingerprint(call),
        quote=Quote(fixed_nanousd=manifest.cost_nanousd if manifest else 0),
        input_tokens_max=0,
        metered=True,
        refusal=asked.refusal,
        # It runs no model: which tools an agent may have is all that caps say of it.
        asked=Asked((), False, 0, 0, False, _NONE, frozenset({name}), _NONE, False),
        key_hash=idempotency.key_hash(call),
        key_ttl_ns=configuration.settings.idempotency_ttl_hours * 3600 * 10**9,
        tool=asked.tool,
    )

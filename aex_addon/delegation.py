"""Delegation: an agent opens a run of its own, and gets a token for it.

Owns: `POST /v1/aex/tokens`, with the agent's own token: a budget, a life, a rate and caps that
are never more than it has. A sub-agent that gets the run's token draws on the run, and so on the
agent.
Refuses to know: what may be handed on (ledger/accounts.py decides that, in the ledger).
"""

from __future__ import annotations

import json
import secrets
from decimal import Decimal
from typing import Annotated, Any

from mitmproxy import http
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aex_addon import clock, denials
from aex_addon.doors import DOOR, PATH
from aex_addon.guard import fail_closed
from aex_addon.identity import Credential, from_key_slot
from aex_addon.parts import Parts
from aex_addon.refusals import refuse
from aex_addon.tokens import mint, token_hash
from ledger.admin_commands import OpenRun
from ledger.money import parse_usd
from ledger.outcomes import Done
from providers.wire import Denial

TOKENS = "/v1/aex/tokens"
_BODY_MAX = 4096


class _Wish(BaseModel):
    """The body of the request; amounts are text, as everywhere."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    budget_usd: str
    name: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    ttl_seconds: Annotated[int, Field(gt=0, le=366 * 86_400, strict=True)] | None = None
    rpm: Annotated[int, Field(ge=0, le=10**9, strict=True)] | None = None
    caps: dict[str, Any] | None = None


def _fault(flow: http.HTTPFlow) -> http.Response:
    return refuse(flow, denials.unavailable("a fault inside AEX, see its log"))


class Delegation:
    """The addon."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @fail_closed(_fault)
    async def request(self, flow: http.HTTPFlow) -> None:
        """Answers what is addressed to AEX's own API."""
        if flow.metadata.get(DOOR) != "own" or flow.response or not flow.live:
            return
        path = str(flow.metadata[PATH]).partition("?")[0]
        if (flow.request.method, path) != ("POST", TOKENS):
            message = f"AEX answers POST {TOKENS} here and nothing else."
            flow.response = refuse(flow, Denial(404, "no_such_page", message))
            return
        credential = from_key_slot(flow.request.headers, "")
        if credential is None:
            flow.response = refuse(flow, denials.missing_token())
            return
        flow.response = await self._open(flow, credential)

    async def _open(self, flow: http.HTTPFlow, credential: Credential) -> http.Response:
        try:
            wish = _Wish.model_validate_json((flow.request.raw_content or b"")[:_BODY_MAX])
            budget = parse_usd(wish.budget_usd)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the body"
            return refuse(flow, Denial(400, "invalid_request", f"{where}: {first['msg']}."))
        except ValueError as error:
            return refuse(flow, Denial(400, "invalid_request", f"budget_usd: {error}."))
        token = mint()
        life_ns = (wish.ttl_seconds or 0) * 10**9
        command = OpenRun(
            name="",
            run=wish.name or f"sub-{secrets.token_hex(4)}",
            by_token_hash=token_hash(credential.token),
            budget_nanousd=budget,
            rpm=wish.rpm or 0,
            expires_at=clock.now_ns() + life_ns if life_ns else 0,
            actor="agent",
            token_hash=token.token_hash,
            token_id=token.token_id,
            caps=wish.caps,
        )
        outcome = await self._parts.books.admit(command)
        if not isinstance(outcome, Done):
            message = getattr(outcome, "message", "the run was refused")
            return refuse(flow, Denial(403, "delegation_refused", f"{message}."))
        made = {
            "token": token.secret,
            "token_id": token.token_id,
            "name": outcome.name,
            "budget_nanousd": budget,
            "budget_usd": str(Decimal(budget).scaleb(-9)),
            "expires_at": outcome.expires_at,
        }
        return http.Response.make(200, json.dumps(made), {"content-type": "application/json"})

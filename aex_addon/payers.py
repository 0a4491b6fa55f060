"""Who pays for connections that carry no credential: by the mode and the source they came by.

Owns: a token for each agent that `[capture]` names, made when the gateway starts, held in memory
alone, revoked when it stops; which connections stand for which agent.
Refuses to know: how connections are read (captured.py), how tokens are judged (the ledger).

No request can name such a token: it is looked up by where a connection came from, and its secret
is never sent, stored or shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mitmproxy.connection import Client

from aex_addon.capture_modes import CAPTURING, Network, as_mitmproxy, payer_of, source_of
from aex_addon.settings_tables import CaptureSettings
from aex_addon.settings_values import ConfigError
from aex_addon.tokens import Token, mint
from ledger.admin_commands import CAPTURE, IssueToken, RevokeToken
from ledger.outcomes import Outcome, Rejected
from ledger.state import Token as Known

Execute = Callable[[IssueToken | RevokeToken], Outcome]

_EVERYBODY = (source_of("0.0.0.0/0"), source_of("::/0"))


def is_captured(client: Client) -> bool:
    """True for a connection whose client does not know that it speaks to a proxy."""
    return client.proxy_mode.type_name in CAPTURING


def where_from(client: Client) -> str:
    """The address of a captured connection's client; "" for every other one."""
    return client.peername[0] if is_captured(client) else ""


class Payers:
    """One of a gateway; empty where nothing is captured."""

    def __init__(self, configured: Mapping[str, CaptureSettings], gateway: str) -> None:
        self._actor = gateway
        self._tokens: dict[str, Token] = {}
        self._agents: dict[str, dict[Network, str]] = {}
        for mode, capture in configured.items():
            named = {source_of(source): agent for source, agent in capture.agents.items()}
            everybody = dict.fromkeys(_EVERYBODY, capture.agent) if capture.agent else {}
            self._agents[as_mitmproxy(mode)] = named | everybody

    @property
    def modes(self) -> frozenset[str]:
        """Those that somebody pays for, as mitmproxy writes them."""
        return frozenset(self._agents)

    def begin(self, execute: Execute, known: list[Known], alone: bool) -> None:
        """Makes the tokens. Raises ConfigError for every agent that does not exist.

        known: the ledger's tokens; alone: no other gateway lives, so that those of this kind are
        left from one that crashed.
        """
        for left in known:
            if alone and left.label == CAPTURE and not left.revoked_at:
                execute(RevokeToken(left.token_hash, "the gateway is gone", self._actor))
        problems = []
        for name in sorted({name for agents in self._agents.values() for name in agents.values()}):
            token = self._tokens[name] = mint()
            issue = IssueToken(
                name, token.token_hash, token.token_id, "execution", CAPTURE, 0, self._actor
            )
            outcome = execute(issue)
            if isinstance(outcome, Rejected):
                said = f"aex.toml: capture names {name!r}, but {outcome.message}"
                problems.append(f"{said}; make it: aex agent create {name} BUDGET_USD RPM")
        if problems:
            self.end(execute)
            raise ConfigError(tuple(problems))

    def end(self, execute: Execute) -> None:
        """Revokes the tokens."""
        for token in self._tokens.values():
            execute(RevokeToken(token.token_hash, "the gateway stopped", self._actor))
        self._tokens.clear()

    def of(self, client: Client) -> tuple[str, str] | None:
        """The agent's name and its token for a captured connection; None where nobody pays."""
        agents = self._agents.get(client.proxy_mode.full_spec, {})
        name = payer_of(agents, client.peername[0])
        token = self._tokens.get(name or "")
        return (name, token.secret) if name and token else None

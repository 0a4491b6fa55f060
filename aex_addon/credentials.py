"""Credentials: what lets a call in at its provider, put into the request when all else is decided.

Owns: the two kinds (AEX's own secret, or the agent's own key where the operator says so), and how
each provider wants to be shown one: in a header, in the query, as a signature.
Refuses to know: where a secret is kept (sources.py), when it is got anew (keeper.py), who pays.

It goes to the host that is dialled, which admission has fixed before; nothing that a client says
moves it. A secret is in no representation, and known to the redaction before it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from mitmproxy import http

from aex_addon import clock, identity
from aex_addon.keeper import Keeper
from ledger.commands import Refusal
from providers.provider import KeyHeader, KeyParameter
from providers.sigv4 import AwsKeys, Scope, sign

Fields = list[tuple[bytes, bytes]]
KeyPlace = KeyHeader | KeyParameter

_AWS_SERVICE = "bedrock"
_AWS_SIGNED = (b"content-type", b"x-amz")
# By which AWS says, with a 403, that it is the keys that it does not take.
_AWS_REFUSALS = ("ExpiredToken", "InvalidClientTokenId", "UnrecognizedClient", "InvalidSignature")


@dataclass(slots=True)
class Outgoing:
    """A request about to leave, its address and body final.

    host:   as its Host header has it. target: path and query, free of any key.
    fields: its other headers; `authorize` adds to them, and may add to `target`.
    """

    method: str
    host: str
    target: str
    fields: Fields
    body: bytes


class Credentials(Protocol):
    """What one provider's calls are let in with.

    of_agent:        the agent's own key goes out; token_stands_in: an AEX token may stand where
                     the agent has a key, and says who pays.
    """

    name: str
    of_agent: bool
    token_stands_in: bool

    @property
    def goes_without(self) -> bool:
        """True where calls go without a secret, because none is there and none is needed."""
        ...

    @property
    def lacks(self) -> bool:
        """True where a secret is needed and none is there, so that every call is refused."""
        ...

    async def ready(self) -> None:
        """Returns when there is something to show, or nothing to be had for now."""
        ...

    def lacking(self, request: http.Request) -> Refusal | None:
        """Why a call must not leave: there is nothing to show that it could be let in with."""
        ...

    def authorize(self, outgoing: Outgoing, came: http.Request) -> None:
        """Puts the credential in. `came` is the request as the client sent it."""
        ...

    def heard(self, status: int, headers: Mapping[str, str]) -> None:
        """What the provider answered."""
        ...


class OwnSecret:
    """A secret of the operator's, the same for all agents.

    required: without it no call leaves; else calls go without one.
    region:   the region of a host, where the provider takes signatures of AWS.
    bearer_below: paths below this take a key as OpenAI does.
    """

    of_agent = False
    token_stands_in = True

    def __init__(
        self,
        provider: str,
        keeper: Keeper,
        place: KeyPlace,
        required: bool,
        region: Callable[[str], str | None] | None = None,
        bearer_below: str = "",
    ) -> None:
        self.keeper = keeper
        self.name = keeper.source.name
        self.provider = provider
        self._place = place
        self._required = required
        self._region = region
        self._bearer_below = bearer_below

    @property
    def goes_without(self) -> bool:
        """True where none is there and none is needed."""
        return self.keeper.secret is None and not self._required

    @property
    def lacks(self) -> bool:
        """True where none is there and one is needed."""
        return self.keeper.secret is None and self._required

    async def ready(self) -> None:
        """Waits for a new secret where there is no other to try."""
        await self.keeper.ready()

    def lacking(self, request: http.Request) -> Refusal | None:
        """503, with what the operator must do, where a secret is needed and not there."""
        if not self.lacks:
            return None
        remedy = self.keeper.trouble or (f"set {self.name} where the gateway runs, then restart it")
        message = f"AEX has no key for {self.provider}: {remedy}."
        return Refusal(503, "provider_key_missing", message)

    def authorize(self, outgoing: Outgoing, came: http.Request) -> None:
        """As the provider's row or the operator's config says."""
        secret = self.keeper.secret
        if isinstance(secret, AwsKeys):
            self._sign(secret, outgoing)
        elif secret is not None:
            below = self._bearer_below and f"{self._bearer_below}/" in outgoing.target
            _place(secret, KeyHeader() if below else self._place, outgoing)

    def no_signature(self, host: str) -> str:
        """Why keys of AWS cannot sign requests to this host; "" if they can."""
        if self._region is None:
            return f"{self.name} holds keys of AWS, and this provider takes none"
        if self._region(host) is None:
            return f"no region of AWS is known for {host}; set AWS_REGION where the gateway runs"
        return ""

    def _sign(self, keys: AwsKeys, outgoing: Outgoing) -> None:
        region = self._region(outgoing.host) if self._region else None
        if region is None:
            raise LookupError(self.no_signature(outgoing.host))
        covered = [("host", outgoing.host)]
        covered += [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in outgoing.fields
            if name.lower().startswith(_AWS_SIGNED)
        ]
        scope, now = Scope(region, _AWS_SERVICE), clock.utc_now()
        added = sign(keys, scope, outgoing.method, outgoing.target, covered, outgoing.body, now)
        outgoing.fields += [(name.encode(), value.encode()) for name, value in added]

    def heard(self, status: int, headers: Mapping[str, str]) -> None:
        """A refusal of the secret itself: it is got anew before the next call."""
        told = headers.get("x-amzn-errortype", "")
        if status == 401 or (status == 403 and told.startswith(_AWS_REFUSALS)):
            self.keeper.refused()


class AgentsKey:
    """The agent's own key goes on to the provider, and AEX adds none.

    Who pays is then told by the proxy credential alone; where no key is needed, by an AEX token in
    its place too. What has the form of an AEX token is no key, wherever it
    stands, and never leaves.
    """

    of_agent = True
    name = 'credentials = "agent"'
    goes_without = False
    lacks = False

    def __init__(self, provider: str, place: KeyPlace, needed: bool = True) -> None:
        self.token_stands_in = not needed
        self._provider = provider
        self._place = place.name

    async def ready(self) -> None:
        """Nothing is waited for."""

    def lacking(self, request: http.Request) -> Refusal | None:
        """401 where the agent sends no key."""
        if self.token_stands_in or any(identity.own_keys(request, self._place)):
            return None
        message = (
            f"Calls to {self._provider} go out with the agent's own key, and this one carries none "
            "(an AEX token is not one)."
        )
        return Refusal(401, "agent_key_missing", message)

    def authorize(self, outgoing: Outgoing, came: http.Request) -> None:
        """Puts back what was taken off."""
        fields, parameters = identity.own_keys(came, self._place)
        outgoing.fields += fields
        for parameter in parameters:
            outgoing.target += ("&" if "?" in outgoing.target else "?") + parameter

    def heard(self, status: int, headers: Mapping[str, str]) -> None:
        """It is the agent's business."""


def _place(secret: str, place: KeyPlace, outgoing: Outgoing) -> None:
    if isinstance(place, KeyHeader):
        outgoing.fields.append((place.name.encode(), f"{place.prefix}{secret}".encode()))
    else:
        mark = "&" if "?" in outgoing.target else "?"
        outgoing.target += f"{mark}{place.name}={quote(secret, safe='')}"

"""What a provider is: one row of the table, whether built in or written in aex.toml.

Owns: the shape of a row. Refuses to know: any one provider.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

# Path prefixes: how a host has it, and how the format's inventor does (see paths.py).
Nests = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class KeyHeader:
    """The header that carries a provider key, and what stands before the key in it."""

    name: str = "authorization"
    prefix: str = "Bearer "


@dataclass(frozen=True, slots=True)
class KeyParameter:
    """The parameter of the query that carries a provider key."""

    name: str = "key"


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider.

    id:            as the price catalogue names it.
    hosts:         exact lower-case names that the proxy door governs; calls to one go to that one.
    upstream:      where the base-URL door sends calls: scheme and host, no path. Empty where it is
                   the customer's own, so that only aex.toml can say.
    base_prefixes: (prefix at AEX's own address, prefix at the provider), for the base-URL door.
    api_key_env:   the environment variable that holds the provider key.
    formats:       names of the wire formats it speaks.
    key_header:    where a key stands in a request.
    bearer_below:  paths below this take a key as OpenAI does, whatever the others take.
    credentials:   a key; or also what AWS's tools find, of which a signature is made; or also a
                   service account of Google, whose access token stands in the place of a key; or
                   the agent's own, where its log-in pays; or its own if it has one (`optional`).
    openai_base:   below which path of its own stands what OpenAI has below `/v1`, if it has that.
    nests:         where it keeps the paths of those formats; none: where their inventor does.
    price_as:      the catalogue's provider whose prices apply, if it is another. `{suffix}` in it
                   stands for what follows the last colon of a model's name.
    free:          a machine of one's own: what its models do costs nothing.
    listed_as:     models that it calls otherwise than the catalogue does: its name, and that one's.
    own_names:     models bear names that the customer gave them, so the catalogue is not asked.
    host_of:       which of the hosts serves what a path names, for the base-URL door; empty where
                   the path does not say.
    """

    id: str
    hosts: tuple[str, ...]
    upstream: str
    base_prefixes: tuple[tuple[str, str], ...]
    api_key_env: str
    formats: tuple[str, ...]
    key_header: KeyHeader | KeyParameter = KeyHeader()
    bearer_below: str = ""
    credentials: Literal["key", "aws", "google", "agent", "optional"] = "key"
    openai_base: str = "/v1"
    nests: Nests = ()
    price_as: str = ""
    free: bool = False
    listed_as: tuple[tuple[str, str], ...] = ()
    own_names: bool = False
    host_of: Callable[[str], str] | None = None

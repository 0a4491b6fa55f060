"""The nouns that every wire format speaks.

Owns: what a call, its facts, its usage and a denial are, free of any provider and any proxy.
Refuses to know: mitmproxy, the ledger, sockets, clocks; what is done with them (wire_format.py).
Everything here is data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from providers.uses import TEXT, Uses

MESSAGE = "MESSAGE"


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer that the provider keeps, so that a later call can go on from it by its id.

    tokens: all that was sent for it and all that was answered, as input of the same model, at the
            most, None where nothing bounds it; modalities: what of it there is; uses: what it used,
            None is not known.
    """

    model: str
    tokens: int | None
    modalities: frozenset[str] = frozenset({"text"})
    uses: Uses | None = TEXT


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request to a provider, whichever door it came through.

    `path` is the provider's own path without the query (`/openai/v1/chat/completions` at Groq),
    `headers` have lower-case names, `body` is free of any content encoding and within the size
    limit. `canonical` is the path as the format's inventor has it, where a host nests it
    elsewhere ("" where the host has no such path); `path_model` is the model that the path names,
    if it does; `earlier` are answers of the provider that it may go on from, by their ids; `host`
    is where the call goes, by the operator's table; `uses` is what its connection uses already.
    """

    provider: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    canonical: str | None = None
    path_model: str | None = None
    earlier: Mapping[str, Stored] = field(default_factory=dict, repr=False, compare=False)
    host: str = ""
    uses: Uses = TEXT

    @property
    def route(self) -> str:
        """The canonical path: what formats claim by."""
        return self.path if self.canonical is None else self.canonical

    @property
    def scope(self) -> tuple[str, str]:
        """What makes two calls calls to the same thing, under whichever of a host's paths."""
        return self.route or self.path, self.path_model or ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a wire format read from a call. Token counts are upper bounds, never guesses.

    kind:                `metered` calls cost money; `free` ones are known to cost nothing;
                         a `socket` is the handshake of one, whose messages are the calls.
    input_tokens_max:    no tokenizer can make more of what was sent than this.
    input_unseen:        more input is with the provider (earlier turns, files, search results);
                         the model's window bounds it.
    output_tokens_cap:   per choice, as the request caps it; None when it caps nothing.
    cap_writable:        False where the API has no field for a cap: the model's maximum holds.
    choices:             how many answers the provider is asked for (they multiply the output).
    output_tokens_least: the smallest cap with which the provider still takes the call.
    has_output:          False where the endpoint bills input only (embeddings).
    hidden_output:       whether output may be billed that is not sent; None: as the model does.
    usage_wanted:        the client itself asked for usage in the stream; else AEX asks, and hides.
    uses:                tools and media; None is not known.
    service_tier:        as the request names it; prices may differ by it.
    premium_tier:        that tier is dearer: without a price of its own the call has no bound.
    modalities:          what input and output may hold; prices of others do not apply.
    unbilled:            units of the catalogue that this call cannot be billed by
                         (`cache_write_1h_tokens`); prices of these do not apply.
    charges:             units of the catalogue that are billed beside tokens, at the most
                         (`rerank_searches` ...).
    seconds_untold:      billed by the length of its sound, which its bytes do not tell; `charges`
                         then names the least that is billed, if any is.
    own_prices:          units that need prices of their own (`input_audio_tokens`), or no bound.
    server_calls_max:    calls of tools that the provider may run by itself, each of which runs
                         the model anew over all its input; None where the request sets no bound.
    server_units:        what each such call may be billed as (`web_searches`), the dearest counts.
    output_per_server_call: each such call may use the output cap up anew.
    media_fill_window:   tokens billed for media are those that fill the window, which bounds them.
    many_sellers:        the API chooses among sellers of the model, and heeds a limit on prices.
    model_runs_max:      runs of the model in this one call; None: one more for each server call.
    summaries_max:       runs among these that write beside the answer, each up to the model's
                         longest output, whatever the cap.
    document:            the parsed JSON body, for `patch`; never stored, never logged.
    """

    endpoint: str
    kind: Literal["metered", "free", "socket"]
    model: str | None = None
    stream: bool = False
    input_tokens_max: int = 0
    output_tokens_cap: int | None = None
    cap_writable: bool = True
    choices: int = 1
    output_tokens_least: int = 1
    has_output: bool = True
    hidden_output: bool | None = None
    uses: Uses | None = None
    usage_wanted: bool = False
    service_tier: str | None = None
    premium_tier: bool = False
    modalities: frozenset[str] = frozenset({"text"})
    unbilled: frozenset[str] = frozenset()
    charges: Mapping[str, int] = field(default_factory=dict)
    seconds_untold: bool = False
    own_prices: frozenset[str] = frozenset()
    input_unseen: bool = False
    server_calls_max: int | None = 0
    server_units: frozenset[str] = frozenset()
    output_per_server_call: bool = False
    media_fill_window: bool = False
    many_sellers: bool = False
    model_runs_max: int | None = None
    summaries_max: int = 0
    document: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a call was allowed, to be written into its request; None leaves it as it stands.

    output_tokens_cap: per choice.
    server_calls_max:  calls of tools that the provider runs by itself.
    usd_per_mtok:      the dearest input and output prices that the call was admitted at, where an
                       API chooses among sellers.
    """

    output_tokens_cap: int | None = None
    server_calls_max: int | None = None
    usd_per_mtok: tuple[Decimal, Decimal] | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What the provider says it counted. Keys are the unit names of the genai-prices catalogue.

    `input_tokens` includes cached and audio input, `output_tokens` includes reasoning, as the
    catalogue's own extractors have it; the narrower keys name the parts. `cost_usd` is what the
    provider says it bills for the call, where it says so; it then counts, whatever the prices.
    """

    counts: Mapping[str, int]
    model: str | None = None
    service_tier: str | None = None
    cost_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a meter knows at this instant.

    usage:             the provider's own count, or None while it has not been seen.
    output_tokens_max: no fewer tokens can have been delivered so far than bill for; an upper bound
                       on the visible output delivered, used only while `usage` is None.
    complete:          the provider's own end mark was seen (`[DONE]`, a whole JSON document).
    known:             what the provider has said while its output is still open (its input), so
                       that an answer that breaks off is not booked at the bound of its input.
    stored:            the id under which the provider keeps the answer, and what its output comes
                       to as input of a later call, at the most.
    status:            of an answer that comes as messages: None until one of them tells it.
    running:           all that the provider has counted so far, output included, where it says so
                       while its output is still open.
    """

    usage: Usage | None
    output_tokens_max: int
    complete: bool
    known: Usage | None = None
    stored: tuple[str, int] | None = None
    status: int | None = None
    running: Usage | None = None


@dataclass(frozen=True, slots=True)
class Denial:
    """A refusal, before it has any provider's shape.

    code:        stable, snake case: `budget_exceeded`, `rate_limited`, `model_not_allowed` ...
    message:     one sentence a language model can act on.
    remedy:      what a person does about it; ends up in the message's second sentence.
    retryable:   True only where the very same call may succeed shortly.
    retry_after: seconds, at most 60, only with `retryable`.
    """

    status: int
    code: str
    message: str
    remedy: str = ""
    retryable: bool = False
    retry_after: int | None = None
    execution_id: str | None = None

    @property
    def sentences(self) -> str:
        """The message, and the remedy if there is one."""
        return f"{self.message} {self.remedy}".strip()


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer made by AEX itself."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Refused(Exception):
    """Raised by `read` where a call cannot be admitted at all; carries the denial."""

    def __init__(self, denial: Denial) -> None:
        super().__init__(denial.message)
        self.denial = denial

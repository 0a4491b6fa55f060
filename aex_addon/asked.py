"""What a call asks for, as the caps of an account are held against it.

Owns: joining what a format read and what a price knows into one value, the same for every format.
Refuses to know: who may ask for it (ledger/caps.py). What nobody read is unknown, never nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from aex_addon.aliases import Choice
from aex_addon.appraisal import Appraisal
from ledger.commands import Asked
from providers.bulk import Bulk, BulkFacts
from providers.mcp_meter import McpFacts
from providers.unquotable import Unquotable
from providers.uses import UNKNOWN
from providers.wire import Facts

_NOTHING: frozenset[str] = frozenset()


def asked(
    appraisal: Appraisal, choice: Choice, of_agent: bool, listed: Callable[[str], str]
) -> Asked:
    """All that a cap may be about.

    of_agent: the agent's own key goes out; listed: what the catalogue calls a model of this
    provider, raises Unquotable where it does not know it.
    """
    facts = appraisal.facts
    tools = facts.uses.server_tools if facts.uses and isinstance(facts, McpFacts) else _NOTHING
    if facts.kind != "metered" or isinstance(facts, McpFacts):
        if facts.uses is None:
            return Asked(passthrough=of_agent)
        # What costs nothing runs no model, and a tool's call is none either.
        return Asked((), False, 0, 0, False, _NOTHING, tools, _NOTHING, of_agent)
    bulk = facts.bulk if isinstance(facts, BulkFacts) else None
    if bulk is not None:
        models, sent, made, clampable = bulk.models, _most_sent(bulk), _most_made(bulk), False
    else:
        models = (facts.model,) if facts.model else ()
        clampable = appraisal.price is not None and facts.cap_writable and not facts.summaries_max
        sent, made = _sent(appraisal), _made(appraisal)
        price = appraisal.price
        listed = listed if price is None else lambda _: price.model_id
    uses = facts.uses or UNKNOWN
    return Asked(
        models=tuple(_names(model, choice, listed) for model in models) or None,
        stream=facts.stream,
        input_tokens=sent,
        output_tokens=made,
        output_clampable=clampable and facts.has_output,
        functions=uses.functions,
        server_tools=uses.server_tools,
        media=uses.media,
        passthrough=of_agent,
    )


def _names(model: str, choice: Choice, listed: Callable[[str], str]) -> frozenset[str]:
    """What a model goes by: as it was asked, as the catalogue has it, either at its provider."""
    names = {model}
    # A model without a price has no name but its own.
    with suppress(Unquotable):
        names.add(listed(model))
    names |= {f"{choice.call.provider}/{name}" for name in names}
    return frozenset(names | {choice.alias} if choice.alias else names)


def _sent(appraisal: Appraisal) -> int | None:
    """The bound of the input; without a price nobody knows a window, so unseen input has none."""
    if appraisal.price is not None:
        return appraisal.input_tokens
    return _unpriced(appraisal.facts)


def _unpriced(facts: Facts) -> int | None:
    return None if facts.input_unseen or facts.server_calls_max != 0 else facts.input_tokens_max


def _made(appraisal: Appraisal) -> int | None:
    facts, quote = appraisal.facts, appraisal.quote
    if not facts.has_output:
        return 0
    if facts.summaries_max:
        return None
    if appraisal.price is not None:
        return quote.choices * quote.output_tokens_cap
    return _capped(facts)


def _capped(facts: Facts) -> int | None:
    """By the request's own cap alone."""
    if not facts.has_output:
        return 0
    if facts.output_tokens_cap is None or facts.summaries_max or facts.output_per_server_call:
        return None
    return facts.choices * facts.output_tokens_cap


def _most_sent(bulk: Bulk) -> int | None:
    """Of the calls of a batch, the one with most input counts: caps are of one request."""
    sent = [_unpriced(facts) for facts, _ in bulk.kinds]
    return None if None in sent else max((each or 0 for each in sent), default=0)


def _most_made(bulk: Bulk) -> int | None:
    made = [_capped(facts) for facts, _ in bulk.kinds]
    return None if None in made else max((each or 0 for each in made), default=0)

"""Options of a Messages request that change its price, or what is done beside the answer.

Owns: all top-level keys: harmless, judged, or refused. Refuses to know: prices, messages, tools.
https://platform.claude.com/docs/en/api/messages/create and the beta of the same page

A workspace may have US-only inference as its default, which costs a tenth more, so a request that
does not name `global` is taken for one in the US; the answer tells where it ran.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from providers import jsonbody
from providers.claude_models import LONGER_WINDOW, has_longer_window

# They change the words of an answer, not the price of a token, or nothing at all; what they add to
# the prompt is bounded with it.
_HARMLESS = frozenset(
    (
        *("model", "messages", "system", "max_tokens", "stream", "stop_sequences", "metadata"),
        *("temperature", "top_p", "top_k", "tools", "tool_choice", "thinking"),
        *("output_config", "output_format", "cache_control", "diagnostics"),
        "fallback_credit_token",
    )
)
_JUDGED = frozenset(
    (
        *("speed", "inference_geo", "container", "context_management", "compaction", "thread"),
        *("mcp_servers", "billing_policy", "fallbacks", "service_tier"),
    )
)
_FREE_EDITS = frozenset(("clear_tool_uses_20250919", "clear_thinking_20251015"))
# https://platform.claude.com/docs/en/build-with-claude/compaction#parameters
_COMPACTION, _COMPACTS_AT = "compact_20260112", 150_000


@dataclass(frozen=True, slots=True)
class Options:
    """What the options of one request say.

    tier:        of prices: `fast`, `us`, `fast us` or None; premium where it is a fast one.
    continues:   the provider holds the conversation so far.
    compacts_at: input tokens from which on the provider writes a summary beside the answer; None
                 where it never does.
    """

    tier: str | None
    premium: bool
    continues: bool
    compacts_at: int | None


def read_options(document: dict[str, Any]) -> Options:
    """The options. Raises Refused: 400 for a malformed one, 403 for one that is not bounded."""
    for key in document.keys() - _HARMLESS - _JUDGED:
        shown = key if key.isascii() and key.isprintable() and len(key) <= 64 else "of the request"
        raise jsonbody.not_metered(f"The option `{shown}`")
    _refuse_others(document)
    speed = jsonbody.optional_string(document, "speed")
    if speed not in (None, "standard", "fast"):
        raise jsonbody.not_metered("This `speed`")
    # Of the two the one is the standard tier, the other may use what is paid for beforehand.
    if jsonbody.optional_string(document, "service_tier") not in (None, "auto", "standard_only"):
        raise jsonbody.not_metered("This `service_tier`")
    region = jsonbody.optional_string(document, "inference_geo")
    if region not in (None, "us", "global"):
        raise jsonbody.not_metered("Inference in this region (`inference_geo`)")
    parts = ["fast"] * (speed == "fast") + ["us"] * (region != "global")
    thread = jsonbody.optional_object(document, "thread")
    return Options(
        tier=" ".join(parts) or None,
        premium=speed == "fast",
        continues=bool(thread) and thread.get("type") != "create",
        compacts_at=_compacts_at(document),
    )


def refuse_longer_window(model: str, betas: Any) -> None:
    """Raises Refused (403) for a beta that makes a model's window longer than is known of it.

    betas: a list, or the value of a header.
    """
    if betas is None or has_longer_window(model):
        return
    named = betas.split(",") if isinstance(betas, str) else betas
    if not isinstance(named, list) or not all(isinstance(beta, str) for beta in named):
        raise jsonbody.bad_request("The betas must be a list of names.")
    if any(LONGER_WINDOW.match(beta.strip()) for beta in named):
        raise jsonbody.not_metered("A window beyond this model's usual one, as this beta opens it,")


def _refuse_others(document: dict[str, Any]) -> None:
    """What is billed to another, or by other prices, or is done by other servers."""
    if document.get("fallbacks") is not None:
        raise jsonbody.not_metered("A fallback to other models (`fallbacks`)")
    if jsonbody.optional_list(document, "mcp_servers"):
        raise jsonbody.not_metered("Tools of other servers (`mcp_servers`)")
    payer = jsonbody.optional_object(document, "billing_policy").get("bill_to")
    if payer not in (None, "self"):
        raise jsonbody.not_metered("A call that another organization pays (`billing_policy`)")
    container = document.get("container")
    if not (container is None or isinstance(container, str)):
        parts = jsonbody.optional_object(document, "container")
        if any(value for key, value in parts.items() if key != "id"):
            raise jsonbody.not_metered("A container with skills (`container`)")


def _compacts_at(document: dict[str, Any]) -> int | None:
    if document.get("compaction") is not None:
        return 0
    edits = jsonbody.optional_list(
        jsonbody.optional_object(document, "context_management"), "edits"
    )
    starts: list[int] = []
    for edit in edits:
        if not isinstance(edit, dict) or not isinstance(edit.get("type"), str):
            raise jsonbody.bad_request("Each of `edits` must be an object with a `type`.")
        if edit["type"] == _COMPACTION:
            starts.append(_trigger(edit.get("trigger")))
        elif edit["type"] not in _FREE_EDITS:
            raise jsonbody.not_metered("This edit of the context (`context_management`)")
    return min(starts, default=None)


def _trigger(trigger: Any) -> int:
    if trigger is None:
        return _COMPACTS_AT
    value = trigger.get("value") if isinstance(trigger, dict) else None
    return value if type(value) is int else 0

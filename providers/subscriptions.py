"""Hosts at which a log-in pays instead of a key: agents on a plan call their models there.

Owns: these rows, what is free there, and the refusal of all else. Nothing of them passes
ungoverned: a call is refused, or, where it can be metered and aex.toml says so, booked at the list
price, as a shadow of what it would have cost.
Refuses to know: who is logged in. The agent's own credential goes on, for AEX has none.

What only reads is free, whatever it is: no model of these hosts runs for a GET. (An upgrade to
WebSocket is one, and refused before anybody asks this table.)
"""

from __future__ import annotations

import re

from providers.anthropic_messages import ANTHROPIC_MESSAGES
from providers.gemini_code_assist import CODE_ASSIST, CODE_ASSIST_FREE, MODELS
from providers.openai_chatgpt import CHATGPT_RESPONSES
from providers.openai_other import FreePath, OpenAIFree, PassingMeter
from providers.provider import Provider
from providers.wire import Call, Denial, Facts, Grant, Refused, Reply
from providers.wire_format import Meter, WireFormat

FREE_PATHS = (
    FreePath("GET HEAD OPTIONS", "/.*", "reads what exists", ""),
    # https://docs.claude.com/en/docs/claude-code/iam: the log-in, and its renewal.
    FreePath("POST", "/v1/oauth/token", "a log-in", ""),
)


def _compiled(path: FreePath) -> re.Pattern[str]:
    return re.compile(path.pattern + r"\Z")


class Refusing:
    """The format of whatever no other one claims at such a host, in the words of `speaks`."""

    def __init__(self, name: str, speaks: WireFormat, said: str, remedy: str) -> None:
        self.name = name
        self._speaks = speaks
        self._said = said
        self._remedy = remedy

    def claims(self, call: Call) -> bool:
        """Everything."""
        return True

    def read(self, call: Call) -> Facts:
        """Raises Refused."""
        raise Refused(Denial(403, "subscription_refused", self._said, self._remedy))

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """`call.body`; nothing is sent."""
        return call.body

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter that passes bytes through; nothing is answered."""
        return PassingMeter()

    def refuse(self, denial: Denial) -> Reply:
        """The denial in the shape of the host's API."""
        return self._speaks.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as an event of the host's API."""
        return self._speaks.error_event(denial)


SUBSCRIPTION_FREE = OpenAIFree("subscription_free", FREE_PATHS, _compiled)
CHATGPT_REFUSED = Refusing(
    "chatgpt_refused",
    CHATGPT_RESPONSES,
    "Calls on a ChatGPT plan are refused here.",
    'Use an API key, or ask the operator for subscription = "meter" in [providers.chatgpt].',
)
CODE_ASSIST_REFUSED = Refusing(
    "code_assist_refused",
    CODE_ASSIST,
    "Calls on a Google log-in (Code Assist) are refused here.",
    'Use an API key, or ask the operator for subscription = "meter" in [providers.code-assist].',
)
CLAUDE_REFUSED = Refusing(
    "claude_refused",
    ANTHROPIC_MESSAGES,
    "Claude's own pages run models that AEX does not meter, so this is refused.",
    'Use api.anthropic.com, with a key; or on a plan, with credentials = "agent" in aex.toml.',
)
REFUSED: tuple[WireFormat, ...] = (CHATGPT_REFUSED, CODE_ASSIST_REFUSED, CLAUDE_REFUSED)

# Which formats are spoken where the operator wants the plan metered.
METERED = {
    "chatgpt": (CHATGPT_RESPONSES.name,),
    "code-assist": (CODE_ASSIST.name, CODE_ASSIST_FREE.name),
}


def _row(
    id_: str,
    hosts: tuple[str, ...],
    refused: WireFormat,
    price_as: str,
    listed_as: tuple[tuple[str, str], ...] = (),
) -> Provider:
    return Provider(
        id=id_,
        hosts=hosts,
        upstream=f"https://{hosts[0]}",
        base_prefixes=(),
        api_key_env="",
        formats=(SUBSCRIPTION_FREE.name, refused.name),
        credentials="agent",
        nests=(("/backend-api/codex", "/v1"), ("", "")),
        price_as=price_as,
        listed_as=listed_as,
    )


SUBSCRIPTIONS: tuple[Provider, ...] = (
    _row("chatgpt", ("chatgpt.com",), CHATGPT_REFUSED, "openai"),
    # Gemini CLI's log-in with Google.
    _row("code-assist", ("cloudcode-pa.googleapis.com",), CODE_ASSIST_REFUSED, "google", MODELS),
    _row(
        "claude-login",
        ("claude.ai", "platform.claude.com", "console.anthropic.com"),
        CLAUDE_REFUSED,
        "anthropic",
    ),
)

"""The values of aex.toml: how one is checked, and what is said of a wrong one.

Owns: every form that a setting may have. No message repeats a value, for values may hold secrets.
Refuses to know: which settings there are (settings_tables.py, settings.py).
"""

from __future__ import annotations

import difflib
import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from aex_addon import capture_modes
from certs.errors import HostRefused
from certs.hosts import permitted_names
from providers.registry import FAMILIES


class ConfigError(Exception):
    """The configuration cannot be used. `problems` holds one line for each mistake."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


# A key in one of these would change the request instead.
_TAKEN_HEADERS = frozenset(
    ("connection", "content-encoding", "content-length", "host", "te", "transfer-encoding")
)


def variable(value: str) -> str:
    """The name of an environment variable."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError("expected the name of an environment variable, not the key itself")
    return value


def private_file(value: str) -> str:
    """The path of a file that holds a secret."""
    if not value.startswith(("/", "~/")):
        raise ValueError('expected an absolute path, or one that begins with "~/"')
    return value


def entry(value: str) -> str:
    """An entry of the keyring."""
    if not re.fullmatch(r"[^/]+/.+", value):
        raise ValueError('expected "SERVICE/USER", the entry of the keyring')
    return value


def listed(value: object, info: Any) -> object:
    """In a variable a list is written with commas."""
    if info.context and isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def hosts(value: list[str]) -> list[str]:
    """Names that a certificate may speak for, in lower case."""
    try:
        permitted_names(value)
    except HostRefused as error:
        raise ValueError(str(error)) from error
    return [host.strip().lower() for host in value]


def families(value: list[str]) -> list[str]:
    """What a provider speaks, as AEX names it."""
    for name in value:
        if name not in FAMILIES:
            near = difflib.get_close_matches(name, FAMILIES, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(FAMILIES)}"
            raise ValueError(f"no provider that AEX knows speaks {name!r}; {hint}")
    if not value:
        raise ValueError('expected what it speaks, such as ["openai"]')
    return value


def key_header(value: str) -> str:
    """Where a provider looks for its key."""
    if re.fullmatch(r"\?[A-Za-z0-9_.-]+", value):
        return value
    name, _, prefix = value.partition(":")
    if not re.fullmatch(r"[A-Za-z0-9-]+", name) or name.lower() in _TAKEN_HEADERS:
        raise ValueError(
            'expected a header, such as "api-key" or "authorization: Bearer", or "?key" for a '
            "parameter of the query"
        )
    if not re.fullmatch(r"[!-~]*", prefix.strip()):
        raise ValueError("after the colon stands one word at most, such as Bearer")
    return value


def targets(value: list[str]) -> list[str]:
    """Models with their providers."""
    if not value or any(not re.fullmatch(r"[^/\s]+/[!-~]{1,256}", each) for each in value):
        raise ValueError('expected models with their providers, as ["openai/gpt-4o-mini"]')
    if len(set(value)) < len(value):
        raise ValueError("names a model twice")
    return value


def faults(value: object, info: Any) -> object:
    """Faults as a list of texts, for TOML has statuses as numbers."""
    value = listed(value, info)
    return [str(each) for each in value] if isinstance(value, list) else value


def each_fault(value: list[str]) -> list[str]:
    """Faults after which another model may be asked."""
    for fault in value:
        if fault not in ("unreachable", "no_answer", "429") and not re.fullmatch(r"5\d\d", fault):
            raise ValueError(
                'expected "unreachable", "no_answer", 429 or statuses of the 5xx kind; what the '
                "provider refuses for the agent's own mistakes is not asked of another"
            )
    return value


def source(value: str) -> str:
    """An address or a network."""
    return str(capture_modes.source_of(value))


def money(value: object) -> Decimal:
    """Dollars per million tokens, exactly."""
    return dollars(value, "dollars per million tokens")


def dollars(value: object, what: str = "dollars") -> Decimal:
    """An amount, exactly. what: it, in words."""
    if isinstance(value, float):
        raise ValueError('a binary fraction is not exact; write the price in quotes, as "0.15"')
    try:
        amount = Decimal(value) if isinstance(value, str | int) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(value, bool) or not amount.is_finite():
        raise ValueError(f'expected {what} in quotes, as "0.15"')
    exponent = amount.as_tuple().exponent
    if not (0 <= amount <= 1_000_000 and isinstance(exponent, int) and exponent >= -12):
        raise ValueError("expected 0 to 1000000 dollars, with 12 decimals at most")
    return amount


Usd = Annotated[Decimal, BeforeValidator(money)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]


class Table(BaseModel, frozen=True, extra="forbid", hide_input_in_errors=True):
    """Known keys only, and never changed."""

"""What can be sent to the admin API: each body as a model, read strictly.

Owns: the fields, their limits, and the sentence for a body that does not fit.
Refuses to know: what is done with it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from flask import request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ledger.lifecycle import GOALS
from ledger.money import MAX_NANOUSD, parse_usd
from web.auth import Role
from web.problems import Problem

Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]
Count = Annotated[int, Field(ge=0, le=MAX_NANOUSD)]
Least = Annotated[int, Field(ge=1, le=MAX_NANOUSD)]
Life = Annotated[int, Field(gt=0, le=3650 * 86_400)]
Window = Literal["total", "day", "week", "month"]
Short = Literal["clamp", "deny"]
Money = Annotated[
    str, Field(min_length=1, max_length=32, description='An exact amount in dollars, as "2.50".')
]


Caps = Annotated[
    dict[str, list[str] | int | bool | None],
    Field(description="By the names that `aex agent inspect --json` has; null takes one away."),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class State(_Body):
    """Moves an account to another lifecycle state."""

    state: Annotated[str, Field(json_schema_extra={"enum": list(GOALS)})]
    reason: Reason


class Amount(_Body):
    """Adds to a budget, or takes from it."""

    amount_usd: Money
    reason: Reason


class Limits(_Body):
    """Changes limits; what is left out stays. A rate of 0 is no limit."""

    rpm: Count | None = None
    tpm: Count | None = None
    on_short_budget: Short | None = None
    min_output_tokens: Least | None = None
    budget_window: Window | None = None
    caps: Caps | None = None
    reason: Reason


class Rotate(_Body):
    """Replaces all tokens of an agent by a new one."""

    ttl_seconds: Life | None = None
    reason: Reason


class Create(_Body):
    """A new agent or team."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    kind: Literal["agent", "team"] = "agent"
    budget_usd: Money
    rpm: Count = 0
    tpm: Count = 0
    team: str | None = None
    budget_window: Window = "total"
    on_short_budget: Short = "clamp"
    min_output_tokens: Least = 256
    ttl_seconds: Life | None = None
    caps: Caps | None = None
    reason: Reason


class Tool(_Body):
    """Lets a tool be run, or not. digest: of the manifest that was looked at, so that no other one
    is let run by mistake."""

    reason: Reason
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class Why(_Body):
    """An act that takes nothing but its reason."""

    reason: Reason


class Link(_Body):
    """A link that signs a browser in, once."""

    role: Role = "operator"


def read[B: _Body](model: type[B]) -> B:
    """The request's body. Raises Problem: 415 for no JSON, 400 with the first mistake."""
    if request.mimetype != "application/json":
        raise Problem(415, "not_json", "The body is no JSON.", "Send it as application/json.")
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        raise unfit(f"{where}: {first['msg']}.") from None


def amount(text: str, field: str) -> int:
    """Nano-dollars. Raises Problem."""
    try:
        return parse_usd(text)
    except ValueError as error:
        raise unfit(f"{field}: {error}.") from None


def unfit(message: str) -> Problem:
    """A value that cannot be."""
    return Problem(400, "invalid_request", message, "/admin/openapi.json describes every body.")

"""The tables of aex.toml that say what calls may be made: [[rules]] and [policy].

Owns: the keys of each, their defaults and their limits.
Refuses to know: what a rule does to a call (policy/rules.py).
"""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from aex_addon.settings_values import Table
from ledger.caps import GLOB_LENGTH_MAX, GLOBS_MAX
from ledger.money import parse_usd

RULES_MAX = 200
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Mode = Literal["enforce", "shadow"]


def _globs(value: list[str]) -> list[str]:
    if not 0 < len(value) <= GLOBS_MAX or any(
        not 0 < len(each) <= GLOB_LENGTH_MAX for each in value
    ):
        raise ValueError(
            f"expected 1 to {GLOBS_MAX} patterns, each of 1 to {GLOB_LENGTH_MAX} characters"
        )
    return value


def _clock(value: object) -> object:
    if isinstance(value, time) or (
        isinstance(value, str) and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d|24:00", value)
    ):
        raise ValueError('expected hours and minutes in quotes, as "09:00"')
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, OSError, ValueError):
        raise ValueError('expected the name of a time zone, as "Europe/Berlin"') from None
    return value


def _usd(value: object) -> object:
    if isinstance(value, str):
        try:
            parse_usd(value)
        except ValueError:
            value = None
    if not isinstance(value, str):
        raise ValueError('expected dollars in quotes, with nine decimals at most, as "0.50"')
    return value


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}", value):
        raise ValueError("expected 1 to 64 letters, digits, blanks, dots, dashes or underscores")
    return value


def _reason(value: str) -> str:
    if not 0 < len(value) <= 300 or not value.isprintable():
        raise ValueError("expected one line of 1 to 300 characters")
    return value


Globs = Annotated[list[str], AfterValidator(_globs)]
Clock = Annotated[str, BeforeValidator(_clock)]


class Hours(Table):
    """A window that comes again: on these days, between these times of a named zone.

    Where `to` is not after `from` it ends on the next day, and is that of the day it began on.
    """

    days: Annotated[list[Day], Field(min_length=1)] = Field(default_factory=lambda: list(DAYS))
    from_: Annotated[Clock, Field(alias="from")] = "00:00"
    to: Clock = "24:00"
    zone: Annotated[str, AfterValidator(_zone)] = "UTC"

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.from_ in (self.to, "24:00") or self.to == "00:00":
            raise ValueError('from and to say when it begins and ends, as "09:00" and "17:00"')
        return self


class Conditions(Table):
    """What a call may be; all that are given hold together. Globs are of shells."""

    agents: Globs | None = None
    providers: Globs | None = None
    hosts: Globs | None = None
    paths: Globs | None = None
    models: Globs | None = None
    tools: Globs | None = None
    streaming: bool | None = None
    hours: Hours | None = None


class RuleSettings(Conditions):
    """[[rules]]: refuses the calls that fit all of its conditions, and not all of `unless`.

    max_cost_usd: refuses only what may cost more; an output cap is made smaller where that helps.
    mode:         `shadow` records what would have been refused, and lets it through.
    reason:       what is said to the agent.
    """

    name: Annotated[str, AfterValidator(_name)]
    mode: Mode = "enforce"
    reason: Annotated[str, AfterValidator(_reason)] | None = None
    max_cost_usd: Annotated[str, BeforeValidator(_usd)] | None = None
    unless: Conditions | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        beside = {"name", "mode", "reason"}
        if not any(
            getattr(self, key) is not None for key in type(self).model_fields if key not in beside
        ):
            raise ValueError('a rule needs a condition; agents = ["*"] is every agent')
        inner = self.unless
        if inner is not None and all(value is None for _, value in inner):
            raise ValueError("unless needs a condition")
        return self


class PolicySettings(Table):
    """[policy]: rules and plugins as a whole, and what plugins get to decide with.

    mode:        `shadow` records what all of them would have refused, and refuses nothing.
    deadline_ms: how long the plugins have for a call; workers: how many calls at once.
    memory_mib:  what a worker may take.
    """

    mode: Mode = "enforce"
    deadline_ms: Annotated[int, Field(ge=10, le=60_000)] = 1000
    workers: Annotated[int, Field(ge=1, le=32)] = 3
    memory_mib: Annotated[int, Field(ge=64, le=65_536)] = 512

    @property
    def where_broken(self) -> str:
        """What becomes of calls where the policy cannot be asked."""
        if self.mode == "shadow":
            return "every call passes, and is recorded as one that would have been refused"
        return "every call is refused"


def named_once(value: list[RuleSettings]) -> list[RuleSettings]:
    """Rules by their names, which the log holds."""
    names = [rule.name for rule in value]
    twice: Any = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"two rules have the name {twice!r}")
    if len(value) > RULES_MAX:
        raise ValueError(f"expected {RULES_MAX} rules at most")
    return value

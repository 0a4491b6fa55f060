"""What people type: amounts, durations, addresses.

Owns: how such words are read, and the sentence that says what was expected.
Refuses to know: which command takes them.
"""

from __future__ import annotations

import re

import click

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST_DAYS = 3650


def duration_ns(text: str) -> int:
    """Nanoseconds of `30d`, `12h`, `1h30m`. Raises ValueError with a sentence."""
    cleaned = text.strip().lower()
    if not re.fullmatch(r"(?:[0-9]{1,9}[smhdw])+", cleaned):
        raise ValueError(f"{text!r} is not a duration; write 90m, 12h, 30d or 1h30m")
    parts = re.findall(r"([0-9]+)([smhdw])", cleaned)
    seconds = sum(int(number) * _SECONDS[unit] for number, unit in parts)
    if not 0 < seconds <= _LONGEST_DAYS * 86_400:
        raise ValueError(f"{text!r} is out of range; a duration is 1s to {_LONGEST_DAYS}d")
    return seconds * 1_000_000_000


class Usd(click.ParamType[int]):
    """An amount in dollars; nano-dollars for the command."""

    name = "usd"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Exact, or a usage error."""
        from ledger.money import parse_usd

        try:
            return value if isinstance(value, int) else parse_usd(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Duration(click.ParamType[int]):
    """A duration; nanoseconds for the command."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Exact, or a usage error."""
        try:
            return value if isinstance(value, int) else duration_ns(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Listen(click.ParamType[str]):
    """An address to listen on."""

    name = "host:port"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Checked as the key `listen` of aex.toml is."""
        from aex_addon.settings import split_listen

        try:
            split_listen(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)

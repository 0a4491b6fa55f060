"""What people type: amounts, durations, times, addresses.

Owns: how such words are read, and the sentence that says what was expected.
Refuses to know: which command takes them.
"""

from __future__ import annotations

import click

from web.moments import duration_ns, moment_ns

COUNT = click.IntRange(min=0)
WINDOW = click.Choice(["total", "day", "week", "month"])


class _Read(click.ParamType[int]):
    """A word that `read` makes an integer of; its ValueError is a usage error."""

    def read(self, text: str) -> int:
        """Raises ValueError with a sentence."""
        raise NotImplementedError

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Exact, or a usage error."""
        try:
            return value if isinstance(value, int) else self.read(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Usd(_Read):
    """An amount in dollars; nano-dollars for the command."""

    name = "usd"

    def read(self, text: str) -> int:
        """Exact."""
        from ledger.money import parse_usd

        return parse_usd(text)


class Duration(_Read):
    """A duration; nanoseconds for the command."""

    name = "duration"

    def read(self, text: str) -> int:
        """As `90m`."""
        return duration_ns(text)


class Moment(_Read):
    """A time, or how long ago; nanoseconds since the epoch for the command."""

    name = "time"

    def read(self, text: str) -> int:
        """As `2026-07-01` or `7d`."""
        from ledger.clock import KernelClock

        return moment_ns(text, KernelClock()())


class Listen(click.ParamType[str]):
    """An address to listen on."""

    name = "host:port"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Checked as the key `listen` of aex.toml is."""
        from aex_addon.addresses import split_listen

        try:
            split_listen(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)

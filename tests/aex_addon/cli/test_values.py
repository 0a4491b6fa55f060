"""What people type, as options take it."""

from __future__ import annotations

import click
import pytest

from aex_addon.cli.values import Duration, Listen, Moment, Usd


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Usd(), "2.50", 2_500_000_000),
        (Duration(), "90m", 5_400_000_000_000),
        (Moment(), "1970-01-02", 86_400_000_000_000),
        (Listen(), "127.0.0.1:9", "127.0.0.1:9"),
    ],
)
def test_words(kind: click.ParamType[object], text: str, value: object) -> None:
    """A word becomes the value that commands take, and a value stays as it is."""
    assert kind.convert(text, None, None) == value
    assert kind.convert(value, None, None) == value


@pytest.mark.parametrize("kind", [Usd(), Duration(), Moment(), Listen()])
def test_other_words(kind: click.ParamType[object]) -> None:
    """Anything else is wrong usage, with the sentence that says what was expected."""
    with pytest.raises(click.BadParameter):
        kind.convert("much", None, None)

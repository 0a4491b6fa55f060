"""`aex models`: prices as an operator asks for them."""

from __future__ import annotations

import pytest

from aex_addon.home import Home
from tests.aex_addon.cli.conftest import Aex

OWN = """\
[models."my-model"]
provider = "openai"
input_usd_per_mtok = "1"
output_usd_per_mtok = "2"
"""


@pytest.fixture
def own(home: Home) -> None:
    """A model of the operator's own."""
    home.ensure()
    home.config.write_text(OWN)


def test_the_list(aex: Aex, own: None) -> None:
    """Every model with a price, the operator's own first, and only those that were asked for."""
    found = aex.json("models", "list", "--provider", "openai")
    assert (found[0]["model"], found[0]["source"]) == ("my-model", "config")
    assert "gpt-4o-mini" in [each["model"] for each in found]
    few = aex.json("models", "list", "--match", "my-model")
    assert [each["model"] for each in few] == ["my-model"]
    assert few[0]["input_usd_per_mtok"] == "1"
    assert "aex.toml" in aex("models", "list", "--match", "my-model").stdout
    assert "openai" in aex("models", "list", "--provider", "nobody", code=1).stderr


def test_a_price_line_by_line(aex: Aex) -> None:
    """Each line is count times price, and their sum is the total that would be booked."""
    words = ("models", "price", "gpt-4o-mini", "--input", 1000, "--output", 500, "--cached", 200)
    found = aex.json(*words)
    assert [(line["unit"], line["count"], line["cost_usd"]) for line in found["lines"]] == [
        ("input_tokens", 800, "0.00012"),
        ("output_tokens", 500, "0.0003"),
        ("cache_read_tokens", 200, "0.000015"),
    ]
    assert found["total_nanousd"] == 435_000
    shown = aex(*words).stdout
    assert "$0.000435" in shown
    assert "catalogue genai-prices" in shown


def test_an_own_price(aex: Aex, own: None) -> None:
    """A price of aex.toml is used, and named as the source."""
    found = aex.json("models", "price", "my-model", "--input", 1_000_000, "--output", 0)
    assert (found["total_nanousd"], found["source"]) == (10**9, "config")


def test_what_has_no_price(aex: Aex) -> None:
    """An unknown model is refused with what to do, and so are parts larger than their whole."""
    assert '[models."nope"]' in aex("models", "price", "nope", code=1).stderr
    wrong = aex("models", "price", "gpt-4o", "--input", 1, "--cached", 2, code=2)
    assert "--input" in wrong.stderr

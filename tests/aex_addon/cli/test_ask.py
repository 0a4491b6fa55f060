"""One POST to a gateway; the wire is driven by test_delegate.py and test_dashboard.py."""

from __future__ import annotations

import pytest

from aex_addon.cli.ask import post, refusal
from aex_addon.home import HomeError


def test_nobody_answers() -> None:
    """It is an error that names the address."""
    with pytest.raises(HomeError, match="no gateway answers at"):
        post("http://127.0.0.1:9", "/x", "token", {})


def test_refusals() -> None:
    """What the gateway says is the error; where it says nothing, its status is."""
    said = refusal("http://h", 403, {"error": {"message": "No."}}, "link")
    assert str(said) == "No."
    assert "gave no link (status 502)" in str(refusal("http://h", 502, {}, "link"))

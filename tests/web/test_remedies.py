"""Remedies name the account and the agent of the denied call."""

from __future__ import annotations

import pytest

from tests.web.test_view import EXECUTION
from web.remedies import _BY_CODE, remedy


@pytest.mark.parametrize("code", [*_BY_CODE, "something_new", "model_not_allowed"])
def test_every_code(code: str) -> None:
    """Each has a whole sentence, and what it names is filled in."""
    said = remedy(code, EXECUTION._replace(account="bot/r1"))
    assert said.endswith((".", "known."))
    assert "{" not in said
    if code.endswith("_not_allowed"):
        assert "caps" in said
    if "top-up" in said:
        assert "bot/r1" in said

"""Tools of an API that knows functions only."""

from __future__ import annotations

from typing import Any

import pytest

from providers.functions import count_functions
from providers.wire import Refused


def test_functions_are_counted() -> None:
    """With a type or without, and none where there is no list."""
    assert count_functions({}) == 0
    assert count_functions({"tools": [{"type": "function"}, {"name": "f"}]}) == 2


@pytest.mark.parametrize(
    ("tools", "status"), [(["f"], 400), ({"f": 1}, 400), ([{"type": "web_search"}], 403)]
)
def test_other_tools_are_refused(tools: Any, status: int) -> None:
    """What is no definition is a bad request; what the provider runs is not metered."""
    with pytest.raises(Refused) as refused:
        count_functions({"tools": tools})
    assert refused.value.denial.status == status

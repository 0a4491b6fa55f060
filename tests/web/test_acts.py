"""Acts on accounts. What each writes is told by test_api.py; here is what the API cannot ask."""

from __future__ import annotations

import pytest

from ledger.admin_commands import DeleteAgent
from tests.web.conftest import Site
from web.acts import Acts
from web.problems import Problem


@pytest.mark.parametrize("name", ["nobody", "gone", "a\0b", "\ud800"])
def test_no_such_account(site: Site, name: str) -> None:
    """It is told as one that is not there, also where no engine could hold its name."""
    site.store.one(DeleteAgent("bot", "operator"))
    handed = type("Handed", (), {"open_reader": site.open_reader, "execute": site.store.one})
    for asked in (name, "bot"):
        with pytest.raises(Problem, match="There is no agent or team") as raised:
            Acts(handed).move(asked, "PAUSED", "x", "web:operator")  # type: ignore[arg-type]
        assert raised.value.status == 404

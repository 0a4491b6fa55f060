"""Further tokens."""

from __future__ import annotations

import pytest

from aex_addon.cli.context import Context
from aex_addon.cli.issue import issue_token
from ledger.errors import CommandRefused


def test_the_ledger_gets_the_hash_and_the_label(context: Context, shop: str) -> None:
    """What is issued can be found by its hash, with label, scope and end."""
    token, expires_at = issue_token(context, "shop", "run", 1_000_000_000)
    with context.reader() as reader:
        kept = {one.token_hash: one for one in reader.tokens("shop")}
    assert len(kept) == 2
    one = kept[token.token_hash]
    assert (one.label, one.scope, one.expires_at) == ("run", "execution", expires_at)
    assert 0 < expires_at - one.created_at < 2_000_000_000


def test_nobody_gets_no_token(context: Context, shop: str) -> None:
    """An agent that is not there is refused."""
    with pytest.raises(CommandRefused):
        issue_token(context, "nobody", "run", None)

"""The last line of `aex run`."""

from __future__ import annotations

from aex_addon.cli.context import Context
from aex_addon.cli.issue import open_run
from aex_addon.cli.run_end import Run, end_line
from ledger.commands import Admit, Commit, Quote
from tests.aex_addon.cli.conftest import Aex


def call(context: Context, token_hash: str, name: str, cost: int | None) -> None:
    """One call of a token; without a cost it stays under way."""
    with context.store() as store:
        store.one(
            Admit(
                execution_id=name,
                token_hash=token_hash,
                claimed_agent=None,
                gateway="gw",
                door="proxy",
                provider="openai",
                model="m",
                endpoint="/v1/x",
                stream=False,
                fingerprint="f" * 64,
                quote=Quote(2_000_000),
                input_tokens_max=1,
                metered=True,
            )
        )
        if cost is not None:
            store.one(Commit(name, cost, 200, None, "provider", "exact"))


def test_a_run_on_the_agents_budget(aex: Aex, context: Context, calls: list[str]) -> None:
    """Only the calls of the run's own token count; what is left is the agent's."""
    first = aex.json("agent", "inspect", "shop")["tokens"][0]["token_id"]
    line = end_line(context, Run("shop", first, owns_account=False))
    assert line == "shop: 2 calls (1 denied), $0.0000012 spent, $4.9999988 left"


def test_a_run_with_a_budget(context: Context, shop: str) -> None:
    """Its account and all below it count; what is left is what the tightest level has."""
    token, account = open_run(context, "shop", "r", 10_000_000_000, 10**12)
    below, _ = open_run(context, "shop", "other", 1, 10**12)
    assert below.token_id != token.token_id
    call(context, token.token_hash, "one", 500_000)
    call(context, token.token_hash, "two", None)
    line = end_line(context, Run(account, token.token_id, owns_account=True))
    assert line == "shop/r: 2 calls (1 under way), $0.0005 spent, $4.9975 left"

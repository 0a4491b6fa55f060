"""The last line of `aex run`: what the run came to.

Owns: its words and figures. Refuses to know: how a run is started and ended (run.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from aex_addon.cli.context import Context


@dataclass(frozen=True, slots=True)
class Run:
    """`account` pays, by a token that is the run's own.

    With a budget (`owns_account`) the run's calls are all of the account and of what is below it,
    else they are those of the token.
    """

    account: str
    token_id: str
    owns_account: bool


def end_line(context: Context, run: Run) -> str:
    """Calls, spent, left. Raises LedgerError, HomeError or OSError where the books are gone."""
    from ledger.balance import current
    from ledger.errors import LedgerUnavailable
    from ledger.money import show_usd

    with context.reader() as reader, reader.snapshot():
        tokens = reader.tokens(run.account.partition("/")[0])
        # The ledger's own time: a step of the wall clock hides no call.
        since = next((each.created_at for each in tokens if each.token_id == run.token_id), None)
        if since is None:
            raise LedgerUnavailable("the ledger does not know the run's token any more")
        token_id = "" if run.owns_account else run.token_id
        totals = reader.totals(since=since, token_id=token_id, account=run.account)
        accounts = {agent.name: agent for agent in reader.agents(deleted=True)}
    left, name = [], run.account
    while name:
        account = current(accounts[name], context.now_ns())
        left.append(account.remaining_nanousd)
        name = account.parent or ""
    calls = f"{totals.calls} call{'' if totals.calls == 1 else 's'}"
    if totals.denied:
        calls += f" ({totals.denied} denied)"
    if totals.under_way:
        calls += f" ({totals.under_way} under way)"
    spent = show_usd(totals.spent_nanousd)
    # Whichever level has least is what the next call would be measured by.
    return f"{run.account}: {calls}, {spent} spent, {show_usd(min(left))} left"

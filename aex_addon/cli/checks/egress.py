"""What agents may reach beside the providers: do the lists hold what they seem to?

Owns: the looks at `[egress]` and at the accounts' own lists.
Refuses to know: how a connection is judged (aex_addon/egress.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from aex_addon.cli.checks.verdict import Verdict, doubtful, sound
from aex_addon.home import Home
from aex_addon.settings_egress import EgressSettings
from ledger.caps import parse as caps_of
from ledger.egress_entries import parse
from ledger.errors import LedgerError
from ledger.read import Reader


def look(home: Home, ledger: str, egress: EgressSettings) -> Iterator[Verdict]:
    """What holds for everybody, then what could be gone around."""
    yield sound("egress", _said(egress))
    wide = [each for each in egress.private if _is_wide(each)]
    if wide:
        yield doubtful(
            "egress",
            f"private = {', '.join(wide)} lets agents reach what only this machine should",
            "name the hosts or networks that agents need",
        )
    names = _held(home, ledger)
    if names and egress.anonymous == "pass":
        yield doubtful(
            "egress",
            f"lists hold {', '.join(names)}, who can leave the credential out and be held to none",
            'set anonymous = "refuse" in [egress] of aex.toml',
        )


def _said(egress: EgressSettings) -> str:
    hosts = "every public host" if egress.default == "any" else f"{len(egress.allow)} entries"
    but = f" but {len(egress.deny)} that are denied" if egress.deny else ""
    private = f"; of private addresses {', '.join(egress.private)}" if egress.private else ""
    nobody = "" if egress.anonymous == "pass" else "; who names no agent reaches nothing"
    return f"agents reach {hosts}{but}{private}{nobody}"


def _is_wide(entry: str) -> bool:
    found = parse(entry)
    return found.glob == "*" or (found.network is not None and found.network.prefixlen == 0)


def _held(home: Home, ledger: str) -> list[str]:
    """The accounts that have lists of their own."""
    try:
        with Reader(ledger, home.path) as reader:
            accounts = reader.agents()
    except LedgerError:
        # books.py tells what is wrong with it.
        return []
    found = []
    for account in accounts:
        caps = caps_of(account.caps) if account.caps else None
        if caps is not None and (caps.strict or caps.egress_allow is not None or caps.egress_deny):
            found.append(account.name)
    return found

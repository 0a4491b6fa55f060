"""The CA: is it there, for these hosts, for long enough, and its key nobody else's to read?

Owns: the looks at the CA and at the bundle that agents are given. Refuses to know: how a CA is
made, who trusts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from aex_addon.cli.checks.verdict import Verdict, broken, doubtful, sound
from aex_addon.home import Home
from certs import ca
from certs.errors import AuthorityMissing, CertsError


def look(home: Home, hosts: Sequence[str], now_ns: int) -> list[Verdict]:
    """hosts: what the table of providers governs now."""
    now = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC)
    try:
        found = ca.status(home.ca_dir, hosts, now)
        root = ca.load(home.ca_dir).root_pem
    except AuthorityMissing:
        return [broken("certificates", "there is no CA yet", "run: aex init")]
    except (CertsError, OSError) as error:
        remedy = f"mend it, or move {home.ca_dir} away and run: aex init"
        return [broken("certificates", str(error), remedy)]
    said = f"speaks for {len(found.hosts)} hosts until {found.not_after:%Y-%m-%d}"
    if found.stale:
        remedy = "the next start of the gateway makes a new CA, which agents must trust anew"
        verdict = doubtful("certificates", f"{said}. {' '.join(found.stale)}", remedy)
    else:
        verdict = sound("certificates", said)
    return [verdict, _bundle(home, root)]


def _bundle(home: Home, root: bytes) -> Verdict:
    try:
        holds = root.strip() in home.bundle.read_bytes()
    except OSError:
        holds = False
    if holds:
        return sound("bundle", str(home.bundle))
    return broken("bundle", f"{home.bundle} does not hold the CA", "run: aex init")

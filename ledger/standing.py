"""Standing: may the calls that a token has under way go on?

Owns: what ends a call that was admitted: its token was revoked, or an account that it pays from
stopped serving. Pure, as admission is.
Refuses to know: how a call is ended, who asks.

What only decides about new calls does not end old ones: an expiry, a scope, a rate, a budget that
has been used up since, an account that is stopping.
"""

from __future__ import annotations

from ledger.admission import lineage, serving
from ledger.outcomes import Denied
from ledger.state import State

# Takes no new call and lets those under way come to their end.
_FINISHING = "STOPPING"


def stopped(state: State, token_hash: str) -> Denied | None:
    """Why the token's calls are to end, as admission would say it; None where they may go on."""
    token = state.tokens.get(token_hash)
    if token is None:
        return Denied("", None, 401, "token_unknown")
    if token.revoked_at:
        return Denied("", token.agent, 401, "token_revoked", "", token.account)
    levels = lineage(state, token.account)
    return serving("", token.agent, [one for one in levels if one.lifecycle_state != _FINISHING])

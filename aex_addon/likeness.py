"""Attempts that look alike: for the operator to see, never to decide by.

Owns: remembering, for a short time, calls that failed or broke off. An SDK's own retry carries no
sign that can be trusted; the same body from the same agent soon after a failure is a hint.
Refuses to know: what a failure is, what is done with the hint.
"""

from __future__ import annotations

from collections import OrderedDict

WITHIN_NS = 120 * 1_000_000_000
REMEMBERED = 4096


class Likeness:
    """The newest failed attempt by (token, fingerprint)."""

    def __init__(self) -> None:
        self._failed: OrderedDict[tuple[str, str], tuple[str, int]] = OrderedDict()

    def failed(self, token_hash: str, fingerprint: str, execution_id: str, now_ns: int) -> None:
        """Notes an attempt that the client may try again."""
        key = (token_hash, fingerprint)
        self._failed.pop(key, None)
        self._failed[key] = (execution_id, now_ns)
        while len(self._failed) > REMEMBERED:
            self._failed.popitem(last=False)

    def earlier(self, token_hash: str, fingerprint: str, now_ns: int) -> str:
        """The execution that this call looks like a retry of, or ""."""
        found = self._failed.get((token_hash, fingerprint))
        if found is None or now_ns - found[1] > WITHIN_NS:
            return ""
        return found[0]

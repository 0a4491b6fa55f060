"""Migration 3: an account that a call's overrun has stopped.

Owns: what the third schema adds. Refuses to know: what the column means (state.py).

Events of overruns from before it name no account to be stopped, so that none is.
"""

from __future__ import annotations

SQLITE = ("ALTER TABLE agents ADD COLUMN stopped_by TEXT NOT NULL DEFAULT ''",)
POSTGRES = SQLITE

"""Migration 5: what an account's calls may ask for.

Owns: what the fifth schema adds. Refuses to know: what the column means (caps.py).

Accounts from before it have no caps: their calls may ask for everything.
"""

from __future__ import annotations

SQLITE = ("ALTER TABLE agents ADD COLUMN caps TEXT NOT NULL DEFAULT ''",)
POSTGRES = SQLITE

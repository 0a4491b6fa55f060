"""[egress]: what agents may reach beside the providers.

Owns: its keys, their defaults, and the form of an entry.
Refuses to know: what is done with them (egress.py), the lists of accounts (ledger/caps.py).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from aex_addon.settings_values import Table, listed
from ledger.egress_entries import unfit


def entries(value: list[str]) -> list[str]:
    """Hosts, addresses and networks, each with a port or without."""
    problem = unfit(value)
    if problem:
        raise ValueError(problem)
    return value


Entries = Annotated[list[str], BeforeValidator(listed), AfterValidator(entries)]


class EgressSettings(Table):
    """Entries are those of egress_entries.py.

    default:   of hosts that stand in no list: `any`, or `none` but those in `allow`.
    private:   which addresses of this network or machine may be reached, by address or by name.
    anonymous: connections that name no agent are held to these lists, or are refused.
    """

    default: Literal["any", "none"] = "any"
    allow: Entries = Field(default_factory=list)
    deny: Entries = Field(default_factory=list)
    private: Entries = Field(default_factory=list)
    anonymous: Literal["pass", "refuse"] = "pass"

    @property
    def allowed(self) -> list[str] | None:
        """The entries that may be reached; None for everything."""
        return self.allow if self.default == "none" else None

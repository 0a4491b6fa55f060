"""The table of clients in README: what each needs, as the tests of a run have found it.

Owns: the words of a cell, the layout between two marks, bringing it up to date on demand
(`CLIENTS_TABLE=write scripts/test -k clients`). Refuses to know: how anything was found out.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.clients import Family, node_reads_proxies
from tests.end_to_end.processes import ROOT

ORDER = "CLIENTS_TABLE"
PAGE = ROOT / "README.md"
MARKED = re.compile(r"(?<=<!-- clients -->\n).*?(?=<!-- /clients -->)", re.DOTALL)
HEAD = (
    "| unmodified client | needs through `aex run` | needs by hand, beside `HTTPS_PROXY` |\n"
    "|---|---|---|\n"
)
NOTHING, SHIM = "nothing", "the shim"
OLD_NODE = f"{SHIM} before Node 22.21 and in 23.0 to 24.4"

# What a client needs through `aex run`, and by hand.
Needs = tuple[str, str]


@dataclass(frozen=True)
class Found:
    """What it took for a client to get through: the variable of the bundle, and a shim or none."""

    bundle: str
    shim: bool


def needs(family: Family, client: str, found: Found) -> Needs:
    """The cells of a client. One that differs in this Node from what is said of Nodes of its age
    has other words in them."""
    asked = [f"`{found.bundle}`", *(f"`{name}={value}`" for name, value in family.asked.items())]
    by_age = family.node and client not in family.always
    if by_age and found.shim != node_reads_proxies():
        return OLD_NODE, f"{', '.join(asked)}, and {SHIM} there"
    if found.shim:
        return SHIM, f"{', '.join(asked)}, and {SHIM}"
    return NOTHING, ", ".join(asked)


def parse(text: str) -> dict[str, Needs]:
    """What a page says of each client that it names."""
    said: dict[str, Needs] = {}
    for line in MARKED.findall(text)[0].splitlines()[2:]:
        names, run, hand = (cell.strip() for cell in line.strip("|").split(" | "))
        said |= dict.fromkeys(names.split(", "), (run, hand))
    return said


def render(said: Mapping[str, Needs]) -> str:
    """The table: those with the same needs in one row."""
    together: dict[Needs, list[str]] = {}
    for name, cells in said.items():
        together.setdefault(cells, []).append(name)
    rows = [f"| {', '.join(names)} | {' | '.join(cells)} |\n" for cells, names in together.items()]
    return HEAD + "".join(rows)


def said_of(found: Mapping[str, Needs], page: Path = PAGE) -> dict[str, Needs]:
    """What the page says of these clients; it is written anew first where that was asked for."""
    if os.environ.get(ORDER) == "write":
        write(found, page)
    said = parse(page.read_text())
    return {name: said.get(name, ("not there", "not there")) for name in found}


def write(found: Mapping[str, Needs], page: Path) -> None:
    """Puts what was found in its place, and leaves what is said of other clients."""
    with page.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = file.read()
        table = render(parse(text) | found)
        file.seek(0)
        file.write(MARKED.sub(lambda _: table, text))
        file.truncate()

"""Versions: of the parts that AEX stands on, which are known to harm it?

Owns: a table of known defects. Refuses to know: how a part is installed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from aex_addon.cli.checks.verdict import Verdict, broken, sound

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Defect:
    """A part is bad where `affects` says so of its version."""

    part: str
    affects: Callable[[Version], bool]
    said: str
    remedy: str


def _wal_reset(found: Version) -> bool:
    """https://www.sqlite.org/wal.html#walreset: mended in 3.51.3, and in 3.44.6 and 3.50.7."""
    mended = found >= (3, 51, 3) or (3, 44, 6) <= found < (3, 45) or (3, 50, 7) <= found < (3, 51)
    return not mended


DEFECTS = (
    Defect(
        "sqlite",
        _wal_reset,
        "several connections may lose commits or corrupt the file (the WAL-reset defect)",
        "pip install --upgrade apsw",
    ),
    Defect(
        "mitmproxy",
        lambda found: found < (12, 2, 2),
        "is older than what AEX is tested with",
        "pip install 'mitmproxy>=12.2.2'",
    ),
    Defect(
        "python",
        lambda found: found < (3, 12),
        "is older than what AEX is tested with",
        "install Python 3.12 or newer",
    ),
    Defect(
        "cryptography",
        lambda found: found < (42,),
        "cannot tell a certificate's validity without a time zone",
        "pip install --upgrade cryptography",
    ),
)


def numbers(text: str) -> Version:
    """The leading numbers of a version: "12.2.3.dev1" is (12, 2, 3)."""
    matched = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in matched[0].split(".")) if matched else ()


def installed() -> dict[str, str]:
    """Versions by part, as they are in this environment."""
    import apsw

    found = {
        "python": ".".join(map(str, sys.version_info[:3])),
        "sqlite": apsw.sqlite_lib_version(),
    }
    for part in ("mitmproxy", "cryptography"):
        try:
            found[part] = version(part)
        except PackageNotFoundError:  # in a bundle without metadata
            continue
    return found


def look(found: Mapping[str, str]) -> list[Verdict]:
    """One verdict a part; every defect of it in one line."""
    verdicts = []
    for part, text in found.items():
        known = [
            each for each in DEFECTS if each.part == part and each.affects(numbers(text) or (0,))
        ]
        if known:
            said = f"{text} {'; '.join(each.said for each in known)}"
            verdicts.append(broken(part, said, known[0].remedy))
        else:
            verdicts.append(sound(part, text))
    return verdicts

"""What a look at something comes to: sound, doubtful or broken, and what to do about it.

Owns: the shape of a verdict. Refuses to know: what was looked at, how verdicts are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`about` names what was looked at; all but an `ok` has a remedy, as a sentence or command."""

    about: str
    level: Level
    said: str
    remedy: str = ""

    def __post_init__(self) -> None:
        assert (self.level == "ok") == (not self.remedy), "a remedy where there is a trouble"


def sound(about: str, said: str) -> Verdict:
    """All is well."""
    return Verdict(about, "ok", said)


def doubtful(about: str, said: str, remedy: str) -> Verdict:
    """It works, but somebody should look."""
    return Verdict(about, "warn", said, remedy)


def broken(about: str, said: str, remedy: str) -> Verdict:
    """It does not work, or must not be relied on."""
    return Verdict(about, "fail", said, remedy)

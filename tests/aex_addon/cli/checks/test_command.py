"""Verdicts on commands: which door holds, what goes around, what to do."""

from __future__ import annotations

import pytest

from aex_addon.around.runtime import Runtime
from aex_addon.cli.checks.command import jail_possible, look, proxy_door


def runtime(kind: str, *version: int, options: str = "", **more: bool) -> Runtime:
    """One of this kind."""
    return Runtime(kind, f"/bin/{kind}", version, tuple(options.split()), **more)


@pytest.mark.parametrize(
    ("found", "level", "said"),
    [
        (runtime("node", 20, 20, 2), "ok", "holds with the shim"),
        (runtime("node", 22, 20, 0), "ok", "holds with the shim"),
        (runtime("node", 22, 21, 0), "ok", "this Node reads"),
        (runtime("node", 23, 11, 0), "ok", "holds with the shim"),
        (runtime("node", 24, 4, 1), "ok", "holds with the shim"),
        (runtime("node", 24, 5, 0), "ok", "this Node reads"),
        (runtime("node"), "ok", "holds"),
        (runtime("python", options="a.py -I"), "ok", "aiohttp by the shim"),
        (runtime("python", options="-c -I"), "ok", "aiohttp by the shim"),
        (runtime("python", options="-uI a.py"), "warn", "no shim is loaded"),
        (runtime("go"), "ok", "Go reads HTTPS_PROXY"),
        (runtime("bun"), "ok", "Bun reads HTTPS_PROXY"),
        (runtime("curl"), "ok", "curl reads HTTPS_PROXY"),
        (runtime("curl", options="--noproxy *"), "warn", "goes around"),
        (runtime("java"), "warn", "goes around"),
        (runtime("php"), "warn", "go around"),
        (runtime("rust"), "warn", "most read"),
        (runtime("shell"), "warn", "decides for itself"),
        (runtime("binary"), "warn", "a binary of unknown make"),
        (runtime("binary", linked=False), "warn", "a static binary of unknown make"),
    ],
)
def test_the_proxy_door(found: Runtime, level: str, said: str) -> None:
    """Each runtime has its verdict, and each doubt its remedy."""
    verdict = proxy_door(found)
    assert verdict.level == level
    assert said in verdict.said


@pytest.mark.parametrize(
    "found",
    [runtime("missing"), runtime("elsewhere"), runtime("node", 24, 5, 0, cleared=True)],
)
def test_where_nothing_holds(found: Runtime) -> None:
    """It is said as a failure, and no door is praised."""
    levels = [verdict.level for verdict in look(found, jail=True)]
    assert levels[-1] == "fail"
    assert len(levels) <= 2


def test_whether_there_can_be_a_jail_is_said() -> None:
    """The last line is about that."""
    *_, possible = look(runtime("go"), jail=True)
    *_, impossible = look(runtime("go"), jail=False)
    assert (possible.level, impossible.level) == ("ok", "warn")
    assert isinstance(jail_possible(), bool)

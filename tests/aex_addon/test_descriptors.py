"""A gateway has as many descriptors as it may have, and no fewer than it had."""

from __future__ import annotations

import resource
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.aex_addon.process import UP, place, started
from tests.aex_addon.wire import connected

# More than there are to begin with.
CONNECTIONS = 200
FEW = """
import resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
"""

SAYS = """
import resource, sys
from aex_addon import descriptors
soft, hard, allowed = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
change = resource.setrlimit
def set(which, limits):
    if limits[0] > allowed:
        raise ValueError("not allowed to raise maximum limit")
    change(which, limits)
resource.setrlimit = set
print(descriptors.take(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "allowed", "now"),
    [
        (256, 4096, 2**20, 4096),
        (4096, 4096, 2**20, 4096),
        (256, 20_000, 12_000, 10_240),
        (11_000, 20_000, 12_000, 11_000),
        (256, 20_000, 100, 256),
    ],
)
def test_what_the_system_allows(soft: int, hard: int, allowed: int, now: int) -> None:
    """Up to the hard limit, which stays; where that is not to be had, less; never fewer."""
    if hard > _hard():
        pytest.skip(f"needs {hard} descriptors")
    words = [sys.executable, "-c", SAYS, *map(str, (soft, hard, allowed))]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(now), str(now), str(hard)]


async def test_a_gateway_takes_them(tmp_path: Path) -> None:
    """Whoever holds more connections than the usual limit keeps nobody else waiting."""
    at = place(tmp_path, 9, listen="127.0.0.1:0")
    async with started([sys.executable, "-c", FEW + UP], at) as process, AsyncExitStack() as held:
        port = int(await process.line())
        for _ in range(CONNECTIONS):
            await held.enter_async_context(connected(port))
        client = await held.enter_async_context(connected(port))
        page = await client.call(b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    assert page.status == 200


def _hard() -> int:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return sys.maxsize if most == resource.RLIM_INFINITY else most

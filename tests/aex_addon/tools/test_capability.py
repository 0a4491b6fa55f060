"""Laws of capabilities: one leave is for one run, and nobody without the key can make one."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from pathlib import Path

import pytest

from aex_addon.home import HomeError
from aex_addon.tools.capability import KEY_FILE, Capabilities, Forbidden, Leave, load_key
from certs.errors import KeyExposed

KEY = bytes(range(32))
LEAVE = Leave("ex_1", "shop", "lookup", "a" * 64)
TTL = 60 * 10**9


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 10**18

    def __call__(self) -> int:
        return self.now


def test_it_is_taken_in_once() -> None:
    """The one run that it was made for begins; a second one with it does not."""
    capabilities = Capabilities(KEY, Hand())
    made = capabilities.make(LEAVE, TTL)
    capabilities.take(made, LEAVE)
    with pytest.raises(Forbidden, match="used already"):
        capabilities.take(made, LEAVE)
    with pytest.raises(Forbidden, match="used already"):
        capabilities.take(capabilities.make(LEAVE, 2 * TTL), LEAVE)
    other = replace(LEAVE, execution_id="ex_2")
    capabilities.take(capabilities.make(other, TTL), other)


@pytest.mark.parametrize("changed", ["execution_id", "agent", "tool", "sha256"])
def test_it_is_for_nothing_else(changed: str) -> None:
    """Another execution, agent, tool or package is refused; it can then still be used rightly."""
    capabilities = Capabilities(KEY, Hand())
    made = capabilities.make(LEAVE, TTL)
    with pytest.raises(Forbidden, match="not made by this AEX for this run"):
        capabilities.take(made, replace(LEAVE, **{changed: "b" * 64}))
    capabilities.take(made, LEAVE)


def test_its_parts_cannot_be_moved() -> None:
    """A letter that goes from one part to the next makes it another leave."""
    capabilities = Capabilities(KEY, Hand())
    made = capabilities.make(LEAVE, TTL)
    with pytest.raises(Forbidden):
        capabilities.take(made, replace(LEAVE, execution_id="ex_1s", agent="hop"))


def test_it_expires() -> None:
    """It must be used within its time, and no later time can be written into it."""
    hand = Hand()
    capabilities = Capabilities(KEY, hand)
    made = capabilities.make(LEAVE, TTL)
    end, _, signature = made.partition(".")
    hand.now += TTL - 1
    with pytest.raises(Forbidden, match="not made by this AEX"):
        capabilities.take(f"{int(end) + TTL}.{signature}", LEAVE)
    capabilities.take(made, LEAVE)
    late = replace(LEAVE, execution_id="ex_2")
    made = capabilities.make(late, TTL)
    hand.now += TTL
    with pytest.raises(Forbidden, match="expired"):
        capabilities.take(made, late)


def test_what_is_used_is_remembered_until_it_expires() -> None:
    """Later ones do not make an earlier one usable again, and memory does not grow for ever."""
    hand = Hand()
    capabilities = Capabilities(KEY, hand)
    made = capabilities.make(LEAVE, TTL)
    capabilities.take(made, LEAVE)
    for number in range(100):
        other = replace(LEAVE, execution_id=f"ex_{number + 2}")
        capabilities.take(capabilities.make(other, TTL // 10), other)
    with pytest.raises(Forbidden, match="used already"):
        capabilities.take(made, LEAVE)
    hand.now += TTL
    other = replace(LEAVE, execution_id="ex_last")
    capabilities.take(capabilities.make(other, TTL), other)
    assert len(capabilities._used) == 1


def forged(key: bytes, expires_at: int) -> str:
    """As the seed made them: no HMAC, and a key that everybody knows."""
    text = f"{LEAVE.execution_id}{LEAVE.agent}{LEAVE.tool}{LEAVE.sha256}{expires_at}"
    return f"{expires_at}.{hashlib.sha256(key + text.encode()).hexdigest()}"


@pytest.mark.parametrize(
    "capability",
    [
        "",
        "x",
        f"{10**19}.{'0' * 64}",
        f"{10**19}.{'A' * 64}",
        f"-1.{'0' * 64}",
        f"{10**19}.{'0' * 64}\n",
        forged(b"", 10**19),
        forged(KEY, 10**19),
        f"{10**19}.{hmac.new(b'', b'', 'sha256').hexdigest()}",
    ],
)
def test_a_forged_one_is_refused(capability: str) -> None:
    """Whatever its form; and nothing is used up by it."""
    capabilities = Capabilities(KEY, Hand())
    with pytest.raises(Forbidden):
        capabilities.take(capability, LEAVE)
    capabilities.take(capabilities.make(LEAVE, TTL), LEAVE)


def test_another_installation_makes_other_ones(tmp_path: Path) -> None:
    """Each home has a key of its own, closed to others, and keeps it."""
    key, other = load_key(tmp_path / "a"), load_key(tmp_path / "b")
    assert key != other
    assert load_key(tmp_path / "a") == key
    assert (tmp_path / "a" / KEY_FILE).stat().st_mode & 0o777 == 0o600
    made = Capabilities(other, Hand()).make(LEAVE, TTL)
    with pytest.raises(Forbidden):
        Capabilities(key, Hand()).take(made, LEAVE)


def test_a_key_that_is_open_or_short_is_none(tmp_path: Path) -> None:
    """Neither is used; the message says what to do."""
    load_key(tmp_path)
    path = tmp_path / KEY_FILE
    path.chmod(0o640)
    with pytest.raises(KeyExposed, match="chmod 600"):
        load_key(tmp_path)
    path.write_bytes(b"short")
    path.chmod(0o600)
    with pytest.raises(HomeError, match="holds no key; remove it"):
        load_key(tmp_path)

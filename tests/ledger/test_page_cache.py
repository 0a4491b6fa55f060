"""Laws of the disk that loses power: only what was synced is certain, and what is torn is torn."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from tests.ledger.page_cache import DELETED, SECTOR, Change, Image, Resize, Write, apply


def content(before: bytes | None, changes: Sequence[Change]) -> bytes | None:
    """What a file with this content holds after the changes."""
    after = apply(None if before is None else bytearray(before), changes)
    return None if after is None else bytes(after)


def test_a_write_is_torn_at_its_sectors() -> None:
    """The parts of a write end where sectors do, and are the write."""
    write = Write(SECTOR - 3, bytes(range(256)) * 5)
    parts = list(write.sectors())
    assert [(part.offset, len(part.data)) for part in parts] == [
        (509, 3),
        (512, 512),
        (1024, 512),
        (1536, 253),
    ]
    assert b"".join(part.data for part in parts) == write.data


def test_changes_of_a_file() -> None:
    """Writes, new lengths and deletions do to the content what they do to a file."""
    assert content(None, [Write(2, b"ab")]) == b"\0\0ab"
    assert content(b"abcd", [Write(1, b"xy"), Resize(2)]) == b"ax"
    assert content(b"abcd", [DELETED]) is None
    assert content(b"abcd", [DELETED, Write(0, b"n")]) == b"n"


def test_only_a_sync_is_certain(tmp_path: Path) -> None:
    """What was synced is always left; of the rest, each of the possible states is found."""
    image = Image(tmp_path / "new")
    image.unsynced.append(Write(0, b"a"))
    assert image.left(None) is None
    image.sync()
    image.unsynced += [Write(0, b"b"), Write(SECTOR, b"c")]
    assert bytes(image.left(None) or b"") == b"a"
    chance = random.Random(1)
    found = {bytes(image.left(chance) or b"") for _ in range(200)}
    gap = bytes(SECTOR - 1)
    assert found == {b"a", b"b", b"a" + gap + b"c", b"b" + gap + b"c"}


def test_a_deleted_file_may_come_back(tmp_path: Path) -> None:
    """Until its directory is synced a deleted file may be there again, never mixed with another."""
    image = Image(tmp_path / "new")
    image.unsynced += [Write(0, b"old")]
    image.sync()
    image.unsynced += [DELETED, Write(1, b"n")]
    chance = random.Random(1)
    assert {bytes(image.left(chance) or b"-") for _ in range(200)} == {b"old", b"-", b"\0n"}
    image.sync_name()
    assert {bytes(image.left(chance) or b"-") for _ in range(200)} == {b"-", b"\0n"}

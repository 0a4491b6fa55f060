"""Each machine alone: members and frames in a row, both kinds of deflate, trailing bytes."""

from __future__ import annotations

import pytest

from providers.codings import CHUNK_BYTES, CODINGS, ERRORS
from tests.providers.compress import compress


def run(name: str, data: bytes) -> list[bytes]:
    """The chunks that a machine pushes for `data`."""
    chunks: list[bytes] = []
    machine = CODINGS[name](chunks.append)
    machine.write(data)
    machine.close()
    return chunks


def test_gzip_members_and_zstd_frames_follow_each_other() -> None:
    """Both formats allow several in a row, and all of them count."""
    for name in ("gzip", "zstd"):
        both = compress(name, b"one") + compress(name, b"two")
        assert b"".join(run(name, both)) == b"onetwo"


def test_deflate_is_zlib_or_raw() -> None:
    """Senders disagree on what deflate means; both are read."""
    assert b"".join(run("deflate", compress("deflate", b"hello"))) == b"hello"
    assert b"".join(run("deflate", compress("raw", b"hello"))) == b"hello"


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_trailing_bytes_are_corrupt(name: str) -> None:
    """What follows the data and is none is never passed over in silence."""
    with pytest.raises(ERRORS):
        run(name, compress(name, b"hello") + b"garbage, and more of it")


@pytest.mark.parametrize("name", list(CODINGS))
def test_chunks_are_small(name: str) -> None:
    """A machine hands out little at a time, so that a limit after it can stop it in time."""
    assert max(map(len, run(name, compress(name, bytes(1 << 20))))) <= 4 * CHUNK_BYTES

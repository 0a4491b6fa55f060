"""Content codings undone: round trips at any cut, corrupt data, bombs."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.encoding import BURST_BYTES_MAX, Decoder, decode_body
from providers.wire import Refused
from tests.providers.compress import CODERS, compress

NAMES = [*CODERS, "identity", "", "gzip, br", "deflate,zstd , gzip", "GZIP", "identity, br"]
MIB = 1 << 20


def pump(decoder: Decoder, data: bytes, step: int) -> bytes:
    """All that a decoder yields for `data`, fed in steps."""
    out = [decoder.feed(data[at : at + step]) for at in range(0, len(data), step)]
    return b"".join([*out, decoder.finish()])


@pytest.mark.parametrize("name", NAMES)
@given(body=st.binary(min_size=1, max_size=300), step=st.integers(1, 60))
def test_what_was_encoded_comes_back(name: str, body: bytes, step: int) -> None:
    """Every coding and list of codings gives back its input, whole or cut anywhere."""
    encoded = compress(name, body)
    decoder = Decoder(name, 1000)
    assert pump(decoder, encoded, step) == body
    assert not decoder.failed
    assert decode_body(encoded, name, 1000) == body


@pytest.mark.parametrize("name", NAMES)
def test_large_bodies_come_back(name: str) -> None:
    """Output far larger than a chunk, from little input, is not lost inside a library."""
    body = b"abc" * 300_000 + bytes(range(256)) * 100
    assert decode_body(compress(name, body), name, MIB) == body
    assert pump(Decoder(name, MIB), compress(name, body), 7_000) == body


@pytest.mark.parametrize("name", ["gzip", "deflate", "raw", "br", "zstd", "gzip, gzip", "br, zstd"])
def test_bombs_stay_within_the_limit(name: str) -> None:
    """100 MB from a few kilobytes cost no more than the limit and a little, and are a 413."""
    bomb = compress(name, bytes(100 * MIB))
    header = "deflate" if name == "raw" else name
    tracemalloc.start()
    try:
        decoder = Decoder(header, MIB)
        assert decoder.feed(bomb) == b""
        assert decoder.failed
        assert decoder.overflowed
        assert decoder.feed(bomb) == b""
        with pytest.raises(Refused) as caught:
            decode_body(bomb, header, MIB)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.denial.status == 413
    assert caught.value.denial.code == "body_too_large"
    assert peak < 3 * MIB


@pytest.mark.parametrize("name", ["gzip", "br", "zstd"])
def test_a_burst_is_a_bomb(name: str) -> None:
    """A read may unpack to a hundred times its size, but not to any size within the limit."""
    fits, bursts = compress(name, bytes(BURST_BYTES_MAX)), compress(name, bytes(9 * MIB))
    assert len(Decoder(name, 100 * MIB).feed(fits)) == BURST_BYTES_MAX
    decoder = Decoder(name, 100 * MIB)
    assert decoder.feed(bursts) == b""
    assert decoder.overflowed


def test_the_limit_is_exact() -> None:
    """As many bytes as allowed pass, one more does not, encoded or not."""
    for name in ("identity", "gzip", "br", "zstd"):
        assert decode_body(compress(name, bytes(100)), name, 100) == bytes(100)
        with pytest.raises(Refused):
            decode_body(compress(name, bytes(101)), name, 100)


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
@given(garbage=st.binary(min_size=8, max_size=40))
def test_corrupt_answers_never_raise(name: str, garbage: bytes) -> None:
    """A decoder of answers fails silently and then yields nothing more."""
    decoder = Decoder(name, 1000)
    decoder.feed(garbage)
    decoder.finish()
    if decoder.failed:
        assert decoder.feed(compress(name, b"x")) == b""


@pytest.mark.parametrize("name", ["gzip", "deflate", "br"])
def test_cut_short_is_noticed(name: str) -> None:
    """Data that ends too early is a failure, for requests a 400."""
    cut = compress(name, b"hello world")[:-3]
    decoder = Decoder(name, 1000)
    decoder.feed(cut)
    decoder.finish()
    assert decoder.failed
    assert not decoder.overflowed
    with pytest.raises(Refused) as caught:
        decode_body(cut, name, 1000)
    assert caught.value.denial.status == 400


@pytest.mark.parametrize("name", ["compress", "gzip;q=1", "gzip, foo", "br,br,br,br"])
def test_unknown_codings_are_a_415(name: str) -> None:
    """What is not spoken here is refused in requests and skipped in answers."""
    with pytest.raises(Refused) as caught:
        decode_body(b"x", name, 1000)
    assert caught.value.denial.status == 415
    assert caught.value.denial.code == "unsupported_encoding"
    decoder = Decoder(name, 1000)
    assert decoder.feed(b"x") == b""
    assert decoder.failed

"""Encodes what the decoders under test undo."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import brotli
import zstandard


def _raw(data: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-15)
    return machine.compress(data) + machine.flush()


def _brotli(data: bytes) -> bytes:
    encoded: bytes = brotli.compress(data, quality=5)
    return encoded


CODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": _brotli,
    "zstd": zstandard.ZstdCompressor().compress,
}


def compress(content_encoding: str, data: bytes) -> bytes:
    """`data` as a sender of this Content-Encoding would send it; `raw` is deflate without zlib."""
    for name in content_encoding.lower().split(","):
        if name.strip() == "raw":
            data = _raw(data)
        elif name.strip() not in ("", "identity"):
            data = CODERS[name.strip()](data)
    return data

"""How long a file of sound can be, at the most, by its bytes.

Owns: the proofs below. Refuses to know: forms, providers, prices. It never raises.

WAV with samples of a fixed size (PCM, floats, A-law, mu-law). A second takes `rate` blocks, and a
block is what the file says, or `channels * bits / 8`, or `bytes a second / rate`; readers take one
of the three, so the smallest bounds them all. No more samples can be read than there are bytes.
https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/WAVE/WAVE.html

MPEG audio (mp3). Each frame names its own length and holds a fixed number of samples. Where the
whole file is one unbroken row of alike frames, after a tag of known size, readers stay in step with
it, and its frames are counted. A row that breaks is not trusted: there might be frames without a
rate in it, which bound nothing.
http://www.mp3-tech.org/programmer/frame_header.html, https://id3.org/id3v2.4.0-structure

Every other container (mp4, webm, ogg, flac) can hold a packet of a few bytes that stands for any
length of silence, so its bytes bound nothing.
"""

from __future__ import annotations

import math
import struct
from functools import lru_cache

# Format tags of samples of a fixed size; EXTENSIBLE names its own at the end of the header.
_FIXED = frozenset((0x0001, 0x0003, 0x0006, 0x0007))
_EXTENSIBLE = 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")

# A file has a handful; one that has a million is made to be slow to read.
_CHUNKS_MAX = 1000

_RATES = (44_100, 48_000, 32_000)
# kbit/s by layer (III, II, I), of MPEG-1 and of its lower sampling rates.
_KBITS = {
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
}


def seconds_max(data: bytes) -> int | None:
    """More seconds than any reading of the file has, whole ones; None where nothing bounds them."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        seconds = _wav(data)
    elif data[:3] == b"ID3" or _frame(data, 0) is not None:
        seconds = _mpeg(data)
    else:
        seconds = None
    return None if seconds is None else math.floor(seconds) + 1


def _wav(data: bytes) -> float | None:
    chunks = _chunks(data)
    headers = [(at, size) for name, at, size in chunks if name == b"fmt "]
    if len(headers) != 1 or not any(name == b"data" for name, _, _ in chunks):
        return None
    at, size = headers[0]
    header = data[at : at + size]
    if len(header) < 16:
        return None
    tag, channels, rate, byte_rate, block, bits = struct.unpack_from("<HHIIHH", header)
    if tag == _EXTENSIBLE and header[26:40] == _GUID_TAIL:
        (tag,) = struct.unpack_from("<H", header, 24)
    bytes_a_second: int = min(rate * block, rate * channels * (bits // 8), byte_rate)
    if tag not in _FIXED or bytes_a_second == 0:
        return None
    return len(data) / bytes_a_second


def _chunks(data: bytes) -> list[tuple[bytes, int, int]]:
    """(name, where its content begins, size) of each chunk up to the sound, if that comes soon."""
    found: list[tuple[bytes, int, int]] = []
    at = 12
    while at + 8 <= len(data) and len(found) < _CHUNKS_MAX:
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        found.append((name, at + 8, size))
        if name == b"data":
            break
        at += 8 + size + size % 2
    return found


def _mpeg(data: bytes) -> float | None:
    at = _after_tag(data)
    first = _frame(data, at)
    if first is None:
        return None
    kind, seconds = first[0], 0.0
    while (frame := _frame(data, at)) is not None and frame[0] == kind:
        _, size, length = frame
        seconds += length
        at += size
    # An older kind of tag may stand at the end.
    whole = at >= len(data) or (data[at : at + 3] == b"TAG" and len(data) - at == 128)
    return seconds if whole else None


def _after_tag(data: bytes) -> int:
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    # Seven bits a byte; a footer repeats the ten bytes of the header.
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size + (10 if data[5] & 0x10 else 0)


def _frame(data: bytes, at: int) -> tuple[tuple[int, int, int], int, float] | None:
    """What must stay alike (version, layer, rate), bytes, seconds; None if no frame is there."""
    return _header(data[at : at + 4]) if at + 4 <= len(data) else None


@lru_cache(4096)  # a file has a million frames, and few kinds of them
def _header(header: bytes) -> tuple[tuple[int, int, int], int, float] | None:
    word = int.from_bytes(header, "big")
    version, layer = word >> 19 & 3, 4 - (word >> 17 & 3)
    kbit, rate = word >> 12 & 15, word >> 10 & 3
    if word >> 21 != 0x7FF or version == 1 or layer == 4 or kbit in (0, 15) or rate == 3:
        return None
    first = version == 3
    hertz = _RATES[rate] >> (0 if first else 1 if version == 2 else 2)
    bits = _KBITS[first, layer][kbit - 1] * 1000
    padding = word >> 9 & 1
    samples = 384 if layer == 1 else 1152 if layer == 2 or first else 576
    if layer == 1:
        size = (12 * bits // hertz + padding) * 4
    else:
        size = samples // 8 * bits // hertz + padding
    return (version, layer, rate), size, samples / hertz

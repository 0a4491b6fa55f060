"""Forms and files of sound, as clients make them.

Owns: their bytes. Refuses to know: AEX.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import httpx


def form(
    fields: Mapping[str, Any], files: Mapping[str, Any] | list[Any]
) -> tuple[bytes, dict[str, str]]:
    """A form's body and headers, as httpx writes it, and so the SDK."""
    marked = {"content-type": "multipart/form-data; boundary=0f1e2d3c4b5a6978"}
    sent = files or {"model": (None, fields["model"])}
    rest = fields if files else {name: text for name, text in fields.items() if name != "model"}
    request = httpx.Request("POST", "http://a.example/", data=rest, files=sent, headers=marked)
    return request.read(), {"content-type": request.headers["content-type"]}


def wav(seconds: float, rate: int = 1000, bits: int = 8, tag: int = 1) -> bytes:
    """A file of silence, one channel."""
    block = bits // 8
    sound = bytes(int(rate * seconds) * block)
    header = struct.pack("<HHIIHH", tag, 1, rate, rate * block, block, bits)
    chunks = b"fmt " + struct.pack("<I", len(header)) + header
    chunks += b"data" + struct.pack("<I", len(sound)) + sound
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def mp3(frames: int, header: bytes = b"\xff\xfb\x90\x00", size: int = 417) -> bytes:
    """Frames of MPEG-1 layer III, 128 kbit/s at 44.1 kHz: 1152 samples in 417 bytes."""
    return (header + bytes(size - 4)) * frames

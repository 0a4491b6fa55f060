"""Lengths of sound: never below what any reader makes of the file, or none at all."""

from __future__ import annotations

import io
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.sound_length import seconds_max
from tests.providers.forms import mp3, wav


@given(
    rate=st.integers(1, 96_000),
    channels=st.integers(1, 8),
    width=st.integers(1, 4),
    frames=st.integers(0, 5000),
)
def test_the_standard_library_reads_no_more(
    rate: int, channels: int, width: int, frames: int
) -> None:
    """What `wave` writes is bounded by the next whole second, and its header."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(rate)
        sound.writeframes(bytes(frames * channels * width))
    found, header = seconds_max(file.getvalue()), 44 / (rate * channels * width)
    assert found is not None
    assert frames / rate < found <= frames / rate + header + 1


@pytest.mark.parametrize(
    ("at", "value", "seconds"),
    [
        ("<I", (40, 0xFFFFFFFF), 11),
        ("<I", (40, 0), 11),
        ("<I", (24, 100), 101),
        ("<H", (32, 0), None),
        ("<H", (22, 0), None),
        ("<H", (34, 4), None),
        ("<I", (24, 0), None),
        ("<I", (28, 0), None),
        ("<I", (28, 10), 1005),
        ("<H", (20, 0x55), None),
        ("<H", (20, 2), None),
        ("<H", (20, 7), 11),
    ],
)
def test_headers_that_say_otherwise(at: str, value: tuple[int, int], seconds: int | None) -> None:
    """Sizes of a stream, slow rates, no rate, other codecs: the slowest reading, or none."""
    data = bytearray(wav(10))
    struct.pack_into(at, data, *value)
    assert seconds_max(bytes(data)) == seconds


def test_other_chunks() -> None:
    """Notes before the sound are passed over; two headers, or a cut one, are not trusted."""
    data = wav(10)
    note = b"LIST" + struct.pack("<I", 3) + b"abc\x00"
    assert seconds_max(data[:12] + note + data[12:]) == 11
    assert seconds_max(data[:12] + data[12:36] + data[12:]) is None
    assert seconds_max(data[:30]) is None
    empty = b"LIST" + bytes(4)
    assert seconds_max(data[:12] + empty * 99 + data[12:]) == 11
    assert seconds_max(data[:12] + empty * 1000 + data[12:]) is None
    assert seconds_max(data[:12] + data[36:]) is None
    wide = data[:16] + struct.pack("<I", 40) + struct.pack("<H", 0xFFFE) + data[22:36]
    guid = struct.pack("<HHIH", 22, 8, 4, 1) + bytes.fromhex("000000001000800000aa00389b71")
    assert seconds_max(wide + guid + data[36:]) == 11
    assert seconds_max(wide + guid.replace(b"\x9b", b"\x9c") + data[36:]) is None


ID3 = b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128)


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        (mp3(383), 11),
        (ID3 + mp3(383), 11),
        (ID3[:5] + b"\x10" + ID3[6:] + bytes(10) + mp3(383), 11),
        (mp3(383) + b"TAG" + bytes(125), 11),
        (mp3(383)[:-5], 11),
        (mp3(383) + b"else", None),
        (mp3(383) + mp3(1, b"\xff\xfb\x00\x00"), None),
        (mp3(383) + mp3(1, b"\xff\xfb\x94\x00"), None),
        (ID3 + b"else", None),
        (b"ID3", None),
        # MPEG-2 and 2.5, 8 kbit/s; layer II, layer I.
        (mp3(10, b"\xff\xf3\x18\x00", 36), 1),
        (mp3(100, b"\xff\xe3\x18\x00", 72), 8),
        (mp3(10, b"\xff\xfd\x10\x00", 104), 1),
        (mp3(1000, b"\xff\xff\x10\x00", 32), 9),
    ],
)
def test_frames_are_counted(data: bytes, seconds: int | None) -> None:
    """One unbroken row of alike frames tells its length; anything else tells none."""
    assert seconds_max(data) == seconds


@pytest.mark.parametrize("data", [b"", b"RIFF", b"fLaC", b"OggS" * 9, b"\x1aE\xdf\xa3", b"\xff"])
def test_other_files_tell_nothing(data: bytes) -> None:
    """They can hold any length of silence."""
    assert seconds_max(data) is None


@given(st.binary(max_size=80), st.sampled_from([b"", b"ID3", b"\xff\xfb", b"RIFF\0\0\0\0WAVEfmt "]))
def test_no_bytes_make_it_raise(data: bytes, before: bytes) -> None:
    """Whatever they are."""
    found = seconds_max(before + data)
    assert found is None or found >= 1

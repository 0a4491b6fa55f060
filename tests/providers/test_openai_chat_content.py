"""What messages hold: pictures by number, sound by its length, everything else by its bytes."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from providers.openai_chat_content import Content, read_content
from providers.wire import Refused
from tests.providers.forms import wav


def sound(file: bytes) -> dict[str, Any]:
    """A part that holds a file of sound."""
    data = base64.b64encode(file).decode()
    return {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}


def read(*parts: Any, hears: bool = True, **message: Any) -> Content:
    """The content of one message with these parts."""
    return read_content([{"role": "user", "content": list(parts), **message}], ("text",), hears)


def test_sound_is_bounded_by_its_length() -> None:
    """Twice ten tokens a second; its data is no text."""
    found = read({"type": "text", "text": "a"}, sound(wav(2.5)), sound(wav(0.5)))
    assert (found.sound_tokens, found.sounds_unseen, found.has_sound) == (80, False, True)
    assert found.sound_bytes == sum(
        len(sound(wav(seconds))["input_audio"]["data"]) for seconds in (2.5, 0.5)
    )


def test_sound_that_does_not_tell_its_length_is_unseen() -> None:
    """So is an earlier answer that the provider keeps."""
    assert read(sound(b"fLaC")).sounds_unseen
    found = read(audio={"id": "audio_1"})
    assert (found.sounds_unseen, found.has_sound, found.sound_bytes) == (True, True, 0)


def test_pictures_and_text() -> None:
    """Pictures by the bytes of their address; text is nothing of its own."""
    found = read({"type": "text"}, {"type": "image_url", "image_url": {"url": "http://ü"}})
    assert (found.pictures, found.has_sound) == ([9], False)
    assert read_content([{"content": "x"}, {}], (), hears=False) == Content()


@pytest.mark.parametrize(
    ("parts", "message", "status"),
    [
        ([sound(wav(1))], {}, 403),
        ([], {"audio": {"id": "a"}}, 403),
        ([{"type": "file"}], {}, 403),
        ([{"type": "image_url"}], {}, 400),
        (["text"], {}, 400),
    ],
)
def test_what_is_refused(parts: list[Any], message: dict[str, Any], status: int) -> None:
    """Sound where it is not metered, kinds that are not known, parts that are none."""
    with pytest.raises(Refused) as caught:
        read(*parts, hears=False, **message)
    assert caught.value.denial.status == status


@pytest.mark.parametrize("data", [None, 3, "", "?", "AAA", "AAA ="])
def test_data_that_is_no_base64(data: Any) -> None:
    """It is refused: another reader may make more of it."""
    with pytest.raises(Refused) as caught:
        read({"type": "input_audio", "input_audio": {"data": data}})
    assert caught.value.denial.status == 400

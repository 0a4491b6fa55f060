"""What the messages of a Chat Completions request hold: text, pictures, sound.

Owns: which parts are known, and what of the body is no text. Refuses to know: prices, options.
Parts: https://platform.openai.com/docs/api-reference/chat/create#chat_create-messages

Sound is ten tokens a second (https://platform.openai.com/docs/guides/realtime-costs#audio-tokens),
taken for twice that. Where its bytes do not tell its length, or it is an earlier answer that the
provider keeps, the model's window bounds it: these tokens are what fills it.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

from providers import jsonbody, tokens
from providers.sound_length import seconds_max

TOKENS_A_SECOND = 20


@dataclass(slots=True)
class Content:
    """What was found in the messages.

    pictures:      bytes of each picture's address or data.
    sound_bytes:   of all sound, as it stands in the body.
    sound_tokens:  the most that it is, as far as its bytes tell.
    sounds_unseen: there is sound beside that, whose length nothing tells.
    """

    pictures: list[int] = field(default_factory=list)
    sound_bytes: int = 0
    sound_tokens: int = 0
    sounds_unseen: bool = False

    @property
    def has_sound(self) -> bool:
        """True if there is any."""
        return bool(self.sound_bytes) or self.sounds_unseen


def read_content(messages: list[Any], text_parts: tuple[str, ...], hears: bool) -> Content:
    """The content of all messages. Raises Refused (403) for parts that cannot be bounded.

    text_parts: the kinds of content that are text; hears: sound is metered.
    """
    content = Content()
    for message in messages:
        if not isinstance(message, dict):
            raise jsonbody.bad_request("Each of `messages` must be an object.")
        if message.get("audio") is not None:
            if not hears:
                raise jsonbody.not_metered("A reference to earlier audio")
            content.sounds_unseen = True
        parts = message.get("content")
        if parts is None or isinstance(parts, str):
            continue
        if not isinstance(parts, list):
            raise jsonbody.bad_request("The `content` of a message must be text or a list.")
        for part in parts:
            _read_part(content, part, text_parts, hears)
    return content


def _read_part(content: Content, part: Any, text_parts: tuple[str, ...], hears: bool) -> None:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise jsonbody.bad_request("Each part of a message must be an object with a `type`.")
    kind = part["type"]
    if kind in text_parts:
        return
    if kind == "image_url":
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else image
        if not isinstance(url, str) or not url:
            raise jsonbody.bad_request("An `image_url` part must hold an address.")
        content.pictures.append(tokens.text_tokens_max(url))
    elif kind == "input_audio" and hears:
        _read_sound(content, part.get("input_audio"))
    else:
        raise jsonbody.not_metered("Content other than text and pictures")


def _read_sound(content: Content, sound: Any) -> None:
    data = sound.get("data") if isinstance(sound, dict) else None
    if not isinstance(data, str) or not data:
        raise jsonbody.bad_request("An `input_audio` part must hold data.")
    content.sound_bytes += tokens.text_tokens_max(data)
    try:
        seconds = seconds_max(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        raise jsonbody.bad_request("The data of an `input_audio` part is not base64.") from None
    if seconds is None:
        content.sounds_unseen = True
    else:
        content.sound_tokens += seconds * TOKENS_A_SECOND

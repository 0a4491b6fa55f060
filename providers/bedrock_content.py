"""Content of a Converse request: what its blocks add to the text that is counted by its bytes.

Owns: which kinds of blocks there are and what bounds each. Refuses to know: options, prices.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html

Text, results of tools and reasoning are bounded by their bytes. A picture for Claude counts as
Claude counts pictures; what other models make of one is not published, and the same holds for
films, sounds and documents, and for all that lies in S3: the model's window bounds them. Fails
closed: a kind of block that is not known here is refused as `not_metered`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from providers import jsonbody
from providers.uses import DOCUMENT

MAX_MESSAGES = 100_000

# Bounded by the bytes of their strings, nested ones included.
_TEXTUAL = frozenset(("text", "json", "reasoningContent", "citationsContent", "cachePoint"))
_MEDIA = ("video", "audio")


@dataclass(slots=True)
class Content:
    """What the blocks of one request add up to.

    messages, blocks: how many, nested ones included.
    members:          of the inputs of earlier tool calls.
    pictures, picture_bytes: how many, and how much of the body is their data.
    unseen:           some block stands for more than its bytes, other than a picture.
    cached:           some block ends a stretch that is to be written into the cache.
    modalities:       what kinds of input there are.
    documents:        some of it is a file with pages.
    """

    messages: int = 0
    blocks: int = 0
    members: int = 0
    pictures: int = 0
    picture_bytes: int = 0
    unseen: bool = False
    cached: bool = False
    modalities: set[str] = field(default_factory=lambda: {"text"})
    documents: bool = False

    @property
    def media(self) -> frozenset[str]:
        """The kinds of media in them."""
        documents = {DOCUMENT} if self.documents else set()
        return frozenset((self.modalities | documents) - {"text"})


def read_content(document: dict[str, Any]) -> Content:
    """Adds up `system` and `messages`. Raises Refused: 400 malformed, 403 not bounded."""
    messages = document.get("messages")
    if not isinstance(messages, list) or not 0 < len(messages) <= MAX_MESSAGES:
        raise jsonbody.bad_request("`messages` must be a non-empty list.")
    content = Content(messages=len(messages))
    add_blocks(content, jsonbody.optional_list(document, "system"))
    for message in messages:
        if not isinstance(message, dict):
            raise jsonbody.bad_request("Each of `messages` must be an object.")
        add_blocks(content, jsonbody.optional_list(message, "content"))
    return content


def add_blocks(content: Content, blocks: list[Any]) -> None:
    """Takes some blocks in. Raises Refused."""
    for block in blocks:
        if not isinstance(block, dict):
            raise jsonbody.bad_request("Each block of content must be an object.")
        content.blocks += 1
        for kind, value in block.items():
            if value is not None:
                _add(content, kind, value)


def _add(content: Content, kind: str, value: Any) -> None:
    if kind in _TEXTUAL:
        content.cached = content.cached or kind == "cachePoint"
    elif kind == "toolUse":
        given = _object(value, kind).get("input")
        content.members += len(given) if isinstance(given, list | dict) else 0
    elif kind == "toolResult":
        add_blocks(content, jsonbody.optional_list(_object(value, kind), "content"))
    elif kind == "guardContent":
        add_blocks(content, [_object(value, kind)])
    elif kind == "searchResult":
        parts = jsonbody.optional_list(_object(value, kind), "content")
        content.blocks += len(parts)
    elif kind == "image":
        _add_picture(content, _object(value, kind))
    elif kind == "document":
        _add_document(content, _object(value, kind))
    elif kind in _MEDIA:
        _object(value, kind)
        content.modalities.add(kind)
        content.unseen = True
    else:
        raise jsonbody.not_metered("Content other than text, media, documents and tool results")


def _add_picture(content: Content, image: dict[str, Any]) -> None:
    source = jsonbody.optional_object(image, "source")
    data = source.get("bytes")
    content.pictures += 1
    content.modalities.add("image")
    if isinstance(data, str):
        content.picture_bytes += len(data.encode("utf-8"))


def _add_document(content: Content, document: dict[str, Any]) -> None:
    source = jsonbody.optional_object(document, "source")
    cited = jsonbody.optional_object(document, "citations").get("enabled")
    if source.keys() <= {"text", "content"} and not cited:
        content.blocks += len(jsonbody.optional_list(source, "content"))
        return
    # Pages are read as pictures too; and what may be cited is cut into parts that are marked.
    content.modalities.add("image")
    content.unseen = content.documents = True


def _object(value: Any, kind: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise jsonbody.bad_request(f"A block `{kind}` must be an object.")
    return value

"""Blocks of a conversation are counted by what they are to the model, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from providers.bedrock_content import Content, read_content
from providers.wire import Refused

PNG = {"format": "png", "source": {"bytes": "A" * 100}}
S3 = {"s3Location": {"uri": "s3://bucket/key"}}


def read(*blocks: Any, **more: Any) -> Content:
    return read_content({"messages": [{"role": "user", "content": list(blocks)}], **more})


def test_text_and_results_of_tools() -> None:
    """They are bounded by their bytes; nested blocks and members of inputs are counted."""
    result = {"toolUseId": "t", "content": [{"text": "x"}, {"json": {"a": 1}}, {"image": PNG}]}
    content = read(
        {"text": "x"},
        {"toolUse": {"toolUseId": "t", "name": "n", "input": {"a": 1, "b": [2]}}},
        {"toolResult": result},
        {"reasoningContent": {"reasoningText": {"text": "x", "signature": "y"}}},
        {"guardContent": {"text": {"text": "x"}}},
        {"searchResult": {"source": "s", "title": "t", "content": [{"text": "x"}]}},
        system=[{"text": "x"}],
    )
    assert (content.messages, content.members, content.pictures) == (1, 2, 1)
    assert content.blocks == 1 + 6 + 3 + 1 + 1
    assert (content.unseen, content.cached) == (False, False)
    assert content.picture_bytes == 100
    assert content.modalities == {"text", "image"}


@pytest.mark.parametrize(
    ("block", "modalities"),
    [
        ({"video": {"format": "mp4", "source": S3}}, {"text", "video"}),
        ({"audio": {"format": "wav", "source": {"bytes": "AA=="}}}, {"text", "audio"}),
        ({"document": {"name": "d", "source": {"bytes": "AA=="}}}, {"text", "image"}),
        ({"document": {"name": "d", "source": S3}}, {"text", "image"}),
        (
            {"document": {"name": "d", "source": {"text": "x"}, "citations": {"enabled": True}}},
            {"text", "image"},
        ),
    ],
)
def test_what_stands_for_more_than_its_bytes(block: Any, modalities: set[str]) -> None:
    """Media, pages and whatever lies in S3 are left to the window."""
    content = read(block)
    assert (content.unseen, content.modalities) == (True, modalities)


def test_documents_of_plain_text() -> None:
    """They are text."""
    source = {"content": [{"text": "x"}, {"text": "y"}]}
    content = read({"document": {"name": "d", "source": source}}, {"text": "z"})
    assert (content.unseen, content.blocks) == (False, 4)


def test_pictures_in_s3() -> None:
    """A picture is one wherever its data lies."""
    assert read({"image": {"format": "png", "source": S3}}).pictures == 1


def test_cache_points() -> None:
    """They are told, wherever they stand."""
    assert read({"text": "x"}, {"cachePoint": {"type": "default"}}).cached
    assert read({"text": "x"}, system=[{"cachePoint": {"type": "default"}}]).cached


@pytest.mark.parametrize("kind", ["toolAddition", "toolRemoval", "somethingNew"])
def test_unknown_blocks_are_refused(kind: str) -> None:
    """What is not known here may cost more than its bytes."""
    with pytest.raises(Refused) as refused:
        read({kind: {}})
    assert refused.value.denial.status == 403
    assert read({"text": "x", kind: None}).blocks == 1


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"messages": []},
        {"messages": "x"},
        {"messages": ["x"]},
        {"messages": [{"content": "x"}]},
        {"messages": [{"content": ["x"]}]},
        {"messages": [{"content": [{"image": "x"}]}]},
        {"messages": [{"content": [{"toolResult": {"content": "x"}}]}]},
        {"messages": [{"content": [{"document": {"source": []}}]}]},
        {"messages": [{"content": []}], "system": "x"},
    ],
)
def test_malformed_content_is_a_400(document: dict[str, Any]) -> None:
    """What the API would not take is refused before anything is reserved."""
    with pytest.raises(Refused) as refused:
        read_content(document)
    assert refused.value.denial.status == 400

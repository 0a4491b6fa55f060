"""Pictures and speech by the real OpenAI SDK, at both doors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.end_to_end.books import nothing_reserved, settled, settled_one
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent
from tests.end_to_end.speaking_media import PICTURE
from tests.end_to_end.upstream import Provider, ProviderCall

pytestmark = pytest.mark.xdist_group("end_to_end_media")

NewAgent = Callable[..., Agent]
MODEL = "gpt-image-1-mini"
DRAW: dict[str, Any] = {"model": MODEL, "prompt": "A dot on paper.", "size": "1024x1024"}
SAY: dict[str, Any] = {"model": "tts-1", "input": "Hällo there.", "voice": "alloy"}


def cost(call: ProviderCall) -> int:
    """$2 and $8 per million."""
    return call.cost("2", "8")


@pytest.mark.parametrize("count", [1, 3])
def test_pictures(provider: Provider, door: Door, agent: Agent, count: int) -> None:
    """Each costs its published tokens, and the prompt once more."""
    with door.sdk(agent) as sdk:
        answer = sdk.images.generate(**DRAW, n=count, quality="low")
    assert answer.data is not None
    assert [each.b64_json for each in answer.data] == [PICTURE] * count
    row = settled_one(door.gateway, agent)
    (call,) = provider.calls()
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "provider")
    assert row["usage"]["output_tokens"] == 272 * count
    assert row["actual_nanousd"] == cost(call)
    assert cost(call) <= row["reserved_nanousd"] <= 2 * cost(call)


def test_picture_stream(provider: Provider, door: Door, agent: Agent) -> None:
    """Partial pictures arrive, and the last event is booked."""
    with door.sdk(agent) as sdk:
        options: Any = {"quality": "low", "stream": True, "partial_images": 2}
        events: Any = list(sdk.images.generate(**DRAW, **options))
    kinds = [event.type.removeprefix("image_generation.") for event in events]
    assert kinds == ["partial_image", "partial_image", "completed"]
    row = settled_one(door.gateway, agent)
    (call,) = provider.calls()
    assert row["usage"]["output_tokens"] == 472
    assert row["actual_nanousd"] == cost(call) <= row["reserved_nanousd"]


@pytest.mark.parametrize("stream", [False, True])
def test_edits(provider: Provider, door: Door, agent: Agent, stream: bool) -> None:
    """What is drawn from is billed at a price of its own: $2.50 per million."""
    options: Any = {"stream": True, "partial_images": 1} if stream else {}
    files: Any = [("a.png", b"PNG"), ("b.png", b"PNG")]
    with door.sdk(agent) as sdk:
        answer: Any = sdk.images.edit(**DRAW, image=files, quality="low", **options)
        if stream:
            kinds = [event.type for event in answer]
            assert kinds == ["image_edit.partial_image", "image_edit.completed"]
        else:
            assert answer.data[0].b64_json == PICTURE
    row = settled_one(door.gateway, agent)
    (call,) = provider.calls()
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "provider")
    assert row["usage"]["input_image_tokens"] == 2 * 323
    assert row["actual_nanousd"] == cost(call) + 2 * 323 * 500 <= row["reserved_nanousd"]


def test_edits_that_do_not_fit_or_are_not_known(
    provider: Provider, door: Door, new_agent: NewAgent
) -> None:
    """One attempt each; a denial for the budget, a refusal for a model whose tokens nobody says."""
    sdk, attempts = door.counted_sdk(new_agent("0.001"))
    file: Any = ("a.png", b"PNG")
    with sdk:
        with pytest.raises(openai.APIStatusError) as raised:
            sdk.images.edit(**DRAW, image=file)
        assert (raised.value.status_code, len(attempts)) == (402, 1)
        with pytest.raises(openai.PermissionDeniedError, match=MODEL):
            sdk.images.edit(**{**DRAW, "model": "gpt-image-2"}, image=file)
        with pytest.raises(openai.PermissionDeniedError):
            sdk.post("/images/variations", body={}, cast_to=object)
    assert provider.calls() == []


def test_a_picture_that_does_not_fit_the_budget(
    provider: Provider, door: Door, new_agent: NewAgent
) -> None:
    """Nothing can make it smaller, so the call is denied, in one attempt."""
    agent = new_agent("0.03")
    sdk, attempts = door.counted_sdk(agent)
    with sdk:
        with pytest.raises(openai.APIStatusError) as raised:
            sdk.images.generate(**DRAW)
        assert (raised.value.status_code, len(attempts)) == (402, 1)
        assert provider.calls() == []
        assert nothing_reserved(door.gateway, agent)
        assert sdk.images.generate(**DRAW, quality="low").data
    rows = settled(door.gateway, agent, 2)
    assert [row["state"] for row in rows] == ["DENIED", "COMMITTED"]


def test_a_client_that_leaves_pays_for_the_picture(
    provider: Provider, door: Door, agent: Agent
) -> None:
    """It was drawn all the same, so the bound is booked, never less than the bill."""
    provider.script(hold=[1])
    options: Any = {"quality": "low", "stream": True, "partial_images": 2}
    with door.sdk(agent) as sdk:
        stream: Any = sdk.images.generate(**DRAW, **options)
        next(iter(stream))
        provider.wait_held()
        stream.close()
    row = settled_one(door.gateway, agent)
    (call,) = provider.calls()
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "estimated")
    assert cost(call) <= row["actual_nanousd"] <= row["reserved_nanousd"]


def test_speech(provider: Provider, door: Door, agent: Agent) -> None:
    """What was asked is what is billed, at $15 per million characters."""
    with door.sdk(agent) as sdk:
        assert sdk.audio.speech.create(**SAY).content == b"\xff\xfb\x90\x00" * 256
    row = settled_one(door.gateway, agent)
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "provider")
    assert row["usage"] == {"input_characters": 12}
    assert row["actual_nanousd"] == row["reserved_nanousd"] == 12 * 15_000
    assert len(provider.calls()) == 1


def test_speech_that_breaks_off(provider: Provider, door: Door, agent: Agent) -> None:
    """It costs the same, marked as estimated."""
    provider.script(hold=[2])
    with door.sdk(agent) as sdk, sdk.audio.speech.with_streaming_response.create(**SAY) as sound:
        # Without its name the iterator would be closed at once, and the connection with it.
        chunks = sound.iter_bytes(16)
        next(chunks)
        provider.wait_held()
        chunks.close()  # type: ignore[attr-defined]
    row = settled_one(door.gateway, agent)
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "estimated")
    assert row["actual_nanousd"] == 12 * 15_000


@pytest.mark.parametrize("model", ["tts-9", "gpt-image-2.5-flare"])
def test_other_models_are_refused(provider: Provider, door: Door, agent: Agent, model: str) -> None:
    """Nothing in the request bounds what they bill; the refusal names those that are metered."""
    with door.sdk(agent) as sdk:
        spoken = "tts" in model
        call: Any = sdk.audio.speech.create if spoken else sdk.images.generate
        with pytest.raises(openai.PermissionDeniedError, match="tts-1" if spoken else MODEL):
            call(**{**(SAY if spoken else DRAW), "model": model})
    assert provider.calls() == []
    assert nothing_reserved(door.gateway, agent)

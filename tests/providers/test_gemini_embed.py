"""Embeddings of Gemini models, at the Gemini API and at Vertex AI."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.gemini_embed import GEMINI_EMBED
from providers.wire import Call, Grant, Refused
from tests.providers.contract import WireFormatContract

MODEL = "/v1beta/models/gemini-embedding-001"
ONE = f"{MODEL}:embedContent"
BATCH = f"{MODEL}:batchEmbedContents"
VERTEX = "/v1/projects/p/locations/global/publishers/google/models"
PREDICT = f"{VERTEX}/gemini-embedding-001:predict"
TEXT = {"parts": [{"text": "x"}]}


def call(path: str, body: Any) -> Call:
    """A call with this body."""
    return Call("google", "POST", path, "", {}, json.dumps(body).encode())


class TestContract(WireFormatContract):
    """Embeddings keep the contract."""

    wire_format = GEMINI_EMBED
    default = Call("google", "POST", ONE, "", {}, b"")


@pytest.mark.parametrize(
    ("path", "body", "texts"),
    [
        (ONE, {"content": {"parts": [{"text": "界" * 50}]}}, 1),
        (ONE, {"content": TEXT, "task_type": "CLUSTERING", "outputDimensionality": 8}, 1),
        (BATCH, {"requests": [{"content": TEXT}] * 3}, 3),
        (PREDICT, {"instances": [{"content": "x", "task_type": "QUESTION_ANSWERING"}] * 2}, 2),
    ],
)
def test_input_is_bounded_by_the_bytes(path: str, body: Any, texts: int) -> None:
    """A token for each byte, and a little for each text; there is no output."""
    asked = call(path, body)
    facts = GEMINI_EMBED.read(asked)
    assert facts.input_tokens_max == len(asked.body) + 64 + 16 * texts
    assert (facts.model, facts.has_output, facts.kind) == ("gemini-embedding-001", False, "metered")
    assert GEMINI_EMBED.patch(asked, facts, Grant(1)) is asked.body


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (ONE, {"content": "x"}, 400),
        (ONE, {"content": TEXT, "model": "models/other"}, 400),
        (ONE, {"content": {"parts": [{"inlineData": {"mimeType": "image/png"}}]}}, 403),
        (ONE, {"content": {"parts": [{"fileData": {"fileUri": "x"}}]}}, 403),
        (ONE, {"content": TEXT, "someNewField": 1}, 403),
        (ONE, {"content": TEXT, "embedContentConfig": {"documentOcr": True}}, 403),
        (BATCH, {"requests": []}, 400),
        (BATCH, {"requests": [{"content": TEXT, "model": "models/other"}]}, 400),
        (BATCH, {"requests": [{"content": TEXT}], "priority": 1}, 403),
        (PREDICT, {"instances": []}, 400),
        (PREDICT, {"instances": [{"content": 7}]}, 400),
        (PREDICT, {"instances": [{"prompt": "a picture"}]}, 403),
        (PREDICT, {"instances": [{"content": "x"}], "parameters": {"sampleCount": 4}}, 403),
    ],
)
def test_what_is_no_text_is_refused(path: str, body: Any, status: int) -> None:
    """Malformed is 400; what may cost otherwise is 403."""
    with pytest.raises(Refused) as caught:
        GEMINI_EMBED.read(call(path, body))
    assert caught.value.denial.status == status


@pytest.mark.parametrize(
    ("model", "tier"), [("gemini-embedding-001", None), ("gemini-embedding-2", "regional")]
)
def test_a_location_may_be_dearer(model: str, tier: str | None) -> None:
    """Newer models cost more in a region, and the answer does not say so."""
    path = f"{VERTEX.replace('global', 'us-east1')}/{model}:predict"
    facts = GEMINI_EMBED.read(call(path, {"instances": [{"content": "x"}]}))
    assert facts.service_tier == tier
    meter = GEMINI_EMBED.meter(facts, 200, "application/json")
    statistics = {"embeddings": {"statistics": {"token_count": 3}}}
    meter.feed(json.dumps({"predictions": [statistics]}).encode())
    told = meter.reading().usage
    assert told is not None
    assert told.service_tier == tier


def test_predict_is_claimed_for_embeddings_only() -> None:
    """The same method makes pictures of other models, which are not metered."""
    assert GEMINI_EMBED.claims(call(PREDICT, {}))
    assert GEMINI_EMBED.claims(call(f"{VERTEX}/text-embedding-005:predict", {}))
    for path in (
        f"{VERTEX}/imagen-4.0-generate-001:predict",
        "/v1beta/models/imagen-4.0-generate-001:predict",
        f"{VERTEX}/multimodalembedding@001:predict",
        f"{MODEL}:asyncBatchEmbedContent",
        "/v1beta/models/gemini-3.8-flash:generateContent",
    ):
        assert not GEMINI_EMBED.claims(call(path, {}))
    with pytest.raises(LookupError):
        GEMINI_EMBED.read(call("/v1beta/models", {}))

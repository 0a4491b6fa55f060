"""A request that unpacks to more than the limit is refused in the shape of its API, unsent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from providers.wire import Denial
from tests.aex_addon.sending import packed
from tests.aex_addon.test_upstream_faults import CASES, facing, request
from tests.aex_addon.wire import Upstream, connected
from tests.providers.recorded import Recorded

ENCODINGS = ("gzip", "deflate", "br", "zstd")


def shape(value: Any) -> Any:
    """The keys of a document, and of what is in it."""
    return {key: shape(value[key]) for key in value} if isinstance(value, dict) else None


@pytest.mark.parametrize("recorded", CASES)
async def test_a_bomb(recorded: Recorded, tmp_path: Path, provider: Upstream) -> None:
    """Whatever it is packed in: a 413 that the API's own SDK understands."""
    refusal = recorded.wire_format.refuse(Denial(413, "body_too_large", "", execution_id="ex"))
    async with facing(tmp_path / "home", provider, recorded) as rig:
        for encoding in ENCODINGS:
            bomb = request(rig, recorded, packed(encoding), content_encoding=encoding)
            async with connected(rig.port) as client:
                answer = await client.call(bomb)
            assert answer.status == 413, encoding
            assert shape(answer.json) == shape(json.loads(refusal.body))
            assert answer.headers["x-should-retry"] == "false"
        assert {row.state for row in rig.executions()} == {"DENIED"}
    assert provider.requests == []

"""Addresses of models at Google."""

from __future__ import annotations

import pytest

from providers.gemini_route import Route, parse
from providers.wire import Call

VERTEX = "/publishers/google/models/gemini-3.8-flash:countTokens"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1beta/models/m-1.5:embedContent", Route("m-1.5", "embedContent")),
        ("/v1/models/m:generateContent", Route("m", "generateContent")),
        ("/v1alpha/tunedModels/mine:x", Route("tunedModels/mine", "x")),
        (
            f"/v1/projects/p-1/locations/global{VERTEX}",
            Route("gemini-3.8-flash", "countTokens"),
        ),
        (
            f"/v1beta1/projects/p/locations/us-east1{VERTEX}",
            Route("gemini-3.8-flash", "countTokens"),
        ),
        (f"/v1beta1{VERTEX}", Route("gemini-3.8-flash", "countTokens")),
        ("/v1beta/models/m", None),
        ("/v1beta/models/a/b:generateContent", None),
        ("/v1beta/models/..:generateContent", None),
        ("/v1beta/models/m%2e:generateContent", None),
        ("/v2/models/m:generateContent", None),
        ("/v1/projects/p/locations/global/publishers/anthropic/models/m:rawPredict", None),
        ("/v1/projects/p/locations/global/endpoints/7:generateContent", None),
        ("//v1beta/models/m:generateContent", None),
    ],
)
def test_a_path_names_a_model_and_a_method_or_nothing(path: str, expected: Route | None) -> None:
    """Versions vary, escapes and other publishers are not taken, and only POST calls a method."""
    assert parse(Call("google", "POST", path, "", {}, b"")) == expected
    assert parse(Call("google", "GET", path, "", {}, b"")) is None
    assert parse(Call("google", "POST", "/x", "", {}, b"", canonical=path)) == expected

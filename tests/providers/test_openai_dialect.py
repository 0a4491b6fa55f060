"""What a dialect refuses, whichever host's it is."""

from __future__ import annotations

import re
from typing import Any

import pytest

from providers.openai_dialect import HARMLESS, Dialect
from providers.wire import Refused

STRICT = Dialect(
    "strict",
    options=HARMLESS | {"own", "deep"},
    refused={"costly": "A costly thing"},
    only={"own": ("a", False), "deep.er": (1,)},
    models_refused=re.compile("bad"),
)
OPEN = Dialect("open")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"costly": 1}, r"A costly thing \(`costly`\)"),
        ({"unheard_of": 1}, r"does not know at this host \(`unheard_of`\)"),
        ({"own": "b"}, "This value of `own`"),
        ({"own": True}, "This value of `own`"),
        ({"deep": {"er": 2}}, r"This value of `deep\.er`"),
        ({"deep": "x"}, r"This value of `deep\.er`"),
        ({"deep": [1]}, r"This value of `deep\.er`"),
        ({"modalities": ["audio"]}, "`modalities`"),
    ],
)
def test_what_is_refused(document: dict[str, Any], message: str) -> None:
    """Costly and unknown options, and values not allowed, are refused by name."""
    with pytest.raises(Refused, match=message) as caught:
        STRICT.refuse_unmetered(document, "good")
    assert caught.value.denial.status == 403


@pytest.mark.parametrize(
    "document",
    [
        {"own": "a"},
        {"own": False},
        {"own": None, "costly": None, "unheard_of": None},
        {"deep": {}},
        {"deep": {"er": 1, "other": 5}},
        {"deep": None},
        dict.fromkeys(HARMLESS - {"modalities"}, 1),
        {"modalities": ["text"]},
    ],
)
def test_what_passes(document: dict[str, Any]) -> None:
    """Listed options with allowed values, and nothing at all."""
    STRICT.refuse_unmetered(document, "good")


def test_models_by_name() -> None:
    """A model whose cost has no bound is refused whatever else the request says."""
    with pytest.raises(Refused, match="A model that searches"):
        STRICT.refuse_unmetered({}, "a-bad-model")


def test_an_open_dialect_knows_what_costs() -> None:
    """Where the inventor's own options are known, the others pass."""
    OPEN.refuse_unmetered({"unheard_of": 1}, "m")
    with pytest.raises(Refused, match="Web search"):
        OPEN.refuse_unmetered({"web_search_options": {}}, "m")

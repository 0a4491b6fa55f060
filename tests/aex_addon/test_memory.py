"""What is remembered of answers that a provider keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aex_addon import memory as memory_module
from aex_addon.memory import Memory
from providers.uses import Uses
from providers.wire import Facts, Reading, Stored, Usage

FACTS = Facts("/v1/responses", "metered", "m", input_tokens_max=100)
READING = Reading(Usage({}), 0, complete=True, stored=("resp_1", 20))


def test_an_answer_is_all_that_was_sent_and_said() -> None:
    """Bounded as input of its model, with what else was in it; by provider."""
    memory = Memory()
    pictures = frozenset({"text", "image"})
    memory.note("openai", replace(FACTS, modalities=pictures), READING)
    assert memory.of("openai") == {"resp_1": Stored("m", 120, pictures, None)}
    assert memory.of("other") == {}


@pytest.mark.parametrize(
    ("facts", "reading"),
    [
        (replace(FACTS, input_unseen=True), READING),
        (replace(FACTS, server_units=frozenset({"web_searches"})), READING),
        (FACTS, replace(READING, usage=None)),
    ],
)
def test_what_rests_on_something_unseen_has_no_bound(facts: Facts, reading: Reading) -> None:
    """Nor what brought in text of a provider's tools, or has no count; its uses are known yet."""
    memory, uses = Memory(), Uses(server_tools=frozenset({"web_search"}))
    memory.note("openai", replace(facts, uses=uses), reading)
    assert memory.of("openai") == {"resp_1": Stored("m", None, facts.modalities, uses)}


def test_what_nobody_can_name_is_not_remembered() -> None:
    """An answer without an id, or of no model."""
    memory = Memory()
    memory.note("openai", FACTS, replace(READING, stored=None))
    memory.note("openai", replace(FACTS, model=None), READING)
    assert memory.of("openai") == {}


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many are kept; one that is told again is new."""
    monkeypatch.setattr(memory_module, "REMEMBERED", 2)
    memory = Memory()
    for name in ("a", "b", "a", "c"):
        memory.note("openai", FACTS, replace(READING, stored=(name, 1)))
    assert list(memory.of("openai")) == ["a", "c"]

"""Laws of the places for tools: no more than there are, and none of them one agent's alone."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from aex_addon.tool_places import Places


@pytest.mark.parametrize(("most", "of_one"), [(1, 1), (2, 1), (4, 3)])
def test_an_agent_leaves_one_to_others(most: int, of_one: int) -> None:
    """Where there is more than one; and all agents together hold no more than there are."""
    places = Places()
    with ExitStack() as held:
        got = [held.enter_context(places.taken("bot", most)) for _ in range(most + 1)]
        assert got == [True] * of_one + [False] * (most + 1 - of_one)
        others = [held.enter_context(places.taken(f"eve{n}", most)) for n in range(most)]
        assert others.count(True) == most - of_one


def test_a_place_comes_back() -> None:
    """However its block ends; who got none gives none back, and no name is kept."""
    places = Places()

    def breaks() -> None:
        with places.taken("bot", 1) as taken, places.taken("bot", 1) as second:
            assert (taken, second) == (True, False)
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        breaks()
    assert dict(places._held) == {}
    with places.taken("bot", 1) as taken:
        assert taken


def test_a_number_that_is_made_smaller() -> None:
    """Holds for the next one; those that run go on."""
    places = Places()
    with places.taken("bot", 4), places.taken("bot", 4), places.taken("eve", 2) as third:
        assert not third

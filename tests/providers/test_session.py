"""Which formats keep a session, and what a message leads to unless it says so."""

from __future__ import annotations

from providers.registry import FORMATS
from providers.session import KeepsSession, Turn


def test_a_message_leads_to_nothing_by_itself() -> None:
    """It does not even pass: what is not said does not happen."""
    turn = Turn()
    assert (turn.passes, turn.to_provider, turn.asks, turn.again) == (False, (), (), ())
    assert turn.ends == ""


def test_only_formats_of_sockets_keep_one() -> None:
    """They are named so, and the others have nothing like it."""
    keeping = [each.name for each in FORMATS if isinstance(each, KeepsSession)]
    assert keeping == ["openai_realtime_ws"]

"""Attempts are told once, and in words."""

from __future__ import annotations

from dataclasses import replace

from aex_addon.around.seen import Attempt, Attempts

ATTEMPT = Attempt("api.openai.com", "192.0.2.1", 443, "node", blocked=False)


def test_an_attempt_is_told_once() -> None:
    """The same program to the same host is one, whatever the address."""
    told: list[Attempt] = []
    attempts = Attempts(told.append)
    for each in (ATTEMPT, ATTEMPT, replace(ATTEMPT, address="192.0.2.2")):
        attempts.add(each)
    assert told == [ATTEMPT]
    for number in range(200):
        attempts.add(replace(ATTEMPT, program=f"p{number}"))
    assert len(told) == 64


def test_the_sentence() -> None:
    """It says who went where, and who was kept from it; of nothing it says nothing."""
    attempts = Attempts(lambda _: None)
    assert attempts.sentence() == ""
    attempts.add(ATTEMPT)
    attempts.add(replace(ATTEMPT, program=""))
    assert attempts.sentence() == (
        "went around AEX: node to api.openai.com, a process to api.openai.com"
    )
    attempts.add(replace(ATTEMPT, host="192.0.2.9", blocked=True))
    assert attempts.sentence().endswith("; kept from going around AEX: node to 192.0.2.9")

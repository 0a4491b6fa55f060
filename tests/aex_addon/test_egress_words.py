"""A refusal is plain text with its code beside it, and names what a person can do about it."""

from __future__ import annotations

import pytest

from aex_addon import egress_words as words
from providers.wire import Denial

ALL = [
    (words.own(), 403, "egress_own"),
    (words.unreadable("it is none"), 400, "egress_unreadable"),
    (words.listed("x.org", "denied"), 403, "egress_denied"),
    (words.listed("x.org", "unlisted"), 403, "egress_not_allowed"),
    (words.private("x.org"), 403, "egress_private"),
    (words.anonymous(), 407, "egress_anonymous"),
    (words.unresolved("x.org", late=False), 502, "egress_unresolved"),
    (words.unresolved("x.org", late=True), 504, "egress_unresolved"),
]


@pytest.mark.parametrize(("denial", "status", "code"), ALL)
def test_the_answer(denial: Denial, status: int, code: str) -> None:
    """Status, code and words; only a look-up that was late is worth another try."""
    answer = words.answer(denial, "CONNECT")
    assert (answer.status_code, answer.headers["x-aex-denial"]) == (status, code)
    assert answer.headers["x-should-retry"] == ("true" if status == 504 else "false")
    assert answer.content == f"{denial.message} {denial.remedy}".strip().encode() + b"\n"
    assert answer.headers["content-length"] == str(len(answer.content or b""))
    assert ("proxy-authenticate" in answer.headers) == (status == 407)


def test_an_answer_without_a_body() -> None:
    """To HEAD, the length is that of the answer it stands for."""
    answer = words.answer(words.own(), "HEAD")
    assert answer.content == b""
    assert answer.headers["content-length"] != "0"


def test_no_host_is_repeated_at_length() -> None:
    """What a client sends is not sent back in any length."""
    assert len(words.private("x" * 10_000).message) < 200

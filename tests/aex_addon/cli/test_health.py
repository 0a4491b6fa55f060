"""Asking for health."""

from __future__ import annotations

import socket

import pytest

from aex_addon.cli.health import probe
from tests.aex_addon.cli.conftest import Answers


def test_a_gateway_that_serves(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    """200 with a status is health, whatever proxy the environment names."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert probe("127.0.0.1", answers.server_port).ok


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (503, b'{"status": "unavailable"}', "it answers 503: unavailable"),
        (200, b"<html>", "no AEX gateway"),
        (200, b"[]", "no AEX gateway"),
        (404, b"{}", "no AEX gateway"),
    ],
)
def test_other_answers_are_no_health(
    answers: Answers, status: int, body: bytes, reason: str
) -> None:
    """A gateway that is stopping and a foreign server are each told apart."""
    answers.status, answers.body = status, body
    health = probe("127.0.0.1", answers.server_port)
    assert not health.ok
    assert reason in health.reason


def test_nobody_and_nonsense() -> None:
    """A closed port, a silent server and a server of something else are reasons, not errors."""
    assert probe("127.0.0.1", 0).reason == "its port is not known"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert probe("127.0.0.1", port, 0.05).reason
    assert "refused" in probe("127.0.0.1", port).reason

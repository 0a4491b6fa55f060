"""What is known of an open WebSocket."""

from __future__ import annotations

from aex_addon.identity import Credential
from aex_addon.socket_layer import Outbox
from aex_addon.sockets import WAITING_MAX, Socket
from providers.openai_realtime_session import RealtimeSession
from providers.openai_responses_ws import OPENAI_RESPONSES_SOCKET
from providers.wire import MESSAGE, Call, Stored
from tests.aex_addon.test_calls import route


def opened(size_max: int = 100) -> Socket:
    headers = {"user-agent": "codex/1", "idempotency-key": "k", "upgrade": "websocket"}
    handshake = Call("openai", "GET", "/v1/responses", "a=b", headers, b"")
    outbox, token = Outbox(size_max), Credential("t")
    return Socket(handshake, "proxy", token, route(), OPENAI_RESPONSES_SOCKET, outbox)


def test_a_message_is_a_call_of_its_own() -> None:
    """It has the handshake's path and provider, and nothing of its headers or query."""
    earlier = {"resp_1": Stored("m", 5)}
    call = opened().call(b"{}", earlier)
    assert call == Call("openai", MESSAGE, "/v1/responses", "", {}, b"{}")
    assert call.earlier is earlier


def test_the_agent_is_who_shook_hands() -> None:
    """Its name stands in the handshake, or nowhere."""
    assert opened().agent == "codex/1"


def test_what_waits_is_bounded() -> None:
    """By number, and by bytes in all."""
    socket = opened()
    assert [socket.wait(b"x") for _ in range(WAITING_MAX + 1)] == [True] * WAITING_MAX + [False]
    small = opened(size_max=10)
    assert [small.wait(b"x" * 6), small.wait(b"x" * 6), small.wait(b"x" * 4)] == [True, False, True]
    assert [len(message) for message in small.waiting] == [6, 4]


def test_a_session_names_the_model_of_its_messages() -> None:
    """Where the messages themselves do not."""
    socket = opened()
    socket.session = RealtimeSession("gpt-realtime")
    assert socket.call(b"{}", {}).path_model == "gpt-realtime"

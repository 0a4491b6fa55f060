"""A session of Realtime: nothing of the client passes that could begin a response unasked."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest

from providers.openai_realtime_session import (
    ASK,
    HELD_MAX,
    HELD_MAX_BYTES,
    OPENING_ID,
    RealtimeSession,
)
from providers.session import Turn
from providers.wire import Refused
from tests.providers.contract import ODD, bent, dumped

VAD = {"type": "server_vad", "threshold": 0.5, "create_response": True, "idle_timeout_ms": None}


def told(kind: str, detection: Any = None, **session: Any) -> bytes:
    """What the provider says a session is."""
    audio = {"input": {"turn_detection": detection, "transcription": None}}
    whole = {"type": "realtime", "model": "gpt-realtime", "audio": audio, **session}
    return json.dumps({"type": f"session.{kind}", "event_id": "e", "session": whole}).encode()


def event(kind: str, **fields: Any) -> bytes:
    """A message of this type."""
    return json.dumps({"type": kind, **fields}).encode()


def begun(detection: Any = None, **session: Any) -> RealtimeSession:
    """A session in which the client may speak."""
    found = RealtimeSession("gpt-realtime")
    assert found.from_provider(told("created", detection, **session)).passes
    return found


def update(session: RealtimeSession, **fields: Any) -> dict[str, Any]:
    """What the provider is told where a client sets these."""
    (sent,) = session.from_client(event("session.update", session=fields)).to_provider
    return dict(json.loads(sent)["session"])


def test_voice_detection_is_quieted_before_anything_passes() -> None:
    """What the client says meanwhile is held, and looked at once the provider confirms."""
    session = RealtimeSession("gpt-realtime")
    early = event("input_audio_buffer.append", audio="AAAA")
    assert session.from_client(early) == Turn()
    turn = session.from_provider(told("created", VAD))
    assert (turn.passes, turn.asks, turn.again) == (True, (), ())
    (opening,) = turn.to_provider
    quiet = {**VAD, "create_response": False}
    sent = json.loads(opening)
    assert (sent["type"], sent["event_id"]) == ("session.update", OPENING_ID)
    assert sent["session"]["audio"] == {"input": {"turn_detection": quiet}}
    assert session.from_client(ASK) == Turn()
    confirmed = session.from_provider(told("updated", quiet))
    assert confirmed == Turn(passes=False, again=(early, ASK))
    assert session.from_client(early) == Turn(to_provider=(early,))


def test_a_session_that_is_quiet_already() -> None:
    """It needs no opening; its first message passes as it is."""
    for detection in (None, {**VAD, "create_response": False}):
        assert begun(detection).from_client(ASK) == Turn(asks=(ASK,))


def test_what_is_held_is_bounded() -> None:
    """More than that is refused, in bytes and in messages."""
    for early in ([b"x" * HELD_MAX_BYTES], [b"x"] * HELD_MAX):
        session = RealtimeSession("gpt-realtime")
        for message in early:
            assert session.from_client(message) == Turn()
        with pytest.raises(Refused) as caught:
            session.from_client(b"x")
        assert caught.value.denial.code == "too_many_waiting"


def spoken(session: RealtimeSession) -> tuple[bytes, ...]:
    """What is asked once somebody has been heard out."""
    assert session.from_provider(event("input_audio_buffer.speech_started")).asks == ()
    assert session.from_provider(event("input_audio_buffer.speech_stopped")).asks == ()
    return session.from_provider(event("input_audio_buffer.committed")).asks


def test_who_is_heard_out_is_answered() -> None:
    """AEX asks in the client's name, once for each time; not where the client commits itself."""
    session = begun({**VAD, "create_response": False})
    assert spoken(session) == (ASK,)
    assert session.from_provider(event("input_audio_buffer.committed")).asks == ()
    assert spoken(session) == (ASK,)


def test_the_client_may_turn_that_off() -> None:
    """By its own word, or with the detection itself; and on again."""
    session = begun()
    found = update(session, audio={"input": {"turn_detection": {**VAD, "create_response": False}}})
    assert found["audio"]["input"]["turn_detection"]["create_response"] is False
    assert spoken(session) == ()
    found = update(session, audio={"input": {"turn_detection": {"type": "semantic_vad"}}})
    assert found["audio"]["input"]["turn_detection"] == {
        "type": "semantic_vad",
        "create_response": False,
    }
    assert spoken(session) == (ASK,)
    assert update(session, audio={"input": {"turn_detection": None}})["audio"]["input"] == {
        "turn_detection": None
    }
    assert spoken(session) == ()


def test_what_else_is_set_passes_as_it_is() -> None:
    """Byte for byte."""
    session = begun()
    sent = event("session.update", session={"instructions": "Be kind.", "audio": {"output": {}}})
    assert session.from_client(sent) == Turn(to_provider=(sent,))


def test_the_cap_of_the_session_holds() -> None:
    """It would be overwritten by one that is granted, so it is written into what asks."""
    session = begun(max_output_tokens=200)
    (asked,) = session.from_client(ASK).asks
    assert json.loads(asked)["response"] == {"max_output_tokens": 200}
    own = event("response.create", response={"max_output_tokens": "inf"})
    assert session.from_client(own) == Turn(asks=(own,))
    assert session.from_provider(told("updated", max_output_tokens="inf")).passes
    assert session.from_client(ASK) == Turn(asks=(ASK,))


ITEM = "conversation.item.create"
REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"type": "session.update", "session": {"prompt": {"id": "pmpt_1"}}}, 403),
    ({"type": "session.update", "session": {"type": "transcription"}}, 403),
    ({"type": "session.update", "session": {"model": "gpt-realtime-2"}}, 403),
    ({"type": "session.update", "session": {"tools": [{"type": "mcp"}]}}, 403),
    ({"type": "session.update", "session": {"turn_detection": None}}, 403),
    ({"type": "session.update", "session": {"audio": None}}, 400),
    ({"type": "session.update", "session": {"audio": {"input": None}}}, 400),
    ({"type": "session.update", "session": {"audio": {"both": {}}}}, 403),
    ({"type": "session.update", "session": {"audio": {"input": {"vad": 1}}}}, 403),
    ({"type": "session.update", "session": {"audio": {"input": {"transcription": {}}}}}, 403),
    ({"type": ITEM, "item": {"type": "mcp_approval_response"}}, 403),
    ({"type": "transcription_session.update"}, 403),
    ({"type": "an.event.of.tomorrow"}, 403),
    ({"type": ["response.create"]}, 403),
    ({}, 403),
]


def detection(**fields: Any) -> dict[str, Any]:
    """An update of the voice detection."""
    found = {"input": {"turn_detection": fields}}
    return {"type": "session.update", "session": {"audio": found}}


REFUSED += [
    (detection(type="other_vad"), 403),
    (detection(), 403),
    (detection(type="server_vad", idle_timeout_ms=5000), 403),
    (detection(type="server_vad", create_response="no"), 400),
]


@pytest.mark.parametrize(("message", "status"), REFUSED, ids=lambda value: str(value)[:70])
def test_what_is_refused(message: dict[str, Any], status: int) -> None:
    """What would be billed by itself, or is not known; the session stays as it was."""
    session = begun()
    with pytest.raises(Refused) as caught:
        session.from_client(json.dumps(message).encode())
    assert caught.value.denial.status == status
    assert session.from_client(ASK).asks


def test_messages_that_ask_for_nothing_pass() -> None:
    """Sound, items and their like, byte for byte."""
    session = begun()
    for message in (
        event("input_audio_buffer.append", audio="AAAA"),
        event("input_audio_buffer.commit"),
        event("response.cancel"),
        event(ITEM, item={"type": "message", "role": "user", "content": []}),
        event(ITEM, item={"type": "function_call_output", "call_id": "c", "output": "1"}),
    ):
        assert session.from_client(message) == Turn(to_provider=(message,))


ENDS: list[bytes] = [
    told("created", VAD, type="transcription"),
    told("created", "server_vad"),
    told("created", audio=None),
    event("session.created"),
    told("created", audio={"input": {"turn_detection": None, "transcription": {"model": "w"}}}),
    event("error", error={"event_id": OPENING_ID, "message": "No."}),
]


@pytest.mark.parametrize("message", ENDS)
def test_a_session_that_cannot_be_metered_ends(message: bytes) -> None:
    """Nothing of the client has passed by then."""
    assert RealtimeSession("gpt-realtime").from_provider(message).ends


def test_a_session_that_turns_otherwise_ends() -> None:
    """Should the provider not do as it was told, or begin a response beside another."""
    deaf = RealtimeSession("gpt-realtime")
    assert deaf.from_provider(told("created", VAD)).to_provider
    assert deaf.from_provider(told("updated", VAD)).ends
    assert begun().from_provider(told("updated", VAD)).ends
    idle = {**VAD, "create_response": False, "idle_timeout_ms": 5000}
    assert begun().from_provider(told("updated", idle)).ends
    session = begun()
    created = event("response.created", response={"id": "resp_1"})
    assert session.from_provider(created) == Turn(passes=True)
    assert session.from_provider(event("response.done")) == Turn(passes=True)
    assert session.from_provider(created) == Turn(passes=True)
    assert session.from_provider(created).ends


def test_nothing_that_a_provider_says_raises() -> None:
    """Any field absent or of another kind; what is no JSON passes."""
    for message in (told("created", VAD), told("updated", VAD), ENDS[-1]):
        for variant in bent(json.loads(message), ODD):
            RealtimeSession("m").from_provider(dumped(variant))
            begun().from_provider(dumped(variant))
    assert begun().from_provider(b"\xff") == Turn(passes=True)


def test_nothing_that_a_client_says_raises_but_a_refusal() -> None:
    """Any field absent or of another kind."""
    for message in (detection(**VAD), {"type": "response.create", "response": {"tools": []}}):
        for variant in bent(message, ODD):
            with suppress(Refused):
                begun(max_output_tokens=9).from_client(dumped(variant))

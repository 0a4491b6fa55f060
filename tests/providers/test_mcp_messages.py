"""Messages of MCP: what is read as a call of a tool, and that nothing else can be one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.mcp_messages import BATCH_MAX, Message, ids, read
from providers.wire import Refused

CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{}}}'


def refusal(body: bytes, **headers: str) -> int:
    """The status by which it is refused."""
    with pytest.raises(Refused) as raised:
        read(body, {name.replace("_", "-"): value for name, value in headers.items()})
    return raised.value.denial.status


def bent(**changes: Any) -> bytes:
    """The call with these members; None takes one away."""
    changed = {**json.loads(CALL), **changes}
    return json.dumps({key: value for key, value in changed.items() if value is not None}).encode()


def test_a_call() -> None:
    """A method, an id and a tool, however its strings are escaped."""
    assert read(CALL, {}) == (Message("tools/call", 1, "add"),)
    escaped = CALL.replace(b"tools/call", b"tools\\/c\\u0061ll").replace(b"add", b"\\u0061dd")
    assert read(escaped, {}) == (Message("tools/call", 1, "add"),)
    assert read(bent(id="x-1", extension={"Method": 1}), {})[0].id == "x-1"


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{}", b"null", b"1", b'"tools/call"', b"[]", b"[[]]", b"\xff", CALL[:-1]),
        b"[" + CALL + b",[" + CALL.replace(b":1,", b":2,") + b"]]",
        b"[" + CALL + b"," + CALL + b"]",
        b"[" + b",".join(bent(id=n) for n in range(BATCH_MAX + 1)) + b"]",
        CALL.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + CALL,
        CALL.replace(b'"method"', b'"method":"ping","method"'),
        CALL.replace(b'"name"', b'"name":"free","name"'),
        CALL + b"\n" + CALL,
        b'{"a":' * 100 + CALL + b"}" * 100,
        bent(Method="ping"),
        bent(PARAMS={}),
        CALL.replace(b'"method"', '"metho\u0064\u017f"'.encode()),
        CALL.replace(b'"params"', '"param\u017f"'.encode()),
        bent(params={"name": "free", "Name": "add"}),
        bent(params={"name": "free", "Arguments": {}}),
        bent(jsonrpc="1.0"),
        bent(jsonrpc=None),
        bent(method=None),
        bent(method=["tools/call"]),
        bent(result={}),
        bent(error={}),
        bent(params=None),
        bent(params=["add"]),
        bent(params={"name": ["add"]}),
        bent(params={"name": ""}),
        bent(params={"name": "add\n"}),
        bent(params={"name": "a" * 129}),
        *(bent(id=each) for each in (None, True, 1.5, 1.0, [], {}, 2**53, "x" * 257)),
        CALL.replace(b":1,", b":null,"),
        CALL.replace(b":1,", b":" + b"9" * 5000 + b","),
        b'{"jsonrpc":"2.0","id":1,"result":{},"error":{}}',
        b'{"jsonrpc":"2.0","result":{}}',
        b'{"jsonrpc":"2.0","id":1,"method":"notifications/initialized"}',
        b'{"jsonrpc":"2.0","method":"ping"}',
    ],
)
def test_what_two_servers_could_read_differently(body: bytes) -> None:
    """No second key, no other spelling, no wrong type, no call that nobody answers."""
    assert 400 <= refusal(body) <= 403


@pytest.mark.parametrize(
    "method",
    [
        *("Tools/Call", "tools/call ", " tools/call", "tools/call\0", "tools//call", "tools.call"),
        *("tools/call/", "TOOLS/CALL", "tool/call", "toolſ/call", "", "sampling/createMessage"),
        *("notifications/", "notifications/a b", "x/notifications/initialized"),
    ],
)
def test_a_method_that_is_not_known(method: str) -> None:
    """A server may take it for a call of a tool, so it is refused, with an id and without."""
    assert refusal(bent(method=method)) == 403
    assert refusal(bent(method=method, id=None)) == 403


def test_all_else_passes() -> None:
    """Requests of any kind, notifications of any name, answers, and a batch of all of them."""
    others = [
        {"jsonrpc": "2.0", "id": 7, "method": "resources/read", "params": {"uri": "x"}},
        {"jsonrpc": "2.0", "method": "notifications/vendor/some_thing"},
        {"jsonrpc": "2.0", "id": "s", "result": {"Method": "tools/call"}},
        {"jsonrpc": "2.0", "id": 7, "error": {"code": 1, "message": "m"}},
    ]
    body = json.dumps([*others, json.loads(CALL)]).encode()
    assert [message.method for message in read(body, {})] == [
        *("resources/read", "notifications/vendor/some_thing", "", "", "tools/call"),
    ]


def test_headers_that_tell_the_same() -> None:
    """As of 2026-07-28 they name method and tool too; what they say must be what is asked."""
    assert read(CALL, {"mcp-method": "tools/call", "mcp-name": "add"})
    assert read(CALL, {"mcp-name": "=?base64?YWRk?="})
    assert refusal(CALL, mcp_method="ping") == 400
    for name in ("free", "=?base64?ZnJlZQ==?=", "=?base64?%%?=", "=?base64?/w==?="):
        assert refusal(CALL, mcp_name=name) == 400


def test_ids_of_whatever_came() -> None:
    """Those that wait for an answer; of what cannot be read, none."""
    assert ids(CALL) == ([1], False)
    assert ids(b"[" + CALL + b',{"id":"x","method":3},{"id":4,"result":{}},5]') == ([1, "x"], True)
    for body in (b"", b"{", b"[" * 100_000, b"7", bent(id=True), bent(id=None), b"\xff"):
        assert ids(body)[0] == []

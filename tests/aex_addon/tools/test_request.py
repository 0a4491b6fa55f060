"""Laws of a request to have a tool run: one strict reading, and no id that is anybody else's."""

from __future__ import annotations

import pytest

from aex_addon.doors import OWN_PATHS
from aex_addon.idempotency import key_hash
from aex_addon.tools import request
from aex_addon.tools.request import PATH, Wish
from providers.wire import Call, Refused


def call(body: bytes, **headers: str) -> Call:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call(request.PROVIDER, "POST", PATH, "", named, body)


@pytest.mark.parametrize(
    ("body", "wish"),
    [
        (b'{"tool": "a"}', Wish("a", b"null")),
        (b'{"tool": "a", "input": null}', Wish("a", b"null")),
        (
            b'{"input": [1, 2.5, "\\u00e9", {}], "tool": "a-b_c"}',
            Wish("a-b_c", '[1,2.5,"é",{}]'.encode()),
        ),
        (b'{"tool": "a", "input": "text", "execution_id": "s1"}', Wish("a", b'"text"')),
    ],
)
def test_a_tool_is_given_the_input_as_json(body: bytes, wish: Wish) -> None:
    """Whatever JSON it is, and nothing else of the request."""
    assert request.read(call(body))[0] == wish


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[1]",
        b'{"tool": ""}',
        b'{"tool": null}',
        b'{"tool": "a\\u0000"}',
        b'{"tool": "a\\nb"}',
        b'{"tool": ["a"]}',
        b'{"tool": "%s"}' % (b"a" * 65),
        b'{"tool": "a", "args": {}}',
        b'{"tool": "a", "input": Infinity}',
        b'{"tool": "a", "input": "\\ud800"}',
        b'{"tool": "a", "input": %s1%s}' % (b"[" * 100, b"]" * 100),
        b'{"tool": "a", "execution_id": 1}',
        b'{"tool": "a", "execution_id": "a\\nb"}',
    ],
)
def test_what_is_no_wish_is_refused(body: bytes) -> None:
    """With a 400 that repeats no value."""
    with pytest.raises(Refused) as found:
        request.read(call(body))
    assert found.value.denial.status == 400


def test_the_clients_own_id_is_a_key() -> None:
    """In the body or as the header it is the same; two that differ are refused."""
    _, named = request.read(call(b'{"tool": "a", "execution_id": "s1"}'))
    _, headed = request.read(call(b'{"tool": "a"}', x_aex_execution_id="s1"))
    _, both = request.read(call(b'{"tool": "a", "execution_id": "s1"}', x_aex_execution_id="s1"))
    assert key_hash(named) == key_hash(headed) == key_hash(both) != ""
    assert key_hash(request.read(call(b'{"tool": "a"}'))[1]) == ""
    with pytest.raises(Refused, match="two runs"):
        request.read(call(b'{"tool": "a", "execution_id": "s1"}', x_aex_execution_id="s2"))


def test_it_is_asked_at_both_prefixes() -> None:
    """As all of OpenAI's own paths are."""
    assert {PATH, f"/openai{PATH}"} == OWN_PATHS

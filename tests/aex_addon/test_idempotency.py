"""aex_addon/idempotency.py: a client's key, and the answers that are kept for it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from aex_addon.home import HomeError
from aex_addon.idempotency import KEY_MAX, StoredAnswer, Vault, kept_headers, key_hash, load_vault
from providers.wire import Call, Refused

ANSWER = StoredAnswer(200, (("content-type", "text/event-stream"),), b"data: [DONE]\n\n")


def call(path: str = "/v1/chat/completions", **headers: str) -> Call:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call("openai", "POST", path, "", named, b"{}")


def test_a_call_without_a_key_has_none() -> None:
    """Equal calls without a key are two calls."""
    assert key_hash(call(authorization="Bearer x")) == ""


def test_a_key_is_scoped_to_its_route() -> None:
    """The same key on the same route is the same key, and on another route another."""
    first = key_hash(call(idempotency_key="k"))
    assert first == key_hash(call(idempotency_key='"k"')) != ""
    assert first != key_hash(call("/v1/embeddings", idempotency_key="k"))
    assert first != key_hash(call(idempotency_key="other"))
    assert first != key_hash(call(x_aex_execution_id="k"))


def test_an_agents_own_ids_are_a_key() -> None:
    """An execution and a step together name a call; another step is another call."""
    first = key_hash(call(x_aex_execution_id="run", x_aex_step_id="1"))
    assert first not in ("", key_hash(call(x_aex_execution_id="run", x_aex_step_id="2")))


@pytest.mark.parametrize("key", ["", '""', "x" * (KEY_MAX + 1)])
def test_a_key_of_no_use_is_refused(key: str) -> None:
    """An empty key or an overlong one is a 400, not a call without a key."""
    with pytest.raises(Refused) as raised:
        key_hash(call(idempotency_key=key))
    assert raised.value.denial.status == 400


def test_what_is_sealed_opens_again() -> None:
    """Status, headers and bytes come back, and the stored bytes show none of them."""
    vault = Vault(bytes(32))
    sealed = vault.seal("ex_1", ANSWER, 5)
    assert vault.open("ex_1", sealed.data) == ANSWER
    assert b"DONE" not in sealed.data
    assert (sealed.size, sealed.ttl_ns) == (len(sealed.data), 5)


def test_nothing_else_opens() -> None:
    """Another execution's answer, an altered byte, a cut, another key: none of them opens."""
    vault = Vault(bytes(32))
    data = vault.seal("ex_1", ANSWER, 5).data
    assert vault.open("ex_2", data) is None
    assert Vault(bytes([1] * 32)).open("ex_1", data) is None
    assert vault.open("ex_1", data[:-1]) is None
    for index in range(len(data)):
        altered = data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]
        assert vault.open("ex_1", altered) is None


def test_headers_of_the_connection_are_not_kept() -> None:
    """What describes the answer is kept; framing, cookies and AEX's own marks are not."""
    kept = kept_headers(
        {
            "Content-Type": "a/b",
            "Content-Encoding": "gzip",
            "Transfer-Encoding": "chunked",
            "Content-Length": "3",
            "Set-Cookie": "s",
            "X-AEX-Execution-Id": "ex",
        }
    )
    assert kept == (("content-type", "a/b"), ("content-encoding", "gzip"))


def test_the_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    """A home keeps its key, 0600; one that others may read is refused with the remedy."""
    path = tmp_path / "keys" / "answers.key"
    sealed = load_vault(path).seal("ex_1", ANSWER, 5)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_vault(path).open("ex_1", sealed.data) == ANSWER
    path.chmod(0o644)
    with pytest.raises(HomeError, match="chmod 600"):
        load_vault(path)


def test_a_key_is_the_same_under_all_paths_for_one_thing() -> None:
    """A host's two paths for chat share keys; two deployments that the path names do not."""
    headers = {"idempotency-key": "k"}
    first, second = (
        key_hash(Call("deepseek", "POST", path, "", headers, b"{}", "/v1/chat/completions"))
        for path in ("/chat/completions", "/v1/chat/completions")
    )
    assert first == second
    one, other = (
        key_hash(Call("azure", "POST", "/d", "", headers, b"{}", "/v1/chat/completions", model))
        for model in ("a", "b")
    )
    assert one != other

"""The contract of OpenAI's API, as its clients rely on it, held against a gateway that runs.

Owns: the questions and what an answer must be. Each answer that costs money is asked for with the
smallest output there is. Refuses to know: whose gateway it is, how the agent got its token.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

from aex_addon.cli.checks.verdict import Verdict, broken, sound
from aex_addon.tokens import mint

CHAT = "/v1/chat/completions"
_PATIENCE_S = 60.0
_OUTPUT_TOKENS = 16
_REMEDY = "see what the call came to: aex executions list; and the gateway's log"


@dataclass(frozen=True, slots=True)
class Asker:
    """An agent of the gateway at this address."""

    host: str
    port: int
    token: str = field(repr=False)

    def ask(
        self, method: str, path: str, body: Any = None, token: str | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """(status, headers with lower-case names, body). Raises OSError, HTTPException."""
        connection = HTTPConnection(self.host, self.port, timeout=_PATIENCE_S)
        headers = {"authorization": f"Bearer {token or self.token}", "connection": "close"}
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body else None
        if content is not None:
            headers["content-type"] = "application/json"
        try:
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, told, answer.read()
        finally:
            connection.close()


def look(asker: Asker, model: str) -> Iterator[Verdict]:
    """One verdict for each clause, as it is tried."""
    clauses: tuple[tuple[str, Callable[[Asker, str], str]], ...] = (
        ("models", _models),
        ("answer", _answer),
        ("stream", _stream),
        ("stream usage", _stream_usage),
        ("wrong token", _wrong_token),
        ("broken body", _broken_body),
        ("unknown path", _unknown_path),
    )
    for name, clause in clauses:
        about = f"compat: {name}"
        try:
            said = clause(asker, model)
        except (OSError, HTTPException, ValueError, LookupError, TypeError, Unlike) as error:
            yield broken(about, str(error) or type(error).__name__, _REMEDY)
        else:
            yield sound(about, said)


class Unlike(Exception):
    """The answer is not what OpenAI's would be."""


def _need(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Unlike(otherwise)


def _ok(status: int, body: bytes) -> None:
    if status != 200:
        try:
            said = json.loads(body)["error"]["message"]
        except (ValueError, LookupError, TypeError):
            said = body[:200].decode("utf-8", "replace")
        raise Unlike(f"answered {status}: {said}")


def _models(asker: Asker, _model: str) -> str:
    status, _, body = asker.ask("GET", "/v1/models")
    _ok(status, body)
    document = json.loads(body)
    _need(document.get("object") == "list", "GET /v1/models is no list")
    _need(all("id" in one for one in document["data"]), "a model of GET /v1/models has no id")
    return f"{len(document['data'])} models are listed"


def _request(model: str, **more: Any) -> dict[str, Any]:
    message = {"role": "user", "content": "Say ok."}
    return {
        "model": model,
        "messages": [message],
        "max_completion_tokens": _OUTPUT_TOKENS,
        **more,
    }


def _answer(asker: Asker, model: str) -> str:
    status, headers, body = asker.ask("POST", CHAT, _request(model))
    _ok(status, body)
    document = json.loads(body)
    _need(document.get("object") == "chat.completion", "its object is no chat.completion")
    _need("message" in document["choices"][0], "its first choice has no message")
    counts = document["usage"]
    _need(counts["total_tokens"] > 0, "its usage counts no tokens")
    _need("x-aex-execution-id" in headers, "it names no execution")
    return f"{counts['total_tokens']} tokens, execution {headers['x-aex-execution-id']}"


def _chunks(asker: Asker, request: dict[str, Any]) -> list[dict[str, Any]]:
    status, headers, body = asker.ask("POST", CHAT, request)
    _ok(status, body)
    _need(headers.get("content-type", "").startswith("text/event-stream"), "it is no event stream")
    lines = [line[5:].strip() for line in body.splitlines() if line.startswith(b"data:")]
    _need(bool(lines) and lines[-1] == b"[DONE]", "the stream does not end with [DONE]")
    chunks: list[dict[str, Any]] = [json.loads(line) for line in lines[:-1]]
    kinds = {chunk.get("object") for chunk in chunks}
    _need(kinds == {"chat.completion.chunk"}, f"its chunks are {sorted(map(str, kinds))}")
    return chunks


def _stream(asker: Asker, model: str) -> str:
    chunks = _chunks(asker, _request(model, stream=True))
    extra = [chunk for chunk in chunks if not chunk["choices"]]
    _need(not extra, "it holds a chunk of usage that nobody asked for")
    return f"{len(chunks)} chunks, then [DONE]"


def _stream_usage(asker: Asker, model: str) -> str:
    asked = _request(model, stream=True, stream_options={"include_usage": True})
    counted = [chunk["usage"] for chunk in _chunks(asker, asked) if chunk.get("usage")]
    _need(bool(counted), "usage was asked for, and no chunk has it")
    return f"{counted[-1]['total_tokens']} tokens are told"


def _refused(answer: tuple[int, dict[str, str], bytes], statuses: range) -> str:
    status, headers, body = answer
    _need(status in statuses, f"answered {status}")
    error = json.loads(body)["error"]
    _need(isinstance(error["message"], str) and bool(error["type"]), "its error has another shape")
    _need(headers.get("x-should-retry") == "false", "it invites another try")
    return f"{status}, {error['code'] or error['type']}"


def _wrong_token(asker: Asker, model: str) -> str:
    answer = asker.ask("POST", CHAT, _request(model), token=mint().secret)
    return _refused(answer, range(401, 402))


def _broken_body(asker: Asker, _model: str) -> str:
    return _refused(asker.ask("POST", CHAT, b'{"model": '), range(400, 500))


def _unknown_path(asker: Asker, _model: str) -> str:
    return _refused(asker.ask("POST", "/v1/no/such/path", {"x": 1}), range(400, 500))

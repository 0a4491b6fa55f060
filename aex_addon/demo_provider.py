"""A small pretend OpenAI on loopback, so that AEX can be tried with no internet and no key.

Owns: HTTP/1.1 over asyncio streams, the few OpenAI paths that the demo and the tests call, one
deterministic answer per prompt, and a bill book: what it charges for, whoever hung up first.
Refuses to know: AEX and its tokens, the ledger, prices, mitmproxy. Standard library only.

Its tokenizer is a stand-in: four bytes of input text make one token (rounded up), and each piece
of an answer is one token, so that no count exceeds the bytes that carried it.

    python -m aex_addon.demo_provider --port 0 --api-key KEY     (first line out: {"port": N})
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

CREATED = 1_767_225_600  # every answer carries the same time: equal calls get equal answers


@dataclass(slots=True)
class Exchange:
    """One call: what came (header names in lower case), the way back, and its line in the book."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    writer: asyncio.StreamWriter
    id: int = 0
    status: int = 0
    model: str | None = None
    stream: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    complete: bool = False

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, status: int, headers: dict[str, str]) -> None:
        self.status = status
        lines = [f"HTTP/1.1 {status} Demo", f"x-request-id: req_demo{self.id:06d}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        await self.write("\r\n".join([*lines, "", ""]).encode())

    async def answer(self, status: int, data: bytes) -> None:
        """A whole JSON answer in one piece."""
        length = {"content-type": "application/json", "content-length": str(len(data))}
        await self.head(status, length)
        await self.write(data)
        self.complete = True

    async def error(self, status: int, message: str, code: str | None = None) -> None:
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        await self.answer(status, json.dumps({"error": error}).encode())

    async def event(self, data: str) -> None:
        payload = f"data: {data}\n\n".encode()
        await self.write(b"%x\r\n%s\r\n" % (len(payload), payload))


class DemoProvider:
    """The provider: `await start()` gives the port, `book` is the bill book."""

    def __init__(self, api_key: str | None = None, pause: float = 0.0) -> None:
        self.api_key, self.pause = api_key, pause
        self.book: list[Exchange] = []
        self._server: asyncio.Server | None = None
        self.routes: dict[tuple[str, str], Callable[[Exchange], Awaitable[None]]] = {
            ("POST", "/v1/chat/completions"): self.chat,
            ("POST", "/v1/embeddings"): self.embeddings,
            ("GET", "/v1/models"): self.free,
            ("GET", "/v1/files"): self.free,
            ("POST", "/v1/traces/ingest"): self.free,
        }

    async def start(self, port: int = 0) -> int:
        self._server = await asyncio.start_server(self._converse, "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for exchange in self.book:
            exchange.writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                exchange = await read_exchange(reader, writer)
                await self.receive(exchange)
                if exchange.header("connection").lower() == "close":
                    break
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass  # the peer left, or spoke no HTTP; the book keeps what was generated for it
        finally:
            writer.close()

    async def receive(self, exchange: Exchange) -> None:
        """Enters the call in the book and answers it."""
        self.book.append(exchange)
        exchange.id = len(self.book)
        handler = self.handler(exchange)
        if not self.authorized(exchange):
            await exchange.error(401, "Incorrect API key provided.", "invalid_api_key")
        elif handler is None:
            await exchange.error(404, f"Invalid URL ({exchange.method} {exchange.path})")
        else:
            try:
                await handler(exchange)
            except (AttributeError, IndexError, KeyError, TypeError, json.JSONDecodeError):
                await exchange.error(400, "The body is not what this path takes.")

    def handler(self, exchange: Exchange) -> Callable[[Exchange], Awaitable[None]] | None:
        """What answers the call's path."""
        return self.routes.get((exchange.method, exchange.path.partition("?")[0]))

    def authorized(self, exchange: Exchange) -> bool:
        """True for the one key that is accepted, if there is one."""
        return not self.api_key or exchange.header("authorization") == f"Bearer {self.api_key}"

    async def free(self, exchange: Exchange) -> None:
        """A path that bills nothing: an empty list, or the models."""
        names = ("gpt-4o-mini", "text-embedding-3-small") if "models" in exchange.path else ()
        data = [{"id": name, "object": "model", "created": CREATED} for name in names]
        await exchange.answer(200, json.dumps({"object": "list", "data": data}).encode())

    async def pace(self, exchange: Exchange, index: int) -> None:
        """Called before the event `index` of a stream is generated."""
        await asyncio.sleep(self.pause)

    def pieces(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        """The whole answer as deltas of one token each, before any cap."""
        last, tools = document["messages"][-1], document.get("tools")
        if tools and document.get("tool_choice") != "none" and last.get("role") != "tool":
            return tool_pieces(tools[0]["function"]["name"], text_of(last.get("content")))
        words = re.findall(r"\s*\S+", f"You said: {text_of(last.get('content'))}")
        return [{"content": word} for word in words[:256]]

    def usage(self, exchange: Exchange) -> Any:
        spent, made = exchange.input_tokens, exchange.output_tokens
        counts = {"prompt_tokens": spent, "completion_tokens": made, "total_tokens": spent + made}
        return {**counts, "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0}}

    async def chat(self, exchange: Exchange) -> None:
        document = json.loads(exchange.body)
        exchange.model, exchange.stream = document["model"], bool(document.get("stream"))
        texts = [text_of(message.get("content")) for message in document["messages"]]
        tools = json.dumps(document["tools"]) if document.get("tools") else ""
        exchange.input_tokens = count_tokens("".join([*texts, tools]))
        pieces = self.pieces(document)
        cap = document.get("max_completion_tokens") or document.get("max_tokens") or len(pieces)
        finish = "tool_calls" if "tool_calls" in pieces[0] else "stop"
        finish, pieces = "length" if cap < len(pieces) else finish, pieces[:cap]
        choices = range(document.get("n") or 1)
        if exchange.stream:
            asked = (document.get("stream_options") or {}).get("include_usage") is True
            opening = {"role": "assistant", "content": "", "refusal": None}
            await self._stream(exchange, [opening, *pieces, {}], choices, finish, asked)
            return
        exchange.output_tokens = len(pieces) * len(choices)
        whole = {"message": join_pieces(pieces), "logprobs": None, "finish_reason": finish}
        answer = {**envelope(exchange), "choices": [{"index": i, **whole} for i in choices]}
        answer["usage"] = self.usage(exchange)
        await exchange.answer(200, json.dumps(answer, ensure_ascii=False).encode())

    async def _stream(
        self, exchange: Exchange, deltas: list[Any], choices: range, finish: str, asked: bool
    ) -> None:
        """Events as OpenAI sends them; usage is null but for the extra last chunk, if asked for."""
        base, last = envelope(exchange, ".chunk"), len(deltas) - 1
        sse = "text/event-stream; charset=utf-8"
        await exchange.head(200, {"content-type": sse, "transfer-encoding": "chunked"})
        for step, delta in enumerate(deltas):
            for i in choices:
                await self.pace(exchange, step * len(choices) + i)
                exchange.output_tokens += 0 < step < last
                reason = finish if step == last else None
                choice = {"index": i, "delta": delta, "logprobs": None, "finish_reason": reason}
                chunk = {**base, "choices": [choice], **({"usage": None} if asked else {})}
                await exchange.event(json.dumps(chunk, ensure_ascii=False))
        if asked:
            await self.pace(exchange, len(deltas) * len(choices))
            await exchange.event(json.dumps({**base, "choices": [], "usage": self.usage(exchange)}))
        await exchange.event("[DONE]")
        await exchange.write(b"0\r\n\r\n")
        exchange.complete = True

    async def embeddings(self, exchange: Exchange) -> None:
        document = json.loads(exchange.body)
        exchange.model, given, data = document["model"], document["input"], []
        items = [given] if isinstance(given, str) or isinstance(given[0], int) else given
        for index, item in enumerate(items):
            exchange.input_tokens += count_tokens(item) if isinstance(item, str) else len(item)
            seed = hashlib.shake_256(json.dumps(item).encode()).digest(8)
            vector = [byte / 128 - 1 for byte in seed]
            data.append({"object": "embedding", "index": index, "embedding": vector})
        counts = {"prompt_tokens": exchange.input_tokens, "total_tokens": exchange.input_tokens}
        answer = {"object": "list", "data": data, "model": exchange.model, "usage": counts}
        await exchange.answer(200, json.dumps(answer).encode())


async def read_exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchange:
    """The next request on a connection, its body whole."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    pairs = [line.partition(":") for line in head[1:] if line]
    headers = [(name.strip().lower(), value.strip()) for name, _, value in pairs]
    exchange = Exchange(method, path, headers, b"", writer)
    if exchange.header("transfer-encoding").lower() == "chunked":
        while size := int((await reader.readline()).split(b";")[0], 16):
            exchange.body += (await reader.readexactly(size + 2))[:size]
        await reader.readline()
    else:
        exchange.body = await reader.readexactly(int(exchange.header("content-length") or 0))
    return exchange


def count_tokens(text: str) -> int:
    """The stand-in tokenizer."""
    return -(-len(text.encode(errors="replace")) // 4)


def text_of(content: Any) -> str:
    """The text of a message, whose content is a string or a list of parts."""
    parts = [{"text": content}] if isinstance(content, str) else content or ()
    return " ".join(str(part["text"]) for part in parts if "text" in part)


def tool_pieces(name: str, prompt: str) -> list[dict[str, Any]]:
    """A call of the tool with the prompt as its one argument, cut as a stream cuts it."""
    arguments = json.dumps({"echo": prompt[:200]})
    cuts = [{"arguments": arguments[i : i + 8]} for i in range(0, len(arguments), 8)]
    function = {"name": name, "arguments": ""}
    opening = {"index": 0, "id": "call_demo", "type": "function", "function": function}
    return [{"tool_calls": [c]} for c in (opening, *({"index": 0, "function": f} for f in cuts))]


def join_pieces(pieces: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that the pieces of a stream add up to."""
    if "content" in pieces[0]:
        text = "".join(piece["content"] for piece in pieces)
        return {"role": "assistant", "content": text, "refusal": None}
    first, *rest = [piece["tool_calls"][0] for piece in pieces]
    text = "".join(call["function"]["arguments"] for call in rest)
    call = {**first, "function": {**first["function"], "arguments": text}}
    del call["index"]
    return {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]}


def envelope(exchange: Exchange, suffix: str = "") -> dict[str, Any]:
    """What every chat answer, or with `.chunk` every event of one, begins with."""
    kind, name = f"chat.completion{suffix}", f"chatcmpl-demo{exchange.id:06d}"
    return {"id": name, "object": kind, "created": CREATED, "model": exchange.model}


async def serve(port: int, api_key: str | None, pause: float) -> None:
    """Runs a provider until the process ends; says first where it listens."""
    provider = DemoProvider(api_key, pause)
    sys.stdout.write(json.dumps({"port": await provider.start(port)}) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--api-key", help="the only key that is accepted; without it, any is")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between stream events")
    given = parser.parse_args()
    asyncio.run(serve(given.port, given.api_key, given.pause))

"""The fake provider's Gemini: `generateContent` and its streams, embeddings, and free paths.

Owns: answers as the Gemini API, Vertex AI and Code Assist (which Gemini CLI calls on a log-in) give
them. Refuses to know: AEX.
Each piece of an answer is one token; an answer of a model that is asked to think begins with
`THOUGHTS` more, which count and are shown as a summary.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

from aex_addon.demo_provider import DemoProvider, count_tokens
from tests.end_to_end.faults import bend_usage

THOUGHTS = 7
_PREFIX = r"/v1\w*/(?:(?:projects/[\w-]+/locations/[\w-]+/)?publishers/google/)?"


def speak(provider: DemoProvider) -> list[Any]:
    """What answers which method and path."""
    gemini, code_assist = Gemini(provider), CodeAssist(provider)
    model = rf"{_PREFIX}models/[\w.-]+"
    routes = (
        ("POST", rf"{model}:generateContent", gemini.once),
        ("POST", rf"{model}:streamGenerateContent", gemini.stream),
        ("POST", rf"{model}:batchEmbedContents", gemini.embed),
        ("POST", rf"{model}:countTokens", gemini.count),
        ("GET", r"/v1beta\d*/models", gemini.models),
        ("POST", r"/v1internal:generateContent", code_assist.once),
        ("POST", r"/v1internal:streamGenerateContent", code_assist.stream),
        ("POST", r"/v1internal:\w+", code_assist.free),
    )
    return [(method, re.compile(path), answer) for method, path, answer in routes]


class Gemini:
    """The methods, for one provider."""

    def __init__(self, provider: DemoProvider) -> None:
        self.provider = provider

    def asked(self, exchange: Any) -> tuple[str, dict[str, Any]]:
        """The model and the request."""
        return model_of(exchange.path), json.loads(exchange.body)

    def told(self, answer: dict[str, Any]) -> dict[str, Any]:
        """An answer, or a chunk of one, as it is sent."""
        return answer

    async def once(self, exchange: Any) -> None:
        chunks = [chunk async for chunk in self._chunks(exchange)]
        parts = [part for chunk in chunks for part in parts_of(chunk)]
        answer = chunks[-1]
        answer["candidates"][0]["content"] = {"role": "model", "parts": merged(parts)}
        usage = bend_usage(exchange.script.get("usage", ""), answer.pop("usageMetadata"))
        if usage is not ...:
            answer["usageMetadata"] = usage
        told = json.dumps(self.told(answer), ensure_ascii=False, indent=2)
        await exchange.answer(200, told.encode())

    async def stream(self, exchange: Any) -> None:
        exchange.stream = True
        events = "alt=sse" in exchange.path
        kind = "text/event-stream" if events else "application/json; charset=UTF-8"
        await exchange.head(200, {"content-type": kind, "transfer-encoding": "chunked"})
        async for chunk in self._chunks(exchange):
            index, exchange.events = exchange.events, exchange.events + 1
            usage = bend_usage(exchange.script.get("usage", ""), chunk.pop("usageMetadata"))
            if usage is not ...:
                chunk["usageMetadata"] = usage
            told = self.told(chunk)
            data = json.dumps(told, ensure_ascii=False, indent=None if events else 2)
            start = "data: " if events else ",\r\n" if index else "["
            await self._send(exchange, index, f"{start}{data}" + ("\r\n\r\n" if events else "\n"))
        if not events:
            await exchange.chunk(b"]")
        await exchange.write(b"0\r\n\r\n")
        exchange.complete = True

    async def embed(self, exchange: Any) -> None:
        document = json.loads(exchange.body)
        exchange.model = model_of(exchange.path)
        texts = [text_of([request["content"]]) for request in document["requests"]]
        exchange.input_tokens = sum(map(count_tokens, texts))
        usage = {"promptTokenCount": exchange.input_tokens}
        embeddings = [{"values": [0.5, -0.25, 0.125]} for _ in texts]
        answer = {"embeddings": embeddings, "usageMetadata": usage}
        await exchange.answer(200, json.dumps(answer).encode())

    async def count(self, exchange: Any) -> None:
        tokens = count_tokens(text_of(json.loads(exchange.body)["contents"]))
        await exchange.answer(200, json.dumps({"totalTokens": tokens}).encode())

    async def models(self, exchange: Any) -> None:
        listed = [{"name": "models/gemini-2.5-flash", "outputTokenLimit": 65_536}]
        await exchange.answer(200, json.dumps({"models": listed}).encode())

    async def _send(self, exchange: Any, index: int, text: str) -> None:
        payload = text.encode()
        if exchange.cut_at(index):
            half = payload[: len(payload) // 2] if exchange.script["cut"].get("mid") else b""
            if half:
                await exchange.chunk(half)
            exchange.break_off()
        await exchange.chunk(payload)

    async def _chunks(self, exchange: Any) -> AsyncIterator[dict[str, Any]]:
        """The answer chunk by chunk, each with the usage so far."""
        exchange.model, asked = self.asked(exchange)
        document = spelled(asked)
        system = document.get("systemInstruction") or {}
        tools = json.dumps(document["tools"]) if document.get("tools") else ""
        prompt = text_of([system, *contents_of(document)])
        exchange.input_tokens = count_tokens(prompt + tools)
        config = document.get("generationConfig") or {}
        pieces = pieces_of(document)
        thoughts = THOUGHTS if config.get("thinkingConfig") else 0
        cap = max(config["maxOutputTokens"] - thoughts, 0)
        finish = "MAX_TOKENS" if cap < len(pieces) else "STOP"
        pieces = pieces[:cap]
        exchange.output_tokens = thoughts
        opening = [{"text": "Thinking.", "thought": True}] if thoughts else []
        parts = [*opening, *pieces] or [{"text": ""}]
        for step, part in enumerate(parts):
            await self.provider.pace(exchange, step)
            exchange.output_tokens += step >= len(opening) and bool(pieces)
            content = {"role": "model", "parts": [part]}
            last = step == len(parts) - 1
            candidate = {"content": content, "index": 0} | (
                {"finishReason": finish} if last else {}
            )
            yield {
                "candidates": [candidate],
                "usageMetadata": usage_of(exchange, thoughts),
                "modelVersion": exchange.model,
                "responseId": f"demo{exchange.id:06d}",
            }


class CodeAssist(Gemini):
    """The same in an envelope."""

    def asked(self, exchange: Any) -> tuple[str, dict[str, Any]]:
        envelope = json.loads(exchange.body)
        return envelope["model"], envelope["request"]

    def told(self, answer: dict[str, Any]) -> dict[str, Any]:
        return {"response": answer, "traceId": answer["responseId"]}

    async def free(self, exchange: Any) -> None:
        """What the CLI asks beside its calls; a plan and a project are what it needs to be told."""
        plan = {"currentTier": {"id": "free-tier"}, "cloudaicompanionProject": "a-project"}
        await exchange.answer(200, json.dumps(plan).encode())


def usage_of(exchange: Any, thoughts: int) -> dict[str, Any]:
    spent, made = exchange.input_tokens, exchange.output_tokens
    usage: dict[str, Any] = {"promptTokenCount": spent, "totalTokenCount": spent + made}
    if made > thoughts:
        usage["candidatesTokenCount"] = made - thoughts
    if thoughts:
        usage["thoughtsTokenCount"] = thoughts
    return {**usage, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": spent}]}


def spelled(value: Any) -> Any:
    """The document with the keys as answers have them; either spelling is taken in a request."""
    if isinstance(value, list):
        return [spelled(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        re.sub(r"_(\w)", lambda found: found[1].upper(), key): spelled(each)
        for key, each in value.items()
    }


def model_of(path: str) -> str:
    return path.partition(":")[0].rpartition("/")[2]


def contents_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The turns of a request; one alone needs no list around it."""
    contents = document["contents"]
    return contents if isinstance(contents, list) else [contents]


def parts_of(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a content, or of the first candidate of a chunk."""
    found = content["candidates"][0]["content"] if "candidates" in content else content
    parts = found.get("parts") or []
    return parts if isinstance(parts, list) else [parts]


def text_of(contents: list[dict[str, Any]]) -> str:
    return " ".join(part.get("text", "") for each in contents for part in parts_of(each))


def pieces_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The answer before any cap: a call of the first function, or the prompt again."""
    last = contents_of(document)[-1]
    said = text_of([last])
    declared = [
        each
        for tool in document.get("tools") or ()
        for each in tool.get("functionDeclarations") or ()
    ]
    answered = any("functionResponse" in part for part in parts_of(last))
    if declared and not answered:
        return [{"functionCall": {"name": declared[0]["name"], "args": {"echo": said, "n": 3}}}]
    return [{"text": word} for word in re.findall(r"\s*\S+", f"You said: {said}")[:256]]


def merged(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts with neighbouring texts joined, as a whole answer has them."""
    found: list[dict[str, Any]] = []
    for part in parts:
        if found and found[-1].keys() == part.keys() == {"text"}:
            found[-1] = {"text": found[-1]["text"] + part["text"]}
        else:
            found.append(part)
    return found

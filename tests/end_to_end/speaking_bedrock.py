"""The Bedrock runtime, as the fake provider speaks it: one deterministic answer per prompt.

Owns: the JSON and frames of Converse and of two makers' own bodies, and checking the signature of
a request as AWS does, with AWS's own library. Refuses to know: AEX. The tokenizer is the demo's.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html
"""

from __future__ import annotations

import base64
import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from aex_addon.demo_provider import DemoProvider, Exchange, count_tokens, text_of
from providers.eventstream import CONTENT_TYPE, frame
from tests.end_to_end.faults import bend_usage

if TYPE_CHECKING:
    from tests.end_to_end.fake_provider import FakeExchange, Spoken

ACCESS_KEY, SESSION_TOKEN = "AKIAFAKEACCESSKEY", "session-token-of/the+real=kind"
METRICS = "amazon-bedrock-invocationMetrics"
_SIGNATURE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(\w+)/\d{8}/([a-z0-9-]+)/bedrock/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)


def speak(provider: DemoProvider) -> list[Spoken]:
    """The paths that are answered, and how."""
    model = "/model/[^/]+"
    return [
        ("POST", re.compile(f"{model}/converse"), partial(converse, provider)),
        ("POST", re.compile(f"{model}/converse-stream"), partial(converse, provider)),
        ("POST", re.compile(f"{model}/invoke"), partial(invoke, provider)),
        ("POST", re.compile(f"{model}/invoke-with-response-stream"), partial(invoke, provider)),
        ("POST", re.compile(f"{model}/count-tokens"), counted),
    ]


def signed(exchange: Exchange, secret: str | None) -> bool:
    """True for a request whose signature is AWS's, made with the one access key that is known."""
    found = _SIGNATURE.fullmatch(exchange.header("authorization"))
    if found is None or found[1] != ACCESS_KEY or not secret:
        return False
    names = found[3].split(";")
    covered = {name: exchange.header(name) for name in names if name != "host"}
    url = f"http://{exchange.header('host')}{exchange.path}"
    request = AWSRequest(exchange.method, url, covered, exchange.body)
    request.context["timestamp"] = exchange.header("x-amz-date")
    oracle = SigV4Auth(Credentials(ACCESS_KEY, secret, SESSION_TOKEN), "bedrock", found[2])
    canonical = oracle.canonical_request(request)
    expected: str = oracle.signature(oracle.string_to_sign(request, canonical), request)
    required = {"host", "x-amz-date", "x-amz-security-token", "content-type"} <= set(names)
    return (
        required
        and exchange.header("x-amz-security-token") == SESSION_TOKEN
        and (expected == found[4])
    )


async def counted(exchange: Exchange) -> None:
    """How many tokens the prompt has."""
    await exchange.answer(
        200, json.dumps({"inputTokens": count_tokens(str(exchange.body))}).encode()
    )


def begin(exchange: Exchange) -> dict[str, Any]:
    """The body; the line in the book says what was asked."""
    document: dict[str, Any] = json.loads(exchange.body)
    exchange.model = unquote(exchange.path.split("/")[2])
    exchange.stream = exchange.path.endswith("stream")
    return document


def words(prompt: str, cap: int | None) -> tuple[list[str], bool]:
    """The answer in pieces of one token each, and whether the cap has cut it short."""
    made = re.findall(r"\s*\S+", f"You said: {prompt}")[:256]
    most = len(made) if cap is None else cap
    return made[:most], most < len(made)


async def converse(provider: DemoProvider, exchange: FakeExchange) -> None:
    """An answer, whole or in frames, and its line in the book."""
    document = begin(exchange)
    last = document["messages"][-1]["content"]
    prompt = text_of(last)
    texts = [text_of(message["content"]) for message in document["messages"]]
    texts += [text_of(document.get("system")), json.dumps(document.get("toolConfig", ""))]
    exchange.input_tokens = count_tokens("".join(texts))
    tools = [tool["toolSpec"] for tool in document.get("toolConfig", {}).get("tools", [])]
    cap = document.get("inferenceConfig", {}).get("maxTokens")
    if tools and "toolResult" not in last[0]:
        written = json.dumps({"echo": prompt[:200]})
        pieces, cut = [written[at : at + 8] for at in range(0, len(written), 8)], False
        use = {"toolUseId": "tooluse_demo", "name": tools[0]["name"]}
        stop = "tool_use"
    else:
        pieces, cut = words(prompt, cap)
        use, stop = {}, "max_tokens" if cut else "end_turn"
    if exchange.stream:
        await converse_stream(provider, exchange, use, pieces, stop)
        return
    exchange.output_tokens = len(pieces)
    whole = "".join(pieces)
    block = {"toolUse": {**use, "input": json.loads(whole)}} if use else {"text": whole}
    message = {"role": "assistant", "content": [block]}
    answer = {"output": {"message": message}, "stopReason": stop, "metrics": {"latencyMs": 1}}
    answer["usage"] = usage(exchange)
    await exchange.answer(200, json.dumps(answer, ensure_ascii=False).encode())


def usage(exchange: Exchange) -> dict[str, int]:
    given, made = exchange.input_tokens, exchange.output_tokens
    return {"inputTokens": given, "outputTokens": made, "totalTokens": given + made}


async def converse_stream(
    provider: DemoProvider,
    exchange: FakeExchange,
    use: dict[str, Any],
    pieces: list[str],
    stop: str,
) -> None:
    await head(exchange)
    await send(provider, exchange, "messageStart", {"role": "assistant"})
    if use:
        start = {"contentBlockIndex": 0, "start": {"toolUse": use}}
        await send(provider, exchange, "contentBlockStart", start)
    for piece in pieces:
        exchange.output_tokens += 1
        delta = {"toolUse": {"input": piece}} if use else {"text": piece}
        event = {"contentBlockIndex": 0, "delta": delta}
        await send(provider, exchange, "contentBlockDelta", event)
    await send(provider, exchange, "contentBlockStop", {"contentBlockIndex": 0})
    await send(provider, exchange, "messageStop", {"stopReason": stop})
    bent = bend_usage(exchange.script.get("usage", ""), usage(exchange))
    told = {} if bent is ... else {"usage": bent}
    await send(provider, exchange, "metadata", {"metrics": {"latencyMs": 1}, **told})
    await end(exchange)


async def invoke(provider: DemoProvider, exchange: FakeExchange) -> None:
    """The own bodies of Claude and of Llama, whole or in frames."""
    document = begin(exchange)
    claude = "anthropic" in (exchange.model or "")
    prompt = text_of(document["messages"][-1]["content"]) if claude else document["prompt"]
    exchange.input_tokens = count_tokens(prompt)
    pieces, _ = words(prompt, document.get("max_tokens" if claude else "max_gen_len"))
    if exchange.stream:
        await invoke_stream(provider, exchange, pieces, claude)
        return
    exchange.output_tokens, whole = len(pieces), "".join(pieces)
    if claude:
        answer: dict[str, Any] = {**message(), "content": [{"type": "text", "text": whole}]}
        answer |= {"stop_reason": "end_turn", "usage": claude_usage(exchange)}
    else:
        answer = {"generation": whole, "stop_reason": "stop"}
    data = json.dumps(answer, ensure_ascii=False).encode()
    counts = {
        "x-amzn-bedrock-input-token-count": str(exchange.input_tokens),
        "x-amzn-bedrock-output-token-count": str(exchange.output_tokens),
    }
    length = {"content-type": "application/json", "content-length": str(len(data))}
    await exchange.head(200, {**length, **counts})
    await exchange.write(data)
    exchange.complete = True


def message() -> dict[str, Any]:
    return {"id": "msg_bdrk_01", "type": "message", "role": "assistant", "model": "claude"}


def claude_usage(exchange: Exchange) -> dict[str, int]:
    return {"input_tokens": exchange.input_tokens, "output_tokens": exchange.output_tokens}


async def invoke_stream(
    provider: DemoProvider, exchange: FakeExchange, pieces: list[str], claude: bool
) -> None:
    await head(exchange)

    async def event(**fields: Any) -> None:
        inner = json.dumps(fields, ensure_ascii=False).encode()
        await send(provider, exchange, "chunk", {"bytes": base64.b64encode(inner).decode()})

    if claude:
        begun = {
            **message(),
            "content": [],
            "usage": {**claude_usage(exchange), "output_tokens": 1},
        }
        await event(type="message_start", message=begun)
        await event(type="content_block_start", index=0, content_block={"type": "text", "text": ""})
    for piece in pieces:
        exchange.output_tokens += 1
        if claude:
            delta = {"type": "text_delta", "text": piece}
            await event(type="content_block_delta", index=0, delta=delta)
        else:
            await event(generation=piece, stop_reason=None)
    metrics = {
        "inputTokenCount": exchange.input_tokens,
        "outputTokenCount": exchange.output_tokens,
        "invocationLatency": 2,
        "firstByteLatency": 1,
    }
    if claude:
        await event(type="content_block_stop", index=0)
        told = {"output_tokens": exchange.output_tokens}
        await event(type="message_delta", delta={"stop_reason": "end_turn"}, usage=told)
        await event(type="message_stop", **{METRICS: metrics})
    else:
        await event(generation="", stop_reason="stop", **{METRICS: metrics})
    await end(exchange)


async def head(exchange: FakeExchange) -> None:
    await exchange.head(200, {"content-type": CONTENT_TYPE, "transfer-encoding": "chunked"})


async def send(
    provider: DemoProvider, exchange: FakeExchange, kind: str, payload: dict[str, Any]
) -> None:
    await provider.pace(exchange, exchange.events)
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    data = json.dumps({**payload, "p": "abcdefghijklmnop"}, ensure_ascii=False).encode()
    await exchange.send(frame(headers, data))


async def end(exchange: FakeExchange) -> None:
    if tail := exchange.packer.finish():
        await exchange.chunk(tail)
    await exchange.write(b"0\r\n\r\n")
    exchange.complete = True

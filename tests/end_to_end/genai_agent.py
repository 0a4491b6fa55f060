"""A small agent on the unmodified google-genai SDK, which its environment leads to AEX.

Owns: the calls that tests ask for. Refuses to know: AEX. It runs in an environment of its own, so
it imports nothing of the tests. The one argument is a JSON object (`do`, `model`, `text`, `config`,
`api_version`, `retries`); it prints what the SDK gave, or the class and words of what it raised.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

from google import genai
from google.genai import errors, types


def told(answer: types.GenerateContentResponse) -> dict[str, Any]:
    usage = answer.usage_metadata
    calls = [call.name for call in answer.function_calls or []]
    return {
        "text": "".join(part.text or "" for part in answer.parts or [] if not part.thought),
        "calls": calls,
        "usage": usage.model_dump(exclude_none=True, mode="json") if usage else None,
    }


def joined(answers: list[types.GenerateContentResponse]) -> dict[str, Any]:
    each = [told(answer) for answer in answers]
    return {
        "text": "".join(one["text"] for one in each),
        "calls": [name for one in each for name in one["calls"]],
        "usage": each[-1]["usage"],
        "chunks": len(each),
    }


def once(client: genai.Client, job: dict[str, Any]) -> Any:
    return told(client.models.generate_content(**job["call"]))


def stream(client: genai.Client, job: dict[str, Any]) -> Any:
    return joined(list(client.models.generate_content_stream(**job["call"])))


def chat(client: genai.Client, job: dict[str, Any]) -> Any:
    made = client.chats.create(model=job["call"]["model"], config=job["call"].get("config"))
    first = told(made.send_message(job["call"]["contents"]))
    return [first, joined(list(made.send_message_stream("And again?")))]


def together(client: genai.Client, job: dict[str, Any]) -> Any:
    async def ask() -> list[Any]:
        models = client.aio.models
        calls = [models.generate_content(**job["call"]) for _ in range(3)]
        chunks = [each async for each in await models.generate_content_stream(**job["call"])]
        return [joined(chunks), *map(told, await asyncio.gather(*calls))]

    return asyncio.run(ask())


def embed(client: genai.Client, job: dict[str, Any]) -> Any:
    answer = client.models.embed_content(**job["call"])
    return [len(each.values or []) for each in answer.embeddings or []]


def count(client: genai.Client, job: dict[str, Any]) -> Any:
    call = {key: value for key, value in job["call"].items() if key != "config"}
    return client.models.count_tokens(**call).total_tokens


def models(client: genai.Client, job: dict[str, Any]) -> Any:
    return [model.name for model in client.models.list()]


def caches(client: genai.Client, job: dict[str, Any]) -> Any:
    config: Any = {"contents": job["call"]["contents"], "ttl": "3600s"}
    return client.caches.create(model=job["call"]["model"], config=config).name


WAYS: dict[str, Callable[[genai.Client, dict[str, Any]], Any]] = {
    each.__name__: each for each in (once, stream, chat, together, embed, count, models, caches)
}


def main() -> None:
    job = json.loads(sys.argv[1])
    options: dict[str, Any] = {"timeout": 30_000}
    if "api_version" in job:
        options["api_version"] = job["api_version"]
    if "attempts" in job:
        retry = {"attempts": job["attempts"], "initial_delay": 0.1, "max_delay": 1.0}
        options["retry_options"] = types.HttpRetryOptions(**retry)
    try:
        client = genai.Client(http_options=types.HttpOptions(**options), **job.get("client", {}))
        result = {"answer": WAYS[job["do"]](client, job)}
    except errors.APIError as error:
        words = {"code": error.code, "status": error.status, "message": error.message}
        headers = getattr(error.response, "headers", None)
        result = {"raised": type(error).__name__, **words, "headers": dict(headers or {})}
    sys.stdout.write(json.dumps(result))


main()

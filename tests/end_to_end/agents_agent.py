"""A small agent on the unmodified OpenAI Agents SDK, which its environment leads to AEX.

Owns: the runs that tests ask for. Refuses to know: AEX. It runs in an environment of its own, so
it imports nothing of the tests. The argument is a JSON object (`transport`, `stream`); it prints
what the run came to, or the class and words of what it raised.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import openai
from agents import (
    Agent,
    Runner,
    function_tool,
    set_default_openai_responses_transport,
    set_tracing_disabled,
)


@function_tool
def look_up(echo: str) -> str:
    """Looks something up."""
    return f"found {echo}"


async def run(job: dict[str, Any]) -> dict[str, Any]:
    agent = Agent(name="bot", instructions="Be brief.", model="gpt-4.1", tools=[look_up])
    try:
        if job["stream"]:
            result: Any = Runner.run_streamed(agent, "three wörds")
            seen = [event.type async for event in result.stream_events()]
        else:
            result, seen = await Runner.run(agent, "three wörds"), []
    except openai.APIStatusError as error:
        return {"raised": type(error).__name__, "told": str(error), "status": error.status_code}
    except Exception as error:
        return {"raised": type(error).__name__, "told": str(error)}
    usage = result.context_wrapper.usage
    counted = [usage.input_tokens, usage.output_tokens]
    return {"said": result.final_output, "usage": counted, "events": len(seen)}


if __name__ == "__main__":
    order = json.loads(sys.argv[1])
    set_tracing_disabled(disabled=True)
    set_default_openai_responses_transport(order["transport"])
    sys.stdout.write(json.dumps(asyncio.run(run(order))))

"""The demo's agent: plain code with the openai SDK, as anybody writes it.

Owns: three calls. Refuses to know: AEX. It reads what the SDK reads from the environment, and
nothing in it says that it is governed.
"""

from __future__ import annotations

import openai

MODEL = "gpt-4o-mini"
QUESTION = "In one sentence, what is a ledger?"


def main() -> None:
    """One JSON call, one stream, and one call that asks for more than the budget carries."""
    client = openai.OpenAI()

    answer = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": QUESTION}], max_tokens=200
    )
    print(f"  agent: JSON    {answer.choices[0].message.content}")

    stream = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": QUESTION}],
        max_tokens=200,
        stream=True,
    )
    pieces = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    print(f"  agent: stream  {''.join(pieces)} ({len(pieces)} pieces)")

    try:
        client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": QUESTION}]
        )
    except openai.APIStatusError as error:
        print(f"  agent: {type(error).__name__}: {error.message}")


if __name__ == "__main__":
    main()

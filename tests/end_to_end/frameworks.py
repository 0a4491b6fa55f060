"""Frameworks that bring SDKs of their own, unmodified, in an environment of their own.

Owns: the process that has imported one (forking.py), and the variables that lead it to a door.
Refuses to know: what is asked of it (the agent beside each test file), what the ledger makes of it.
"""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end import anthropic_sdk
from tests.end_to_end.books import rows, settled
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent
from tests.end_to_end.processes import clean_environment
from tests.end_to_end.sdks import interpreter
from tests.end_to_end.upstream import Provider

HERE = Path(__file__).parent
# The first test may have to make the environment.
MARKS = [pytest.mark.xdist_group("end_to_end_frameworks"), pytest.mark.timeout(300)]
# What a user of a machine without internet sets: litellm fetches a price list when it is imported.
# The vocabulary that it ships serves langchain's embeddings too.
OFFLINE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LANGSMITH_TRACING": "false"}
# The rate at which an SDK is told to wait two seconds at the most.
RPM = 30


def environment(door: Door, agent: Agent) -> dict[str, str]:
    """Variables that bring a client of OpenAI, Anthropic and Gemini to this door, and no others."""
    gemini = {"GEMINI_API_KEY": door.key(agent)}
    if door.proxy(agent) is None:
        gemini["GEMINI_API_BASE"] = f"{door.gateway.url}/gemini/v1beta"
    both = door.environment(agent) | anthropic_sdk.environment(door, agent)
    return {**both, **gemini, "NO_PROXY": "localhost,127.0.0.1"}


class Framework:
    """One that has been imported, and does what its agent can."""

    def __init__(self, agent: str, log: Path) -> None:
        self.log, self.numbers = log, itertools.count()
        python = interpreter("frameworks")
        offline = {**OFFLINE, "TIKTOKEN_CACHE_DIR": str(vocabularies(python))}
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [str(python), str(HERE / "forking.py"), str(HERE / agent)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                env=clean_environment(offline) | {"PYTHONPATH": ""},
            )

    def ask(self, door: Door, agent: Agent, do: str, **job: Any) -> Any:
        """What the job came to: `answer`, or `raised` and what goes with it."""
        number = next(self.numbers)
        known = {"id": number, "do": do, "times": 1, "environment": environment(door, agent)}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(known | job).encode() + b"\n")
        self.process.stdin.flush()
        # The answer to a job that a test has given up may still come before.
        while line := self.process.stdout.readline():
            came_to = json.loads(line)
            if came_to["id"] == number and "died" not in came_to:
                return came_to
            assert came_to["id"] != number, self.log.read_text(errors="replace")
        raise AssertionError(self.log.read_text(errors="replace"))

    def answer(self, door: Door, agent: Agent, do: str, **job: Any) -> Any:
        """What the job returned; it must not raise."""
        came_to = self.ask(door, agent, do, **job)
        assert "answer" in came_to, came_to
        return came_to["answer"]

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def vocabularies(python: Path) -> Path:
    """Where the environment has the vocabularies that tiktoken would fetch."""
    (found,) = python.parents[1].glob("lib/python3*/site-packages/litellm/litellm_core_utils")
    return found / "tokenizers"


@contextmanager
def framework(agent: str, folder: Path) -> Iterator[Framework]:
    """One for as long as it is needed."""
    made = Framework(agent, folder / f"{agent}.log")
    try:
        yield made
    finally:
        made.close()


def check_denied(
    made: Framework, provider: Provider, door: Door, agent: Agent, do: str, **job: Any
) -> Any:
    """A call that does not fit the budget: what it raised, after one attempt that went nowhere."""
    raised = made.ask(door, agent, do, **job)
    assert agent.name in raised["told"], raised
    (row,) = settled(door.gateway, agent)
    assert (row["state"], row["status_code"]) == ("DENIED", 402)
    assert provider.calls() == []
    return raised


def check_repeated(
    made: Framework, provider: Provider, door: Door, agent: Agent, do: str, **job: Any
) -> None:
    """Calls above the rate (RPM) are told to wait, and succeed all the same."""
    calls, ask = 0, RPM
    while not [row for row in rows(door.gateway, agent) if row["state"] == "DENIED"]:
        made.answer(door, agent, do, times=ask, **job)
        calls, ask = calls + ask, 1
        assert calls < 5 * RPM
    found = rows(door.gateway, agent)
    denied = [row["status_code"] for row in found if row["state"] == "DENIED"]
    assert set(denied) == {429}
    assert len(provider.calls()) == calls == len(found) - len(denied)

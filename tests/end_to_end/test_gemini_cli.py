"""The real Gemini CLI on a Google log-in, unmodified: metered in the shadow of its plan."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.books import rows
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.gemini_cli import ask
from tests.end_to_end.prompts import in_thread
from tests.end_to_end.upstream import REAL_KEY, Provider

# The first test may have to install it.
pytestmark = [pytest.mark.xdist_group("end_to_end_gemini_cli"), pytest.mark.timeout(300)]

MODEL, PRICE = "gemini-2.5-flash", ("0.3", "2.5")
# What it asks for a model's answer with; all else that it asks is free.
STREAM = "/v1internal:streamGenerateContent"

Cli = Callable[[Gateway, Agent], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def metering(
    provider_process: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway whose operator wants the plan metered."""
    made = Gateway(tmp_path_factory.mktemp("metering") / "home", provider_process.url)
    plain = '[providers."code-assist"]\n'
    made.write_config(made.config.read_text().replace(plain, f'{plain}subscription = "meter"\n'))
    yield made.start()
    made.stop()


@pytest.fixture
def cli(outer_environment: dict[str, str], tmp_path: Path) -> Cli:
    """One prompt to the CLI, in a home of its own."""
    return lambda gateway, agent: ask(gateway, agent, outer_environment, tmp_path, MODEL, "Say it.")


def calls_of(gateway: Gateway, agent: Agent, cost: bool = True) -> list[dict[str, Any]]:
    """The rows of its calls of a model, or of what it asks beside them."""
    return [row for row in rows(gateway, agent) if (row["endpoint"] == STREAM) is cost]


def test_a_prompt_with_a_tool_is_metered(provider: Provider, metering: Gateway, cli: Cli) -> None:
    """Its log-in goes out, a cap is written in, and each call is booked at the list price."""
    agent = metering.create_agent()
    done = cli(metering, agent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "You said:"
    asked = provider.calls()
    assert {call.header("authorization") for call in asked} == {f"Bearer {REAL_KEY}"}
    called = [call for call in asked if call.model]
    assert [call.path for call in called] == [f"{STREAM}?alt=sse"] * 2
    for call in called:
        assert call.document["request"]["generationConfig"]["maxOutputTokens"] > 0
    found = calls_of(metering, agent)
    assert [row["actual_nanousd"] for row in found] == [call.cost(*PRICE) for call in called]
    assert {(row["provider"], row["model"], row["certainty"]) for row in found} == {
        ("code-assist", MODEL, "exact")
    }
    beside = calls_of(metering, agent, cost=False)
    assert {(row["state"], row["actual_nanousd"]) for row in beside} == {("COMMITTED", 0)}


def test_a_denial_is_shown_after_one_attempt(
    provider: Provider, metering: Gateway, cli: Cli
) -> None:
    """An empty budget ends it, and it tells why."""
    agent = metering.create_agent("0.0001")
    done = cli(metering, agent)
    assert done.returncode == 1
    assert "cannot carry this call" in done.stderr
    assert [row["state"] for row in calls_of(metering, agent)] == ["DENIED"]
    assert not any(call.model for call in provider.calls())


def test_a_stream_that_is_ended(provider: Provider, metering: Gateway, cli: Cli) -> None:
    """It asks again for an answer that broke off; that call is denied, and it tells why."""
    agent = metering.create_agent()
    provider.script(hold=[1])
    with in_thread(lambda: cli(metering, agent)) as ended:
        provider.wait_held()
        paused = ("agent", "state", agent.name, "PAUSED", "--reason", "looks into it")
        assert metering.run(*paused).returncode == 0
    (done,) = ended
    assert done.returncode == 1
    assert "PAUSED: looks into it" in done.stderr
    states = [row["state"] for row in calls_of(metering, agent)]
    assert states == ["COMMITTED", "DENIED"]

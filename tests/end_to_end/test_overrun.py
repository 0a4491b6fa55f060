"""A provider that bills above the reserve: booked in full, told everywhere, the agent stops."""

from __future__ import annotations

import html
from collections.abc import Callable

import httpx
import openai
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.end_to_end.books import account, settled, settled_one
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.prompts import CHAT
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_overrun")

NANO = 10**9


def page(gateway: Gateway, path: str) -> str:
    answer = httpx.get(
        f"{gateway.url}{path}", headers=gateway.operator(), trust_env=False, timeout=30
    )
    assert answer.status_code == 200
    return answer.text


def metrics(gateway: Gateway, agent: Agent) -> dict[str, float]:
    """The agent's samples; where there are several of a name, by their state."""
    return {
        sample.name + sample.labels.get("state", ""): sample.value
        for family in text_string_to_metric_families(page(gateway, "/metrics"))
        for sample in family.samples
        if sample.labels.get("agent") == agent.name
    }


def rows_of(text: str, agent: Agent) -> list[str]:
    """The rows of the dashboard's tables that name the agent, agents first."""
    rows = (row.partition("</tr>")[0] for row in text.split("<tr"))
    return [html.unescape(row) for row in rows if f">{agent.name}<" in row]


def test_an_overrun_is_told_and_a_top_up_ends_it(
    provider: Provider, door: Door, new_agent: Callable[..., Agent]
) -> None:
    """It is booked in full and shown, the next call is a 402, and after a top-up calls pass."""
    agent, gateway = new_agent("0.5"), door.gateway
    before = metrics(gateway, agent)
    assert (before["aex_overruns_total"], before["aex_remaining_usd"]) == (0, 0.5)
    provider.script(usage="overrun")
    with door.sdk(agent, max_retries=0) as sdk:
        sdk.chat.completions.create(**CHAT)
        provider.script()
        row = settled_one(gateway, agent)
        over = row["actual_nanousd"] - row["reserved_nanousd"]
        assert row["actual_nanousd"] == provider.calls()[0].cost() > agent.budget_nanousd

        with pytest.raises(openai.APIStatusError) as raised:
            sdk.chat.completions.create(**CHAT)
        assert raised.value.status_code == 402
        assert len(provider.calls()) == 1

        told = metrics(gateway, agent)
        assert told["aex_overruns_total"] == 1
        assert told["aex_overrun_usd_total"] == over / NANO
        assert told["aex_spent_usd"] == row["actual_nanousd"] / NANO
        assert told["aex_remaining_usd"] == (agent.budget_nanousd - row["actual_nanousd"]) / NANO
        assert told["aex_executions_totalCOMMITTED"] == told["aex_executions_totalDENIED"] == 1

        shown, denied, billed = rows_of(page(gateway, "/dashboard"), agent)
        assert "over its budget" in shown
        assert f"aex agent top-up {agent.name} USD" in shown
        assert "DENIED" in denied
        assert "above its reserve" not in denied
        assert "above its reserve" in billed

        assert gateway.run("agent", "top-up", agent.name, "1").returncode == 0
        sdk.chat.completions.create(**CHAT)
    assert [row["state"] for row in settled(gateway, agent, 3)] == [
        *("COMMITTED", "DENIED", "COMMITTED")
    ]
    counters = account(gateway, agent)
    assert counters.spent == sum(call.cost() for call in provider.calls()) <= counters.budget
    after = metrics(gateway, agent)
    assert (after["aex_overruns_total"], after["aex_remaining_usd"] > 0) == (1, True)
    shown, _, _, billed = rows_of(page(gateway, "/dashboard"), agent)
    assert "over its budget" not in shown
    assert "by 1 call above what was reserved" in shown
    assert "above its reserve" in billed


def test_an_overrun_stops_an_agent_that_has_budget_left(
    provider: Provider, door: Door, new_agent: Callable[..., Agent]
) -> None:
    """A bill above its reserve says that reserves may be no bound: somebody looks first."""
    agent, gateway = new_agent("500"), door.gateway
    provider.script(usage="overrun")
    with door.sdk(agent, max_retries=0) as sdk:
        sdk.chat.completions.create(**CHAT)
        provider.script()
        row = settled_one(gateway, agent)
        assert row["reserved_nanousd"] < row["actual_nanousd"] < agent.budget_nanousd
        with pytest.raises(openai.APIStatusError, match="was billed above what was") as raised:
            sdk.chat.completions.create(**CHAT)
        assert raised.value.status_code == 402
        assert row["execution_id"] in str(raised.value)
        assert len(provider.calls()) == 1
        assert metrics(gateway, agent)["aex_stopped"] == 1
        assert row["execution_id"] in rows_of(page(gateway, "/dashboard"), agent)[0]
        said = gateway.run("agent", "inspect", agent.name).stdout
        assert f"{row['execution_id']} was billed above its reserve" in said
        assert gateway.run("agent", "top-up", agent.name, "0.01").returncode == 0
        sdk.chat.completions.create(**CHAT)
        assert metrics(gateway, agent)["aex_stopped"] == 0


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example"])
def test_metrics_are_for_this_machine(gateway: Gateway, host: str) -> None:
    """A foreign name that resolves to the gateway gets no figure, as with the dashboard."""
    answer = httpx.get(
        f"{gateway.url}/metrics", headers={"host": f"{host}:{gateway.port}"}, trust_env=False
    )
    assert answer.status_code == 421
    assert "aex_" not in answer.text

"""`aex doctor --compat` against a gateway that runs, and what its questions cost."""

from __future__ import annotations

import json

import pytest

from tests.end_to_end.books import settled
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_overrun")


def test_the_contract_holds(provider: Provider, gateway: Gateway, agent: Agent) -> None:
    """Every clause passes, all that was called is booked, and the token it took is revoked."""
    words = ("doctor", "--compat", "--agent", agent.name, "--model", "gpt-4o-mini", "--json")
    done = gateway.run(*words)
    checks = {one["about"]: one for one in json.loads(done.stdout)["checks"]}
    clauses = [one for about, one in checks.items() if about.startswith("compat: ")]
    assert len(clauses) == 7
    assert [one for one in clauses if one["level"] != "ok"] == []
    assert checks["gateway"]["level"] == "ok"
    booked = [row for row in settled(gateway, agent, 6) if row["actual_nanousd"]]
    assert [row["actual_nanousd"] for row in booked] == [
        call.cost() for call in provider.calls() if call.cost()
    ]
    tokens = gateway.inspect(agent)["tokens"]
    assert [one["state"] for one in tokens if one["label"] == "doctor"] == ["revoked"]


def test_a_provider_that_is_not_compatible(
    provider: Provider, gateway: Gateway, agent: Agent
) -> None:
    """The clause that it breaks fails, and with it the command."""
    provider.script(sse="no_done")
    done = gateway.run("doctor", "--compat", "--agent", agent.name, "--json")
    assert done.returncode == 1
    failed = [one["about"] for one in json.loads(done.stdout)["checks"] if one["level"] == "fail"]
    assert "compat: stream" in failed

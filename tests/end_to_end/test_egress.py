"""What an agent may reach beside the providers: set by the operator, held, and told afterwards."""

from __future__ import annotations

import httpx
import pytest

from tests.end_to_end.books import rows
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.processes import poll
from tests.end_to_end.test_tunnel import proxied
from tests.end_to_end.tls_server import Stranger, stranger

pytestmark = pytest.mark.xdist_group("end_to_end_tunnel")


def asked(gateway: Gateway, agent: Agent, server: Stranger, host: str = "localhost") -> str:
    """What the host says over TLS of its own, or what became of the tunnel."""
    with proxied(gateway, agent, server) as client:
        try:
            return client.get(f"https://{host}:{server.port}/x").text
        except httpx.ProxyError as error:
            return str(error)


def told(gateway: Gateway, agent: Agent, count: int) -> list[tuple[str, int, str]]:
    """What `inspect` says was reached, the newest first, once it is that many."""
    found: list[tuple[str, int, str]] = []

    def enough() -> bool:
        found[:] = [
            (one["host"], one["port"], one["outcome"]) for one in gateway.inspect(agent)["reached"]
        ]
        return len(found) >= count

    poll(enough, "the hosts in the ledger")
    return found


def test_an_agent_s_list(gateway: Gateway) -> None:
    """What `create` allowed is reached, all else not; both are told, and no call is booked."""
    with stranger(tls=True) as server:
        agent = gateway.create_agent("1", 0, "--allow-host", f"localhost:{server.port}")
        assert asked(gateway, agent, server) == "stranger"
        assert asked(gateway, agent, server, "127.0.0.1").startswith("403 ")
        assert len(server.heads) == 1
        assert told(gateway, agent, 2) == [
            ("127.0.0.1", server.port, "egress_not_allowed"),
            ("localhost", server.port, "passed"),
        ]
        shown = gateway.run("agent", "inspect", agent.name).stdout
        assert f"egress allow localhost:{server.port}" in shown
        assert "host beside the providers" in shown
    assert rows(gateway, agent) == []


def test_the_operator_changes_it(gateway: Gateway, agent: Agent) -> None:
    """By the admin API; it holds for the next tunnel, and stands on the agent's page."""
    own = {**gateway.operator(), "origin": gateway.url}
    url = f"{gateway.url}/admin/agents/{agent.name}"
    with stranger(tls=True) as server, httpx.Client(headers=own, trust_env=False) as operator:
        assert asked(gateway, agent, server) == "stranger"
        body = {"caps": {"egress_deny": ["local*"]}, "reason": "looks into it"}
        assert operator.post(f"{url}/limits", json=body).status_code == 200
        assert asked(gateway, agent, server).startswith("403 ")
        assert len(told(gateway, agent, 2)) == 2
        found = operator.get(url).json()
        assert found["caps"] == {"egress_deny": ["local*"]}
        assert [one["outcome"] for one in found["reached"]] == ["egress_denied", "passed"]
        page = operator.get(f"{gateway.url}/dashboard/agents/{agent.name}").text
        assert "Hosts beside the providers" in page
        assert "egress_denied" in page
        scraped = operator.get(f"{gateway.url}/metrics").text
        assert f'aex_egress_total{{agent="{agent.name}",outcome="egress_denied"}} 1.0' in scraped
        body = {"caps": {"egress_deny": ["https://x"]}, "reason": "no list"}
        refused = operator.post(f"{url}/limits", json=body)
        assert refused.status_code == 409
        assert "gress_deny: expected a host" in refused.text
